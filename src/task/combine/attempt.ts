/** Changing how a future ends. */
import {
  BaseFuture,
  PENDING,
  toFuture,
  type Awaitable,
  type Context,
  type Future,
  type Poll,
} from '../future/index.ts';
import { TakingBack } from '../stream/closing.ts';
import type { Outcome } from './join.ts';

class Attempt<T, E> extends BaseFuture<Outcome<T, E>, never> {
  readonly #future: Future<T, E>;
  constructor(future: Future<T, E>) {
    super();
    this.#future = future;
  }
  poll(context: Context): Poll<Outcome<T, E>> {
    try {
      const value = this.#future.poll(context);
      return value === PENDING ? PENDING : { ok: true, value };
    } catch (error) {
      return { ok: false, error: error as E };
    }
  }
  cancel(context: Context): Poll<void> {
    return this.#future.cancel?.(context);
  }
  takeBack(outcome: Outcome<T, E>): Future<unknown> | undefined {
    return outcome.ok ? this.#future.takeBack?.(outcome.value) : undefined;
  }
}

/**
 * Waits for a future and gives what came of it, a value or an error, both with their types.
 *
 * @example
 * const opened = yield* attempt(open('config.json'));
 * if (!opened.ok) report(opened.error.code);
 */
export function attempt<T, E>(future: Awaitable<T, E>): BaseFuture<Outcome<T, E>, never> {
  return new Attempt(toFuture(future));
}

class Shield<T, E> extends BaseFuture<T, E> {
  readonly #future: Future<T, E>;
  /** It has begun and is not over: only then there is something to protect. */
  #isRunning = false;
  #takingBack: TakingBack | undefined;
  constructor(future: Future<T, E>) {
    super();
    this.#future = future;
  }
  poll(context: Context): Poll<T> {
    let value: Poll<T> | undefined;
    this.#isRunning = false;
    try {
      value = this.#future.poll(context);
      return value;
    } finally {
      this.#isRunning = value === PENDING;
    }
  }
  cancel(context: Context): Poll<void> {
    if (this.#takingBack !== undefined) return this.#takingBack.poll(context);
    if (!this.#isRunning) return this.#future.cancel?.(context);
    const value = this.poll(context);
    if (value === PENDING) return PENDING;
    this.#takingBack = new TakingBack();
    this.#takingBack.add(this.#future, value);
    return this.#takingBack.poll(context);
  }
  takeBack(value: T): Future<unknown> | undefined {
    return this.#future.takeBack?.(value);
  }
}

/**
 * The same future, but once begun it cannot be cancelled: whoever gives it up waits until it has
 * ended by itself. For the steps that must not be left half done. Given up before its first poll,
 * it does not begin.
 */
export function shield<T, E>(future: Awaitable<T, E>): BaseFuture<T, E> {
  return new Shield(toFuture(future));
}
