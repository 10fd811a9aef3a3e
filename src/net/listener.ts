/**
 * Accepts connections. Accepting is multishot and goes on by itself while somebody wants more; a
 * connection that was accepted is in the queue until it was given to somebody, so giving up `accept`
 * loses none, and `close` closes those that nobody took.
 */
import { Errno, type RondoError, type SystemError } from '../base/index.ts';
import { CompletionFlag, type Handle, type SocketAddress } from '../driver/index.ts';
import { currentReactor, Waiter, WaitQueue, type Reactor } from '../runtime/index.ts';
import {
  BaseStream,
  END,
  PENDING,
  type BaseFuture,
  type Context,
  type Poll,
  type StreamPoll,
} from '../task/index.ts';
import { Closed, Closing } from './closing.ts';
import { Connection } from './connection.ts';
import { closedError, failure } from './errors.ts';
import {
  checkAddressKeys,
  resolveListenerOptions,
  type ListenerOptions,
  type ResolvedListenerOptions,
} from './options.ts';

/** What accepting may throw. */
export type AcceptError = SystemError | RondoError;

const Stage = { IDLE: 0, REFUSED: 1, FLYING: 2, STOPPING: 3, CLOSED: 4 } as const;

/** Where to listen: a numeric address and a port (0 chooses one), or the path of a Unix socket. */
export type ListenAddress =
  { readonly port: number; readonly host?: string } | { readonly path: string };

/**
 * Listens on an address, on the runtime that is current. `host` is '0.0.0.0' unless it is given.
 * @throws {SystemError} ERR_SYSTEM when the address cannot be bound
 * @throws {TypeError | RangeError} ERR_ADDRESS_INVALID, ERR_OPTION_…
 *
 * @example
 * yield* use(listen({ port: 8080 }), function* (listener) {
 *   for (;;) spawn(serve(yield* listener.accept()));
 * });
 */
export function listen(address: ListenAddress, options: ListenerOptions = {}): Listener {
  checkAddressKeys('listen', address);
  const resolved = resolveListenerOptions(options);
  const reactor = currentReactor();
  const { backlog, reusePort, socket } = resolved;
  const where = 'path' in address ? address : { host: '0.0.0.0', ...address };
  return new Listener(
    reactor,
    reactor.driver.listen(where, { ...socket, backlog, reusePort }),
    resolved,
  );
}

/** See the head of this file. */
export class Listener implements AsyncDisposable {
  /** The bound address. */
  readonly address: SocketAddress;
  readonly #reactor: Reactor;
  readonly #handle: Handle;
  readonly #options: ResolvedListenerOptions;
  readonly #closing: Closing;
  readonly #waiters = new WaitQueue();
  /** Accepted, and taken by nobody. */
  readonly #accepted: Handle[] = [];
  #stage: (typeof Stage)[keyof typeof Stage] = Stage.IDLE;
  #id = 0;
  #token = 0;
  #held = true;
  #errno = 0;

  /** Use `listen`. */
  constructor(reactor: Reactor, handle: Handle, options: ResolvedListenerOptions) {
    this.#reactor = reactor;
    this.#handle = handle;
    this.#options = options;
    this.#closing = new Closing(reactor, handle);
    this.address = reactor.driver.address(handle);
  }

