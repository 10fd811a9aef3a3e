/**
 * Where a file's `read` and `write` go on. One task at a time uses it: what two of them would read
 * or write could not be told.
 */
import { busyError } from './errors.ts';

/** See the head of this file. */
export class Cursor {
  readonly #path: string;
  /** Bytes from the beginning of the file. */
  position = 0;
  #isTaken = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws {TypeError} ERR_STREAM_BUSY */
  take(action: string): void {
    if (this.#isTaken) throw busyError(action, this.#path);
    this.#isTaken = true;
  }

  /** Gives it back, so many bytes further on. */
  giveBack(bytes: number): void {
    this.#isTaken = false;
    this.position += bytes;
  }
}
