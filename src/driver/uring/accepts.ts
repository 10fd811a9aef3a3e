/**
 * Accepting into direct descriptors. A multishot accept that finds the table full loses the
 * connection (the kernel has taken it from the queue and cannot place it: -ENFILE), so it is used
 * only while there is room for a whole queue of them; from there on each accept is asked for when
 * its place is reserved, and with no room at all the listener is parked until a handle is closed.
 * When descriptors or memory run out in the system, a timer tries again too. Nothing spins.
 */
import { Errno } from '../../base/index.ts';
import type { BaseDriver } from '../core/base-driver.ts';
import { Count } from '../core/counts.ts';
import { HandleKind, HandleState } from '../core/handles.ts';
import { OpFlag } from '../core/operations.ts';
import { CqeFlag } from './abi.ts';
import { Tag, type Submissions } from './submissions.ts';

/** Connections that a listener's queue can hold at most by default (net.core.somaxconn). */
const MULTISHOT_ROOM = 4096;
const BACKOFF_MS = 50;

/** Bits of an accept's flags. */
const ARMED: number = OpFlag.DRIVER;
/** One place is reserved for one connection. */
const SINGLE: number = OpFlag.DRIVER << 1;
/** The multishot is being ended because room runs out. */
const SWITCHING: number = OpFlag.DRIVER << 2;

export class Accepts {
  readonly #driver: BaseDriver;
  readonly #submit: Submissions;
  /** Slots of listeners that wait for room. */
  readonly #parked: number[] = [];
  #backingOff = false;

  constructor(driver: BaseDriver, submit: Submissions) {
    this.#driver = driver;
    this.#submit = submit;
  }

  start(listener: number, op: number): void {
    const { operations, handles } = this.#driver;
    const multishot = this.#driver.room > MULTISHOT_ROOM;
    if (!multishot && !this.#driver.reserve()) return this.#park(listener);
    operations.flags[op]! &= ~SWITCHING;
    operations.flags[op]! |= multishot ? ARMED : ARMED | SINGLE;
    return this.#submit.accept(handles.fd[listener]!, operations.id(op), multishot);
  }

  done(op: number, id: number, result: number, flags: number): void {
    const driver = this.#driver;
    const { operations, handles } = driver;
    const listener = operations.handle[op]!;
    const more = (flags & CqeFlag.MORE) !== 0;
    if ((operations.flags[op]! & SINGLE) !== 0) driver.unreserve();
    if (!more) operations.flags[op]! &= ~(ARMED | SINGLE);
    if (result >= 0) {
      handles.claim(result, HandleKind.CONNECTION);
      driver.counts.add(Count.ACCEPTED, 1);
      driver.progress(op, handles.handle(result));
    }
    if (operations.find(id) === -1) return;
    if (more) return this.#switchWhenScarce(op, id);
    if ((operations.flags[op]! & OpFlag.FINISHED) !== 0) return;
    if (this.#isEnding(listener, op)) return driver.complete(op, -Errno.ECANCELED);
    const switched = (operations.flags[op]! & SWITCHING) !== 0 && result === -Errno.ECANCELED;
    if (result >= 0 || switched || isOneConnections(result)) return this.start(listener, op);
    if (!isExhaustion(result)) return driver.complete(op, result);
    this.#park(listener);
    this.#backOff();
  }

  /** A handle was closed. */
  resume(): void {
    for (const listener of this.#parked.splice(0)) {
      const op = this.#driver.handles.multishot[listener]!;
      if (op !== -1) this.start(listener, op);
    }
  }

  backoffOver(): void {
    this.#backingOff = false;
    this.resume();
  }

  /** Not in the kernel: ended by `unpark`. */
  isParked(op: number): boolean {
    return (this.#driver.operations.flags[op]! & ARMED) === 0;
  }

  unpark(listener: number): void {
    const at = this.#parked.indexOf(listener);
    if (at !== -1) this.#parked.splice(at, 1);
  }

  #park(listener: number): void {
    this.#driver.counts.add(Count.ACCEPT_BACKOFFS, 1);
    this.#parked.push(listener);
  }

  #switchWhenScarce(op: number, id: number): void {
    const { operations, room } = this.#driver;
    if (room > MULTISHOT_ROOM || (operations.flags[op]! & SWITCHING) !== 0) return;
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
