/**
 * Work that would keep the event loop for too long in one piece: a step of about a millisecond of
 * one task in each turn, the tasks in turn.
 */

/** A piece of work. */
export interface Task {
  /** Works for about a millisecond; true when it is done. */
  step(): boolean;
}

/** See the head of this file. */
export class Turns {
  readonly #tasks: Task[] = [];
  #scheduled = false;

  /** Begins with a task on the next turn. */
  add(task: Task): void {
    this.#tasks.push(task);
    this.#schedule();
  }

  /** Forgets everything. */
  clear(): void {
    this.#tasks.length = 0;
  }

  #schedule(): void {
    if (this.#scheduled || this.#tasks.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const task = this.#tasks.shift();
      try {
        if (task !== undefined && !task.step()) this.#tasks.push(task);
      } finally {
        this.#schedule();
      }
    });
  }
}
