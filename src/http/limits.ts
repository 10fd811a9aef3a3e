/** Limits on what a request head may cost. */
import { integerOption, rejectUnknown } from '../base/index.ts';

/** Limits on a request head. */
export interface RequestLimits {
  /** Bytes of the whole head, 256 to 65,536; more is answered 431. @default 8192 */
  readonly maxHeadBytes?: number;
  /** Bytes of the request target, 16 to 65,536; more is answered 414. @default 4096 */
  readonly maxTargetBytes?: number;
  /** Header lines, 1 to 1000; more are answered 431. @default 100 */
  readonly maxHeaders?: number;
}

/** Limits with every default filled in. */
export type ResolvedRequestLimits = Readonly<Required<RequestLimits>>;

const KNOWN_OPTIONS = ['maxHeadBytes', 'maxTargetBytes', 'maxHeaders'];

/**
 * Checks limits and fills in defaults.
 * @throws {TypeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE
 * @throws {RangeError} ERR_OPTION_RANGE
 */
export function resolveRequestLimits(limits: RequestLimits = {}): ResolvedRequestLimits {
  rejectUnknown('an HTTP request reader', limits, KNOWN_OPTIONS);
  return Object.freeze({
    maxHeadBytes: integerOption('maxHeadBytes', limits.maxHeadBytes, 8192, 256, 65_536),
    maxTargetBytes: integerOption('maxTargetBytes', limits.maxTargetBytes, 4096, 16, 65_536),
    maxHeaders: integerOption('maxHeaders', limits.maxHeaders, 100, 1, 1000),
  });
}
