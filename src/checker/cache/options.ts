/** The machine that is simulated. */
import {
  choiceOption,
  integerOption,
  misuse,
  outOfRange,
  rejectUnknown,
} from '../../base/index.ts';
import { PROTOCOL_NAMES, type ProtocolName } from './protocols/index.ts';

/** What things take, in cycles. A core waits for each of its accesses. */
export interface Latencies {
  /** An access to the core's own cache. */
  readonly hit: number;
  /** A read-modify-write, on top of its access. */
  readonly atomic: number;
  /** A line from memory. */
  readonly memory: number;
  /** Bus: a clean line from another cache. */
  readonly cleanForward: number;
  /** Bus: a line from another cache that memory does not have. */
  readonly dirtyForward: number;
  /** Bus: leave to write a shared line, until all others have dropped it. */
  readonly upgrade: number;
  /** Directory: a message to a place at distance 10. */
  readonly message: number;
  /** Directory: the look into it. */
  readonly directory: number;
  /** Directory: another cache, until it has answered. */
  readonly cache: number;
}

/** What holds unless said otherwise: of the order that current server processors have. */
export const DEFAULT_LATENCIES: Latencies = {
  hit: 4,
  atomic: 18,
  memory: 200,
  cleanForward: 60,
  dirtyForward: 80,
  upgrade: 60,
  message: 20,
  directory: 10,
  cache: 20,
};

/** Options of the simulator. */
export interface CacheOptions {
  /** The coherence protocol. @default 'MESI' */
  readonly protocol?: ProtocolName;
  /** How caches learn of each other: by listening to a bus, or from home nodes. @default 'bus' */
  readonly interconnect?: 'bus' | 'directory';
  /** Cores, each with a cache: 1 to 64. @default as many as the trace has, otherwise 2 */
  readonly cores?: number;
  /** Bytes of a line: a power of two, 8 to 4096. @default 64 */
  readonly lineBytes?: number;
  /** Sets of a cache: a power of two, 1 to 65,536. @default 64 */
  readonly sets?: number;
  /** Lines of a set, of which the least recently used is replaced: 1 to 64. @default 8 */
  readonly ways?: number;
  /** NUMA nodes, 1 to 16, with as many cores each as divide evenly, in order. @default 1 */
  readonly nodes?: number;
  /**
   * How far the nodes are from each other, as `numactl --hardware` shows it: 10 is local, latencies
   * grow in proportion; 1 to 1000, a row for each node. @default 10 locally, 20 otherwise
   */
  readonly distances?: readonly (readonly number[])[];
  /**
   * Which node is the home of an address: by turns line by line or page by page (4096 bytes), or
   * the node of the core that used the page first. @default 'page'
   */
  readonly homes?: 'line' | 'page' | 'first-touch';
  /**
   * What is fetched besides: with `adjacent` every miss fetches the other line of its aligned pair
   * as well, to be read, as the spatial prefetchers of x86 processors do. @default 'none'
   */
  readonly prefetch?: 'none' | 'adjacent';
  /** What differs from `DEFAULT_LATENCIES`: cycles, 0 to 1,000,000. @default {} */
  readonly latencies?: Partial<Latencies>;
  /** Accesses that are taken: 1 to 100,000,000. @default 1,000,000 */
  readonly maxAccesses?: number;
  /** Steps that a report has one by one: 0 to 1,000,000; more are counted. @default 10,000 */
  readonly maxSteps?: number;
}

/** Options with everything decided. */
export interface ResolvedCacheOptions extends Required<CacheOptions> {
  /** All of them. */
  readonly latencies: Latencies;
}

const KEYS = [
  'protocol',
  'interconnect',
  'cores',
  'lineBytes',
  'sets',
  'ways',
  'nodes',
  'distances',
  'homes',
  'prefetch',
  'latencies',
  'maxAccesses',
  'maxSteps',
];

/** Most cores. */
export const CORES_MAX = 64;
const LATENCY_MAX = 1_000_000;
const DISTANCE_MAX = 1000;

/**
 * Checks options and fills in what is missing.
 * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
 */
export function resolveCacheOptions(
  options: CacheOptions = {},
  cores: number = 2,
): ResolvedCacheOptions {
  rejectUnknown('a cache simulator', options, KEYS);
  const nodes = integerOption('nodes', options.nodes, 1, 1, 16);
  return Object.freeze({
    protocol: choiceOption('protocol', options.protocol, 'MESI', PROTOCOL_NAMES),
    interconnect: choiceOption('interconnect', options.interconnect, 'bus', ['bus', 'directory']),
    cores: integerOption('cores', options.cores, cores, 1, CORES_MAX),
    lineBytes: powerOfTwo('lineBytes', options.lineBytes, 64, 8, 4096),
    sets: powerOfTwo('sets', options.sets, 64, 1, 65_536),
    ways: integerOption('ways', options.ways, 8, 1, 64),
    nodes,
    distances: resolveDistances(options.distances, nodes),
    homes: choiceOption('homes', options.homes, 'page', ['line', 'page', 'first-touch']),
    prefetch: choiceOption('prefetch', options.prefetch, 'none', ['none', 'adjacent']),
    latencies: resolveLatencies(options.latencies),
    maxAccesses: integerOption('maxAccesses', options.maxAccesses, 1e6, 1, 1e8),
    maxSteps: integerOption('maxSteps', options.maxSteps, 10_000, 0, 1e6),
  });
}

function powerOfTwo(
  name: string,
  value: number | undefined,
  fallback: number,
  minimum: number,
  maximum: number,
): number {
  const number = integerOption(name, value, fallback, minimum, maximum);
  if (2 ** Math.round(Math.log2(number)) === number) return number;
  throw outOfRange(
    'ERR_OPTION_RANGE',
    `Cannot use ${name}: it must be a power of two, got ${number}`,
  );
}

function resolveLatencies(given: Partial<Latencies> | undefined): Latencies {
  if (given === undefined) return DEFAULT_LATENCIES;
  rejectUnknown('latencies', given, Object.keys(DEFAULT_LATENCIES));
  const entries = Object.entries(DEFAULT_LATENCIES).map(([name, fallback]) => [
    name,
    integerOption(`latencies.${name}`, given[name as keyof Latencies], fallback, 0, LATENCY_MAX),
  ]);
  return Object.freeze(Object.fromEntries(entries) as unknown as Latencies);
}

function resolveDistances(
  given: readonly (readonly number[])[] | undefined,
  nodes: number,
): readonly (readonly number[])[] {
  const all = Array.from({ length: nodes }, (_, node) => node);
  if (given === undefined) {
    return all.map((from) => all.map((to) => (from === to ? 10 : 20)));
  }
  if (!Array.isArray(given) || !given.every((row) => Array.isArray(row))) {
    throw misuse('ERR_OPTION_TYPE', `Cannot use distances: it must be an array of rows of numbers`);
  }
  if (given.length !== nodes || given.some((row) => row.length !== nodes)) {
    const size = given.map((row) => row.length).join(', ');
    throw outOfRange(
      'ERR_OPTION_RANGE',
      `Cannot use distances: there must be ${nodes} rows of ${nodes}, one for each of nodes, ` +
        `got rows of ${size === '' ? 'nothing' : size}`,
    );
  }
  return all.map((from) =>
    all.map((to) => {
      const name = `distances[${from}][${to}]`;
      return integerOption(name, given[from]![to], 10, 1, DISTANCE_MAX);
    }),
  );
}
