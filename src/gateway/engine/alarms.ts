/**
 * Things to do at a time, for what is rare: one heap, one timer of the driver, which is exchanged
 * for an earlier one when that is needed. (What every connection has is in `deadlines.ts`.)
 */
import { assert } from '../../base/index.ts';
import type { Driver, OperationId } from '../../driver/index.ts';

/** Something that will be done, unless it is cancelled. */
export interface Alarm {
  /** In milliseconds of the driver's clock. */
  readonly at: number;
  /** Undefined when it was cancelled. */
  run: (() => void) | undefined;
}

/** Cancelled alarms that may lie around, however few others there are. */
const CANCELLED_MIN = 64;

/** See the head of this file. */
export class Alarms {
  readonly #driver: Driver;
  readonly #token: number;
  /** A binary heap by `at`. */
  #heap: Alarm[] = [];
  /** Alarms in the heap that were cancelled. */
  #cancelled = 0;
  /** When the newest timer in the driver ends, which is the earliest; Infinity without one. */
  #armed = Infinity;
  #timer: OperationId = 0;
  /** Timers that have not completed: those that were exchanged for an earlier one too. */
  #timers = 0;
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

  /** Alarms that are kept, some cancelled ones among them. */
  get size(): number {
    return this.#heap.length;
  }

  /** Takes one back; harmless when it has run. */
  cancel(alarm: Alarm | undefined): void {
    if (alarm?.run === undefined) return;
    alarm.run = undefined;
    this.#cancelled += 1;
    if (this.#cancelled > CANCELLED_MIN && this.#cancelled > this.#heap.length >> 1) this.#sweep();
  }

  /** A timer has completed, or was cancelled: does what is due. */
  ring(): void {
    this.#timers -= 1;
    if (this.#stopped) return;
    // One that was exchanged says nothing about the one that took its place.
    if (this.#timers === 0) this.#armed = Infinity;
    const now = this.#driver.now();
    while (this.#heap.length > 0 && this.#heap[0]!.at <= now) {
      const alarm = this.#pop();
      const { run } = alarm;
      alarm.run = undefined;
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
    if (this.#timers > 0) this.#driver.cancel(this.#timer);
    this.#armed = first.at;
    const wait = Math.max(0, Math.ceil(first.at - this.#driver.now()));
    this.#timer = this.#driver.timeout(wait, this.#token);
    assert(this.#timer > 0, `a timeout is taken by the driver, got ${this.#timer}`);
    this.#timers += 1;
  }

  /** Leaves out what was cancelled. A sorted array is a heap. */
  #sweep(): void {
    this.#heap = this.#heap.filter(({ run }) => run !== undefined).sort((a, b) => a.at - b.at);
    this.#cancelled = 0;
  }

  #pop(): Alarm {
    const heap = this.#heap;
    const first = heap[0]!;
    if (first.run === undefined) this.#cancelled -= 1;
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
