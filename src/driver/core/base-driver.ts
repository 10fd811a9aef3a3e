/**
 * What the drivers have in common: the tables, the order of sends, the delivery of completions and
 * the life of a handle. A driver supplies the hooks of `driver-hooks.ts`. The rules are at the
 * head of `driver.ts`; here is where 1, 2, 3, 6, 7 and 9 are kept for all of them.
 *
 * Life of a handle: open → close() → closing: the queue of sends is failed, `beginClose` asks the
 * kernel for the rest → the last operation completes (inFlight 0) → `endClose` → `slotClosed`.
 */
import { assert, Errno, outOfRange, RondoError, SystemError } from '../../base/index.ts';
import { sanitizer } from '../../memory/index.ts';
import {
  CompletionFlag,
  VECTOR_ENTRY_BYTES,
  VECTOR_MAX,
  type CloseMode,
  type CompletionHandler,
  type Driver,
  type DriverKind,
  type DriverOptions,
  type Handle,
  type ListenOptions,
  type OpenFlags,
  type OperationId,
  type SocketAddress,
  type SocketOptions,
  type TlsOptions,
} from '../driver.ts';
import { checkAddress } from './address.ts';
import { Count } from './counts.ts';
import { DriverTables } from './driver-tables.ts';
import { Finished } from './finished.ts';
import { HandleKind, HandleState } from './handles.ts';
import { refuseTls, resolveConnectOptions } from './limits.ts';
import { isToken, Op, OpFlag, SILENT_TOKEN } from './operations.ts';
import { watchDriver } from './sanitized.ts';
import { SendQueues, type SendSink } from './send-queues.ts';
import { SOCKET_DEFAULTS } from './socket-options.ts';

/** A result is a signed 32-bit number, and so is the length it reports. */
const RESULT_MAX = 0x7fffffff;
/** The longest time that can be waited for but Infinity, ms. */
const WAIT_MAX = 0x7fffffff;

/** Pauses of a destroy that only yield to the event loop; later ones sleep. */
const EAGER_PAUSES = 64;

/** Marks a connection that is on the list of those with sends to hand over. */
export const HANDLE_DIRTY: number = 1 << 30;

export abstract class BaseDriver extends DriverTables implements Driver, SendSink {
  abstract readonly kind: DriverKind;
  readonly tls: boolean = false;
  readonly canWait: boolean = true;
  readonly sends: SendQueues;
  /** Paths of the Unix sockets that listeners made, by slot. */
  readonly socketPaths: Map<number, string> = new Map();
  /** Connections whose queue of sends has news; each at most once (HANDLE_DIRTY). */
  readonly dirty: Int32Array;
  dirtyCount = 0;
  readonly #handler: CompletionHandler;
  readonly #finished: Finished;
  #turning = false;
  #wakesOp = -1;
  #destroyed: Promise<void> | undefined;
  /** Everything is over; from here on the memory is given up. */
  #over = false;
  #pauses = 0;

  constructor(
    kind: DriverKind,
    options: DriverOptions,
    kernelSlots: boolean,
    extra?: readonly string[],
  ) {
    super(kind, options, kernelSlots, extra);
    this.#handler = options.handler;
    this.#finished = new Finished(this.operations);
    this.sends = new SendQueues(this.handles, this.operations, this);
    this.dirty = new Int32Array(this.handles.capacity);
    if (sanitizer !== undefined) watchDriver(this, sanitizer);
  }

  // ---- submitting

  abstract listen(address: SocketAddress, options?: ListenOptions): Handle;
  abstract address(listener: Handle): SocketAddress;

  setCertificates(listener: Handle, _tls: TlsOptions): void {
    const slot = this.handles.findOpen(listener, HandleKind.LISTENER);
    if (slot === -1) throw new SystemError('setCertificates', Errno.EBADF);
    refuseTls(this.kind);
  }

  accept(listener: Handle, token: number): OperationId {
    const slot = this.handles.findOpen(listener, HandleKind.LISTENER);
    if (slot === -1) return -Errno.EBADF;
    if (this.handles.multishot[slot] !== -1) return -Errno.EALREADY;
    const op = this.#take(Op.ACCEPT, token, slot);
    if (op < 0) return op;
    this.handles.multishot[slot] = op;
    this.startAccept(slot, op);
    return this.operations.id(op);
  }

