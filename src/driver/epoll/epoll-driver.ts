/**
 * The driver on epoll(7): readiness is edge-triggered and registered once for a connection's life;
 * system calls go to the kernel in batches, one call of the addon for many. A turn is: take the
 * events, then in passes accept, receive a batch, deliver it, send what that produced.
 *
 * Descriptors leave the epoll set when they are closed, and all events taken are turned into bits
 * before any handler runs: no event can meet the wrong connection.
 */
import { exchange } from '#atomics';
import { Errno, SystemError } from '../../base/index.ts';
import type { Native } from '../../native/index.ts';
import { Count } from '../core/counts.ts';
import { HandleKind } from '../core/handles.ts';
import { LoopDriver } from '../core/loop-driver.ts';
import { loopRest } from '../core/loop-rest.ts';
import { OpFlag } from '../core/operations.ts';
import { plugPageReleaser } from '../core/pages.ts';
import { Resources } from '../core/resources.ts';
import type { ResolvedSocketOptions } from '../core/socket-options.ts';
import { closeListener, socketAddress } from '../core/sockets.ts';
import type {
  CloseMode,
  DriverOptions,
  Handle,
  ListenOptions,
  SocketAddress,
  Waker,
} from '../driver.ts';
import {
  CONNECT_TAG,
  Control,
  Epoll,
  EpollMemory,
  EVENTS_MAX,
  Flag,
  WAKER_DATA,
} from './layout.ts';
import { Sockets } from './sockets.ts';
import { Transfers } from './transfers.ts';

/** Buffers that one connection can fill in a turn: then others have theirs. */
const PASSES = 8;
const READ_EVENTS = Epoll.IN | Epoll.RDHUP | Epoll.HUP | Epoll.ERR;
const END_EVENTS = Epoll.RDHUP | Epoll.HUP | Epoll.ERR;
const WRITE_EVENTS = Epoll.OUT | Epoll.HUP | Epoll.ERR;

export class EpollDriver extends LoopDriver {
  readonly kind = 'epoll';
  readonly #native: Native;
  readonly #memory: EpollMemory;
  readonly #sockets: Sockets;
  readonly #transfers: Transfers;
  readonly #epoll: number;
  /** The ends of the pipe that wakes it. */
  readonly #wakeReader: number;
  readonly #wakeWriter: number;
  readonly #loop: number;
  /** Events that the event loop took for the turn that it calls; -1: the turn takes its own. */
  #collected = -1;
  /** The waker was used, and nobody has been told. */
  #woken = false;
  #turnEnd = 0;