  /**
   * The next connection, which is the caller's to close. Any number of tasks may wait, first come
   * first served.
   * @throws {RondoError} ERR_STREAM_CLOSED after `close`
   * @throws {SystemError} ERR_SYSTEM
   */
  accept(): BaseFuture<Connection, AcceptError> {
    return new Accept(this, this.#waiters);
  }

  /** All connections, until the listener is closed. */
  connections(): BaseStream<Connection, AcceptError> {
    return new Connections(this, new Accept(this, this.#waiters));
  }

  /** Connections that were accepted and wait for somebody to take them. */
  get waiting(): number {
    return this.#accepted.length;
  }

  /** Whether it was not closed. */
  get isOpen(): boolean {
    return this.#stage !== Stage.CLOSED;
  }

  /**
   * Stops listening; begins at once. Connections that were given out go on, those that came and
   * nobody took are reset, and those who wait for one get ERR_STREAM_CLOSED.
   */
  close(): BaseFuture<void, never> {
    if (this.isOpen) {
      if (this.#stage === Stage.REFUSED) this.#reactor.forgetRefused(this);
      this.#stage = Stage.CLOSED;
      for (const handle of this.#accepted.splice(0)) this.#reactor.closeLater(handle, 'reset');
      this.#closing.begin('finish');
      this.#waiters.wakeAll();
    }
    return new Closed(this.#closing, () => undefined);
  }

  /** Waits for `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Lets the process exit while only this listener waits. */
  unref(): this {
    this.#hold(false);
    return this;
  }

  /** Keeps the process alive while somebody accepts: the default. */
  ref(): this {
    this.#hold(true);
    return this;
  }

  #hold(hold: boolean): void {
    this.#held = hold;
    const flying = this.#stage === Stage.FLYING || this.#stage === Stage.STOPPING;
    if (flying) this.#reactor.hold(this.#token, hold);
  }

  /** A connection for the first in the queue, undefined when there is none. @internal */
  take(): Connection | undefined {
    if (!this.isOpen) throw closedError('accept', 'the listener');
    if (this.#stage === Stage.IDLE && this.#accepted.length <= this.#options.acceptAhead / 2) {
      this.resubmit();
    }
    const handle = this.#accepted.shift();
    if (handle !== undefined) {
      return new Connection(this.#reactor, handle, this.#options, this.address);
    }
    if (this.#errno === 0) return undefined;
    const errno = this.#errno;
    // The next one tries again.
    this.#errno = 0;
    throw failure('accept', errno);
  }

  /** @internal */
  resubmit(): boolean {
    const reactor = this.#reactor;
    if (!this.isOpen) return true;
    if (reactor.isClosed) return this.#failed(-Errno.ECANCELED);
    const token = reactor.take(this);
    const id = reactor.driver.accept(this.#handle, token);
    if (id > 0) {
      this.#id = id;
      this.#token = token;
      this.#stage = Stage.FLYING;
      if (!this.#held) reactor.hold(token, false);
      return true;
    }
    reactor.giveBack(token);
    if (id !== -Errno.ENOBUFS) return this.#failed(id);
    this.#stage = Stage.REFUSED;
    reactor.refused(this);
    return false;
  }

  /** @internal */
  completed(result: number, flags: number): void {
    if ((flags & CompletionFlag.MORE) !== 0) {
      this.#arrived(result);
      return;
    }
    if (!this.isOpen) return;
    const stopped = this.#stage === Stage.STOPPING && result === -Errno.ECANCELED;
    this.#stage = Stage.IDLE;
    if (!stopped) this.#failed(result);
    else if (this.#waiters.size > 0 && this.#accepted.length === 0) this.resubmit();
  }

  #arrived(handle: Handle): void {
    if (!this.isOpen) {
      this.#reactor.closeLater(handle, 'reset');
      return;
    }
    this.#accepted.push(handle);
    if (this.#accepted.length >= this.#options.acceptAhead && this.#stage === Stage.FLYING) {
      this.#stage = Stage.STOPPING;
      this.#reactor.driver.cancel(this.#id);
    }
    this.#waiters.wakeFirst();
  }

  #failed(errno: number): true {
    this.#stage = Stage.IDLE;
    this.#errno = errno;
    this.#waiters.wakeFirst();
    return true;
  }
}

class Accept extends Waiter<Connection, AcceptError> {
  readonly #listener: Listener;
  readonly #waiters: WaitQueue;

  constructor(listener: Listener, waiters: WaitQueue) {
    super();
    this.#listener = listener;
    this.#waiters = waiters;
  }

  poll(context: Context): Poll<Connection> {
    const waiters = this.#waiters;
    if (this.queue === undefined) waiters.push(this);
    if (waiters.first === this || !this.#listener.isOpen) {
      // Budget is for what there is: waiting costs none.
      if (this.#listener.waiting > 0 && !context.proceed()) return PENDING;
      let connection: Connection | undefined;
      try {
        connection = this.#listener.take();
      } catch (error) {
        this.cancel();
        throw error;
      }
      if (connection !== undefined) {
        this.cancel();
        return connection;
      }
    }
    this.keep(context);
    return PENDING;
  }

  /** A connection that came for it is for the next. */
  cancel(): void {
    const wasFirst = this.queue !== undefined && this.#waiters.first === this;
    this.leave();
    if (wasFirst) this.#waiters.wakeFirst();
  }

  takeBack(connection: Connection): BaseFuture<void, never> {
    return connection.abandon();
  }
}

class Connections extends BaseStream<Connection, AcceptError> {
  readonly #listener: Listener;
  readonly #accept: Accept;

  constructor(listener: Listener, accept: Accept) {
    super();
    this.#listener = listener;
    this.#accept = accept;
  }

  pollNext(context: Context): StreamPoll<Connection> {
    if (!this.#listener.isOpen) {
      this.cancel();
      return END;
    }
    return this.#accept.poll(context);
  }

  override cancel(): Poll<void> {
    return this.#accept.cancel();
  }
}
