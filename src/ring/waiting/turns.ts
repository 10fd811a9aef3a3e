/**
 * Turns of the event loop: a wait for what is there already ends in a microtask, and a loop of such
 * waits would let nothing else run as long as the other side keeps up.
 */

/** Messages in a row before others have their turn. */
export const TURN_MESSAGES = 1024;

/** What one side has handled since the event loop last went on. */
export class Turns {
  #count = 0;

  /** Messages of this turn. */
  get count(): number {
    return this.#count;
  }

  /** Counts messages; true when others must have their turn now. */
  isOver(messages: number): boolean {
    this.#count += messages;
    return this.#count >= TURN_MESSAGES;
  }

  /** Lets the event loop go on once. */
  next(): Promise<void> {
    this.#count = 0;
    return new Promise((resolve) => setImmediate(resolve));
  }
}
