/**
 * Values that belong to a task and to everything it starts, such as a deadline or the id of a
 * request. A task takes over what is there where it is spawned; nothing can be changed from a
 * child. Kept as a list of few entries, newest first.
 */
import { BaseFuture } from './base.ts';
import { toFuture, type Awaitable } from './basic.ts';
import type { Context, Future, Poll } from './future.ts';

/** One entry of the list. Immutable. */
export interface Locals {
  readonly key: TaskLocal<unknown>;
  readonly value: unknown;
  readonly next: Locals | undefined;
}

let current: Locals | undefined;

/** Makes a list the current one; returns the one before, which must be put back. */
export function enterLocals(locals: Locals | undefined): Locals | undefined {
  const before = current;
  current = locals;
  return before;
}

/** The list of the poll that is under way. */
export function currentLocals(): Locals | undefined {
  return current;
}

/**
 * A value of tasks. Cheaper than `AsyncLocalStorage`, which tasks follow as well. Async functions
 * have it up to their first `await`; from there on they need the latter.
 *
 * @example
 * const requestId = new TaskLocal<string>();
 * yield* requestId.with('r-1', handle(request)); // requestId.get() is 'r-1' in there
 */
export class TaskLocal<T> {
  /** The value where this is called, undefined where none was given. */
  get(): T | undefined {
    for (let entry = current; entry !== undefined; entry = entry.next) {
      if (entry.key === this) return entry.value as T;
    }
    return undefined;
  }

  /** @internal Called for each task that takes this value over; for deadlines. */
  spawned(_value: T, _task: object): void {
    // Plain values have nothing to do.
  }

  /** The same future, with `value` in it and in all tasks that it spawns. */
  with<R, E>(value: T, future: Awaitable<R, E>): BaseFuture<R, E> {
    return new WithLocal<R, E>(this, value, toFuture(future));
  }
}

class WithLocal<R, E> extends BaseFuture<R, E> {
  readonly #key: TaskLocal<unknown>;
  readonly #value: unknown;
  readonly #future: Future<R, E>;
  /** Of the last poll, and most often of the next one too. */
  #entry: Locals | undefined;

  constructor(key: TaskLocal<unknown>, value: unknown, future: Future<R, E>) {
    super();
    this.#key = key;
    this.#value = value;
    this.#future = future;
  }

  poll(context: Context): Poll<R> {
    const outer = this.#enter();
    try {
      return this.#future.poll(context);
    } finally {
      enterLocals(outer);
    }
  }

  cancel(context: Context): Poll<void> {
    const outer = this.#enter();
    try {
      return this.#future.cancel?.(context);
    } finally {
      enterLocals(outer);
    }
  }

  #enter(): Locals | undefined {
    if (this.#entry === undefined || this.#entry.next !== current) {
      this.#entry = { key: this.#key, value: this.#value, next: current };
    }
    return enterLocals(this.#entry);
  }

  takeBack(value: R): Future<unknown> | undefined {
    return this.#future.takeBack?.(value);
  }
}
