/**
 * How long to spin before sleeping. Spinning pays only if the other side runs meanwhile, on another
 * core: the budget halves with each spin that found nothing and doubles with each that did, and is
 * next to nothing while more threads want to run than there are cores. On two busy cores, spinning
 * without such a rule brought a ring from 50 million messages a second to 0.3.
 */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { pause } from '#atomics';
import { type Clock, systemClock } from '../../base/index.ts';

/** The shortest spin, in µs: less would not even see a message that is on its way. */
const SPIN_LEAST = 2;
/** How often the load is read, in ms. Reading it takes some 15 µs. */
const LOAD_EVERY = 250;
/** Looks between two readings of the clock, which costs as much as ten of them. */
const LOOKS = 32;

/** Of the machine, not of this thread's affinity: who is pinned to a core has a peer on another. */
const cores: () => number = (() => {
  let known = 0;
  return () => (known ||= Math.max(1, cpus().length));
})();

/** How many threads of the machine want to run now, this one included; 0 when it does not say. */
export function runnableThreads(): number {
  try {
    return Number(readFileSync('/proc/loadavg', 'latin1').split(' ')[3]!.split('/')[0]);
  } catch {
    return 0;
  }
}

/** A limit for spinning that learns. One per waiting side. */
export class SpinBudget {
  readonly #most: number;
  readonly #clock: Clock;
  readonly #runnable: () => number;
  readonly #cores: number;
  #microseconds: number;
  #loadRead = -Infinity;
  #crowded = false;

  /** `most` in µs, 0 for never. */
  constructor(
    most: number,
    clock: Clock = systemClock,
    runnable: () => number = runnableThreads,
    machineCores: number = cores(),
  ) {
    this.#most = machineCores > 1 ? most : 0;
    this.#microseconds = this.#most;
    this.#clock = clock;
    this.#runnable = runnable;
    this.#cores = machineCores;
  }

  /** What a spin may take now, in µs. */
  get microseconds(): number {
    if (this.#most === 0) return 0;
    const now = this.#clock.now();
    if (now - this.#loadRead >= LOAD_EVERY) {
      this.#loadRead = now;
      this.#crowded = this.#runnable() > this.#cores;
    }
    return this.#crowded ? Math.min(SPIN_LEAST, this.#most) : this.#microseconds;
  }

  /**
   * Spins until something is there or the budget is used up; returns which. `isReady` is looked at
   * all the time, `look`, which finds ends too, now and then.
   */
  spin(isReady: () => boolean, look: () => boolean): boolean {
    const budget = this.microseconds;
    if (budget === 0) return false;
    const end = this.#clock.now() + budget / 1000;
    do {
      for (let looks = 0; looks < LOOKS; looks++) {
        if (isReady()) return this.#won();
        pause();
      }
      if (look()) return this.#won();
    } while (this.#clock.now() < end);
    this.#microseconds = Math.max(Math.min(SPIN_LEAST, this.#most), this.#microseconds / 2);
    return false;
  }

  #won(): true {
    this.#microseconds = Math.min(this.#most, this.#microseconds * 2);
    return true;
  }
}
