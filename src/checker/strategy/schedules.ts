/** Which thread goes on next in a random execution. */
import type { Random } from '../../base/index.ts';

/** See the head of this file. */
export interface Schedule {
  /** An execution begins. */
  start(threads: number): void;
  /** One of the threads that can go on, of which there is at least one. */
  pick(ready: readonly number[]): number;
}

/** Any thread, each time anew. */
export class EvenSchedule implements Schedule {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  start(): void {}

  pick(ready: readonly number[]): number {
    return ready[this.#random.below(ready.length)]!;
  }
}

/** Steps that the first execution is taken to have. */
const STEPS_FIRST = 16;

/**
 * Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi and Nagarakatte, ASPLOS 2010):
 * threads have random priorities, and the highest one that can goes on; at `depth - 1` random steps
 * the thread that would go on falls below all others. Of `n` threads and `k` steps, an error that
 * hangs on `depth` of them in a certain order is met with a chance of 1 in `n * k^(depth - 1)`.
 */
export class PrioritySchedule implements Schedule {
  readonly #random: Random;
  readonly #depth: number;
  #priorities: number[] = [];
  #changes: number[] = [];
  #step = 0;
  /** Most steps of an execution so far. */
  #steps = STEPS_FIRST;

  constructor(random: Random, depth: number) {
    this.#random = random;
    this.#depth = depth;
  }

  start(threads: number): void {
    this.#steps = Math.max(this.#steps, this.#step);
    this.#step = 0;
    const places = Array.from({ length: threads }, (_, thread) => thread);
    this.#priorities = Array.from({ length: threads }, () => {
      const [place] = places.splice(this.#random.below(places.length), 1);
      return this.#depth + place!;
    });
    this.#changes = Array.from(
      { length: this.#depth - 1 },
      () => 1 + this.#random.below(this.#steps),
    );
  }

  pick(ready: readonly number[]): number {
    this.#step += 1;
    const thread = this.#highest(ready);
    const change = this.#changes.indexOf(this.#step);
    if (change < 0) return thread;
    this.#priorities[thread] = change;
    return this.#highest(ready);
  }

  #highest(ready: readonly number[]): number {
    let best = ready[0]!;
    for (const thread of ready) {
      if (this.#priorities[thread]! > this.#priorities[best]!) best = thread;
    }
    return best;
  }
}
