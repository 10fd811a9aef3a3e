/**
 * The driver for everywhere: Node's `net` and `fs` under the contract. It copies every byte once in
 * each direction, because Node's buffers are not ours and ours may be written by other threads.
 *
 * Events of Node leave their mark on a connection and ask for a turn, which runs from
 * `setImmediate`, after the poll phase that brought them; so one turn serves all of a poll.
 */
import net from 'node:net';
import { assert, Errno, RondoError, SystemError } from '../../base/index.ts';
import { HANDLE_DIRTY } from '../core/base-driver.ts';
import { LISTENERS_MAX } from '../core/driver-tables.ts';
import { checkAddress } from '../core/address.ts';
import { Count } from '../core/counts.ts';
import { HandleKind, HandleState } from '../core/handles.ts';
import { resolveListenOptions } from '../core/limits.ts';
import { LoopDriver } from '../core/loop-driver.ts';
import { OpFlag } from '../core/operations.ts';
import type { ResolvedSocketOptions } from '../core/socket-options.ts';
import {
  VECTOR_ENTRY_BYTES,
  VECTOR_MAX,
  type CloseMode,
  type DriverOptions,
  type Handle,
  type ListenOptions,
  type SocketAddress,
  type TlsOptions,
  type Waker,
} from '../driver.ts';
import { Connection } from './connection.ts';
import { Listener, type ListenerHost } from './listener.ts';
import { resolveTlsOptions } from './tls-settings.ts';
import { nodeOptions } from './socket-options.ts';
import { WakeWord } from './wake-word.ts';

/** Bytes copied and handed to Node at a time, per connection. */
const WRITE_MAX = 256 * 1024;
/** Passes over what waits in one turn; what is left then waits for the next. */
const PASSES = 8;
/** Any long time: this timer only holds the event loop. */
const HOLD_MS = 0x7fffffff;

/** A socket that connects. */
export interface OpeningSocket {
  readonly socket: net.Socket;
  /** The one under it, or itself. */
  readonly raw: net.Socket;
  readonly ready: string;
}

export class PortableDriver extends LoopDriver implements ListenerHost {
  readonly kind = 'portable';
  override readonly tls = true;
  override readonly canWait = false;
  readonly #connections: (Connection | undefined)[] = [];
  readonly #listeners = new Map<number, Listener>();
  /** Connects under way, by operation, and back. */
  readonly #connecting = new Map<number, Connection>();
  readonly #vector = new Uint32Array((VECTOR_MAX * VECTOR_ENTRY_BYTES) / 4);
  readonly #wake: WakeWord;
  readonly #hold: NodeJS.Timeout;
  #scheduled = false;
  #turnEnd = 0;

  constructor(options: DriverOptions) {
    super('portable', options);
    try {
      this.#wake = new WakeWord(this.arena, this.name, () => this.requestTurn());
    } catch (error) {
      this.pool.end();
      this.counts.release();
      throw error;
    }
    this.#hold = setInterval(() => {}, HOLD_MS).unref();
  }

  // ---- listening and accepting

