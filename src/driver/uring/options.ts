/** The options that the io_uring driver has beyond those of all drivers. */
import { integerOption } from '../../base/index.ts';
import { loadNative } from '../../native/index.ts';
import { SPARE_PLACES } from '../core/driver-tables.ts';
import { CONNECTIONS_DEFAULT } from '../core/limits.ts';
import type { DriverOptions } from '../driver.ts';

/** What the io_uring driver alone can be told. */
export interface UringOptions {
  /** Submission entries, 8 to 32768, rounded up to a power of two. @default 1024 */
  readonly ringEntries?: number;
  /**
   * Completion entries, `ringEntries` to 65536, rounded up to a power of two.
   * @default 8 × ringEntries
   */
  readonly completionEntries?: number;
  /** Bytes from which a send is handed over without copying (SEND_ZC). @default never */
  readonly zeroCopyFrom?: number;
}

/** Options of the io_uring driver. */
export interface UringDriverOptions extends DriverOptions, UringOptions {}

/** Checked options of the io_uring driver alone; see `UringDriverOptions`. */
export interface RingOptions {
  readonly entries: number;
  readonly completions: number;
  readonly zeroCopyFrom: number;
}

/** Checks and fills in. */
export function resolveRingOptions(options: UringDriverOptions): RingOptions {
  const never = Number.MAX_SAFE_INTEGER;
  const entries = integerOption('ringEntries', options.ringEntries, 1024, 8, 32768);
  const fallback = Math.min(65536, Math.max(16, entries * 8));
  const completions = integerOption(
    'completionEntries',
    options.completionEntries,
    fallback,
    entries,
    65536,
  );
  return {
    entries: powerOfTwo(entries),
    completions: powerOfTwo(completions),
    zeroCopyFrom: integerOption('zeroCopyFrom', options.zeroCopyFrom, never, 1, never),
  };
}

/** As many connections as a ring of this process can have: the hard limit bounds its table. */
export function clampConnections(options: UringDriverOptions): UringDriverOptions {
  const most = loadNative().descriptorLimit(1) - SPARE_PLACES;
  const asked = options.connections ?? CONNECTIONS_DEFAULT;
  return typeof asked === 'number' && asked > most && most > 0
    ? { ...options, connections: most }
    : options;
}

/** The kernel rounds up; the memory for its rings must fit what it makes of the numbers. */
function powerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(value));
}
