/**
 * Things to do at a time, for what is rare: one heap, one timer of the driver. (What every
 * connection has is in `deadlines.ts`.)
 */
import { assert } from '../../base/index.ts';
import type { Driver } from '../../driver/index.ts';

/** Something that will be done, unless it is cancelled. */
export interface Alarm {
  /** In milliseconds of the driver's clock. */
  readonly at: number;
  /** Undefined when it was cancelled. */
  run: (() => void) | undefined;
}

/** See the head of this file. */
export class Alarms {
  readonly #driver: Driver;
  readonly #token: number;
  /** A binary heap by `at`. */
  readonly #heap: Alarm[] = [];
  /** When the earliest timer in the driver ends. */
  #armed = Infinity;
  #stopped = false;

  /** `token` is that of the timer; its owner calls `ring` when it completes. */
  constructor(driver: Driver, token: number) {
    this.#driver = driver;
    this.#token = token;
  }

  /** Runs `run` once, at least `milliseconds` from now. */
  after(milliseconds: number, run: () => void): Alarm {
    const alarm: Alarm = { at: this.#driver.now() + milliseconds, run };
    this.#heap.push(alarm);
    this.#up(this.#heap.length - 1);
    this.#arm();
    return alarm;
  }

  /** Takes one back; harmless when it has run. Its place is given back when its time comes. */
  cancel(alarm: Alarm | undefined): void {
    if (alarm !== undefined) alarm.run = undefined;
  }

  /** The timer has completed: does what is due. */
  ring(): void {
    if (this.#stopped) return;
    this.#armed = Infinity;
    const now = this.#driver.now();
    while (this.#heap.length > 0 && this.#heap[0]!.at <= now) {
      const { run } = this.#pop();
      run?.();
    }
    this.#arm();
  }

  /** Nothing is done any more: the driver is about to end. */
  stop(): void {
    this.#stopped = true;
  }

  #arm(): void {
    while (this.#heap.length > 0 && this.#heap[0]!.run === undefined) this.#pop();
    const first = this.#heap[0];
    if (this.#stopped || first === undefined || first.at >= this.#armed) return;
    this.#armed = first.at;
    const wait = Math.max(0, Math.ceil(first.at - this.#driver.now()));
    const result = this.#driver.timeout(wait, this.#token);
    assert(result > 0, `a timeout is taken by the driver, got ${result}`);
  }

  #pop(): Alarm {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      this.#down(0);
    }
    return first;
  }

  #up(index: number): void {
    const heap = this.#heap;
    let at = index;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.at <= heap[at]!.at) return;
      [heap[parent], heap[at]] = [heap[at]!, heap[parent]!];
      at = parent;
    }
  }

  #down(index: number): void {
    const heap = this.#heap;
    let at = index;
    for (;;) {
      let least = at;
      for (let child = 2 * at + 1; child <= 2 * at + 2 && child < heap.length; child++) {
        if (heap[child]!.at < heap[least]!.at) least = child;
      }
      if (least === at) return;
      [heap[least], heap[at]] = [heap[at]!, heap[least]!];
      at = least;
    }
  }
}
