/** Times one in so many message handlers. */
import type { Clock } from '../../base/index.ts';
import type { Arena } from '../../memory/index.ts';
import { Histogram, type HistogramScale, type HistogramSnapshot } from './histogram.ts';

/** Microseconds: 1 µs to 16.8 s. */
const SCALE: HistogramScale = { lowest: 0, highest: 24, partBits: 2 };

/** See the head of this file. Times are kept in microseconds. */
export class HandlerTimer {
  readonly #histogram: Histogram;
  readonly #clock: Clock;
  readonly #every: number;
  #left = 1;

  /** One in `every` is timed, a whole number from 1. */
  constructor(arena: Arena, owner: string, every: number, clock: Clock) {
    this.#histogram = Histogram.create(arena, 'gateway handler times', owner, SCALE);
    this.#clock = clock;
    this.#every = every;
  }

  /** Whether the handler that is called next is to be timed. */
  due(): boolean {
    this.#left -= 1;
    if (this.#left > 0) return false;
    this.#left = this.#every;
    return true;
  }

  /** What `stop` takes. */
  start(): number {
    return this.#clock.now();
  }

  /** The handler has returned, or the promise that it gave is settled. */
  stop(started: number): void {
    this.#histogram.record((this.#clock.now() - started) * 1000);
  }

  /** What was measured. */
  snapshot(): HistogramSnapshot {
    return this.#histogram.snapshot();
  }

  /** Gives the memory back. Nothing may be timed after that. */
  release(): void {
    this.#histogram.release();
  }
}
