import { SeededRandom } from '../base/index.ts';

const DRAWS = 2 ** 32;

/**
 * Chooses a part of all events at random. It draws how many it leaves out until the next (the
 * geometric distribution), so that leaving one out costs a subtraction; and unlike every n-th, it
 * does not miss what comes in a rhythm.
 */
export class Sampler {
  readonly #random: SeededRandom;
  readonly #rate: number;
  #left: number;

  /** `rate` is from 0 to 1. */
  constructor(rate: number, seed: number) {
    this.#rate = rate;
    this.#random = new SeededRandom(seed);
    this.#left = this.#draw();
  }

  /** Whether this one is chosen. */
  next(): boolean {
    if (this.#left > 0) {
      this.#left -= 1;
      return false;
    }
    this.#left = this.#draw();
    return true;
  }

  #draw(): number {
    if (this.#rate === 0) return Infinity;
    if (this.#rate === 1) return 0;
    const chance = (this.#random.below(DRAWS) + 1) / DRAWS;
    return Math.floor(Math.log(chance) / Math.log1p(-this.#rate));
  }
}
