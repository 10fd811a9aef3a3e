/** Promises as futures. */
import { CancelledError } from '../errors.ts';
import { BaseFuture } from './base.ts';
import { PENDING, type Context, type Poll, type Waker } from './future.ts';
import { keepWaker } from './keep-waker.ts';

const State = { PENDING: 0, FULFILLED: 1, REJECTED: 2 } as const;

/**
 * A promise as a future. It is listened to from now on, so a rejection counts as handled. Giving
 * the future up stops listening; the promise itself cannot be stopped.
 */
export class PromiseFuture<T> extends BaseFuture<T> {
  #state: (typeof State)[keyof typeof State] = State.PENDING;
  #result: unknown;
  #waker: Waker | undefined;

  constructor(promise: PromiseLike<T>) {
    super();
    try {
      promise.then(
        (value) => this.#settle(State.FULFILLED, value),
        (error: unknown) => this.#settle(State.REJECTED, error),
      );
    } catch (error) {
      this.#settle(State.REJECTED, error);
    }
  }

  poll(context: Context): Poll<T> {
    if (this.#state === State.FULFILLED) return this.#result as T;
    if (this.#state === State.REJECTED) throw this.#result;
    this.#waker = keepWaker(this.#waker, context);
    return PENDING;
  }

  cancel(_context: Context): Poll<void> {
    this.#waker?.drop();
    this.#waker = undefined;
  }

  #settle(state: (typeof State)['FULFILLED' | 'REJECTED'], result: unknown): void {
    // Promises of other make may settle twice: the first time counts.
    if (this.#state !== State.PENDING) return;
    this.#state = state;
    this.#result = result;
    const waker = this.#waker;
    this.#waker = undefined;
    waker?.wake();
  }
}

/**
 * The promise of an async function that was started here. It cannot be stopped, only asked by a
 * signal: giving it up waits for its end. That it ended because it was asked is no error.
 */
export class OwnedPromise<T> extends PromiseFuture<T> {
  readonly #owner: { readonly reason: unknown };
  /** Gave its value or threw. */
  isOver = false;

  /** `owner.reason` is what the signal was aborted with. */
  constructor(promise: PromiseLike<T>, owner: { readonly reason: unknown }) {
    super(promise);
    this.#owner = owner;
  }

  override poll(context: Context): Poll<T> {
    this.isOver = true;
    const value = super.poll(context);
    this.isOver = value !== PENDING;
    return value;
  }

  override cancel(context: Context): Poll<void> {
    // Its error was thrown already.
    if (this.isOver) return undefined;
    try {
      return this.poll(context) === PENDING ? PENDING : undefined;
    } catch (error) {
      if (error === this.#owner.reason || isCancellation(error)) return undefined;
      throw error;
    }
  }
}

/** What functions throw that did as they were asked. */
function isCancellation(error: unknown): boolean {
  return error instanceof CancelledError || (error as Error | null)?.name === 'AbortError';
}

/**
 * A promise as a future, to wait for inside a coroutine: `yield* fromPromise(fetch(url))`. The
 * function form gets a signal that is aborted when the future is given up:
 * `yield* fromPromise((signal) => fetch(url, { signal }))`. `E` is what it may be rejected with, for
 * coroutines that say what they throw.
 */
export function fromPromise<T, E = unknown>(
  source: PromiseLike<T> | ((signal: AbortSignal) => PromiseLike<T>),
): BaseFuture<T, E> {
  const future =
    typeof source === 'function' ? new SignalledPromise(source) : new PromiseFuture(source);
  return future as BaseFuture<T, E>;
}

/** Starts at its first poll, as futures do; waits for the promise even when it was given up. */
class SignalledPromise<T> extends BaseFuture<T> {
  readonly #start: (signal: AbortSignal) => PromiseLike<T>;
  readonly #controller = new AbortController();
  #inner: OwnedPromise<T> | undefined;

  constructor(start: (signal: AbortSignal) => PromiseLike<T>) {
    super();
    this.#start = start;
  }

  poll(context: Context): Poll<T> {
    this.#inner ??= new OwnedPromise(this.#start(this.#controller.signal), this);
    return this.#inner.poll(context);
  }

  cancel(context: Context): Poll<void> {
    if (this.#inner === undefined) return undefined;
    if (!this.#inner.isOver) this.#controller.abort(context.reason);
    return this.#inner.cancel(context);
  }

  get reason(): unknown {
    return this.#controller.signal.reason;
  }
}
