/** A first-in first-out queue of tasks in one array that doubles; nothing is allocated per task. */
import type { Task } from './task.ts';

const INITIAL = 64;

export class Deque {
  #items: (Task | undefined)[] = new Array<Task | undefined>(INITIAL).fill(undefined);
  #mask = INITIAL - 1;
  #head = 0;
  size = 0;

  push(task: Task): void {
    if (this.size > this.#mask) this.#grow();
    this.#items[(this.#head + this.size) & this.#mask] = task;
    this.size += 1;
  }

  shift(): Task | undefined {
    if (this.size === 0) return undefined;
    const task = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head = (this.#head + 1) & this.#mask;
    this.size -= 1;
    return task;
  }

  #grow(): void {
    const old = this.#items;
    const items = new Array<Task | undefined>(old.length * 2).fill(undefined);
    for (let i = 0; i < this.size; i++) items[i] = old[(this.#head + i) & this.#mask];
    this.#items = items;
    this.#mask = items.length - 1;
    this.#head = 0;
  }
}