  constructor(options: DriverOptions, native: Native) {
    super('epoll', options);
    this.#native = native;
    const made = new Resources();
    made.keep(this.counts, (counts) => counts.release());
    made.keep(this.pool, (pool) => pool.end());
    const descriptor = (syscall: string, fd: number): number => {
      if (fd < 0) throw new SystemError(syscall, -fd);
      return made.keep(fd, () => native.closeDescriptor(fd));
    };
    try {
      native.attachArena(this.arena.bytes);
      plugPageReleaser(this.arena, native);
      this.#memory = new EpollMemory(this.arena, this.name);
      made.keep(this.#memory.region, (region) => region.release());
      this.#epoll = descriptor('epoll_create', native.epollCreate());
      const ends = this.#memory.events;
      const pipe = native.wakePipe(ends);
      if (pipe < 0) throw new SystemError('pipe2', -pipe);
      this.#wakeReader = descriptor('pipe2', this.arena.words[ends >>> 2]!);
      this.#wakeWriter = descriptor('pipe2', this.arena.words[(ends >>> 2) + 1]!);
      this.#loop = this.#attach();
    } catch (error) {
      made.release();
      throw error;
    }
    this.#transfers = new Transfers(this, native, this.#memory);
    this.#sockets = new Sockets(this, native, this.#memory, this.#epoll, () => this.requestTurn());
  }

  /** Watches the pipe, and lets the event loop watch the epoll instance. */
  #attach(): number {
    const native = this.#native;
    const { dirty, events } = this.#memory;
    const edge = (Epoll.IN | Epoll.EDGE) >>> 0;
    const reader = this.#wakeReader;
    const watched = native.epollControl(this.#epoll, Control.ADD, reader, edge, WAKER_DATA);
    if (watched < 0) throw new SystemError('epoll_ctl', -watched);
    const onLoop = (count: number): void => {
      this.#collected = count;
      this.turn();
    };
    const loop = native.epollAttach(this.#epoll, events, EVENTS_MAX, dirty, onLoop);
    if (loop < 0) throw new SystemError('uv_poll_start', -loop);
    return loop;
  }

  // ---- listening, accepting, connecting

  listen(address: SocketAddress, options: ListenOptions = {}): Handle {
    this.assertOpen();
    return this.#sockets.listen(address, options);
  }

  address(listener: Handle): SocketAddress {
    return socketAddress(this, this.#native, listener);
  }

  protected startAccept(slot: number): void {
    this.#sockets.acceptReady(slot);
    if (this.#sockets.acceptable && !this.turning) this.requestTurn();
    else this.operationStarted();
  }

  protected startConnect(op: number, address: SocketAddress, options: ResolvedSocketOptions): void {
    this.operationStarted();
    this.#sockets.connect(op, address, options);
  }

  protected cancelConnect(op: number): void {
    this.#sockets.cancelConnect(op);
  }

  // ---- receiving

  protected startReceive(slot: number): void {
    if ((this.handles.flags[slot]! & Flag.READABLE) !== 0) {
      this.ready.push(slot);
      if (!this.turning) this.requestTurn();
    } else {
      this.operationStarted();
    }
  }

  protected cancelReceive(slot: number, op: number): void {
    // Closing comes here without the mark that a cancel has.
    this.operations.flags[op]! |= OpFlag.CANCELLED;
    if ((this.handles.flags[slot]! & Flag.RECEIVING) !== 0) return;
    this.ready.remove(slot);
    this.finishLater(op, -Errno.ECANCELED);
  }

  // ---- closing

  protected beginClose(slot: number, mode: CloseMode): void {
    const { handles } = this;
    if (handles.kind[slot] === HandleKind.FILE) return;
    this.endMultishot(slot);
    if (handles.kind[slot] === HandleKind.LISTENER) {
      this.#sockets.forget(slot);
      return;
    }
    if (mode === 'reset') handles.flags[slot]! |= Flag.RESET;
    if ((handles.flags[slot]! & Flag.SENDING) === 0) this.sends.fail(slot, -Errno.ECANCELED);
  }

  protected endClose(slot: number, op: number): void {
    const { handles } = this;
    if (handles.kind[slot] === HandleKind.FILE) {
      this.files.close(slot, op);
      return;
    }
    if (handles.kind[slot] === HandleKind.LISTENER) {
      closeListener(this, this.#native, slot);
      this.slotClosed(slot, op, true);
      return;
    }
    const fd = handles.fd[slot]!;
    if ((handles.flags[slot]! & Flag.RESET) !== 0) {
      this.#native.socketSetLinger(fd, 0);
      this.counts.add(Count.SYSTEM_CALLS, 1);
    }
    this.#native.closeDescriptor(fd);
    this.counts.add(Count.SYSTEM_CALLS, 1);
    this.slotClosed(slot, op, true);
  }

  override slotClosed(slot: number, op: number, allocated: boolean): void {
    super.slotClosed(slot, op, allocated);
    this.#sockets.roomMade();
  }

  // ---- turns

  get #budget(): number {
    return this.#turnEnd - this.counts.delivered;
  }

  protected work(): void {
    let count = this.#collected;
    this.#collected = -1;
    if (count === -1) {
      count = this.#native.epollPoll(this.#epoll, this.#memory.events, EVENTS_MAX);
    }
    if (count !== 0) this.counts.add(Count.SYSTEM_CALLS, 1);
    this.arena.words[this.#memory.dirty >>> 2] = 0;
    this.#turnEnd = this.counts.delivered + this.limits.completionsPerTurn;
    this.#takeEvents(count);
    for (let pass = 0; pass < PASSES && this.#budget > 0; pass++) {
      // Half, so that a handler which ends one operation by starting another leaves room for I/O.
      if (this.hasFinished) this.deliverFinished((this.#budget + 1) >> 1);
      this.#deliverWake();
      this.#sockets.accept(this.#budget);
      this.#transfer();
      if (!this.#busy) return;
    }
    if (this.#busy) this.scheduleTurn();
  }

  /** One receive for each that is ready, batch by batch, and the sends that follow from it. */
  #transfer(): void {
    let left = this.ready.size;
    do {
      const most = Math.min(left, this.#budget);
      const received = most > 0 ? this.#transfers.receive(most) : 0;
      left = received === 0 ? 0 : left - received;
      while (this.#transfers.send() > 0 && this.#budget > 0);
    } while (left > 0 && this.#budget > 0);
    if (this.freeBuffers === 0) this.noteWaits();
  }

  get #busy(): boolean {
    if (this.hasFinished || this.dirtyCount > 0 || this.#sockets.acceptable) return true;
    return (this.ready.size > 0 && this.freeBuffers > 0) || (this.#woken && this.wakesPending);
  }

  #takeEvents(count: number): void {
    const { arena, handles } = this;
    let word = this.#memory.events >>> 2;
    for (let i = 0; i < count; i++, word += 2) {
      const data = arena.unsigned[word]!;
      const events = arena.words[word + 1]!;
      if (data < CONNECT_TAG) {
        if (handles.kind[data] === HandleKind.CONNECTION) this.#onConnection(data, events);
        else this.#onListener(data);
      } else if (data === WAKER_DATA) {
        this.#native.wakeTake(this.#wakeReader);
        this.#woken = true;
      } else {
        this.#sockets.connectReady(data & ~CONNECT_TAG);
      }
    }
  }

  #onConnection(slot: number, events: number): void {
    const { handles } = this;
    let flags = handles.flags[slot]!;
    if ((events & READ_EVENTS) !== 0) {
      flags |= Flag.READABLE;
      if ((events & END_EVENTS) !== 0) flags |= Flag.HANGUP;
      if (handles.multishot[slot] !== -1) this.ready.push(slot);
    }
    const unblocked = (flags & Flag.BLOCKED) !== 0 && (events & WRITE_EVENTS) !== 0;
    handles.flags[slot] = unblocked ? flags & ~Flag.BLOCKED : flags;
    if (unblocked) this.markDirty(slot);
  }

  #onListener(slot: number): void {
    this.handles.flags[slot]! |= Flag.READABLE;
    this.#sockets.acceptReady(slot);
  }

  // ---- sleeping and waking

  protected sleep(milliseconds: number): void {
    if (this.arena.words[this.#memory.dirty >>> 2] !== 0) return;
    const rest = loopRest(this.#native, this.#loop);
    const limit = Math.min(milliseconds, this.timers.delay(), rest);
    if (limit === 0) return;
    const microseconds = limit === Infinity ? -1 : Math.ceil(limit * 1000);
    this.counts.add(Count.SYSTEM_CALLS, 1);
    this.#native.epollSleepBlocking(this.#epoll, microseconds);
  }

  protected startWakes(): void {
    if (this.#woken && !this.turning) this.requestTurn();
    else this.operationStarted();
  }

  #deliverWake(): void {
    if (!this.#woken || !this.wakesPending) return;
    this.#woken = false;
    // After the pipe was emptied: who finds 0 from here on signals again. Partner: `wakeDriver`.
    exchange(this.arena.words, this.#memory.waker >>> 2, 0);
    this.woken();
  }

  waker(): Waker {
    this.assertOpen();
    return { word: this.#memory.waker, descriptor: this.#wakeWriter };
  }

  // ---- the event loop

  protected scheduleTurn(): void {
    // Plain: the addon reads it on this thread, before the loop sleeps.
    this.arena.words[this.#memory.dirty >>> 2] = 1;
  }

  protected holdLoop(alive: boolean): void {
    this.#native.loopReference(this.#loop, alive);
  }

  protected async shutDown(): Promise<void> {
    this.timers.stop();
    this.#sockets.stop();
    this.#native.loopDetach(this.#loop);
    this.#native.closeDescriptor(this.#epoll);
    this.#native.closeDescriptor(this.#wakeWriter);
    this.#native.closeDescriptor(this.#wakeReader);
    this.#memory.region.release();
  }
}