  listen(address: SocketAddress, options: ListenOptions = {}): Handle {
    this.assertOpen();
    checkAddress(address);
    const resolved = resolveListenOptions(options);
    const tls = resolved.tls && resolveTlsOptions(resolved.tls);
    if (this.#listeners.size === LISTENERS_MAX) throw new SystemError('listen', Errno.EMFILE);
    const slot = this.handles.allocate(HandleKind.LISTENER);
    try {
      this.#listeners.set(slot, new Listener(slot, address, resolved, tls, this));
    } catch (error) {
      this.handles.free(slot, true);
      throw error;
    }
    return this.handles.handle(slot);
  }

  address(listener: Handle): SocketAddress {
    const slot = this.handles.findOpen(listener, HandleKind.LISTENER);
    if (slot === -1) throw new SystemError('getsockname', Errno.EBADF);
    return this.#listeners.get(slot)!.address();
  }

  override setCertificates(listener: Handle, tls: TlsOptions): void {
    const slot = this.handles.findOpen(listener, HandleKind.LISTENER);
    if (slot === -1) throw new SystemError('setCertificates', Errno.EBADF);
    this.#listeners.get(slot)!.setTls(resolveTlsOptions(tls));
  }

  handshakeFailed(): void {
    this.counts.add(Count.HANDSHAKE_FAILURES, 1);
  }

  protected startAccept(slot: number): void {
    if (this.#listeners.get(slot)!.held.length > 0 && !this.turning) this.requestTurn();
    else this.operationStarted();
  }

  incoming(listener: Listener, taken: boolean): void {
    if (!taken) this.counts.add(Count.ACCEPT_BACKOFFS, 1);
    else if (this.#acceptable(listener)) this.requestTurn();
    else this.#noteBackoff(listener);
  }

  #acceptable(listener: Listener): boolean {
    if (listener.held.length === 0 || this.room <= 0) return false;
    const op = this.handles.multishot[listener.slot]!;
    return op !== -1 && (this.operations.flags[op]! & OpFlag.FINISHED) === 0;
  }

  #deliverAccepted(listener: Listener): void {
    while (this.#budget > 0 && this.#acceptable(listener)) {
      listener.backedOff = false;
      const handle = this.#adopt(listener.held.shift()!);
      this.counts.add(Count.ACCEPTED, 1);
      this.progress(this.handles.multishot[listener.slot]!, handle);
    }
    this.#noteBackoff(listener);
  }

  /** Counts a wait for room once. */
  #noteBackoff(listener: Listener): void {
    if (listener.held.length === 0 || this.room > 0 || listener.backedOff) return;
    listener.backedOff = true;
    this.counts.add(Count.ACCEPT_BACKOFFS, 1);
  }

