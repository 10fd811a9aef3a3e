/** Checks of what the parts of this folder are given. */
import { integerOption, misuse, outOfRange, rejectUnknown } from '../../base/index.ts';

/** The longest wait, in milliseconds: some 35,000 years. A present up to as much fits beside it. */
export const LONGEST_WAIT: number = 2 ** 50;

/** How a table of timers is made; all optional. */
export interface TimersOptions {
  /** Timers that may be set at once, 1 to 16,777,216. @default 4,194,304 */
  readonly limit?: number;
  /** Timers fired, and timers moved, in one call of `expire`, 1 to 2^30. @default 4096 */
  readonly batch?: number;
  /** Timers that memory is taken for at once, 0 to the limit. @default 0 */
  readonly capacity?: number;
}

/** Checks and fills in. */
export function resolveTimersOptions(options: TimersOptions): Required<TimersOptions> {
  rejectUnknown('Timers', options, ['limit', 'batch', 'capacity']);
  const limit = integerOption('limit', options.limit, 2 ** 22, 1, 2 ** 24);
  return Object.freeze({
    limit,
    batch: integerOption('batch', options.batch, 4096, 1, 2 ** 30),
    capacity: integerOption('capacity', options.capacity, 0, 0, limit),
  });
}

/**
 * Checks a duration or a point in time, in milliseconds from `minimum` to 2^50; fractions are fine.
 * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE
 */
export function checkMs(name: string, value: number, minimum: number): void {
  if (typeof value === 'number' && value >= minimum && value <= LONGEST_WAIT) return;
  if (typeof value !== 'number') {
    const got = value === null ? 'null' : typeof value;
    throw misuse('ERR_OPTION_TYPE', `Cannot use ${name}: it must be a number, got ${got}`);
  }
  throw outOfRange(
    'ERR_OPTION_RANGE',
    `Cannot use ${name}: it must be from ${minimum} to 2^50 milliseconds, got ${value}`,
  );
}
