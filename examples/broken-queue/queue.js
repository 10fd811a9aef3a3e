// A queue between two threads in shared memory: one pushes numbers, the other takes them and sleeps
// while there are none. It is broken. See README.md before you look for the mistake.
const HEAD = 0; // How many numbers were taken; written by the one who takes.
const TAIL = 1; // How many numbers were pushed; written by the one who pushes.
const ASLEEP = 2; // 1 while the one who takes sleeps, or is about to.
const SLOTS = 3;

/** Words that a queue of so many slots needs. */
export const wordsFor = (slots) => SLOTS + slots;

export class Queue {
  #words;
  #slots;

  /** `words` are `wordsFor(slots)` words of shared memory that hold 0. */
  constructor(words) {
    this.#words = words;
    this.#slots = words.length - SLOTS;
  }

  /** Pushes a number; false when the queue is full. */
  push(number) {
    const tail = Atomics.load(this.#words, TAIL);
    if (tail - Atomics.load(this.#words, HEAD) === this.#slots) return false;
    this.#words[SLOTS + (tail % this.#slots)] = number;
    Atomics.store(this.#words, TAIL, tail + 1);
    if (Atomics.load(this.#words, ASLEEP) === 1) {
      Atomics.store(this.#words, ASLEEP, 0);
      Atomics.notify(this.#words, ASLEEP);
    }
    return true;
  }

  /** Takes the next number; sleeps until there is one. */
  take() {
    const head = Atomics.load(this.#words, HEAD);
    while (Atomics.load(this.#words, TAIL) === head) {
      Atomics.store(this.#words, ASLEEP, 1);
      Atomics.wait(this.#words, ASLEEP, 1);
    }
    const number = this.#words[SLOTS + (head % this.#slots)];
    Atomics.store(this.#words, HEAD, head + 1);
    return number;
  }
}