  /** Gives a connection its handle. */
  #adopt(connection: Connection): Handle {
    const slot = this.handles.allocate(HandleKind.CONNECTION);
    assert(slot !== -1, 'there is a slot for every connection that the limit allows');
    connection.slot = slot;
    this.peers.noteAddress(slot, connection.peer);
    this.#connections[slot] = connection;
    return this.handles.handle(slot);
  }

  // ---- connecting

  protected startConnect(op: number, address: SocketAddress, options: ResolvedSocketOptions): void {
    if (!this.reserve()) {
      this.finishLater(op, -Errno.EMFILE);
      return;
    }
    this.operationStarted();
    const { socket, raw, ready } = this.openSocket(address, options);
    const connection = new Connection(socket, raw, address, this);
    this.#connecting.set(op, connection);
    socket.once(ready, () => {
      if (this.#connecting.get(op) !== connection) return;
      this.#connectEnded(op);
      this.counts.add(Count.CONNECTED, 1);
      this.finishLater(op, this.#adopt(connection));
    });
    socket.once('close', () => {
      if (this.#connecting.get(op) !== connection) return;
      this.#connectEnded(op);
      this.finishLater(op, connection.errno || -Errno.ECONNABORTED);
    });
  }

  /** A paused socket on its way to the address, and the event by which it says it is there. */
  protected openSocket(address: SocketAddress, options: ResolvedSocketOptions): OpeningSocket {
    // Of an existing socket, `connect` takes no such options: they are the constructor's.
    const socket = new net.Socket({ allowHalfOpen: true, ...nodeOptions(options) });
    socket.pause();
    if ('path' in address) socket.connect({ path: address.path });
    else socket.connect({ host: address.host, port: address.port });
    return { socket, raw: socket, ready: 'connect' };
  }

  protected cancelConnect(op: number): void {
    this.#connecting.get(op)!.destroy(false);
    this.#connectEnded(op);
    this.finishLater(op, -Errno.ECANCELED);
  }

  #connectEnded(op: number): void {
    this.#connecting.delete(op);
    this.unreserve();
  }

  // ---- receiving

  protected startReceive(slot: number): void {
    this.operationStarted();
    const connection = this.#connections[slot]!;
    connection.startReceiving();
    this.readable(connection);
  }

  readable(connection: Connection): void {
    const { slot } = connection;
    const op = this.#receiveOf(slot);
    if (op === -1) return;
    if (connection.queued > 0) {
      this.ready.push(slot);
      if (!this.turning && this.freeBuffers > 0) this.requestTurn();
    } else if (connection.ended) {
      this.finishLater(op, connection.errno);
    }
  }

  protected cancelReceive(slot: number, op: number): void {
    this.ready.remove(slot);
    this.#connections[slot]!.stopReceiving();
    this.finishLater(op, -Errno.ECANCELED);
  }

  /** The receive in force on the slot, or -1. */
  #receiveOf(slot: number): number {
    if (slot === -1) return -1;
    const op = this.handles.multishot[slot]!;
    if (op === -1 || (this.operations.flags[op]! & OpFlag.FINISHED) !== 0) return -1;
    return op;
  }

  /** One buffer for each that is ready now. */
  #deliverReceived(): void {
    for (let left = this.ready.size; left > 0 && this.#budget > 0; left--) {
      if (this.freeBuffers === 0) break;
      const slot = this.ready.shift();
      const op = this.#receiveOf(slot);
      if (op === -1) continue;
      const connection = this.#connections[slot]!;
      const buffer = this.takeBuffer();
      const { bufferSize } = this.limits;
      const count = connection.take(this.arena.bytes, this.pool.offset(buffer), bufferSize);
      if (connection.queued > 0) this.ready.push(slot);
      this.received(op, count, buffer);
      // The handler may have closed the connection, which gives the slot a new state.
      const still = this.#connections[slot] === connection && this.#receiveOf(slot) === op;
      if (still && connection.queued === 0 && connection.ended) {
        this.finishLater(op, connection.errno);
      }
    }
    this.noteWaits();
  }

  // ---- sending

  writable(connection: Connection): void {
    const { slot } = connection;
    if (slot === -1 || this.handles.state[slot] === HandleState.CLOSING) return;
    this.markDirty(slot);
  }

  #flush(): void {
    const { handles } = this;
    // A copy: handlers put connections on the list again while it is worked on.
    const slots = this.dirty.slice(0, this.dirtyCount);
    this.dirtyCount = 0;
    for (const slot of slots) {
      handles.flags[slot]! &= ~HANDLE_DIRTY;
      if (handles.kind[slot] !== HandleKind.CONNECTION) continue;
      if (handles.state[slot] === HandleState.OPEN) this.#send(slot, this.#connections[slot]!);
    }
  }

  #send(slot: number, connection: Connection): void {
    const { sends } = this;
    if (connection.writing > 0 && connection.written) {
      const sent = connection.writing;
      connection.writing = 0;
      if (!connection.writeFailed) sends.advance(slot, sent);
    }
    if (connection.fin === 'sent' && sends.shutdownIsNext(slot)) {
      sends.shutdownDone(slot, connection.errno);
    }
    // The handler may have closed the connection.
    if (connection.slot !== slot || this.handles.state[slot] !== HandleState.OPEN) return;
    if (sends.isEmpty(slot)) return;
    if (connection.errno !== 0 || connection.closed) {
      connection.writing = 0;
      sends.fail(slot, connection.errno || -Errno.EPIPE);
    } else if (connection.writing === 0 && connection.fin !== 'asked') {
      if (sends.shutdownIsNext(slot)) connection.finish();
      else if (connection.fin === 'sent') sends.fail(slot, -Errno.EPIPE);
      else connection.write(this.#copy(slot));
    }
  }

  /** A private copy of the front of the queue. */
  #copy(slot: number): Buffer {
    const { bytes } = this.arena;
    const vector = this.#vector;
    const count = this.sends.gather(slot, vector, 0);
    let total = 0;
    for (let i = 0; i < count; i++) total += vector[i * 2 + 1]!;
    if (total > WRITE_MAX) this.counts.add(Count.PARTIAL_SENDS, 1);
    const copy = Buffer.allocUnsafe(Math.min(total, WRITE_MAX));
    let filled = 0;
    for (let i = 0; i < count && filled < copy.length; i++) {
      const from = vector[i * 2]!;
      const length = Math.min(vector[i * 2 + 1]!, copy.length - filled);
      copy.set(bytes.subarray(from, from + length), filled);
      filled += length;
    }
    return copy;
  }

  // ---- closing

  protected beginClose(slot: number, mode: CloseMode): void {
    const { handles } = this;
    if (handles.kind[slot] === HandleKind.FILE) return;
    this.endMultishot(slot);
    if (handles.kind[slot] === HandleKind.LISTENER) {
      this.#listeners.get(slot)!.close();
      this.#listeners.delete(slot);
      return;
    }
    // What Node has of the sends is a copy: they can end at once.
    this.sends.fail(slot, -Errno.ECANCELED);
    handles.flags[slot] = (handles.flags[slot]! & HANDLE_DIRTY) | (mode === 'reset' ? 1 : 0);
  }

  protected endClose(slot: number, op: number): void {
    const kind = this.handles.kind[slot];
    if (kind === HandleKind.FILE) this.files.close(slot, op);
    else if (kind === HandleKind.LISTENER) this.slotClosed(slot, op, true);
    else if (this.#connections[slot]!.closed) this.closed(this.#connections[slot]!);
    else this.#connections[slot]!.destroy((this.handles.flags[slot]! & 1) === 1);
  }

  closed(connection: Connection): void {
    const { slot } = connection;
    if (slot === -1 || this.handles.state[slot] !== HandleState.CLOSING) return;
    // Operations may still be on their way out; `endClose` comes again after the last.
    if (this.handles.inFlight[slot]! > 0) return;
    connection.slot = -1;
    this.#connections[slot] = undefined;
    this.slotClosed(slot, this.handles.closing[slot]!, true);
  }

  // ---- turns

  get #budget(): number {
    return this.#turnEnd - this.counts.delivered;
  }

  protected work(): void {
    this.#turnEnd = this.counts.delivered + this.limits.completionsPerTurn;
    for (let pass = 0; pass < PASSES && this.#budget > 0; pass++) {
      // Half, so that a handler which ends one operation by starting another leaves room for I/O.
      this.deliverFinished((this.#budget + 1) >> 1);
      if (this.wakesPending && this.#wake.take()) this.woken();
      for (const listener of this.#listeners.values()) this.#deliverAccepted(listener);
      this.#deliverReceived();
      this.#flush();
      if (!this.#busy()) break;
    }
    if (this.wakesPending) this.#wake.start();
    if (this.#busy()) this.scheduleTurn();
  }

  #busy(): boolean {
    if (this.hasFinished || this.dirtyCount > 0) return true;
    if (this.ready.size > 0 && this.freeBuffers > 0) return true;
    for (const listener of this.#listeners.values()) if (this.#acceptable(listener)) return true;
    return false;
  }

  protected scheduleTurn(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.turn();
    });
  }

  protected sleep(): void {
    throw new RondoError(
      'ERR_DRIVER_UNAVAILABLE',
      'Cannot wait on driver portable: the event loop does its I/O and must turn',
    );
  }

  protected startWakes(): void {
    this.operationStarted();
    this.#wake.start();
  }

  waker(): Waker {
    this.assertOpen();
    return { word: this.#wake.offset, descriptor: -1 };
  }

  protected holdLoop(alive: boolean): void {
    if (alive) this.#hold.ref();
    else this.#hold.unref();
  }

  protected async shutDown(): Promise<void> {
    this.timers.stop();
    this.#hold.ref();
    await this.#wake.stop();
    clearInterval(this.#hold);
  }
}
