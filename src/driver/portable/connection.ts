/**
 * A socket of Node's under the contract. What Node received waits here as Node's own buffers until
 * receive buffers are there; what is sent was copied to private memory first, because Node reads
 * it after the call, and from more threads than this one.
 *
 * Only the socket's events run here. They never call the driver's handler: they leave a note and
 * ask for a turn.
 */
import type { Socket } from 'node:net';
import { errnoOf } from '../core/node-errors.ts';
import type { SocketAddress } from '../driver.ts';
import { resetSocket } from './reset.ts';

/** Bytes received ahead of the driver's buffers; then the socket is paused. */
const AHEAD_MAX = 65536;

/** A TLS connection whose peer takes nothing is closed after so long without its last record. */
const FAREWELL_MS = 1000;

/** Told of what happens to a connection, never from inside a call into it. */
export interface ConnectionHost {
  /** There is data, the end of it or an error. */
  readable(connection: Connection): void;
  /** A write or the FIN has been dealt with. */
  writable(connection: Connection): void;
  /** Node has closed the descriptor. */
  closed(connection: Connection): void;
}

export class Connection {
  readonly socket: Socket;
  /** The socket that carries `socket`: itself, unless that is TLS. */
  readonly raw: Socket;
  /** Who is at the other end. */
  readonly peer: SocketAddress;
  /** Of the handle, -1 while it has none. */
  slot = -1;
  /** Nothing follows what is queued. */
  ended = false;
  /** Why the socket failed: a negative errno, 0 while it has not. */
  errno = 0;
  /** The descriptor is gone. */
  closed = false;
  /** Bytes that Node is sending, 0 when it is not. */
  writing = 0;
  /** Node has called back for those bytes. */
  written = false;
  /** It could not send them all. */
  writeFailed = false;
  /** 'asked' until Node has sent the FIN. */
  fin: 'no' | 'asked' | 'sent' = 'no';
  readonly #host: ConnectionHost;
  readonly #chunks: Buffer[] = [];
  /** Bytes of the first chunk that were taken. */
  #taken = 0;
  #queued = 0;
  #receiving = false;
  #paused = true;

  /** The socket must be paused: reading begins with `startReceiving`. */
  constructor(socket: Socket, raw: Socket, peer: SocketAddress, host: ConnectionHost) {
    this.socket = socket;
    this.raw = raw;
    this.peer = peer;
    this.#host = host;
    // The driver holds the event loop, not its sockets.
    socket.unref();
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error) => {
      if (this.errno === 0) this.errno = errnoOf(error);
      // Node ends a socket that fails, but not for an error of TLS after the handshake.
      socket.destroy();
    });
    socket.on('close', () => {
      this.closed = true;
      this.#onEnd();
      host.writable(this);
      host.closed(this);
    });
  }

  /** Bytes that wait to be taken. */
  get queued(): number {
    return this.#queued;
  }

  startReceiving(): void {
    this.#receiving = true;
    this.#flow();
  }

  stopReceiving(): void {
    this.#receiving = false;
    this.#flow();
  }

  /** Moves up to `capacity` queued bytes to `target` at `offset`. Returns how many. */
  take(target: Uint8Array, offset: number, capacity: number): number {
    let filled = 0;
    while (filled < capacity && this.#queued > 0) {
      const chunk = this.#chunks[0]!;
      const count = Math.min(capacity - filled, chunk.length - this.#taken);
      target.set(chunk.subarray(this.#taken, this.#taken + count), offset + filled);
      filled += count;
      this.#taken += count;
      this.#queued -= count;
      if (this.#taken === chunk.length) {
        this.#chunks.shift();
        this.#taken = 0;
      }
    }
    this.#flow();
    return filled;
  }

  /** Hands private bytes to Node; `written` tells when it is done with them. */
  write(bytes: Buffer): void {
    this.writing = bytes.length;
    this.written = false;
    this.socket.write(bytes, this.#onWritten);
  }

  readonly #onWritten = (error?: Error | null): void => {
    if (error && this.errno === 0) this.errno = errnoOf(error);
    this.writeFailed = Boolean(error);
    this.written = true;
    this.#host.writable(this);
  };

  /** Sends the FIN after what was written. */
  finish(): void {
    this.fin = 'asked';
    // Called with the error when the socket fails first, which its event has told of.
    this.socket.end(() => {
      this.fin = 'sent';
      this.#host.writable(this);
    });
  }

  /** Ends the socket; `closed` follows by event. */
  destroy(reset: boolean): void {
    this.#receiving = false;
    if (!reset && this.raw !== this.socket && this.#isQuiet) {
      this.#sayFarewell();
      return;
    }
    if (reset) resetSocket(this.raw);
    this.socket.destroy();
  }

  /** Nothing that was to be sent is under way, and there is somebody to send to. */
  get #isQuiet(): boolean {
    const idle = this.writing === 0 || (this.written && !this.writeFailed);
    return idle && this.fin === 'no' && this.errno === 0 && !this.closed;
  }

  /** TLS tells the end of the stream in a record of its own: without it the end may be forged. */
  #sayFarewell(): void {
    const timer = setTimeout(() => this.socket.destroy(), FAREWELL_MS).unref();
    this.socket.end(() => {
      clearTimeout(timer);
      this.socket.destroy();
    });
  }

  #onData(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#queued += chunk.length;
    this.#flow();
    this.#host.readable(this);
  }

  #onEnd(): void {
    if (this.ended) return;
    this.ended = true;
    this.#host.readable(this);
  }

  #flow(): void {
    const pause = !this.#receiving || this.#queued >= AHEAD_MAX;
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.socket.pause();
    else this.socket.resume();
  }
}
