/**
 * Accepting into direct descriptors. A multishot accept that finds the table full loses the
 * connection (the kernel has taken it from the queue and cannot place it: -ENFILE), so it is used
 * only while there is room for the whole queue of every listener; from there on one accept at a
 * time is in the kernel for each listener. The kernel's table has a place more for each of those,
 * so that one that waits takes no room from others; what it brings when the limit is reached is
 * held here, unread, until there is room. A listener without room is parked until a connection or
 * file is closed; when descriptors or memory run out in the system, a timer tries again too.
 * Nothing spins, and nothing that was accepted is lost.
 */
import { Errno } from '../../base/index.ts';
import type { BaseDriver } from '../core/base-driver.ts';
import { Count } from '../core/counts.ts';
import { HandleKind, HandleState } from '../core/handles.ts';
import { OpFlag } from '../core/operations.ts';
import { CqeFlag } from './abi.ts';
import type { Ring } from './ring.ts';
import { Tag, type Submissions } from './submissions.ts';

/** Connections that a listener's queue can hold at most by default (net.core.somaxconn). */
const MULTISHOT_ROOM = 4096;
const BACKOFF_MS = 50;

/** Bits of an accept's flags. */
const ARMED: number = OpFlag.DRIVER;
const MULTISHOT: number = OpFlag.DRIVER << 1;
/** The multishot is being ended because room runs out. */
const SWITCHING: number = OpFlag.DRIVER << 2;

/** A connection that was accepted when there was no room for it. */
interface Held {
  readonly listener: number;
  readonly slot: number;
}

export class Accepts {
  readonly #driver: BaseDriver;
  readonly #submit: Submissions;
  readonly #ring: Ring;
  /** Slots of listeners that wait for room. */
  #parked: number[] = [];
  /** At most one for each listener, but for a multishot that ended too late. */
  #held: Held[] = [];
  #multishots = 0;
  #roomMade = false;
  #backingOff = false;

  constructor(driver: BaseDriver, submit: Submissions, ring: Ring) {
    this.#driver = driver;
    this.#submit = submit;
    this.#ring = ring;
  }

  start(listener: number, op: number): void {
    const { operations, handles } = this.#driver;
    if (this.#driver.room <= 0) return this.#park(listener);
    const multishot = this.#isPlenty(this.#multishots + 1);
    if (multishot) this.#multishots += 1;
    operations.flags[op]! &= ~(MULTISHOT | SWITCHING);
    operations.flags[op]! |= multishot ? ARMED | MULTISHOT : ARMED;
    return this.#submit.accept(handles.fd[listener]!, operations.id(op), multishot);
  }

  done(op: number, id: number, result: number, flags: number): void {
    const driver = this.#driver;
    const { operations } = driver;
    const listener = operations.handle[op]!;
    const more = (flags & CqeFlag.MORE) !== 0;
    if (!more) {
      if ((operations.flags[op]! & MULTISHOT) !== 0) this.#multishots -= 1;
      operations.flags[op]! &= ~(ARMED | MULTISHOT);
    }
    if (result >= 0) {
      if (driver.room > 0) this.#handOver(op, result);
      else this.#held.push({ listener, slot: result });
    }
    if (operations.find(id) === -1) return;
    if (more) return this.#switchWhenScarce(op, id);
    if ((operations.flags[op]! & OpFlag.FINISHED) !== 0) return;
    if (this.#isEnding(listener, op)) {
      this.#dropHeld(listener);
      return driver.complete(op, -Errno.ECANCELED);
    }
    const switched = (operations.flags[op]! & SWITCHING) !== 0 && result === -Errno.ECANCELED;
    if (result >= 0 || switched || isOneConnections(result)) return this.start(listener, op);
    if (!isExhaustion(result)) {
      this.#dropHeld(listener);
      return driver.complete(op, result);
    }
    this.#park(listener);
    return this.#backOff();
  }

  /** A connection or file was closed, or an attempt to open one has failed. */
  roomMade(): void {
    this.#roomMade = true;
  }

  /** Somebody waits for room, and there may be some. */
  get wantsRoom(): boolean {
    return this.#roomMade && (this.#parked.length > 0 || this.#held.length > 0);
  }

  /** Goes on where room was made. Only from a turn. */
  resumeIfRoom(): void {
    if (!this.wantsRoom) return;
    this.#roomMade = false;
    const { multishot } = this.#driver.handles;
    while (this.#held.length > 0 && this.#driver.room > 0) {
      const { listener, slot } = this.#held.shift()!;
      this.#handOver(multishot[listener]!, slot);
    }
    const parked = this.#parked;
    this.#parked = [];
    for (const listener of parked) {
      const op = multishot[listener]!;
      if (op !== -1) this.start(listener, op);
    }
  }

  backoffOver(): void {
    this.#backingOff = false;
    this.#roomMade = true;
    this.resumeIfRoom();
  }

  /** The accept of a parked listener ends: what is held for it is closed. */
  unpark(listener: number): void {
    const at = this.#parked.indexOf(listener);
    if (at !== -1) this.#parked.splice(at, 1);
    this.#dropHeld(listener);
  }

  #handOver(op: number, slot: number): void {
    const { handles, counts } = this.#driver;
    handles.claim(slot, HandleKind.CONNECTION);
    counts.add(Count.ACCEPTED, 1);
    this.#driver.progress(op, handles.handle(slot));
  }

  #dropHeld(listener: number): void {
    this.#held = this.#held.filter((held) => {
      if (held.listener === listener) this.#submit.closeDirect(held.slot, 0, Tag.IGNORED);
      return held.listener !== listener;
    });
  }

  #park(listener: number): void {
    this.#driver.counts.add(Count.ACCEPT_BACKOFFS, 1);
    this.#parked.push(listener);
  }

  /** Completions that wait in the ring may each be a connection that is not counted yet. */
  #isPlenty(multishots: number): boolean {
    return this.#driver.room - this.#ring.ready() > MULTISHOT_ROOM * multishots;
  }

  #switchWhenScarce(op: number, id: number): void {
    const { operations } = this.#driver;
    if ((operations.flags[op]! & SWITCHING) !== 0 || this.#isPlenty(this.#multishots)) return;
    operations.flags[op]! |= SWITCHING;
    this.#submit.cancel(id, Tag.OPERATION);
  }

  #isEnding(listener: number, op: number): boolean {
    const { handles, operations } = this.#driver;
    return (
      handles.state[listener] === HandleState.CLOSING ||
      (operations.flags[op]! & OpFlag.CANCELLED) !== 0
    );
  }

  #backOff(): void {
    if (this.#backingOff) return;
    this.#backingOff = true;
    this.#submit.timeout(BACKOFF_MS, 0, Tag.BACKOFF);
  }
}

/** The error is that of one connection, or of nobody: accept(2) says to try again. */
function isOneConnections(result: number): boolean {
  return result === -Errno.ECONNABORTED || result === -Errno.EINTR || result === -Errno.EPROTO;
}

function isExhaustion(result: number): boolean {
  return (
    result === -Errno.EMFILE ||
    result === -Errno.ENFILE ||
    result === -Errno.ENOMEM ||
    result === -Errno.ENOBUFS
  );
}
