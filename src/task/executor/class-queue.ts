/**
 * Four classes, the most urgent first, with aging so that none starves.
 *
 * The bound: while tasks of class c are ready, one of them is polled at least once in
 * `AGING + CLASSES - 1` polls of this queue. So a ready task of which n others of its class stand
 * in front is polled within (n + 1) × (AGING + CLASSES - 1) polls. (A class passed over `AGING`
 * times is due; at most the other due classes come before it.)
 *
 * Each class is a list of slots, linked through one typed array: integers, because an array of
 * tasks that lives longer than they do costs the collector's write barrier at every push (a sixth
 * of a yield), and one array for all, because a task is in one list at most.
 */
import type { RunQueue } from './queue.ts';
import type { Task } from './task.ts';

/** The classes of tasks, from the most to the least urgent. */
export const PRIORITIES = ['high', 'normal', 'low', 'background'] as const;

/** How urgent a task is. */
export type Priority = (typeof PRIORITIES)[number];

/** Number of classes. */
export const CLASSES: number = PRIORITIES.length;

/** Polls of more urgent classes that a class with ready tasks is passed over for at most. */
export const AGING = 32;

const INITIAL_SLOTS = 1024;

/** The bound stated above. */
export const POLLS_UNTIL_SERVED: number = AGING + CLASSES - 1;

export class ClassQueue implements RunQueue {
  readonly overtaking = true;
  size = 0;
  /** First and last slot of each class; -1 where it is empty. */
  readonly #heads = new Int32Array(CLASSES).fill(-1);
  readonly #tails = new Int32Array(CLASSES).fill(-1);
  /** Of each slot in a list the one behind it. */
  #next = new Int32Array(INITIAL_SLOTS);
  /** Bit c is set while class c has ready tasks. */
  #ready = 0;
  /** How often each class was passed over since it was served last. */
  readonly #passed = new Int32Array(CLASSES);

  push(task: Task): void {
    const { level, slot } = task;
    if (slot >= this.#next.length) this.#grow(slot);
    const tail = this.#tails[level]!;
    if (tail === -1) {
      this.#heads[level] = slot;
      this.#ready |= 1 << level;
    } else {
      this.#next[tail] = slot;
    }
    this.#tails[level] = slot;
    this.size += 1;
  }

  pop(): number {
    const ready = this.#ready;
    if (ready === 0) return -1;
    // One class alone, most of the time: there is nothing to weigh.
    const level = (ready & (ready - 1)) === 0 ? 31 - Math.clz32(ready) : this.#choose(ready);
    const slot = this.#heads[level]!;
    this.size -= 1;
    if (slot === this.#tails[level]) this.#emptied(level);
    else this.#heads[level] = this.#next[slot]!;
    return slot;
  }

  #emptied(level: number): void {
    this.#heads[level] = -1;
    this.#tails[level] = -1;
    this.#ready &= ~(1 << level);
    this.#passed[level] = 0;
  }

  #grow(slot: number): void {
    const next = new Int32Array(Math.max(slot + 1, this.#next.length * 2));
    next.set(this.#next);
    this.#next = next;
  }

  #choose(ready: number): number {
    const passed = this.#passed;
    let chosen = -1;
    let oldest = AGING - 1;
    for (let level = 0; level < CLASSES; level++) {
      if ((ready & (1 << level)) === 0) continue;
      if (chosen === -1) chosen = level;
      if (passed[level]! > oldest) {
        oldest = passed[level]!;
        chosen = level;
      }
    }
    for (let level = 0; level < CLASSES; level++) {
      if ((ready & (1 << level)) !== 0) passed[level]! += 1;
    }
    passed[chosen] = 0;
    return chosen;
  }

  isFirst(task: Task): boolean {
    return (this.#ready & ((1 << task.level) - 1)) === 0;
  }

  ran(): void {
    // Classes are fixed here.
  }
}
