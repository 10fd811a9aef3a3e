/** What is counted, for the whole, a core, a line, or the accesses of a source line. */

/**
 * Why a core had to fetch a line. `cold`: it never had it. `capacity` and `conflict`: it had to make
 * room, and a cache of the same size in which every line may lie anywhere would (would not) have
 * had to as well. The others: another core wrote the line. `true sharing`: the core then used bytes
 * that were written; `false sharing`: it did not (Dubois et al., ISCA 1993).
 */
export type MissCause = 'cold' | 'capacity' | 'conflict' | 'true sharing' | 'false sharing';

/** The causes, in the order of reports. */
export const MISS_CAUSES: readonly MissCause[] = [
  'cold',
  'capacity',
  'conflict',
  'true sharing',
  'false sharing',
];

/** Counts; all begin at 0. */
export interface Counters {
  reads: number;
  writes: number;
  /** Atomic read-modify-writes. */
  updates: number;
  /** Lines that accesses found as they needed them. */
  hits: number;
  /** Lines that had to be fetched, by cause. */
  readonly misses: Record<MissCause, number>;
  /** Of the hits, first writes to an exclusive line: nobody had to be asked. */
  silentUpgrades: number;
  /** Requests: to read, to write, to write what is there. With those of prefetches. */
  BusRd: number;
  BusRdX: number;
  BusUpgr: number;
  /** Copies of others that were dropped because of a write, by the one who wrote. */
  invalidationsSent: number;
  /** The same by the one who lost the copy. */
  invalidationsReceived: number;
  /** Copies in M, O, E or F that had to answer others. */
  interventions: number;
  /** Lines that came from other caches, with memory's copy the same, or old. */
  cleanForwards: number;
  dirtyForwards: number;
  /** Lines that came from memory. */
  memoryReads: number;
  /** Lines that went to memory. */
  writeBacks: number;
  /** Lines that had to go for others, or were evicted by the trace. */
  evictions: number;
  /** Lines that were fetched besides, and of those the ones that were used. */
  prefetches: number;
  prefetchesUsed: number;
  /** Cycles that cores waited. */
  cycles: number;
}

/** New counters. */
export function zero(): Counters {
  return {
    reads: 0,
    writes: 0,
    updates: 0,
    hits: 0,
    misses: { cold: 0, capacity: 0, conflict: 0, 'true sharing': 0, 'false sharing': 0 },
    silentUpgrades: 0,
    BusRd: 0,
    BusRdX: 0,
    BusUpgr: 0,
    invalidationsSent: 0,
    invalidationsReceived: 0,
    interventions: 0,
    cleanForwards: 0,
    dirtyForwards: 0,
    memoryReads: 0,
    writeBacks: 0,
    evictions: 0,
    prefetches: 0,
    prefetchesUsed: 0,
    cycles: 0,
  };
}

/** All misses. */
export function missesOf({ misses }: Counters): number {
  return MISS_CAUSES.reduce((sum, cause) => sum + misses[cause], 0);
}

/** What would not be without other cores: sharing misses, and writes that had to ask. */
export function coherenceOf(counters: Counters): number {
  const { misses, BusUpgr } = counters;
  return misses['true sharing'] + misses['false sharing'] + BusUpgr;
}
