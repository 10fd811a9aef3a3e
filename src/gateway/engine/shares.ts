/**
 * What one connection may have of a turn of the event loop. A client that sends thousands of tiny
 * frames at once is served like all others: so many frames in a turn, and the rest, which waits in
 * its inbox, in later ones. So what others wait for grows with the number of such clients, not with
 * how much they send. Columns are by connection index.
 */
import type { Connection } from '../sockets/connection.ts';

/** A buffer of 16 KiB full of messages of 32 bytes has 430: who sends in good order never waits. */
const FRAMES_PER_TURN = 512;
/** What is shorter than this has not enough frames to be counted. */
const COUNTED_BYTES = 1024;
/** More than any piece has. */
const UNCOUNTED = 2 ** 30;

/** See the head of this file. */
export class Shares {
  /** Called a turn later for those who had their share. */
  readonly #goOn: (connection: Connection) => void;
  readonly #turnOf: number[] = [];
  readonly #left: number[] = [];
  #waiting: Connection[] = [];
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

  #endTurnLater(): void {
    this.#turnEnds = true;
    setImmediate(() => {
      this.#turnEnds = false;
      this.#turn += 1;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const connection of waiting) this.#goOn(connection);
    });
  }
}
