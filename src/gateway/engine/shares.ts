/**
 * What clients may have of a turn of the event loop. Columns are by connection index.
 *
 *  1. A client that sends thousands of tiny frames at once is served like all others: so many
 *     frames in a turn, and the rest, which waits in its inbox, in later ones. So what others wait
 *     for grows with the number of such clients, not with how much they send.
 *  2. A request costs a hundred times as much as a message, and who breaks the rules or resets
 *     comes back with another: all together have so many in a turn, first come first served, and
 *     those who are in wait for no more than these.
 */
import type { Connection } from '../sockets/connection.ts';

/** 15 µs of echoes. What is put off costs about 3 µs: a fifth of that. */
const FRAMES_PER_TURN = 128;
/** Half a millisecond of handshakes. */
const REQUESTS_PER_TURN = 16;
/** What is shorter than this has not enough frames to be counted. */
const COUNTED_BYTES = 512;
/** More than any piece has. */
const UNCOUNTED = 2 ** 30;

/** See the head of this file. */
export class Shares {
  /** Called a turn later for those who had their share. */
  readonly #goOn: (connection: Connection) => void;
  readonly #turnOf: number[] = [];
  readonly #left: number[] = [];
  #waiting: Connection[] = [];
  /** Connections with a request, or a part of one, that has to wait. */
  readonly #asking: Connection[] = [];
  #requests = 0;
  #turn = 1;
  #turnEnds = false;

  constructor(goOn: (connection: Connection) => void) {
    this.#goOn = goOn;
  }

  /** Frames that may be taken now from a piece of `length` bytes. */
  framesFor(index: number, length: number): number {
    if (length < COUNTED_BYTES) return UNCOUNTED;
    if (this.#turnOf[index] !== this.#turn) {
      this.#turnOf[index] = this.#turn;
      this.#left[index] = FRAMES_PER_TURN;
      if (!this.#turnEnds) this.#endTurnLater();
    }
    return this.#left[index]!;
  }

  /** `left` of what `framesFor` gave was not used. */
  took(index: number, left: number): void {
    if (left <= FRAMES_PER_TURN) this.#left[index] = left;
  }

  /** The connection had its share: it goes on in the next turn. */
  wait(connection: Connection): void {
    this.#waiting.push(connection);
  }

  /** Whether something of a request may be looked at now. */
  mayAsk(): boolean {
    if (!this.#turnEnds) this.#endTurnLater();
    this.#requests += 1;
    return this.#requests <= REQUESTS_PER_TURN;
  }

  /** The connection goes on when its turn to ask has come. */
  waitToAsk(connection: Connection): void {
    this.#asking.push(connection);
  }

  #endTurnLater(): void {
    this.#turnEnds = true;
    setImmediate(() => {
      this.#turnEnds = false;
      this.#turn += 1;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const connection of waiting) this.#goOn(connection);
      this.#requests = 0;
      if (this.#asking.length === 0) return;
      for (const connection of this.#asking.splice(0, REQUESTS_PER_TURN)) this.#goOn(connection);
      if (this.#asking.length > 0) this.#endTurnLater();
    });
  }
}
