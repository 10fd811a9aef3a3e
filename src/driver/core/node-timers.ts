/**
 * Timeouts on one Node timer: a heap of operations by deadline, and a timer at the earliest. It
 * stays where it is when that one is cancelled: firing early costs less than moving it each time.
 *
 * The Node timer never keeps the event loop alive; that is the driver's business. Equal deadlines
 * expire in the order of their start.
 */
import { assert, type Clock } from '../../base/index.ts';

/** The longest delay that Node's timers take, ms. */
const DELAY_MAX = 0x7fffffff;

export class NodeTimers {
  readonly #clock: Clock;
  readonly #expired: (op: number) => void;
  readonly #deadline: Float64Array;
  readonly #order: Float64Array;
  /** Where an operation is in the heap, or -1. */
  readonly #position: Int32Array;
  readonly #heap: Int32Array;
  #size = 0;
  #sequence = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Deadline that the Node timer stands for. */
  #armed = Infinity;

  /** `operations`: slots of the operation table. `expired` must not start timers. */
  constructor(operations: number, clock: Clock, expired: (op: number) => void) {
    this.#clock = clock;
    this.#expired = expired;
    this.#deadline = new Float64Array(operations);
    this.#order = new Float64Array(operations);
    this.#position = new Int32Array(operations).fill(-1);
    this.#heap = new Int32Array(operations);
  }

  get size(): number {
    return this.#size;
  }

  start(op: number, milliseconds: number): void {
    assert(this.#position[op] === -1, 'an operation has one timer');
    this.#deadline[op] = this.#clock.now() + milliseconds;
    this.#order[op] = this.#sequence++;
    this.#rise(this.#size++, op);
    this.#arm();
  }

  /** Whether it was there. */
  cancel(op: number): boolean {
    const position = this.#position[op]!;
    if (position === -1) return false;
    this.#take(position);
    return true;
  }

  /** Milliseconds until the earliest is due, at least 0; Infinity without any. */
  delay(): number {
    if (this.#size === 0) return Infinity;
    return Math.max(0, this.#deadline[this.#heap[0]!]! - this.#clock.now());
  }

  /** Hands over all that are due. */
  expire(): void {
    if (this.#size === 0) return;
    const now = this.#clock.now();
    while (this.#size > 0) {
      const op = this.#heap[0]!;
      if (this.#deadline[op]! > now) break;
      this.#take(0);
      this.#expired(op);
    }
    this.#arm();
  }

  /** Drops the Node timer; nothing may be waiting. */
  stop(): void {
    assert(this.#size === 0, 'timers stop when none waits');
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#armed = Infinity;
  }

  #arm(): void {
    if (this.#size === 0) return;
    const earliest = this.#deadline[this.#heap[0]!]!;
    if (earliest >= this.#armed) return;
    clearTimeout(this.#timer);
    const delay = Math.ceil(earliest - this.#clock.now());
    this.#armed = earliest;
    this.#timer = setTimeout(
      () => {
        this.#armed = Infinity;
        this.expire();
      },
      Math.min(DELAY_MAX, Math.max(1, delay)),
    );
    this.#timer.unref();
  }

  #before(a: number, b: number): boolean {
    const difference = this.#deadline[a]! - this.#deadline[b]!;
    return difference < 0 || (difference === 0 && this.#order[a]! < this.#order[b]!);
  }

  #take(position: number): void {
    this.#position[this.#heap[position]!] = -1;
    this.#size -= 1;
    if (position === this.#size) return;
    const moved = this.#heap[this.#size]!;
    const parent = (position - 1) >> 1;
    if (position > 0 && this.#before(moved, this.#heap[parent]!)) this.#rise(position, moved);
    else this.#sink(position, moved);
  }

  #rise(from: number, op: number): void {
    let position = from;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      const other = this.#heap[parent]!;
      if (!this.#before(op, other)) break;
      this.#put(position, other);
      position = parent;
    }
    this.#put(position, op);
  }

  #sink(from: number, op: number): void {
    let position = from;
    for (;;) {
      let child = position * 2 + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#before(this.#heap[child + 1]!, this.#heap[child]!)) {
        child += 1;
      }
      const other = this.#heap[child]!;
      if (!this.#before(other, op)) break;
      this.#put(position, other);
      position = child;
    }
    this.#put(position, op);
  }

  #put(position: number, op: number): void {
    this.#heap[position] = op;
    this.#position[op] = position;
  }
}
