/**
 * Making sockets: listeners, accepting and connecting.
 *
 * Accepting stops in two ways that must not become a loop: no room under the limit of connections,
 * and no descriptors or memory in the system. A paused listener is not looked at until a handle is
 * closed, or for want of descriptors until BACKOFF_MS have passed: others may have freed some.
 */
import { Errno, SystemError } from '../../base/index.ts';
import type { Native } from '../../native/index.ts';
import { ADDRESS_BYTES, encodeAddress } from '../core/address.ts';
import { Count } from '../core/counts.ts';
import { HandleKind } from '../core/handles.ts';
import type { LoopDriver } from '../core/loop-driver.ts';
import { Op, OpFlag } from '../core/operations.ts';
import type { ResolvedSocketOptions } from '../core/socket-options.ts';
import { closeListener, listenSocket, setOptions } from '../core/sockets.ts';
import type { Handle, ListenOptions, SocketAddress } from '../driver.ts';
import {
  BATCH,
  BatchOp,
  CONNECT_TAG,
  CONNECTION_EVENTS,
  Control,
  Epoll,
  Flag,
  Record,
  RECORD_WORDS,
  type EpollMemory,
} from './layout.ts';

const BACKOFF_MS = 50;

/** socket(7) */
const SOL_SOCKET = 1;
const SO_ERROR = 4;

/** Accepting cannot go on for want of something in the system. */
const EXHAUSTED: ReadonlySet<number> = new Set([
  -Errno.EMFILE,
  -Errno.ENFILE,
  -Errno.ENOBUFS,
  -Errno.ENOMEM,
]);
/** The listener itself is unusable; all other errors are those of one connection (accept(2)). */
const FATAL: ReadonlySet<number> = new Set([-Errno.EBADF, -Errno.EINVAL, -Errno.EFAULT]);

export class Sockets {
  readonly #driver: LoopDriver;
  readonly #native: Native;
  readonly #memory: EpollMemory;
  readonly #epoll: number;
  readonly #requestTurn: () => void;
  /** Slots of listeners with something to accept, each once. */
  readonly #ready = new Set<number>();
  /** Slots of paused listeners. */
  readonly #paused = new Set<number>();
  readonly #accepted = new Int32Array(BATCH);
  /** Where to, by operation, while connecting. */
  readonly #targets = new Map<number, SocketAddress>();
  #backoff: NodeJS.Timeout | undefined;

  constructor(
    driver: LoopDriver,
    native: Native,
    memory: EpollMemory,
    epoll: number,
    requestTurn: () => void,
  ) {
    this.#driver = driver;
    this.#native = native;
    this.#memory = memory;
    this.#epoll = epoll;
    this.#requestTurn = requestTurn;
  }

  // ---- listening

