/**
 * The driver on io_uring. One ring per driver, in the arena; connections are direct descriptors
 * (slots of the ring's own file table, which cost no descriptor of the process), so a connection's
 * slot is the kernel's number for it. Listeners and files are ordinary descriptors.
 *
 * Lifetime rules (each is a test in test/conformance): the operation's record is written before its
 * entry; memory is the kernel's until the last completion (and the notification of a zero-copy
 * send); completions carry a generation and a stale one gives back what it brought; a descriptor is
 * closed when nothing is in flight on it; a multishot operation is in flight until a completion
 * without MORE.
 */
import { exchange } from '#atomics';
import { assert, Errno, systemClock } from '../../base/index.ts';
import type { Native } from '../../native/index.ts';
import { BaseDriver, HANDLE_DIRTY } from '../core/base-driver.ts';
import { Count } from '../core/counts.ts';
import { HandleKind, HandleState } from '../core/handles.ts';
import { loopRest } from '../core/loop-rest.ts';
import { Op, OpFlag } from '../core/operations.ts';
import type { ResolvedSocketOptions } from '../core/socket-options.ts';
import { closeListener, listenSocket, socketAddress } from '../core/sockets.ts';
import { WaitList } from '../core/wait-list.ts';
import type {
  CloseMode,
  Driver,
  DriverCounters,
  Handle,
  ListenOptions,
  OpenFlags,
  SocketAddress,
  Waker,
} from '../driver.ts';
import { CqeFlag, SockOpt } from './abi.ts';
import { Accepts } from './accepts.ts';
import { Connects } from './connects.ts';
import type { ControlBlock } from './control-block.ts';
import { UringFiles } from './files.ts';
import { openRing, type OpenRing } from './open.ts';
import { clampConnections, resolveRingOptions, type UringDriverOptions } from './options.ts';
import type { Ring } from './ring.ts';
import type { Scratch } from './scratch.ts';
import { Tag, type Submissions } from './submissions.ts';

/** A send of the connection is in the kernel. */
const SENDING = 1 << 0;
/** Close with RST. */
const RESET = 1 << 1;
/** The multishot operation is in the kernel (as opposed to waiting for a buffer or a slot). */
const ARMED: number = OpFlag.DRIVER;
/** Buffers filled in a row after which a multishot receive is ended. */
const FULL_MAX = 4;
/** The receive is being ended so that others get a buffer; it goes to the end of the line. */
const YIELDING: number = OpFlag.DRIVER << 1;
const VECTOR_BYTES = 512;

/**
 * The driver on io_uring; see `createDriver` for the checked way in.
 * @throws {RondoError} ERR_DRIVER_UNAVAILABLE, ERR_ARENA_EXHAUSTED
 */
export function createUringDriver(options: UringDriverOptions): Driver {
  return new UringDriver(options);
}

class UringDriver extends BaseDriver {
  readonly kind = 'uring';
  readonly #native: Native;
  readonly #ring: Ring;
  readonly #submit: Submissions;
  readonly #scratch: Scratch;
  readonly #control: ControlBlock;
  readonly #files: UringFiles;
  readonly #connects: Connects;
  readonly #accepts: Accepts;
  readonly #open: OpenRing;
  readonly #zeroCopyFrom: number;
  /** Receives that wait for a buffer: slots of their connections. */
  readonly #waiters: WaitList;
  /**
   * Buffers in a row that a connection has filled, by slot, up to FULL_MAX. A multishot receive
   * takes up to 32 buffers before the kernel looks at another connection: a few that send as fast
   * as they can would take the whole pool in each turn. So who fills buffers gets them one at a
   * time, and so does who has received nothing yet.
   */
  readonly #full: Uint8Array;
  /** Result of a zero-copy send whose notification is still to come, by slot. */
  readonly #pendingSend = new Map<number, number>();
  #inLoop = false;
  #referenced = true;
  #alive = false;
  #wakePolled = false;
  /** An entry watches the event loop, so that what it has to do ends a sleep. */
  #loopPolled = false;
  /** The waker was used, and nobody has been told. */
  #woken = false;
  /** What the memory of the ring said when it was given back. */
  #finalCounters: Pick<DriverCounters, 'systemCalls' | 'overflows'> | undefined;

