/**
 * Texts in shared memory, each once, while somebody uses them: the names of tasks, of which most
 * programs have few. When the table is full, an entry that nobody uses any more is taken; when
 * none is found soon, the text is left out (entry 0) and the caller counts that.
 */
import { fence, storeRelease } from '#atomics';
import type { Arena } from '../../memory/index.ts';
import { NAME_BYTES, NAME_TEXT_BYTES } from './task-counters-layout.ts';

/** Entries that are looked at for one that nobody uses: bounds what a spawn can cost. */
const PROBES = 32;

const encoder = new TextEncoder();
/** Encoders get private memory. A text that is too long is cut at a whole character. */
const scratch: Uint8Array = new Uint8Array(NAME_TEXT_BYTES);

/** The owner's side. */
export class NameTable {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #offset: number;
  readonly #users: Int32Array;
  readonly #texts: string[] = [''];
  readonly #indices = new Map<string, number>();
  #hand = 1;
  /** The last answer: most spawns have the name of the one before. */
  #lastText = '';
  #lastIndex = 0;

  /** A table of `entries` at an offset of the arena that is zero. */
  constructor(arena: Arena, offset: number, entries: number) {
    this.#words = arena.words;
    this.#bytes = arena.bytes;
    this.#offset = offset;
    this.#users = new Int32Array(entries);
  }

  /** The entry of a text, which it keeps until `drop`; 0 when there is no room. */
  hold(text: string): number {
    if (text !== this.#lastText) {
      this.#lastIndex = this.#indices.get(text) ?? this.#take(text);
      this.#lastText = this.#lastIndex === 0 ? '' : text;
    }
    const index = this.#lastIndex;
    if (index !== 0) this.#users[index] = this.#users[index]! + 1;
    return index;
  }

  /** Says that one user of an entry is gone. */
  drop(index: number): void {
    if (index !== 0) this.#users[index] = this.#users[index]! - 1;
  }

  #take(text: string): number {
    const index = this.#texts.length < this.#users.length ? this.#texts.length : this.#unused();
    if (index === 0) return 0;
    const before = this.#texts[index];
    if (before !== undefined) this.#indices.delete(before);
    this.#texts[index] = text;
    this.#indices.set(text, index);
    this.#write(index, text);
    return index;
  }

  #unused(): number {
    const entries = this.#users.length;
    for (let probe = 0; probe < PROBES && entries > 1; probe++) {
      const index = this.#hand;
      this.#hand = index + 1 === entries ? 1 : index + 1;
      if (this.#users[index] === 0) return index;
    }
    return 0;
  }

  #write(index: number, text: string): void {
    const offset = this.#offset + index * NAME_BYTES;
    const word = offset / 4;
    const { written } = encoder.encodeInto(text, scratch);
    // Odd: a reader that began before or begins now does not trust what it reads.
    storeRelease(this.#words, word, this.#words[word]! + 1);
    // A release keeps what comes before it before it; the text must not be seen before the odd
    // version.
    fence(this.#words, word);
    this.#words[word + 1] = written;
    this.#bytes.set(scratch.subarray(0, written), offset + 8);
    // Publishes the text; partner: the load in `NameReader`.
    storeRelease(this.#words, word, this.#words[word]! + 1);
  }
}
