/** What a simulation found. */
import { type Access, nameAt, type Named, threadName, type Trace } from './access.ts';
import { coherenceOf, type Counters, missesOf } from './counters.ts';
import type { MessageType } from './events.ts';
import { type CacheOptions, type ResolvedCacheOptions } from './options.ts';
import { CacheSimulator } from './simulator.ts';
import type { Step } from './step.ts';
import type { Row } from './tally.ts';

/** What one core did from one source line. */
export interface ThreadReport {
  readonly core: number;
  readonly thread: string;
  readonly counters: Counters;
}

/** A source line that touched some bytes. */
export interface SiteReport {
  /** Undefined for accesses without one. */
  readonly site: string | undefined;
  readonly threads: readonly ThreadReport[];
}

/** Bytes of a line that were accessed together. */
export interface OffsetReport {
  /** Bytes from the beginning of the line. */
  readonly offset: number;
  readonly size: number;
  readonly name: string | undefined;
  readonly sites: readonly SiteReport[];
}

/** A line: its offsets, what touched them, and who. */
export interface LineReport {
  readonly address: number;
  readonly counters: Counters;
  readonly offsets: readonly OffsetReport[];
}

/** What a simulation found. */
export interface CacheReport {
  readonly options: ResolvedCacheOptions;
  readonly accesses: number;
  readonly threads: readonly string[];
  readonly names: readonly Named[];
  /** The first `maxSteps` steps. */
  readonly steps: readonly Step[];
  readonly totals: Counters;
  /** By core. */
  readonly cores: readonly Counters[];
  /** The lines that cores were in each other's way at come first. */
  readonly lines: readonly LineReport[];
  /** Messages of the directory by type; empty for a bus. */
  readonly messages: Readonly<Partial<Record<MessageType, number>>>;
  /** Messages one after the other until the cores could go on, in all. */
  readonly hops: number;
  /** Messages that left their NUMA node. */
  readonly crossings: number;
  /** How far messages went, of the table of distances. */
  readonly distance: number;
}

/**
 * Simulates a trace.
 * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
 * @throws {RondoError} ERR_CACHE_LIMIT when it has more than `maxAccesses`
 */
export function simulateCache(
  trace: Trace | readonly Access[],
  options: CacheOptions = {},
): CacheReport {
  const whole: Trace = 'accesses' in trace ? trace : { accesses: trace };
  const cores = options.cores ?? coresOf(whole);
  const simulator = new CacheSimulator({ ...options, cores });
  const steps: Step[] = [];
  for (const access of whole.accesses) {
    const step = simulator.access(access);
    if (steps.length < simulator.options.maxSteps) steps.push(step);
  }
  return cacheReport(simulator, whole, steps);
}

/** How many cores a trace needs. */
function coresOf({ accesses, threads = [] }: Trace): number {
  return accesses.reduce((most, { core }) => Math.max(most, core + 1), Math.max(1, threads.length));
}

/** What a simulator has found so far. `steps` are those to be shown. */
export function cacheReport(
  { accesses, options, tally }: CacheSimulator,
  trace: Pick<Trace, 'threads' | 'names'>,
  steps: readonly Step[],
): CacheReport {
  const { totals, cores, messages, hops, crossings, distance } = tally;
  const names = trace.names ?? [];
  const threads = cores.map((_, core) => threadName(trace, core));
  return {
    options,
    accesses,
    threads,
    names,
    steps,
    totals,
    cores,
    lines: linesOf(tally.rows, tally.lines, options.lineBytes, threads, names),
    messages: Object.fromEntries(messages),
    hops,
    crossings,
    distance,
  };
}

function linesOf(
  rows: readonly Row[],
  lines: ReadonlyMap<number, Counters>,
  lineBytes: number,
  threads: readonly string[],
  names: readonly Named[],
): LineReport[] {
  const byLine = groupBy(rows, ({ line }) => line);
  const reports = [...lines].map(([line, counters]) => {
    const address = line * lineBytes;
    const offsets = groupBy(byLine.get(line) ?? [], (row) => `${row.address} ${row.size}`);
    return {
      address,
      counters,
      offsets: [...offsets.values()]
        .map((found) => offsetOf(found, address, threads, names))
        .sort((a, b) => a.offset - b.offset || a.size - b.size),
    };
  });
  const weight = ({ counters }: LineReport): number => coherenceOf(counters);
  return reports.sort(
    (a, b) =>
      weight(b) - weight(a) || missesOf(b.counters) - missesOf(a.counters) || a.address - b.address,
  );
}

function offsetOf(
  rows: readonly Row[],
  lineAddress: number,
  threads: readonly string[],
  names: readonly Named[],
): OffsetReport {
  const { address, size } = rows[0]!;
  const sites = [...groupBy(rows, ({ site }) => site)].map(([site, found]) => ({
    site,
    threads: found.map(({ core, counters }) => ({ core, thread: threads[core]!, counters })),
  }));
  return { offset: address - lineAddress, size, name: nameAt(names, address), sites };
}

function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