  constructor(options: UringDriverOptions) {
    const own = resolveRingOptions(options);
    super('uring', clampConnections(options), true, [
      'ringEntries',
      'completionEntries',
      'zeroCopyFrom',
    ]);
    this.#zeroCopyFrom = own.zeroCopyFrom;
    let opened: OpenRing | undefined;
    try {
      opened = openRing(this, own, () => this.#turnInLoop());
      this.#open = opened;
      const { native, ring, scratch, control, submit, places } = this.#open;
      this.#files = new UringFiles(this, native, submit, control.emptyPath);
      this.#connects = new Connects(this, submit, scratch, ring, control);
      this.#accepts = new Accepts(this, submit, places);
    } catch (error) {
      opened?.resources.release();
      this.abandon();
      throw error;
    }
    this.#native = this.#open.native;
    this.#ring = this.#open.ring;
    this.#scratch = this.#open.scratch;
    this.#control = this.#open.control;
    this.#submit = this.#open.submit;
    this.#waiters = new WaitList(this.handles.capacity);
    this.#full = new Uint8Array(this.handles.capacity).fill(1);
  }

  /** The addon has flushed before it calls, and flushes afterwards. */
  #turnInLoop(): void {
    this.#inLoop = true;
    try {
      this.turn();
    } finally {
      this.#inLoop = false;
    }
  }

  /** The kernel is entered once, to submit and to sleep: the turn that follows does not flush. */
  override wait(milliseconds: number): number {
    this.#inLoop = true;
    try {
      return super.wait(milliseconds);
    } finally {
      this.#inLoop = false;
    }
  }

  protected sleep(milliseconds: number): void {
    const rest = this.#control.isDirty ? 0 : loopRest(this.#native, this.#open.loop);
    const limit = Math.min(milliseconds, rest);
    if (limit === 0) {
      this.#ring.flush();
      return;
    }
    if (!this.#loopPolled) {
      this.#loopPolled = true;
      this.#submit.pollOnce(this.#native.loopDescriptor(), Tag.LOOP);
    }
    this.#ring.sleep(limit);
  }

