import { integerOption, misuse, outOfRange, rejectUnknown } from '../../base/index.ts';
import type { DriverOptions } from '../driver.ts';

/**
 * How often each fault happens, from 0 (never) to 1 (always). Each is drawn from the seed where it
 * could happen.
 */
export interface SimulatedFaults {
  /** A receive or file read brings fewer bytes than there are. @default 0 */
  readonly shortReads?: number;
  /** A send or file write takes fewer bytes than it could. @default 0 */
  readonly shortWrites?: number;
  /** A connection is reset as it sends: both ends fail with -ECONNRESET. @default 0 */
  readonly resets?: number;
  /** Accepting fails with EMFILE or ENFILE, and backs off. @default 0 */
  readonly acceptFailures?: number;
  /** The pool of receive buffers says ENOBUFS for a while although it is not empty. @default 0 */
  readonly emptyPool?: number;
  /** A step takes longer, so that another connection's overtakes it. @default 0 */
  readonly reordering?: number;
  /** A cancel reaches its operation late. @default 0 */
  readonly delayedCancels?: number;
  /** An operation completes at the very moment its cancel arrives. @default 0 */
  readonly cancelRaces?: number;
}

/** Options of `simulate`. */
export interface SimulationOptions extends DriverOptions {
  /**
   * What all chance is drawn from, 0 to 2^32-1: the same seed and calls give the same completions.
   * @default 1
   */
  readonly seed?: number;
  /** @default no faults */
  readonly faults?: SimulatedFaults;
  /** Bytes in flight in each direction of a connection, 1 to 64 MiB. @default 65536 */
  readonly socketBuffer?: number;
  /**
   * Virtual microseconds that a step takes (a segment's way, a file operation), 1 to 1,000,000.
   * @default 20
   */
  readonly latency?: number;
  /** Bytes that all files may have together, 0 to 1 GiB. @default 64 MiB */
  readonly fileBytes?: number;
}

/** The names of the options that `simulate` has beside those of every driver. */
export const SIMULATION_KEYS = ['seed', 'faults', 'socketBuffer', 'latency', 'fileBytes'] as const;

/** The kinds of faults. */
export type Fault = keyof SimulatedFaults;

const FAULT_KEYS: readonly Fault[] = [
  'shortReads',
  'shortWrites',
  'resets',
  'acceptFailures',
  'emptyPool',
  'reordering',
  'delayedCancels',
  'cancelRaces',
];

/** Simulation options with every default filled in. */
export interface Simulation {
  readonly seed: number;
  readonly faults: Readonly<Record<Fault, number>>;
  readonly socketBuffer: number;
  readonly latency: number;
  readonly fileBytes: number;
}

const MIB = 1 << 20;

/** Checks and fills in what is the simulation's own. */
export function resolveSimulation(options: SimulationOptions): Simulation {
  const rates = options.faults ?? {};
  rejectUnknown('simulate faults', rates, FAULT_KEYS);
  const faults = {} as Record<Fault, number>;
  for (const key of FAULT_KEYS) faults[key] = rate(key, rates[key]);
  return Object.freeze({
    seed: integerOption('seed', options.seed, 1, 0, 0xffffffff),
    faults: Object.freeze(faults),
    socketBuffer: integerOption('socketBuffer', options.socketBuffer, 65536, 1, 64 * MIB),
    latency: integerOption('latency', options.latency, 20, 1, 1_000_000),
    fileBytes: integerOption('fileBytes', options.fileBytes, 64 * MIB, 0, 1024 * MIB),
  });
}

function rate(name: string, value: number | undefined): number {
  if (value === undefined) return 0;
  if (typeof value !== 'number') {
    throw misuse('ERR_OPTION_TYPE', `Cannot use fault rate ${name}: it must be a number`);
  }
  if (value >= 0 && value <= 1) return value;
  throw outOfRange(
    'ERR_OPTION_RANGE',
    `Cannot use fault rate ${name}: it must be from 0 to 1, got ${value}`,
  );
}
