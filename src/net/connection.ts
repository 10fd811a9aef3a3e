/**
 * A TCP or Unix connection. One task may read and any number write at the same time.
 *
 * Reading and writing can be given up at any time (a `timeout`, a `select`): what was received stays
 * for the next read, and what was accepted for sending is sent.
 */
import { misuse, show } from '../base/index.ts';
import type { Handle, SocketAddress } from '../driver/index.ts';
import { Chunk, type Reactor } from '../runtime/index.ts';
import type { BaseFuture, BaseStream } from '../task/index.ts';
import { Closed, Closing } from './closing.ts';
import { Inbox } from './inbox.ts';
import type { ResolvedConnectionOptions } from './options.ts';
import { Outbox } from './outbox.ts';
import { Chunks, ReadChunk, ReadInto, type ReadError } from './readers.ts';
import { Flush, Shutdown, WriteAll, WriteSome, type WriteError } from './writers.ts';

/** What can be written: bytes and text are copied, a chunk is sent from where it lies. */
export type Writable = Uint8Array | string | Chunk;

/** See the head of this file. Made by `connect` and by a listener. */
export class Connection implements AsyncDisposable {
  /** The address of the listener that accepted it; undefined when it was connected from here. */
  readonly local: SocketAddress | undefined;
  /** What it has received. @internal */
  readonly inbox: Inbox;
  /** What it sends. @internal */
  readonly outbox: Outbox;
  readonly #reactor: Reactor;
  readonly #handle: Handle;
  readonly #closing: Closing;
  readonly #closeTimeout: number;
  /** Of a close that waits for sends; 0 for none. */
  #timer = 0;
  #isOpen = true;
  #peer: SocketAddress | undefined;