  listen(address: SocketAddress, options: ListenOptions = {}): Handle {
    this.assertOpen();
    return listenSocket(this, this.#native, address, options);
  }

  address(listener: Handle): SocketAddress {
    return socketAddress(this, this.#native, listener);
  }

  // ---- starting

  protected startAccept(slot: number, op: number): void {
    this.#accepts.start(slot, op);
    this.#keepAlive();
  }

  /** One buffer at a time while others wait for some, and for who fills them: see `#full`. */
  protected startReceive(slot: number, op: number): void {
    this.operations.flags[op]! |= ARMED;
    const multishot = this.#waiters.size === 0 && this.#full[slot] === 0;
    this.#submit.receive(slot, this.operations.id(op), multishot);
    this.#keepAlive();
  }

  protected startConnect(op: number, address: SocketAddress, options: ResolvedSocketOptions): void {
    this.#connects.start(op, address, options);
    this.#keepAlive();
  }

  protected startTimeout(op: number, milliseconds: number): void {
    this.#submit.timeout(milliseconds, this.operations.id(op), Tag.OPERATION);
    this.#keepAlive();
  }

  protected startOpen(op: number, path: string, flags: OpenFlags): void {
    this.#files.open(op, path, flags, this.#scratch, this.#ring);
    this.#keepAlive();
  }

  protected startFile(op: number, slot: number, kind: number, position: number): void {
    this.#files.start(op, slot, kind, position);
    this.#keepAlive();
  }

  protected startWakes(): void {
    this.#pollWaker();
    if (this.#woken) this.requestTurn();
    this.#keepAlive();
  }

  protected startCancel(op: number): void {
    const { operations } = this;
    const kind = operations.kind[op]!;
    const slot = operations.handle[op]!;
    if (kind === Op.ACCEPT) {
      this.#accepts.cancel(slot, op);
      this.#keepAlive();
      return;
    }
    if (kind === Op.RECEIVE && (operations.flags[op]! & ARMED) === 0) {
      this.#waiters.remove(slot);
      this.finishLater(op, -Errno.ECANCELED);
      return;
    }
    if (kind === Op.STAT && this.#files.forget(op)) {
      this.finishLater(op, -Errno.ECANCELED);
      return;
    }
    // A connect whose socket is being made ends when that completes: see Connects.
    this.#submit.cancel(operations.id(op), kind === Op.OPEN ? Tag.DESCRIPTOR : Tag.OPERATION);
    this.#keepAlive();
  }

  // ---- a turn

  protected requestTurn(): void {
    this.#control.setDirty();
    this.#keepAlive();
  }

  protected runTurn(): void {
    const ring = this.#ring;
    this.#control.clearDirty();
    if (!this.#inLoop) ring.flush();
    if (this.#woken && this.wakesPending) {
      this.#woken = false;
      this.woken();
    }
    // Completions of our own making have half of the turn, however many come from the kernel.
    const share = Math.ceil(this.limits.completionsPerTurn / 2);
    let left = Math.max(1, this.limits.completionsPerTurn - share);
    for (;;) {
      const batch = Math.min(Math.max(left, 0), ring.ready());
      for (let i = 0; i < batch; i++) {
        ring.next();
        this.#dispatch(ring.id0, ring.id1, ring.result, ring.flags);
      }
      if (batch > 0) ring.consume();
      left -= batch;
      left -= this.deliverFinished(Math.max(left, share));
      if (left <= 0 || (ring.ready() === 0 && !this.hasFinished)) break;
    }
    this.#accepts.resumeIfRoom();
    this.#feedWaiters();
    this.#submitSends();
    if (!this.#inLoop) ring.flush();
    const feedable = this.#waiters.size > 0 && this.pool.held < this.pool.count;
    if (feedable || this.hasFinished || ring.ready() > 0) this.#control.setDirty();
    this.counts.publish();
    this.#keepAlive();
  }

  #submitSends(): void {
    const { dirty, handles } = this;
    const count = this.dirtyCount;
    this.dirtyCount = 0;
    for (let i = 0; i < count; i++) {
      const slot = dirty[i]!;
      handles.flags[slot]! &= ~HANDLE_DIRTY;
      if ((handles.flags[slot]! & SENDING) === 0) this.#submitSend(slot);
    }
  }

  #submitSend(slot: number): void {
    const { handles, operations, sends } = this;
    const op = handles.sendHead[slot]!;
    if (op === -1) return;
    handles.flags[slot]! |= SENDING;
    const handle = handles.handle(slot);
    if (operations.kind[op] === Op.SHUTDOWN) {
      this.#submit.shutdown(slot, handle);
    } else if (sends.isSingle(slot)) {
      const done = operations.progress[op]!;
      const length = operations.length[op]! - done;
      const zeroCopy = length >= this.#zeroCopyFrom;
      this.#submit.send(slot, handle, operations.offset[op]! + done, length, zeroCopy);
    } else {
      const vector = this.#scratch.take(this.#ring, VECTOR_BYTES);
      const count = sends.gather(slot, this.arena.unsigned, vector >>> 2);
      this.#submit.sendVector(slot, handle, vector, count, false);
    }
  }

  #dispatch(id: number, tag: number, result: number, flags: number): void {
    switch (tag) {
      case Tag.OPERATION:
      case Tag.DESCRIPTOR:
        return this.#operationDone(id, result, flags);
      case Tag.SEND:
        return this.#sendDone(id, result, flags);
      case Tag.SHUTDOWN: {
        const slot = this.handles.find(id);
        this.handles.flags[slot]! &= ~SENDING;
        this.sends.shutdownDone(slot, result);
        return this.#afterSend(slot);
      }
      case Tag.CLOSE: {
        const slot = this.handles.find(id);
        return this.slotClosed(slot, this.handles.closing[slot]!, false);
      }
      case Tag.SOCKET:
        return this.#connects.socketMade(id, result);
      case Tag.ACCEPT:
        return this.#accepts.done(id, result);
      case Tag.BACKOFF:
        return this.#accepts.backoffOver();
      case Tag.WAKE:
        this.#native.wakeTake(this.#open.wakeReader);
        // Before the handler looks at what the waker wrote, so that a later wake signals again. An
        // exchange, not a store: what is read after it must not be read before it.
        exchange(this.arena.words, this.#control.waker >>> 2, 0);
        if ((flags & CqeFlag.MORE) === 0) this.#submit.poll(this.#open.wakeReader, Tag.WAKE);
        this.#woken = !this.wakesPending;
        return this.woken();
      case Tag.LOOP:
        this.#loopPolled = false;
        return undefined;
      default:
        return undefined;
    }
  }

  #operationDone(id: number, result: number, flags: number): void {
    const op = this.operations.find(id);
    assert(op !== -1, 'an operation is in the table until its last completion');
    switch (this.operations.kind[op]) {
      case Op.RECEIVE:
        return this.#receiveDone(op, id, result, flags);
      case Op.CONNECT:
        return this.#connects.connected(op, result);
      case Op.TIMEOUT:
        return this.complete(op, result === -Errno.ETIME ? 0 : result);
      default:
        return this.#files.done(op, result);
    }
  }

  #receiveDone(op: number, id: number, result: number, flags: number): void {
    const { operations } = this;
    const slot = operations.handle[op]!;
    const more = (flags & CqeFlag.MORE) !== 0;
    if (!more) operations.flags[op]! &= ~ARMED;
    if (result > 0) {
      const filled = result === this.pool.bufferSize;
      this.#full[slot] = filled ? Math.min(this.#full[slot]! + 1, FULL_MAX) : 0;
      this.received(op, result, flags >>> 16);
      // The handler may have cancelled or closed; with MORE the kernel's last word is to come.
      if (operations.find(id) === -1) return;
      if (more) return this.#yieldToOthers(slot, op, id);
      if (this.#isEnding(slot, op)) {
        if ((operations.flags[op]! & OpFlag.FINISHED) === 0) this.complete(op, -Errno.ECANCELED);
      } else if (this.#waiters.size > 0) {
        operations.flags[op]! &= ~YIELDING;
        this.#waiters.push(slot);
      } else {
        this.startReceive(slot, op);
      }
    } else if (this.#isEnding(slot, op)) {
      this.complete(op, result === -Errno.ENOBUFS ? -Errno.ECANCELED : result);
    } else if (this.#hasYielded(op, result) && this.#waiters.size === 0) {
      operations.flags[op]! &= ~YIELDING;
      this.startReceive(slot, op);
    } else if (result === -Errno.ENOBUFS || this.#hasYielded(op, result)) {
      if (result === -Errno.ENOBUFS) this.counts.add(Count.BUFFER_WAITS, 1);
      operations.flags[op]! &= ~YIELDING;
      this.#waiters.push(slot);
    } else {
      this.complete(op, result);
    }
  }

  #hasYielded(op: number, result: number): boolean {
    return result === -Errno.ECANCELED && (this.operations.flags[op]! & YIELDING) !== 0;
  }

