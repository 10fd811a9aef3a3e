/**
 * A connection as a stream of Node's, for everything that is written for `net.Socket`: bytes are
 * copied in both directions, and the methods and properties of sockets that clients and servers use
 * are there.
 *
 *  - Back-pressure: what is not read stays in the connection and then with the peer; a write calls
 *    back when the connection has accepted it.
 *  - `end` sends everything, then the end of the stream. The end of the peer's stream ends this side
 *    too, unless `allowHalfOpen`.
 *  - `destroy` closes: what the system has is delivered. Errors are as Node makes them: `code` is
 *    'ECONNRESET' and so on, `cause` is ours.
 */
import { Duplex } from 'node:stream';
import { isIPv6 } from 'node:net';
import { booleanOption, outOfRange, rejectUnknown, SystemError } from '../base/index.ts';
import { PENDING, type Poll } from '../task/index.ts';
import type { Connection } from './connection.ts';
import { drive, Pump } from './drive.ts';

/** Options of `toDuplex`. */
export interface DuplexOptions {
  /** Stays open for writing when the peer has ended its stream. @default false */
  readonly allowHalfOpen?: boolean;
}

type Callback = (error?: Error | null) => void;

/** The longest time of Node's timers, ms. */
const TIMEOUT_MAX = 0x7fffffff;

/** Moves what a connection receives to its stream, while that wants it. */
class Reading extends Pump {
  readonly #connection: Connection;
  readonly #stream: ConnectionDuplex;
  #wanted = false;
  #over = false;

  constructor(connection: Connection, stream: ConnectionDuplex) {
    super();
    this.#connection = connection;
    this.#stream = stream;
  }

  want(): void {
    this.#wanted = true;
    this.pump();
  }

  stop(): void {
    this.#over = true;
    this.#connection.inbox.leave(this);
  }

  protected pump(): void {
    while (this.#wanted && !this.#over) {
      const readable = this.#poll();
      if (readable === PENDING) return;
      this.#stream.touch();
      if (readable) {
        this.#push();
      } else {
        this.#over = true;
        this.#stream.push(null);
        // As sockets do: the end is told although nobody reads.
        this.#stream.read(0);
      }
    }
  }

  #poll(): Poll<boolean> {
    try {
      return this.#connection.inbox.pollReadable(this, this);
    } catch (error) {
      this.#over = true;
      this.#stream.destroy(nodeError(error, 'read'));
      return PENDING;
    }
  }

  /** Listeners are called from here: they may read, destroy the stream, and throw. */
  #push(): void {
    using chunk = this.#connection.inbox.shift();
    this.#wanted = false;
    if (this.#stream.push(chunk.bytes())) this.#wanted = true;
  }
}

/** See the head of this file; made by `toDuplex`. */
export class ConnectionDuplex extends Duplex {
  /** As in `net.Socket`: it is connected already. */
  readonly connecting = false;
  readonly #connection: Connection;
  readonly #reading: Reading;
  #timer: NodeJS.Timeout | undefined;
  #timeout = 0;

  /** @internal */
  constructor(connection: Connection, allowHalfOpen: boolean) {
    // 'close' comes from `_destroy`: with whether there was an error, as sockets have it.
    super({ allowHalfOpen, emitClose: false });
    this.#connection = connection;
    this.#reading = new Reading(connection, this);
    // Begins to receive, so that the peer's end is noticed although nobody reads.
    this.read(0);
  }

  override _read(): void {
    this.#reading.want();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, callback: Callback): void {
    this.touch();
    this.#drive(this.#connection.writeAll(chunk), 'write', callback);
  }

  override _writev(chunks: { readonly chunk: Uint8Array }[], callback: Callback): void {
    this.touch();
    const parts = chunks.map(({ chunk }) => chunk);
    this.#drive(this.#connection.writeVector(parts), 'write', callback);
  }

  override _final(callback: Callback): void {
    this.#drive(this.#connection.shutdown(), 'shutdown', callback);
  }

  override _destroy(error: Error | null, callback: Callback): void {
    clearTimeout(this.#timer);
    this.#reading.stop();
    drive(this.#connection.abandon(), () => {
      callback(error);
      process.nextTick(() => this.emit('close', error !== null));
    });
  }