  /** @internal */
  constructor(
    reactor: Reactor,
    handle: Handle,
    options: ResolvedConnectionOptions,
    local?: SocketAddress,
  ) {
    this.#reactor = reactor;
    this.#handle = handle;
    this.local = local;
    const two = 2 * reactor.driver.limits.bufferSize;
    const { readAhead = two, writeBuffer = two, closeTimeout } = options;
    this.#closeTimeout = closeTimeout;
    this.inbox = new Inbox(reactor, handle, readAhead);
    this.outbox = new Outbox(reactor, handle, writeBuffer, () => this.#drained());
    this.#closing = new Closing(reactor, handle);
  }

  // ---- reading

  /**
   * The next bytes, as many as came together; undefined at the end of the stream. The chunk is in
   * the memory that they were received into: release it soon (`using`), there are few such buffers.
   * @throws {SystemError} ERR_SYSTEM when the connection has failed (ECONNRESET …)
   * @throws {RondoError} ERR_STREAM_CLOSED after `close`
   * @throws {TypeError} ERR_STREAM_BUSY when another task is reading
   *
   * @example
   * for (;;) {
   *   using chunk = yield* connection.read();
   *   if (chunk === undefined) break;
   *   yield* connection.writeAll(chunk);
   * }
   */
  read(): BaseFuture<Chunk | undefined, ReadError> {
    return new ReadChunk(this.inbox);
  }

  /**
   * Copies received bytes to the beginning of `target`; gives how many, 0 at the end of the stream.
   * Throws what `read` throws.
   */
  readInto(target: Uint8Array): BaseFuture<number, ReadError> {
    if (!(target instanceof Uint8Array)) {
      throw misuse('ERR_OPTION_TYPE', 'Cannot read: the target must be bytes');
    }
    return new ReadInto(this.inbox, target);
  }

  /** Everything that is received, as `read` gives it: each chunk is the caller's to release. */
  chunks(): BaseStream<Chunk, ReadError> {
    return new Chunks(this.inbox);
  }

  // ---- writing

  /**
   * Accepts the beginning of `bytes` for sending, at least one byte, and gives how many: what it
   * gives is all that was accepted, also when the future is given up (then nothing was). The bytes
   * may be changed afterwards. Waits while as much is under way as `writeBuffer` allows.
   * @throws {SystemError} ERR_SYSTEM when the connection has failed (ECONNRESET, EPIPE …)
   * @throws {RondoError} ERR_STREAM_CLOSED after `close` or `shutdown`
   * @throws {TypeError} ERR_OPTION_TYPE for anything but bytes
   */
  write(bytes: Uint8Array): BaseFuture<number, WriteError> {
    if (!(bytes instanceof Uint8Array)) {
      throw misuse('ERR_OPTION_TYPE', 'Cannot write: what is accepted in part must be bytes');
    }
    return new WriteSome(this.outbox, bytes);
  }

  /**
   * Accepts everything, in one piece as far as other writers are concerned. Bytes must not be
   * changed before it is done. A chunk is sent without being copied: it may be released when it
   * is done, but must not be changed before it was sent (`flush`). When it is given up, a beginning
   * may have been accepted: whoever cannot know what the peer has got of it should close the
   * connection. Throws what `write` throws.
   */
  writeAll(data: Writable): BaseFuture<void, WriteError> {
    return new WriteAll(this.outbox, [partOf(data)]);
  }

  /** The same for several in a row. */
  writeVector(data: readonly Writable[]): BaseFuture<void, WriteError> {
    return new WriteAll(this.outbox, data.map(partOf));
  }

  /** Waits until what was accepted so far has been handed to the system. Throws as `write` does. */
  flush(): BaseFuture<void, WriteError> {
    return new Flush(this.outbox);
  }

  /**
   * Memory to be filled and written without being copied: waits until there is some. With whatever
   * is in it; the caller's to release. @throws {RangeError} ERR_OPTION_RANGE
   */
  allocate(size: number): BaseFuture<Chunk, never> {
    return this.#reactor.buffers.wait(size);
  }

  /**
   * Ends the sending side, after everything that was written before: the peer reads the end of the
   * stream. Reading goes on. Throws what `write` throws; a second call does nothing.
   */
  shutdown(): BaseFuture<void, WriteError> {
    return new Shutdown(this.outbox, this.#handle);
  }

  // ---- ending

  /**
   * Closes it: what was accepted for sending is sent, then comes the end of the stream. Begins at
   * once; reads and writes that wait throw ERR_STREAM_CLOSED. The future is done when nothing is
   * left of the connection. What a peer does not take within `closeTimeout` is lost: the connection
   * is reset then, and at once when the future is given up.
   */
  close(): BaseFuture<void, never> {
    if (this.#isOpen) {
      this.#end();
      if (this.outbox.sends === 0) this.#closing.begin('finish');
      else this.#limitClosing();
    }
    return new Closed(this.#closing, () => this.reset());
  }

  /** Ends it at once: the peer gets an error, what was not sent is lost. */
  reset(): void {
    this.#end();
    this.#stopTimer();
    this.#closing.begin('reset');
  }

  /** Closes it without sending what the system has not taken yet. @internal */
  abandon(): BaseFuture<void, never> {
    this.#end();
    this.#stopTimer();
    this.#closing.begin('finish');
    return new Closed(this.#closing, () => undefined);
  }

  /** Whether neither `close` nor `reset` was called. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Waits for `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #end(): void {
    if (!this.#isOpen) return;
    // The driver forgets it at its close.
    this.#peer = this.peer;
    this.#isOpen = false;
    this.inbox.close();
    this.outbox.close();
  }

  /** From now on the peer has so much time to take what was accepted. */
  #limitClosing(): void {
    const { executor } = this.#reactor;
    const fire = (): void => {
      this.#timer = 0;
      this.#closing.begin('reset');
    };
    this.#timer = executor.timers.insert(executor.now() + this.#closeTimeout, { fire }, true);
  }

  #stopTimer(): void {
    if (this.#timer !== 0) this.#reactor.executor.timers.cancel(this.#timer);
    this.#timer = 0;
  }

  #drained(): void {
    this.#stopTimer();
    this.#closing.begin('finish');
  }

  // ---- what is known about it

  /** Who is at the other end; a Unix peer is `{ path: '' }`. */
  get peer(): SocketAddress {
    this.#peer ??= this.#reactor.driver.peer(this.#handle);
    return this.#peer ?? { path: '' };
  }

  /** Bytes received so far, read or not. */
  get bytesRead(): number {
    return this.inbox.received;
  }

  /** Bytes handed to the system so far. */
  get bytesWritten(): number {
    return this.outbox.written;
  }

  /** Bytes accepted and not handed to the system yet. */
  get bytesPending(): number {
    return this.outbox.underWay;
  }

  /** Lets the process exit while only this connection waits to receive. */
  unref(): this {
    this.inbox.hold(false);
    return this;
  }

  /** Keeps the process alive while it waits to receive: the default. */
  ref(): this {
    this.inbox.hold(true);
    return this;
  }
}

show(Connection, ['peer', 'isOpen', 'bytesRead', 'bytesWritten', 'bytesPending']);

function partOf(data: Writable): Uint8Array | Chunk {
  if (typeof data === 'string') return Buffer.from(data);
  if (data instanceof Uint8Array || data instanceof Chunk) return data;
  throw misuse('ERR_OPTION_TYPE', 'Cannot write: the data must be bytes, text or a chunk');
}
