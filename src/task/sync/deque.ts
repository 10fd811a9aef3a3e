/** A queue in an array that wraps around: taking from the front moves nothing. */

const SMALLEST = 16;
/** A queue that has grown beyond this gives its memory back when it is empty. */
const KEPT = 1024;

/** First in, first out. Grows by doubling; its user bounds it. */
export class Deque<T> {
  length: number = 0;
  // A power of two of them.
  #slots: (T | undefined)[] = [];
  #head = 0;

  push(value: T): void {
    if (this.length === this.#slots.length) this.#grow();
    const slots = this.#slots;
    slots[(this.#head + this.length) & (slots.length - 1)] = value;
    this.length += 1;
  }

  /** The first, which there must be. */
  shift(): T {
    const slots = this.#slots;
    const head = this.#head;
    const value = slots[head] as T;
    slots[head] = undefined;
    this.#head = (head + 1) & (slots.length - 1);
    this.length -= 1;
    if (this.length === 0 && slots.length > KEPT) this.clear();
    return value;
  }

  clear(): void {
    this.length = 0;
    this.#slots = [];
    this.#head = 0;
  }

  #grow(): void {
    const old = this.#slots;
    const slots = new Array<T | undefined>(Math.max(SMALLEST, old.length * 2)).fill(undefined);
    for (let index = 0; index < this.length; index++) {
      slots[index] = old[(this.#head + index) & (old.length - 1)];
    }
    this.#slots = slots;
    this.#head = 0;
  }
}