  #drive(future: ReturnType<Connection['flush']>, syscall: string, callback: Callback): void {
    drive(future, (error) => {
      if (error === undefined) callback();
      else callback(nodeError(error, syscall));
    });
  }

  // ---- what sockets have beside streams

  /** Something has moved: the time of `setTimeout` begins anew. @internal */
  touch(): void {
    this.#timer?.refresh();
  }

  /**
   * Emits 'timeout' after so many milliseconds without traffic, 2^31-1 at most; 0 switches that off.
   * @throws {RangeError} ERR_OPTION_RANGE
   */
  setTimeout(milliseconds: number, listener?: () => void): this {
    if (!(milliseconds >= 0 && milliseconds < Infinity)) {
      throw outOfRange(
        'ERR_OPTION_RANGE',
        `Cannot set the timeout: milliseconds must be a number from 0, got ${milliseconds}`,
      );
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timeout = Math.min(milliseconds, TIMEOUT_MAX);
    if (listener !== undefined) {
      if (milliseconds === 0) this.removeListener('timeout', listener);
      else this.once('timeout', listener);
    }
    if (milliseconds > 0 && !this.destroyed) {
      this.#timer = setTimeout(() => this.emit('timeout'), this.#timeout).unref();
    }
    return this;
  }

  /** Milliseconds of `setTimeout`, undefined when there are none. */
  get timeout(): number | undefined {
    return this.#timeout === 0 ? undefined : this.#timeout;
  }

  /** Does nothing: it is an option of `listen` and `connect`. */
  setNoDelay(): this {
    return this;
  }

  /** Does nothing: it is an option of `listen` and `connect`. */
  setKeepAlive(): this {
    return this;
  }

  /** Keeps the process alive while it waits to receive. */
  ref(): this {
    this.#connection.ref();
    return this;
  }

  /** Lets the process exit while only it waits to receive. */
  unref(): this {
    this.#connection.unref();
    return this;
  }

  /** Ends, and destroys when everything was sent. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  /** Destroys; the peer gets an error. */
  resetAndDestroy(): this {
    this.#connection.reset();
    return this.destroy();
  }

  /** Bytes received so far. */
  get bytesRead(): number {
    return this.#connection.bytesRead;
  }

  /** Bytes written so far, those that wait included. */
  get bytesWritten(): number {
    return this.#connection.bytesWritten + this.#connection.bytesPending + this.writableLength;
  }

  /** As in `net.Socket`: it is connected already. */
  get pending(): boolean {
    return false;
  }

  /** As in `net.Socket`: 'open', 'readOnly', 'writeOnly' or 'closed'. */
  get readyState(): 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.readable) return this.writable ? 'open' : 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  /** Where the listener that accepted it is bound; undefined when it was connected from here. */
  get localAddress(): string | undefined {
    const { local } = this.#connection;
    return local !== undefined && 'host' in local ? local.host : undefined;
  }

  /** The port of the listener that accepted it; undefined when it was connected from here. */
  get localPort(): number | undefined {
    const { local } = this.#connection;
    return local !== undefined && 'host' in local ? local.port : undefined;
  }

  /** The peer's address; undefined on a Unix socket. */
  get remoteAddress(): string | undefined {
    const { peer } = this.#connection;
    return 'host' in peer ? peer.host : undefined;
  }

  /** The peer's port; undefined on a Unix socket. */
  get remotePort(): number | undefined {
    const { peer } = this.#connection;
    return 'host' in peer ? peer.port : undefined;
  }

  /** 'IPv4' or 'IPv6'; undefined on a Unix socket. */
  get remoteFamily(): string | undefined {
    const { remoteAddress } = this;
    if (remoteAddress === undefined) return undefined;
    return isIPv6(remoteAddress) ? 'IPv6' : 'IPv4';
  }
}

/**
 * A stream of Node's on a connection, which belongs to it from now on: nobody else may read, write
 * or close it.
 * @throws {TypeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE
 *
 * @example
 * const request = http.get({ createConnection: () => toDuplex(connection), path: '/' });
 */
export function toDuplex(connection: Connection, options: DuplexOptions = {}): ConnectionDuplex {
  rejectUnknown('toDuplex', options, ['allowHalfOpen']);
  const allowHalfOpen = booleanOption('allowHalfOpen', options.allowHalfOpen, false);
  return new ConnectionDuplex(connection, allowHalfOpen);
}

/** As Node's sockets report what went wrong. */
function nodeError(error: unknown, syscall: string): Error {
  if (!(error instanceof SystemError)) return error as Error;
  const { errno, errnoName: code } = error;
  const like = new Error(`${syscall} ${code}`, { cause: error });
  return Object.assign(like, { code, errno: -errno, syscall });
}
