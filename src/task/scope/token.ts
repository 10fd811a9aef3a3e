/**
 * Cancellation that is asked for from outside and looked at inside, in a tree: cancelling a token
 * cancels all below it. A token is linked to its parent only while a future waits for it, so that a
 * service may make one for each request without ever giving it back. One whose `signal` was asked
 * for stays linked until it is cancelled or disposed of: nobody can tell who listens to a signal.
 */
import { misuse } from '../../base/index.ts';
import { CancelledError } from '../errors.ts';
import {
  BaseFuture,
  PENDING,
  toFuture,
  type Awaitable,
  type Context,
  type Future,
  type Poll,
  type Waker,
} from '../future/index.ts';
import { Closing } from '../stream/closing.ts';

/** Why a token is cancelled; an object, because the reason itself may be undefined. */
interface Cause {
  readonly reason: unknown;
}

/** What is told when a token is cancelled: tokens below, futures, signals. */
interface Listener {
  tokenCancelled(cause: Cause): void;
}

/** See the head of this file. */
export class CancellationToken implements Disposable {
  readonly #parent: CancellationToken | undefined;
  readonly #source: AbortSignal | undefined;
  readonly #listeners = new Set<Listener>();
  #cause: Cause | undefined;
  /** The listeners were told; the cause alone may have been looked up by somebody before that. */
  #isTold = false;
  #controller: AbortController | undefined;
  readonly #aborted = (): void => this.tokenCancelled({ reason: this.#source!.reason });

  /** A token of its own. Those that follow others are made by `child` and `from`. */
  constructor(parent?: CancellationToken | AbortSignal) {
    if (parent instanceof AbortSignal) this.#source = parent;
    else if (parent === undefined || parent instanceof CancellationToken) this.#parent = parent;
    else throw misuse('ERR_OPTION_TYPE', 'Cannot follow this: it must be a token or AbortSignal');
  }

  /** A token that is cancelled when `signal` is aborted. */
  static from(signal: AbortSignal): CancellationToken {
    return new CancellationToken(signal);
  }

  /** A token below this one: cancelled with it, or alone. */
  child(): CancellationToken {
    return new CancellationToken(this);
  }

  /** True when this token or one above it is cancelled. */
  get isCancelled(): boolean {
    return this.#findCause() !== undefined;
  }

  /** What `cancel` was given, here or above; undefined while it is not cancelled. */
  get reason(): unknown {
    return this.#findCause()?.reason;
  }

  #findCause(): Cause | undefined {
    if (this.#cause === undefined && this.#source?.aborted === true) {
      this.#cause = { reason: this.#source.reason };
    }
    // Looked up and kept: the answer cannot change any more.
    if (this.#parent !== undefined) this.#cause ??= this.#parent.#findCause();
    return this.#cause;
  }

  /** Cancels this token and all below it. Only the first call counts. */
  cancel(reason?: unknown): void {
    this.tokenCancelled(this.#findCause() ?? { reason });
  }

  /** @throws {CancelledError} ERR_TASK_CANCELLED when it is cancelled */
  throwIfCancelled(): void {
    const cause = this.#findCause();
    if (cause !== undefined) throw new CancelledError('what follows a token', cause.reason);
  }

  /** Ends when the token is cancelled, with the reason. */
  cancelled(): BaseFuture<unknown, never> {
    return new Cancelled(this);
  }

  /**
   * The value of `future`, unless the token is cancelled first: then the future is given up, and
   * when it has ended a `CancelledError` is thrown.
   */
  run<T, E>(future: Awaitable<T, E>): BaseFuture<T, E | CancelledError> {
    return new RunUntilCancelled(this, toFuture(future));
  }

  /**
   * A signal that is aborted with the token, for functions of Node and of the web. Dispose of a
   * token below another one when what its signal was for is over: `using token = parent.child()`.
   */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      const cause = this.#findCause();
      if (cause !== undefined) this.#controller.abort(cause.reason);
      else this.listen(this.#controllerListener);
    }
    return this.#controller.signal;
  }

  readonly #controllerListener: Listener = {
    tokenCancelled: (cause) => this.#controller?.abort(cause.reason),
  };

  /**
   * Lets go of the parent, if a signal or somebody who waits made a link to it: what waits now is
   * told only when this token itself is cancelled.
   */
  [Symbol.dispose](): void {
    this.#unlink();
  }

  /** @internal */
  listen(listener: Listener): void {
    this.#listeners.add(listener);
    if (this.#listeners.size > 1) return;
    this.#parent?.listen(this);
    this.#source?.addEventListener('abort', this.#aborted);
  }

  /** @internal */
  unlisten(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size === 0) this.#unlink();
  }

  #unlink(): void {
    this.#parent?.unlisten(this);
    this.#source?.removeEventListener('abort', this.#aborted);
  }

  /** @internal */
  tokenCancelled(cause: Cause): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#cause ??= cause;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    this.#unlink();
    for (const listener of listeners) listener.tokenCancelled(this.#cause);
  }
}

class Cancelled extends BaseFuture<unknown, never> implements Listener {
  readonly #token: CancellationToken;
  #waker: Waker | undefined;

  constructor(token: CancellationToken) {
    super();
    this.#token = token;
  }

  poll(context: Context): Poll<unknown> {
    if (this.#token.isCancelled) {
      this.cancel();
      return this.#token.reason;
    }
    if (this.#waker === undefined) this.#token.listen(this);
    else if (this.#waker.willWake(context.waker)) return PENDING;
    else this.#waker.drop();
    this.#waker = context.waker.clone();
    return PENDING;
  }

  cancel(): Poll<void> {
    if (this.#waker === undefined) return;
    this.#token.unlisten(this);
    this.#waker.drop();
    this.#waker = undefined;
  }

  tokenCancelled(): void {
    const waker = this.#waker;
    this.#waker = undefined;
    waker?.wake();
  }
}

class RunUntilCancelled<T, E> extends BaseFuture<T, E | CancelledError> {
  readonly #token: CancellationToken;
  readonly #cancelled: Cancelled;
  readonly #future: Future<T, E>;
  #closing: Closing<void> | undefined;

  constructor(token: CancellationToken, future: Future<T, E>) {
    super();
    this.#token = token;
    this.#cancelled = new Cancelled(token);
    this.#future = future;
  }

  poll(context: Context): Poll<T> {
    if (this.#closing === undefined) {
      if (this.#cancelled.poll(context) === PENDING) return this.#pollFuture(context);
      const error = new CancelledError('what follows a token', this.#token.reason);
      this.#closing = new Closing([this.#future], undefined, [error]);
    }
    return this.#closing.poll(context) as Poll<T>;
  }

  #pollFuture(context: Context): Poll<T> {
    let isOver = true;
    try {
      const value = this.#future.poll(context);
      isOver = value !== PENDING;
      return value;
    } finally {
      // However it ended: the token may live for years.
      if (isOver) this.#cancelled.cancel();
    }
  }

  cancel(context: Context): Poll<void> {
    this.#cancelled.cancel();
    this.#closing ??= new Closing([this.#future], undefined);
    return this.#closing.poll(context);
  }

  takeBack(value: T): Future<unknown> | undefined {
    return this.#future.takeBack?.(value);
  }
}
