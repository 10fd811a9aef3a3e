/**
 * Accepting into direct descriptors, several one-shot accepts at a time for each listener: only
 * those can say who the peer is (docs/decisions/0013-peer-addresses.md).
 *
 * The kernel's table has a place of its own for every accept that can be under way (SPARE_PLACES):
 * a full table would lose the connection, which the kernel has taken from the queue by then. What
 * comes when the limit is reached is held here, unread, until there is room. A listener without
 * room is parked until a connection or file is closed; when descriptors or memory run out in the
 * system, a timer tries again too. Nothing spins, and nothing that was accepted is lost.
 */
import { assert, Errno } from '../../base/index.ts';
import type { BaseDriver } from '../core/base-driver.ts';
import { Count } from '../core/counts.ts';
import { LISTENERS_MAX, SPARE_PLACES } from '../core/driver-tables.ts';
import { HandleKind, HandleState } from '../core/handles.ts';
import { OpFlag } from '../core/operations.ts';
import type { AcceptPlaces } from './accept-places.ts';
import { Tag, type Submissions } from './submissions.ts';

/** Accepts of one listener in the kernel at a time: what a turn can take from its queue. */
const DEPTH = 16;
const BACKOFF_MS = 50;

/** A listener's accept in force. */
interface Accepting {
  readonly listener: number;
  readonly op: number;
  /** Its accepts in the kernel. */
  armed: number;
  /** Waits for room, or for the system to have more. */
  parked: boolean;
  /** Why it ends by itself, 0 while it does not. */
  failure: number;
}

/** A connection that was accepted when there was no room for it. */
interface Held {
  readonly listener: number;
  readonly slot: number;
}

export class Accepts {
  readonly #driver: BaseDriver;
  readonly #submit: Submissions;
  readonly #places: AcceptPlaces;
  /** By slot of the listener. */
  readonly #accepting = new Map<number, Accepting>();
  #parked = 0;
  #held: Held[] = [];
  #roomMade = false;
  #backingOff = false;

  constructor(driver: BaseDriver, submit: Submissions, places: AcceptPlaces) {
    this.#driver = driver;
    this.#submit = submit;
    this.#places = places;
  }

  start(listener: number, op: number): void {
    const accepting = { listener, op, armed: 0, parked: false, failure: 0 };
    this.#accepting.set(listener, accepting);
    this.#arm(accepting);
  }

  /** Ends a listener's accept; it completes by itself when none is in the kernel any more. */
  cancel(listener: number, op: number): void {
    const accepting = this.#accepting.get(listener)!;
    if (accepting.armed > 0) {
      this.#submit.cancelFile(this.#driver.handles.fd[listener]!);
      return;
    }
    this.#forget(accepting);
    this.#driver.finishLater(op, -Errno.ECANCELED);
  }

  /** The accept of a place has completed. */
  done(place: number, result: number): void {
    const driver = this.#driver;
    const accepting = this.#accepting.get(this.#places.listener[place]!);
    assert(accepting !== undefined, 'a listener accepts until its last accept has completed');
    accepting.armed -= 1;
    if (result >= 0) driver.peers.note(result, driver.arena.bytes, this.#places.address(place));
    this.#places.giveBack(place);
    if (result >= 0) {
      if (driver.room > 0) this.#handOver(accepting, result);
      else this.#held.push({ listener: accepting.listener, slot: result });
    } else if (isExhaustion(result)) {
      this.#park(accepting);
      this.#backOff();
    } else if (result !== -Errno.ECANCELED && !isOneConnections(result)) {
      if (accepting.armed > 0) this.#submit.cancelFile(driver.handles.fd[accepting.listener]!);
      accepting.failure = result;
    }
    if (accepting.failure === 0 && !this.#isEnding(accepting)) this.#arm(accepting);
    else if (accepting.armed === 0) this.#end(accepting);
  }

  /** A connection or file was closed, or an attempt to open one has failed. */
  roomMade(): void {
    this.#roomMade = true;
  }

  /** Somebody waits for room, and there may be some. */
  get wantsRoom(): boolean {
    return this.#roomMade && (this.#parked > 0 || this.#held.length > 0);
  }

  /** Goes on where room was made. Only from a turn. */
  resumeIfRoom(): void {
    if (!this.wantsRoom) return;
    this.#roomMade = false;
    while (this.#held.length > 0 && this.#driver.room > 0) {
      const { listener, slot } = this.#held.shift()!;
      this.#handOver(this.#accepting.get(listener)!, slot);
    }
    for (const accepting of this.#accepting.values()) {
      if (!accepting.parked) continue;
      this.#unpark(accepting);
      if (!this.#isEnding(accepting)) this.#arm(accepting);
    }
  }

  backoffOver(): void {
    this.#backingOff = false;
    this.#roomMade = true;
    this.resumeIfRoom();
  }

  /**
   * Puts accepts into the kernel. The first of a listener needs room for one connection; the others
   * need room for all that are under way, so that few must be held, and leave a place to each
   * listener for its first.
   */
  #arm(accepting: Accepting): void {
    const { handles, room } = this.#driver;
    const { listener } = accepting;
    if (accepting.parked) return;
    if (room <= 0) {
      if (accepting.armed === 0) this.#park(accepting);
      return;
    }
    while (accepting.armed < DEPTH) {
      const { used } = this.#places;
      const isOne = accepting.armed === 0;
      if (!isOne && (used >= room || used >= SPARE_PLACES - LISTENERS_MAX)) return;
      const place = this.#places.take(listener);
      accepting.armed += 1;
      const address = this.#places.address(place);
      this.#submit.accept(handles.fd[listener]!, place, address, this.#places.length(place));
    }
  }

  #handOver(accepting: Accepting, slot: number): void {
    const { handles, counts } = this.#driver;
    handles.claim(slot, HandleKind.CONNECTION);
    counts.add(Count.ACCEPTED, 1);
    this.#driver.progress(accepting.op, handles.handle(slot));
  }

  /** The last of its accepts has completed. */
  #end(accepting: Accepting): void {
    this.#forget(accepting);
    this.#driver.complete(accepting.op, accepting.failure || -Errno.ECANCELED);
  }

  /** What is held for the listener is closed. */
  #forget(accepting: Accepting): void {
    const { listener } = accepting;
    this.#unpark(accepting);
    this.#accepting.delete(listener);
    this.#held = this.#held.filter((held) => {
      if (held.listener === listener) this.#submit.closeDirect(held.slot, 0, Tag.IGNORED);
      return held.listener !== listener;
    });
  }

  #park(accepting: Accepting): void {
    if (accepting.parked) return;
    this.#driver.counts.add(Count.ACCEPT_BACKOFFS, 1);
    accepting.parked = true;
    this.#parked += 1;
  }

  #unpark(accepting: Accepting): void {
    if (!accepting.parked) return;
    accepting.parked = false;
    this.#parked -= 1;
  }

  #isEnding(accepting: Accepting): boolean {
    const { handles, operations } = this.#driver;
    return (
      handles.state[accepting.listener] === HandleState.CLOSING ||
      (operations.flags[accepting.op]! & OpFlag.CANCELLED) !== 0
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