  /**
   * While others wait for buffers, who was served stands behind them: otherwise a busy connection
   * whose receive stays armed would take every buffer that comes back. And who fills one after the
   * other is not left to take as many as there are.
   */
  #yieldToOthers(slot: number, op: number, id: number): void {
    const { operations } = this;
    if (this.#waiters.size === 0 && this.#full[slot]! < FULL_MAX) return;
    if ((operations.flags[op]! & (YIELDING | ARMED)) !== ARMED) return;
    operations.flags[op]! |= YIELDING;
    this.#submit.cancel(id, Tag.OPERATION);
  }

  #isEnding(slot: number, op: number): boolean {
    return (
      this.handles.state[slot] === HandleState.CLOSING ||
      (this.operations.flags[op]! & OpFlag.CANCELLED) !== 0
    );
  }

  #sendDone(handle: number, result: number, flags: number): void {
    const slot = this.handles.find(handle);
    if ((flags & CqeFlag.NOTIF) !== 0) {
      const sent = this.#pendingSend.get(slot)!;
      this.#pendingSend.delete(slot);
      return this.#sendEnded(slot, sent);
    }
    if ((flags & CqeFlag.MORE) !== 0) {
      this.#pendingSend.set(slot, result);
      return undefined;
    }
    return this.#sendEnded(slot, result);
  }

  #sendEnded(slot: number, result: number): void {
    const { handles, sends, operations } = this;
    handles.flags[slot]! &= ~SENDING;
    if (result >= 0) {
      sends.advance(slot, result);
      const head = handles.sendHead[slot]!;
      if (head !== -1 && operations.progress[head]! > 0) this.counts.add(Count.PARTIAL_SENDS, 1);
    } else if (result !== -Errno.EINTR && result !== -Errno.EAGAIN) {
      sends.fail(slot, result);
    }
    this.#afterSend(slot);
  }

  #afterSend(slot: number): void {
    if (this.sends.isEmpty(slot)) return;
    if (this.handles.state[slot] === HandleState.CLOSING) this.sends.fail(slot, -Errno.ECANCELED);
    else this.markDirty(slot);
  }

  // ---- buffers

  protected bufferReturned(buffer: number): void {
    this.#control.giveBack(buffer);
    if (!this.turning && this.#waiters.size > 0) this.requestTurn();
  }

  /**
   * At most one receive per free buffer: what is armed in vain only comes back with ENOBUFS. One
   * that has nothing to receive takes no buffer, so the next turn goes on with the line.
   */
  #feedWaiters(): void {
    if (this.#waiters.size === 0) return;
    let free = this.pool.count - this.pool.held;
    while (free-- > 0) {
      const slot = this.#waiters.shift();
      if (slot === -1) return;
      const op = this.handles.multishot[slot]!;
      if (op !== -1) this.startReceive(slot, op);
    }
  }

  // ---- closing

  protected beginClose(slot: number, mode: CloseMode): void {
    const { handles, operations, sends } = this;
    this.#full[slot] = 1;
    if (mode === 'reset') handles.flags[slot]! |= RESET;
    if ((handles.flags[slot]! & SENDING) === 0) sends.fail(slot, -Errno.ECANCELED);
    const op = handles.multishot[slot]!;
    if (handles.kind[slot] === HandleKind.LISTENER) {
      if (op !== -1) this.cancel(operations.id(op));
    } else if (handles.kind[slot] === HandleKind.FILE) {
      if (handles.inFlight[slot]! > 0) this.#submit.cancelFile(handles.fd[slot]!);
    } else {
      const armed = op !== -1 && (operations.flags[op]! & ARMED) !== 0;
      if (op !== -1 && !armed && (operations.flags[op]! & OpFlag.FINISHED) === 0) {
        this.#waiters.remove(slot);
        this.finishLater(op, -Errno.ECANCELED);
      }
      if (armed || (handles.flags[slot]! & SENDING) !== 0) this.#submit.cancelDescriptor(slot);
    }
    this.#keepAlive();
  }

  protected endClose(slot: number, op: number): void {
    const { handles } = this;
    if (handles.kind[slot] === HandleKind.CONNECTION) {
      if ((handles.flags[slot]! & RESET) !== 0) {
        const { SOL_SOCKET, SO_LINGER } = SockOpt;
        this.#submit.setOption(slot, SOL_SOCKET, SO_LINGER, this.#control.lingerZero, 8);
      }
      this.#submit.closeDirect(slot, handles.handle(slot), Tag.CLOSE);
    } else {
      if (handles.kind[slot] === HandleKind.LISTENER) closeListener(this, this.#native, slot);
      else this.#native.closeDescriptor(handles.fd[slot]!);
      this.slotClosed(slot, op, true);
    }
    this.#keepAlive();
  }

  protected override roomMade(): void {
    this.#accepts.roomMade();
    if (!this.turning && this.#accepts.wantsRoom) this.requestTurn();
  }

  protected async shutDown(): Promise<void> {
    this.#finalCounters = this.#ringCounters();
    this.#open.resources.release();
    this.#files.release();
  }

  // ---- the event loop

  #keepAlive(): void {
    if (this.over) return;
    const alive = this.#referenced && this.operations.used > 0;
    if (alive === this.#alive) return;
    this.#alive = alive;
    this.#native.loopReference(this.#open.loop, alive);
  }

  ref(): void {
    this.#referenced = true;
    this.#keepAlive();
  }

  unref(): void {
    this.#referenced = false;
    this.#keepAlive();
  }

  #pollWaker(): void {
    if (this.#wakePolled) return;
    this.#wakePolled = true;
    this.#submit.poll(this.#open.wakeReader, Tag.WAKE);
  }

  waker(): Waker {
    this.assertOpen();
    this.#pollWaker();
    return { word: this.#control.waker, descriptor: this.#open.wakeWriter };
  }

  now(): number {
    return systemClock.now();
  }

  override counters(): DriverCounters {
    return { ...super.counters(), ...(this.#finalCounters ?? this.#ringCounters()) };
  }

  #ringCounters(): Pick<DriverCounters, 'systemCalls' | 'overflows'> {
    return { systemCalls: this.#control.systemCalls, overflows: this.#control.overflows };
  }
}