  /** @throws {SystemError} ERR_SYSTEM */
  listen(address: SocketAddress, options: ListenOptions): Handle {
    const handle = listenSocket(this.#driver, this.#native, address, options);
    const { handles } = this.#driver;
    const slot = handles.find(handle);
    const events = (Epoll.IN | Epoll.EDGE) >>> 0;
    const fd = handles.fd[slot]!;
    const added = this.#native.epollControl(this.#epoll, Control.ADD, fd, events, slot);
    if (added >= 0) return handle;
    closeListener(this.#driver, this.#native, slot);
    handles.free(slot, true);
    throw new SystemError('epoll_ctl', -added);
  }

  /** A listener is about to be closed. */
  forget(slot: number): void {
    this.#ready.delete(slot);
    this.#paused.delete(slot);
  }

  // ---- accepting

  /** Whether a connection could be accepted now. */
  get acceptable(): boolean {
    return this.#ready.size > 0;
  }

  /** The listener is readable, or its accept begins. */
  acceptReady(slot: number): void {
    const { flags } = this.#driver.handles;
    if ((flags[slot]! & (Flag.READABLE | Flag.PAUSED)) !== Flag.READABLE) return;
    if (this.#acceptOf(slot) !== -1) this.#ready.add(slot);
  }

  /** Accepts on every listener that is ready, about `budget` connections in all. */
  accept(budget: number): void {
    if (this.#paused.size > 0) this.#resume();
    if (this.#ready.size === 0) return;
    let left = budget;
    for (const slot of this.#ready) {
      left -= this.#acceptFrom(slot, left);
      if (left <= 0) return;
    }
  }

  #acceptOf(slot: number): number {
    const op = this.#driver.handles.multishot[slot]!;
    if (op === -1 || (this.#driver.operations.flags[op]! & OpFlag.FINISHED) !== 0) return -1;
    return op;
  }

  #acceptFrom(slot: number, budget: number): number {
    const driver = this.#driver;
    let done = 0;
    // Small at first: whatever is asked for beyond the last connection is a call for nothing.
    for (let burst = 1; done < budget; burst = Math.min(BATCH, burst * 2)) {
      const op = this.#acceptOf(slot);
      if (op === -1) {
        this.#ready.delete(slot);
        break;
      }
      if (driver.room <= 0) {
        this.#pause(slot, false);
        break;
      }
      const asked = Math.min(burst, driver.room, budget - done);
      const accepted = this.#acceptBatch(slot, asked);
      driver.counts.add(Count.ACCEPTED, accepted);
      done += accepted;
      // Handlers may end the accept or close the listener: the operation lives until this turn's
      // finished ones are delivered, and what the kernel gave is handed over.
      for (let i = 0; i < accepted; i++) driver.progress(op, this.#accepted[i]!);
      if (!this.#ready.has(slot)) break;
    }
    return done;
  }

  /** Fills `#accepted` with handles; takes the listener off the ready ones when it has no more. */
  #acceptBatch(slot: number, count: number): number {
    const { bytes, words, unsigned } = this.#driver.arena;
    const { handles, peers } = this.#driver;
    const first = this.#memory.records >>> 2;
    for (let i = 0; i < count; i++) {
      const record = first + i * RECORD_WORDS;
      words[record] = BatchOp.ACCEPT;
      words[record + Record.FD] = handles.fd[slot]!;
      unsigned[record + Record.OFFSET] = this.#memory.peers + i * ADDRESS_BYTES;
      words[record + Record.LENGTH] = ADDRESS_BYTES;
    }
    this.#native.socketBatch(this.#memory.records, count);
    this.#driver.counts.add(Count.SYSTEM_CALLS, count);
    let accepted = 0;
    for (let i = 0; i < count; i++) {
      const result = words[first + i * RECORD_WORDS + Record.RESULT]!;
      const handle = result >= 0 ? this.#adopt(result, Control.ADD) : result;
      if (handle > 0) {
        peers.note(handles.find(handle), bytes, this.#memory.peers + i * ADDRESS_BYTES);
        this.#accepted[accepted++] = handle;
      } else {
        this.#acceptFailed(slot, handle);
      }
    }
    return accepted;
  }

  #acceptFailed(slot: number, errno: number): void {
    const { handles } = this.#driver;
    if (errno === -Errno.EAGAIN) {
      handles.flags[slot]! &= ~Flag.READABLE;
      this.#ready.delete(slot);
    } else if (EXHAUSTED.has(errno)) {
      this.#pause(slot, true);
    } else if (FATAL.has(errno)) {
      this.#ready.delete(slot);
      const op = this.#acceptOf(slot);
      if (op !== -1) this.#driver.finishLater(op, errno);
    }
  }

  #pause(slot: number, exhausted: boolean): void {
    this.#ready.delete(slot);
    if (this.#paused.has(slot)) return;
    this.#paused.add(slot);
    this.#driver.handles.flags[slot]! |= Flag.PAUSED;
    this.#driver.counts.add(Count.ACCEPT_BACKOFFS, 1);
    if (!exhausted || this.#backoff) return;
    this.#backoff = setTimeout(() => {
      this.#backoff = undefined;
      this.#requestTurn();
    }, BACKOFF_MS).unref();
  }

  /** A handle was closed. */
  roomMade(): void {
    if (this.#paused.size === 0) return;
    clearTimeout(this.#backoff);
    this.#backoff = undefined;
  }

  #resume(): void {
    // While the timer runs, descriptors are wanted and nothing has been closed.
    if (this.#backoff || this.#driver.room <= 0) return;
    for (const slot of this.#paused) {
      this.#paused.delete(slot);
      this.#driver.handles.flags[slot]! &= ~Flag.PAUSED;
      this.acceptReady(slot);
    }
  }

  /** Makes a descriptor a connection: its handle, or a negative errno (and it is closed). */
  #adopt(fd: number, control: number): number {
    const { counts, handles } = this.#driver;
    const slot = handles.allocate(HandleKind.CONNECTION);
    counts.add(Count.SYSTEM_CALLS, 1);
    const watched = this.#native.epollControl(this.#epoll, control, fd, CONNECTION_EVENTS, slot);
    if (watched < 0) {
      handles.free(slot, true);
      this.#native.closeDescriptor(fd);
      return watched;
    }
    handles.fd[slot] = fd;
    return handles.handle(slot);
  }

  // ---- connecting (the descriptor is in the operation's `offset` meanwhile)

  connect(op: number, address: SocketAddress, options: ResolvedSocketOptions): void {
    const native = this.#native;
    const { arena, operations, counts } = this.#driver;
    if (!this.#driver.reserve()) {
      this.#driver.finishLater(op, -Errno.EMFILE);
      return;
    }
    const length = encodeAddress(arena.bytes, this.#memory.address, address);
    const family = arena.bytes[this.#memory.address]!;
    this.#targets.set(op, address);
    const fd = native.socketCreate(family);
    counts.add(Count.SYSTEM_CALLS, 4);
    operations.offset[op] = fd;
    if (fd < 0) {
      this.#connected(op, fd);
      return;
    }
    setOptions(native, fd, options, family);
    let result = native.socketConnect(fd, this.#memory.address, length);
    if (result === 0) {
      this.#connected(op, this.#adopt(fd, Control.ADD));
      return;
    }
    if (result === -Errno.EINPROGRESS) {
      const events = (Epoll.OUT | Epoll.EDGE) >>> 0;
      const data = (CONNECT_TAG | op) >>> 0;
      result = native.epollControl(this.#epoll, Control.ADD, fd, events, data);
      if (result === 0) return;
    }
    native.closeDescriptor(fd);
    this.#connected(op, result);
  }

  /** The kernel has decided a connect. */
  connectReady(op: number): void {
    const { operations, counts } = this.#driver;
    const ended = (operations.flags[op]! & OpFlag.FINISHED) !== 0;
    if (operations.kind[op] !== Op.CONNECT || ended) return;
    const fd = operations.offset[op]!;
    const error = this.#native.socketGetOption(fd, SOL_SOCKET, SO_ERROR);
    counts.add(Count.SYSTEM_CALLS, 1);
    if (error === 0) {
      this.#connected(op, this.#adopt(fd, Control.MODIFY));
      return;
    }
    this.#native.closeDescriptor(fd);
    this.#connected(op, -Math.abs(error));
  }

  cancelConnect(op: number): void {
    this.#native.closeDescriptor(this.#driver.operations.offset[op]!);
    this.#connected(op, -Errno.ECANCELED);
  }

  #connected(op: number, result: number): void {
    const { counts, handles, peers } = this.#driver;
    this.#driver.unreserve();
    if (result > 0) {
      counts.add(Count.CONNECTED, 1);
      peers.noteAddress(handles.find(result), this.#targets.get(op)!);
    }
    this.#targets.delete(op);
    this.#driver.finishLater(op, result);
  }

  stop(): void {
    clearTimeout(this.#backoff);
  }
}
