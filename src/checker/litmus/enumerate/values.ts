/**
 * What may stand at each location, and who may read it: pairs of a location and a value, found by
 * running threads. A thread reads a value that another thread writes in some run of its own; its
 * own writes it sees while they are its latest (that much coherence every model has).
 */

import type { Value } from '../contract.ts';
import type { Layout } from './layout.ts';

/** A value at a location. */
export interface Pair {
  readonly location: number;
  readonly value: Value;
  /** Bit of each thread that writes it in some run. */
  writers: number;
  /** Writes in a row, each computed from the one before, that it takes at least. */
  depth: number;
}

/** All pairs of a test. */
export class Values {
  readonly pairs: Pair[] = [];
  readonly #layout: Layout;
  readonly #seeds: readonly Value[];
  readonly #numbers: Map<Value, number>[] = [];
  readonly #initial: number[] = [];
  /** By thread, then location: numbers of the pairs that others write. */
  readonly #foreign: number[][][];

  /** `seeds`: what a thread may read anywhere, whether it is written or not. */
  constructor(layout: Layout, threads: number, seeds: readonly Value[]) {
    this.#layout = layout;
    this.#seeds = seeds;
    this.#foreign = Array.from({ length: threads }, () => []);
  }

  /** The number of a pair, new if need be. */
  number(location: number, value: Value): number {
    let known = this.#numbers[location];
    if (known === undefined) {
      known = new Map();
      this.#numbers[location] = known;
    }
    let number = known.get(value);
    if (number === undefined) {
      number = this.pairs.length;
      this.pairs.push({ location, value, writers: 0, depth: Infinity });
      known.set(value, number);
    }
    return number;
  }

  /** The pair of a location and its initial value. */
  initial(location: number): number {
    let number = this.#initial[location];
    if (number === undefined) {
      number = this.number(location, this.#layout.locations[location]!.initial);
      this.pairs[number]!.depth = 0;
      this.#initial[location] = number;
    }
    return number;
  }

  /** The pairs of all locations with their initial values. */
  initials(): number[] {
    return this.#layout.locations.map((_, location) => this.initial(location));
  }

  /** What other threads write to a location, in the order in which it was found. */
  foreign(thread: number, location: number): number[] {
    const locations = this.#foreign[thread]!;
    let list = locations[location];
    if (list === undefined) {
      list = this.#seeds.map((seed) => this.#seed(location, seed));
      locations[location] = list;
    }
    return list;
  }

  #seed(location: number, value: Value): number {
    const number = this.number(location, value);
    this.pairs[number]!.depth = 0;
    return number;
  }
}
