/**
 * Earliest deadline first. A task without a deadline counts as due `horizon` after it became
 * ready, one whose deadline has passed as due now; so a ready task with the key k is passed over
 * only by tasks that became ready before k: however many urgent ones come, it is polled when the
 * clock has passed k and those before it are done. Equal keys go in the order of their wakes.
 */
import type { RunQueue } from './queue.ts';
import type { Task } from './task.ts';

const INITIAL = 64;

export class DeadlineQueue implements RunQueue {
  readonly overtaking = false;
  readonly #now: () => number;
  readonly #horizon: number;
  /** Slot, key and order of arrival of the heap's places; children of i are at 2i+1 and 2i+2. */
  #slots = new Int32Array(INITIAL);
  #keys = new Float64Array(INITIAL);
  #orders = new Float64Array(INITIAL);
  #order = 0;
  size = 0;

  /** `now` gives milliseconds, `horizon` is in milliseconds. */
  constructor(now: () => number, horizon: number) {
    this.#now = now;
    this.#horizon = horizon;
  }

  push(task: Task): void {
    if (this.size === this.#slots.length) this.#grow();
    const now = this.#now();
    const due = task.due;
    const key = due === undefined ? now + this.#horizon : Math.max(due, now);
    this.#order += 1;
    const order = this.#order;
    let at = this.size;
    this.size += 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!this.#before(key, order, parent)) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#set(at, task.slot, key, order);
  }

  pop(): number {
    if (this.size === 0) return -1;
    const first = this.#slots[0]!;
    this.size -= 1;
    const last = this.size;
    const slot = this.#slots[last]!;
    const key = this.#keys[last]!;
    const order = this.#orders[last]!;
    if (last === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= last) break;
      const right = child + 1;
      if (right < last && this.#before(this.#keys[right]!, this.#orders[right]!, child)) {
        child = right;
      }
      if (this.#before(key, order, child)) break;
      this.#move(child, at);
      at = child;
    }
    this.#set(at, slot, key, order);
    return first;
  }

  isFirst(): boolean {
    return false;
  }

  ran(): void {
    // Deadlines are not moved by use.
  }

  #before(key: number, order: number, place: number): boolean {
    const other = this.#keys[place]!;
    return key < other || (key === other && order < this.#orders[place]!);
  }

  #move(from: number, to: number): void {
    this.#slots[to] = this.#slots[from]!;
    this.#keys[to] = this.#keys[from]!;
    this.#orders[to] = this.#orders[from]!;
  }

  #set(at: number, slot: number, key: number, order: number): void {
    this.#slots[at] = slot;
    this.#keys[at] = key;
    this.#orders[at] = order;
  }

  #grow(): void {
    const length = this.#slots.length * 2;
    const slots = new Int32Array(length);
    const keys = new Float64Array(length);
    const orders = new Float64Array(length);
    slots.set(this.#slots);
    keys.set(this.#keys);
    orders.set(this.#orders);
    this.#slots = slots;
    this.#keys = keys;
    this.#orders = orders;
  }
}
