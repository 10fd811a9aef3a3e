/** What the conformance program has to know of a ring beyond what the library says. */
import { loadAcquire } from '#atomics';
import type { Ring } from '../../../src/ring/index.ts';

/** spec/ring.md, §2 and §4. */
const ENTRIES = 128;
const ENTRY_BYTES = 64;
const CONSUMERS_BELL = 256;

/**
 * How many consumers the next publication will find: all that have their place, unless one of them
 * asks to be let in and has not rung for it yet.
 */
export function waitingConsumers<T, S extends string>(ring: Ring<T, S>, index: number): number {
  const { consumers } = ring.peers;
  const isAsking = consumers.some(({ asking }) => asking);
  return isAsking && !isRung(ring, index) ? 0 : consumers.length;
}

/** How many lanes have had a producer. */
export function usedLanes<T, S extends string>(ring: Ring<T, S>): number {
  return ring.stats.lanes.filter(({ state }) => state !== 'unused').length;
}

function isRung<T, S extends string>(ring: Ring<T, S>, index: number): boolean {
  const { memory, offset } = ring.share();
  const words = new Int32Array(memory.buffer);
  const block = words[(offset + ENTRIES + index * ENTRY_BYTES) >>> 2]!;
  return (loadAcquire(words, (offset + block + CONSUMERS_BELL) >>> 2) & 1) !== 0;
}
