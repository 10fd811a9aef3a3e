/** Running something while a permit or guard is held. */
import { isThenable, misuse } from '../../base/index.ts';
import {
  BaseFuture,
  isCoroutine,
  isFuture,
  PENDING,
  toFuture,
  type Awaitable,
  type Context,
  type Future,
  type Poll,
} from '../future/index.ts';

/** What runs: a coroutine, a future or a promise of the result, or just the result. */
export type GuardedBody<G, R, E> = (guard: G) => Awaitable<R, E> | R;

/**
 * What a permit or guard holds.
 * @throws {TypeError} ERR_SYNC_RELEASED when it holds nothing any more
 */
export function stillHeld<H>(held: H | undefined, what: string): H {
  if (held === undefined) throw released(what);
  return held;
}

/** What is thrown by a permit or guard that is no longer one. */
export function released(what: string): TypeError {
  return misuse('ERR_SYNC_RELEASED', `Cannot use ${what}: it was released`);
}

/**
 * Acquires, runs the body, and releases however the body ends. Given up while the body runs, it
 * releases when the body has cleaned up, not before.
 */
export class Guarded<G extends Disposable, R, E> extends BaseFuture<R, E> {
  readonly #acquire: Future<G, E>;
  readonly #body: GuardedBody<G, R, E>;
  #guard: G | undefined;
  #running: Future<R, E> | undefined;

  constructor(acquire: Future<G, E>, body: GuardedBody<G, R, E>) {
    super();
    this.#acquire = acquire;
    this.#body = body;
  }

  poll(context: Context): Poll<R> {
    if (this.#guard === undefined) {
      const guard = this.#acquire.poll(context);
      if (guard === PENDING) return PENDING;
      this.#guard = guard;
    }
    let result: Poll<R> = PENDING;
    let isOver = true;
    try {
      if (this.#running === undefined) {
        const started = this.#body(this.#guard);
        if (!isAwaitable<R, E>(started)) return started;
        this.#running = toFuture(started);
      }
      result = this.#running.poll(context);
      isOver = result !== PENDING;
      return result;
    } finally {
      if (isOver) this.#release();
    }
  }

  cancel(context: Context): Poll<void> {
    if (this.#guard === undefined) return this.#acquire.cancel?.(context);
    let isOver = true;
    try {
      const ended = this.#running?.cancel?.(context);
      isOver = ended !== PENDING;
      return ended;
    } finally {
      if (isOver) this.#release();
    }
  }

  #release(): void {
    const guard = this.#guard;
    // Stays set as a mark of being over: disposing again does nothing.
    this.#running = undefined;
    guard?.[Symbol.dispose]();
  }
}

/** Whether what a function gave is to be waited for, or is the result itself. */
export function isAwaitable<R, E>(value: Awaitable<R, E> | R): value is Awaitable<R, E> {
  return isFuture(value) || isCoroutine(value) || isThenable(value);
}
