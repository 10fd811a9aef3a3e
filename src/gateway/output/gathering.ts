/**
 * When what was published is handed over. A send costs the kernel the same whether it carries one
 * message or fifty, so a connection's messages are gathered, and leave in one send:
 *
 *  1. At the end of the turn in which they were published, by a microtask: it runs when the
 *     driver's callbacks have returned and nothing more has arrived.
 *  2. When many are to get something shortly after many got something, the next message is on its
 *     way already, and a send to each of them would leave without it. Then the event loop goes
 *     round until for a moment nothing new was published. The moment is a small part of the time
 *     that sending takes, and all waiting together takes no longer than sending. The event loop
 *     does not sleep meanwhile, and keeps nothing else waiting.
 *
 * So what is published after a silence leaves at the end of its turn; and a connection's own
 * messages, which are written behind what was gathered for it, take that with them at once.
 */
import type { Outlet } from './output.ts';

/** Bit of `Outlet.ends`: it is on the list of those that have something gathered. */
export const DUE = 8;

/** From so many receivers on, waiting for more costs little in comparison. */
const MANY = 16;
// Milliseconds per receiver; sending takes 0.004 to 0.008 of them.
/** So long after many got something the next is expected: sending has a fifth of the time then. */
const SHORTLY_MS = 0.025;
/** Two or three rounds of the event loop for 40 receivers: with one, half of a burst is missed. */
const MOMENT_MS = 0.0002;
const WAIT_MAX_MS = 0.008;

/** See the head of this file. */
export class Gathering {
  readonly #now: () => number;
  readonly #handOver: (outlet: Outlet) => void;
  readonly #turnEnded: () => void;
  readonly #wentRound: () => void;
  readonly #due: Outlet[] = [];
  /** Until then it counts as shortly after. */
  #shortlyUntil = 0;
  #waitingSince = 0;
  #published = 0;
  /** How many were published when that was looked at last, and since when. */
  #seen = 0;
  #quietSince = 0;

  /** `now` in milliseconds, with fractions. */
  constructor(now: () => number, handOver: (outlet: Outlet) => void) {
    this.#now = now;
    this.#handOver = handOver;
    this.#turnEnded = () => {
      if (this.#isWorthWaiting()) setImmediate(this.#wentRound);
      else this.#handAllOver();
    };
    this.#wentRound = () => {
      if (this.#hasWaited()) this.#handAllOver();
      else setImmediate(this.#wentRound);
    };
  }

  /** Something was published; whoever gets it, call it once. */
  published(): void {
    this.#published += 1;
  }

  /** Something was gathered for one that is not `DUE`. */
  add(outlet: Outlet): void {
    outlet.ends |= DUE;
    if (this.#due.push(outlet) === 1) queueMicrotask(this.#turnEnded);
  }

  #isWorthWaiting(): boolean {
    if (this.#due.length < MANY) return false;
    const now = this.#now();
    this.#waitingSince = now;
    this.#quietSince = now;
    this.#seen = this.#published;
    return now < this.#shortlyUntil;
  }

  #hasWaited(): boolean {
    const now = this.#now();
    const { length } = this.#due;
    if (this.#seen !== this.#published) {
      this.#seen = this.#published;
      this.#quietSince = now;
    }
    if (now - this.#quietSince >= length * MOMENT_MS) return true;
    return now - this.#waitingSince >= length * WAIT_MAX_MS;
  }

  #handAllOver(): void {
    const due = this.#due;
    if (due.length >= MANY) this.#shortlyUntil = this.#now() + due.length * SHORTLY_MS;
    for (const outlet of due) {
      outlet.ends &= ~DUE;
      this.#handOver(outlet);
    }
    due.length = 0;
  }
}
