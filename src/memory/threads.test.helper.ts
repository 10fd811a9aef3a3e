/** What the thread tests and their worker agree on. */
import type { WasmMemory } from './wasm.ts';

/** What a worker is given. */
export interface StormData {
  readonly memory: WasmMemory;
  /** Region offset of the slab. */
  readonly slab: number;
  /** Arena offset of the worker's own words, which `Storm` describes. */
  readonly report: number;
  /** Arena offset of the word that is not 0 once all may begin. */
  readonly go: number;
  readonly seed: number;
  /** Steps until it ends by itself. */
  readonly steps: number;
  /** Takes and gives back regions, slots or both; or keeps a new region at each step. */
  readonly what: 'regions' | 'slots' | 'both' | 'fill';
}

/** Words of the report: READY is 1 once the worker waits for `go`. */
export const Storm = { READY: 0, STEPS: 1, FAULTS: 2, WORDS: 3 } as const;
