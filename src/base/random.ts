/** The one door to chance. A seed replays everything that was drawn. */
import { randomBytes, randomFillSync } from 'node:crypto';

/** A source of random numbers. */
export interface Random {
  /** An integer in [0, bound); bound is from 1 to 2^32. */
  below(bound: number): number;
}

/**
 * A seeded generator: the same seed gives the same numbers. The algorithm is mulberry32 (Tommy
 * Ettinger, 2017, public domain).
 */
export class SeededRandom implements Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * bound);
  }
  /** True with probability `numerator / denominator`. */
  chance(numerator: number, denominator: number): boolean {
    return this.below(denominator) < numerator;
  }
}

/** The machine's own chance: for spreading things over time, never for secrets. */
export const systemRandom: Random = { below: (bound) => Math.floor(Math.random() * bound) };

/** Keys are drawn 8 KiB at a time: one call of the system's generator for 2048 of them. */
const keys: Int32Array = new Int32Array(2048);
let keysLeft = 0;

/** A 32-bit integer that nobody can predict, even from all that were drawn before. */
export function secureKey(): number {
  if (keysLeft === 0) {
    randomFillSync(keys);
    keysLeft = keys.length;
  }
  keysLeft -= 1;
  return keys[keysLeft]!;
}

/** Bytes that nobody can predict. */
export function secureBytes(count: number): Buffer {
  return randomBytes(count);
}