  connect(address: SocketAddress, token: number, options?: SocketOptions): OperationId {
    checkAddress(address);
    const resolved = options === undefined ? SOCKET_DEFAULTS : resolveConnectOptions(options);
    const op = this.#take(Op.CONNECT, token, -1);
    if (op < 0) return op;
    this.startConnect(op, address, resolved);
    return this.operations.id(op);
  }

  receive(connection: Handle, token: number): OperationId {
    const slot = this.handles.findOpen(connection, HandleKind.CONNECTION);
    if (slot === -1) return -Errno.EBADF;
    if (this.handles.multishot[slot] !== -1) return -Errno.EALREADY;
    const op = this.#take(Op.RECEIVE, token, slot);
    if (op < 0) return op;
    this.handles.multishot[slot] = op;
    this.startReceive(slot, op);
    return this.operations.id(op);
  }

  release(buffer: number): void {
    // With the driver its buffers went, those in the hands of the caller too.
    if (this.#over) return;
    this.bufferReturned(this.pool.takeBack(buffer));
  }

  send(connection: Handle, token: number, offset: number, length: number): OperationId {
    const slot = this.handles.findOpen(connection, HandleKind.CONNECTION);
    if (slot === -1) return -Errno.EBADF;
    if (!this.inBounds(offset, length)) return -Errno.EINVAL;
    const op = this.#take(Op.SEND, token, slot);
    if (op < 0) return op;
    this.operations.offset[op] = offset;
    this.operations.length[op] = length;
    this.operations.result[op] = length;
    this.sends.push(slot, op);
    this.markDirty(slot);
    return this.operations.id(op);
  }

  sendVector(connection: Handle, token: number, vector: number, count: number): OperationId {
    const { handles, operations, arena } = this;
    const slot = handles.findOpen(connection, HandleKind.CONNECTION);
    if (slot === -1) return -Errno.EBADF;
    if (count < 1 || count > VECTOR_MAX || vector % 4 !== 0) return -Errno.EINVAL;
    if (!this.inBounds(vector, count * VECTOR_ENTRY_BYTES)) return -Errno.EINVAL;
    if (this.#destroyed) return -Errno.EBADF;
    if (operations.available < count) return -Errno.ENOBUFS;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const length = arena.unsigned[vector / 4 + i * 2 + 1]!;
      if (!this.inBounds(arena.unsigned[vector / 4 + i * 2]!, length)) return -Errno.EINVAL;
      sum += length;
    }
    if (sum > RESULT_MAX) return -Errno.EINVAL;
    let last = -1;
    for (let i = 0; i < count; i++) {
      last = this.#take(Op.SEND, token, slot);
      operations.offset[last] = arena.unsigned[vector / 4 + i * 2]!;
      operations.length[last] = arena.unsigned[vector / 4 + i * 2 + 1]!;
      operations.result[last] = sum;
      if (i < count - 1) operations.flags[last]! |= OpFlag.SILENT;
      this.sends.push(slot, last);
    }
    this.markDirty(slot);
    return operations.id(last);
  }

  sendMany(
    connections: ArrayLike<Handle>,
    count: number,
    token: number,
    offset: number,
    length: number,
  ): OperationId {
    const { handles, operations } = this;
    if (!this.inBounds(offset, length) || count < 0 || count > connections.length) {
      return -Errno.EINVAL;
    }
    if (this.#destroyed) return -Errno.EBADF;
    if (operations.available < count + 1) return -Errno.ENOBUFS;
    const whole = this.#take(Op.SEND_MANY, token, -1);
    let members = 0;
    for (let i = 0; i < count; i++) {
      const slot = handles.findOpen(connections[i]!, HandleKind.CONNECTION);
      if (slot === -1) continue;
      const op = this.#take(Op.SEND, 0, slot);
      operations.offset[op] = offset;
      operations.length[op] = length;
      operations.result[op] = length;
      operations.group[op] = whole;
      this.sends.push(slot, op);
      this.markDirty(slot);
      members += 1;
    }
    // For the whole, `length` counts the members that have not completed.
    operations.length[whole] = members;
    if (members === 0) this.finishLater(whole, 0);
    return operations.id(whole);
  }

  shutdown(connection: Handle, token: number): OperationId {
    const slot = this.handles.findOpen(connection, HandleKind.CONNECTION);
    if (slot === -1) return -Errno.EBADF;
    const op = this.#take(Op.SHUTDOWN, token, slot);
    if (op < 0) return op;
    this.sends.push(slot, op);
    this.markDirty(slot);
    return this.operations.id(op);
  }

  close(handle: Handle, token: number, mode: CloseMode = 'finish'): OperationId {
    const slot = this.handles.find(handle);
    if (slot === -1) return -Errno.EBADF;
    return isToken(token) ? this.#closeSlot(slot, token, mode) : -Errno.EINVAL;
  }

  #closeSlot(slot: number, token: number, mode: CloseMode): OperationId {
    const { handles, operations } = this;
    if (handles.state[slot] === HandleState.CLOSING) return -Errno.EBADF;
    const op = operations.allocate(Op.CLOSE, token, slot);
    if (op === -1) return -Errno.ENOBUFS;
    this.counts.add(Count.SUBMITTED, 1);
    handles.state[slot] = HandleState.CLOSING;
    handles.closing[slot] = op;
    this.beginClose(slot, mode);
    if (handles.inFlight[slot] === 0) this.endClose(slot, op);
    return operations.id(op);
  }

  cancel(operation: OperationId): number {
    const { operations } = this;
    const op = operations.find(operation);
    if (op === -1 || (operations.flags[op]! & OpFlag.FINISHED) !== 0) return -Errno.ENOENT;
    const kind = operations.kind[op]!;
    if (kind === Op.SEND || kind === Op.SEND_MANY || kind === Op.SHUTDOWN || kind === Op.CLOSE) {
      return -Errno.EINVAL;
    }
    if ((operations.flags[op]! & OpFlag.CANCELLED) !== 0) return 0;
    operations.flags[op]! |= OpFlag.CANCELLED;
    if (kind === Op.WAKES) this.finishLater(op, -Errno.ECANCELED);
    else this.startCancel(op);
    return 0;
  }

  timeout(milliseconds: number, token: number): OperationId {
    if (!(milliseconds >= 0 && milliseconds <= 0x7fffffff)) return -Errno.EINVAL;
    const op = this.#take(Op.TIMEOUT, token, -1);
    if (op < 0) return op;
    this.startTimeout(op, milliseconds);
    return this.operations.id(op);
  }

  openFile(path: string, flags: OpenFlags, token: number): OperationId {
    if (path.length === 0 || path.includes('\0')) return -Errno.EINVAL;
    const op = this.#take(Op.OPEN, token, -1);
    if (op < 0) return op;
    this.startOpen(op, path, flags);
    return this.operations.id(op);
  }

  statFile(file: Handle, token: number, offset: number): OperationId {
    if (offset % 8 !== 0) return -Errno.EINVAL;
    return this.#fileOperation(Op.STAT, file, token, offset, 32, 0);
  }

  readFile(
    file: Handle,
    token: number,
    offset: number,
    length: number,
    position: number,
  ): OperationId {
    return this.#fileOperation(Op.READ, file, token, offset, length, position);
  }

  writeFile(
    file: Handle,
    token: number,
    offset: number,
    length: number,
    position: number,
  ): OperationId {
    return this.#fileOperation(Op.WRITE, file, token, offset, length, position);
  }

  syncFile(file: Handle, token: number, dataOnly: boolean = false): OperationId {
    const kind = dataOnly ? Op.DATA_SYNC : Op.SYNC;
    return this.#fileOperation(kind, file, token, this.pool.region.offset, 1, 0);
  }

  resizeFile(file: Handle, token: number, size: number): OperationId {
    return this.#fileOperation(Op.RESIZE, file, token, this.pool.region.offset, 1, size);
  }

  wakes(token: number): OperationId {
    if (this.#wakesOp !== -1) return -Errno.EALREADY;
    const op = this.#take(Op.WAKES, token, -1);
    if (op < 0) return op;
    this.#wakesOp = op;
    this.startWakes();
    return this.operations.id(op);
  }

  // ---- turning and ending

  turn(): number {
    assert(!this.#turning, 'a turn does not start inside another');
    if (this.#over) return 0;
    const before = this.counts.delivered;
    this.#turning = true;
    try {
      this.counts.add(Count.TURNS, 1);
      this.runTurn();
    } finally {
      this.#turning = false;
    }
    return this.counts.delivered - before;
  }

  wait(milliseconds: number): number {
    if (!((milliseconds >= 0 && milliseconds <= WAIT_MAX) || milliseconds === Infinity)) {
      throw outOfRange(
        'ERR_OPTION_RANGE',
        `Cannot wait: milliseconds must be from 0 to ${WAIT_MAX}, or Infinity, got ${milliseconds}`,
      );
    }
    assert(!this.#turning, 'a handler does not wait');
    if (this.#over) return 0;
    this.sleep(milliseconds);
    return this.turn();
  }

  /** The driver has ended, or is giving its memory up. */
  get over(): boolean {
    return this.#over;
  }

  /** Whether completions are being delivered. */
  get turning(): boolean {
    return this.#turning;
  }

  destroy(): Promise<void> {
    this.#destroyed ??= this.#destroy();
    return this.#destroyed;
  }

  async #destroy(): Promise<void> {
    // Again after each pause: a full table refuses closes until it has turned, and an accept,
    // connect or open that was under way may have brought a new handle.
    this.#endEverything();
    // A handler may ask in the middle of a turn; the turn must not lose the ground under its feet.
    while (this.#turning || !this.#ended) {
      await this.pause();
      this.#endEverything();
    }
    this.#over = true;
    await this.shutDown();
    this.pool.end();
    this.counts.release();
  }

  #endEverything(): void {
    const { handles, operations } = this;
    for (let slot = 0; slot < handles.capacity; slot++) {
      if (handles.kind[slot] === HandleKind.FREE) continue;
      if (handles.state[slot] === HandleState.CLOSING) continue;
      if (this.#closeSlot(slot, SILENT_TOKEN, 'finish') === -Errno.ENOBUFS) break;
    }
    for (let op = 0; op < operations.capacity; op++) {
      if (operations.kind[op] === Op.FREE) continue;
      if (operations.handle[op] === -1) this.cancel(operations.id(op));
    }
  }

  get #ended(): boolean {
    const { count } = this.handles;
    const open =
      count[HandleKind.CONNECTION]! + count[HandleKind.LISTENER]! + count[HandleKind.FILE]!;
    return open === 0 && this.operations.used === 0;
  }

  /** @throws {RondoError} ERR_DRIVER_CLOSED */
  assertOpen(): void {
    if (this.#destroyed) {
      throw new RondoError('ERR_DRIVER_CLOSED', `Cannot use ${this.name}: it was destroyed`);
    }
  }

  // ---- delivering (for the drivers; only from runTurn, except finishLater)

  /** The final completion of an operation. Frees it first: the handler may reuse the slot. */
  complete(op: number, result: number): void {
    const { operations, handles } = this;
    const token = operations.token[op]!;
    const slot = operations.handle[op]!;
    const group = operations.group[op]!;
    const kind = operations.kind[op]!;
    const silent = (operations.flags[op]! & OpFlag.SILENT) !== 0 || token < 0;
    if (slot !== -1 && handles.multishot[slot] === op) handles.multishot[slot] = -1;
    if (op === this.#wakesOp) this.#wakesOp = -1;
    operations.free(op);
    if (kind === Op.SEND && result > 0 && !silent) this.counts.add(Count.BYTES_SENT, result);
    if (group !== -1) this.#memberDone(group, result);
    else if (!silent) this.#call(token, result, 0, 0);
    if (slot === -1 || kind === Op.CLOSE) return;
    const inFlight = handles.inFlight[slot]! - 1;
    handles.inFlight[slot] = inFlight;
    if (inFlight === 0 && handles.closing[slot] !== -1) this.endClose(slot, handles.closing[slot]!);
  }

  /** A completion of a multishot operation that goes on. */
  progress(op: number, result: number): void {
    this.#call(this.operations.token[op]!, result, CompletionFlag.MORE, 0);
  }

  /** Received bytes: the buffer is lent to the caller. */
  received(op: number, length: number, buffer: number): void {
    this.pool.lend(buffer);
    this.counts.add(Count.BYTES_RECEIVED, length);
    this.#call(
      this.operations.token[op]!,
      length,
      CompletionFlag.MORE | CompletionFlag.BUFFER,
      this.pool.offset(buffer),
    );
  }

  /** Completes in a later step of the turn, or in the next turn. Safe anywhere. */
  finishLater(op: number, result: number): void {
    this.#finished.push(op, result);
    if (!this.#turning) this.requestTurn();
  }

  get hasFinished(): boolean {
    return !this.#finished.isEmpty;
  }

  /** Delivers what `finishLater` collected, at most `limit`. Returns how many. */
  deliverFinished(limit: number): number {
    let delivered = 0;
    while (!this.#finished.isEmpty && delivered < limit) {
      const op = this.#finished.shift();
      delivered += 1;
      this.complete(op, this.operations.result[op]!);
    }
    return delivered;
  }

  /** `endClose` has ended: frees the slot and completes the close. */
  slotClosed(slot: number, op: number, allocated: boolean): void {
    // A slot on the list of dirty ones stays marked, so that its successor is not put there twice.
    const dirty = this.handles.flags[slot]! & HANDLE_DIRTY;
    this.handles.free(slot, allocated);
    this.handles.flags[slot] = dirty;
    this.counts.add(Count.CLOSED, 1);
    this.finishLater(op, 0);
    this.roomMade();
  }

  /** Whether somebody wants to know of wakes. */
  get wakesPending(): boolean {
    return this.#wakesOp !== -1;
  }

  /** Somebody used the waker. */
  woken(): void {
    if (this.#wakesOp !== -1) this.progress(this.#wakesOp, 0);
  }

  markDirty(slot: number): void {
    if ((this.handles.flags[slot]! & HANDLE_DIRTY) !== 0) return;
    this.handles.flags[slot]! |= HANDLE_DIRTY;
    this.dirty[this.dirtyCount++] = slot;
    if (!this.#turning) this.requestTurn();
  }

  // ---- for this class

  inBounds(offset: number, length: number): boolean {
    return length > 0 && length <= RESULT_MAX && offset > 0 && offset + length <= this.arena.size;
  }

  /** While the driver ends, the handler may still submit: that is refused, not thrown at it. */
  #take(kind: number, token: number, slot: number): number {
    if (this.#over) this.assertOpen();
    if (this.#destroyed) return -Errno.EBADF;
    if (!isToken(token)) return -Errno.EINVAL;
    const op = this.operations.allocate(kind, token, slot);
    if (op === -1) return -Errno.ENOBUFS;
    if (slot !== -1) this.handles.inFlight[slot]! += 1;
    this.counts.add(Count.SUBMITTED, 1);
    return op;
  }

  #fileOperation(
    kind: number,
    file: Handle,
    token: number,
    offset: number,
    length: number,
    position: number,
  ): OperationId {
    const slot = this.handles.findOpen(file, HandleKind.FILE);
    if (slot === -1) return -Errno.EBADF;
    if (!this.inBounds(offset, length)) return -Errno.EINVAL;
    if (!Number.isSafeInteger(position) || position < 0) return -Errno.EINVAL;
    const op = this.#take(kind, token, slot);
    if (op < 0) return op;
    this.operations.offset[op] = offset;
    this.operations.length[op] = length;
    this.startFile(op, slot, kind, position);
    return this.operations.id(op);
  }

  #memberDone(whole: number, result: number): void {
    const { operations } = this;
    if (result >= 0) operations.result[whole]! += 1;
    const left = operations.length[whole]! - 1;
    operations.length[whole] = left;
    if (left === 0) this.finishLater(whole, operations.result[whole]!);
  }

  #call(token: number, result: number, flags: number, buffer: number): void {
    this.counts.delivered += 1;
    try {
      this.#handler(token, result, flags, buffer);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  /** Lets the event loop make progress; used while destroying. Slower when it takes long. */
  protected pause(): Promise<void> {
    this.#pauses += 1;
    const eager = this.#pauses <= EAGER_PAUSES;
    return new Promise((resolve) => {
      if (eager) setImmediate(resolve);
      else setTimeout(resolve, 1);
    });
  }
}
