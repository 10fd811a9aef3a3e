import { SeededRandom } from '../../base/index.ts';
import type { Fault, Simulation } from './options.ts';

const MILLION = 1_000_000;

/** Draws the faults. A kind whose rate is 0 draws nothing, so it does not change the others. */
export class Faults {
  readonly #random: SeededRandom;
  readonly #rates: Simulation['faults'];

  constructor(simulation: Simulation) {
    this.#random = new SeededRandom(simulation.seed);
    this.#rates = simulation.faults;
  }

  happens(fault: Fault): boolean {
    const rate = this.#rates[fault];
    return rate > 0 && this.#random.chance(Math.ceil(rate * MILLION), MILLION);
  }

  /** An integer from 1 to `maximum`. */
  upTo(maximum: number): number {
    return 1 + this.#random.below(maximum);
  }

  /** `count`, or fewer but at least 1 where the fault happens. */
  shorten(count: number, fault: 'shortReads' | 'shortWrites'): number {
    return count > 1 && this.happens(fault) ? this.upTo(count - 1) : count;
  }
}
