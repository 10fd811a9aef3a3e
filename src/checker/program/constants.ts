/**
 * Words that no thread writes: reading them is no event. There is one thing that such a read can
 * see, and where it adds no order between what stands around it, executions are the same without
 * it. It is found out on the way: when a word is written after all, exploration starts anew
 * (`Resplit`), and reads of that word are events from then on.
 *
 * Graphs are handed on, to other threads and to another day, and each word must be the same in all
 * of them: so whoever takes graphs over takes both sets over with them, and begins anew when a word
 * changes for the one that was constant for the other.
 */
import type { BeginAnew } from './locations.ts';

/** Reads of constants without an event between them: after so many a thread waits for a change. */
const READS_MAX = 200_000;

/** Memories, and numbers of words in them. */
type Pairs = readonly (readonly [memory: number, word: number])[];

/** Words of one memory, at most. */
const WORDS = 0x4000_0000;

/** See the head of this file. */
export class Constants {
  readonly #anew: BeginAnew;
  /** Words that some thread writes, or waits for. */
  readonly #changing = new Set<number>();
  /** Words that were read as constants since exploration began. */
  readonly #read = new Set<number>();

  constructor(anew: BeginAnew) {
    this.#anew = anew;
  }

  /** Exploration begins anew. */
  reset(): void {
    this.#read.clear();
  }

  /** How many words are known to change, or were read as constants. */
  get size(): number {
    return this.#changing.size + this.#read.size;
  }

  /** Memories and numbers of words that some thread writes. */
  get changing(): [number, number][] {
    return wordsOf(this.#changing);
  }

  /** Memories and numbers of words that were read as constants since exploration began. */
  get read(): [number, number][] {
    return wordsOf(this.#read);
  }

  /**
   * Takes over what somebody else has found: words that change, and words that were constants for
   * the graphs that are taken over with them.
   * @throws {Resplit} when one is both; it changes from then on
   */
  adopt(changing: Pairs, read: Pairs): void {
    for (const [memory, word] of changing) this.#changing.add(memory * WORDS + word);
    for (const [memory, word] of read) this.#read.add(memory * WORDS + word);
    for (const word of this.#read) if (this.#changing.has(word)) throw this.#anew();
  }

  /** Whether a read is none of what changes; `reads` are those since the last event. */
  isConstant(memory: number, offset: number, size: number, reads: number): boolean {
    const first = keyOf(memory, offset);
    const last = keyOf(memory, offset + size - 1);
    for (let word = first; word <= last; word++) {
      if (this.#changing.has(word)) return false;
    }
    if (reads >= READS_MAX) {
      this.#changing.add(first);
      throw this.#anew();
    }
    for (let word = first; word <= last; word++) this.#read.add(word);
    return true;
  }

  /** A thread writes there. */
  change(memory: number, offset: number, size: number): void {
    const last = keyOf(memory, offset + size - 1);
    let wasRead = false;
    for (let word = keyOf(memory, offset); word <= last; word++) {
      if (this.#changing.has(word)) continue;
      this.#changing.add(word);
      wasRead ||= this.#read.has(word);
    }
    if (wasRead) throw this.#anew();
  }
}

function wordsOf(keys: ReadonlySet<number>): [number, number][] {
  return [...keys].map((key) => [Math.floor(key / WORDS), key % WORDS]);
}

function keyOf(memory: number, offset: number): number {
  return memory * WORDS + (offset >>> 2);
}
