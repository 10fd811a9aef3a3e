/**
 * A consumer's end of a lane, reading messages where they lie (`spec/ring.md`, §7).
 *
 * One thread. Invariants: `released` ≤ `head` ≤ `tail` as copied; slots in [released, tail) stay as
 * they are. Atomics calls: one when it seems empty (the load of `tail`), two per release (the store
 * of `head`, the load of the bell); none per message.
 */
import { loadAcquire, storeRelease } from '#atomics';
import type { RingCore } from '../core.ts';
import { Cursor, Lane, Poison } from '../layout.ts';
import { isAwaited } from '../waiting/bell.ts';
import { NO_SLOT } from './writer.ts';

/** See the head of this file. */
export class LaneReader {
  readonly lane: number;
  /** Messages that may be taken before their slots are given back. */
  readonly releaseEvery: number;
  readonly #core: RingCore;
  readonly #words: Int32Array;
  readonly #tailWord: number;
  readonly #headWord: number;
  readonly #bellWord: number;
  readonly #slotMask: number;
  readonly #stride: number;
  readonly #slots: number;
  #head: number;
  #released: number;
  #tail: number;

  constructor(core: RingCore, lane: number, cursor: number, releaseEvery: number) {
    const { plan, shape, view } = core;
    this.lane = lane;
    this.#core = core;
    this.#words = core.words;
    this.#tailWord = core.word(plan.control(lane) + Lane.TAIL);
    this.#headWord = core.headWord(lane, cursor);
    this.#bellWord = core.producersBell >>> 2;
    this.#slotMask = shape.slots - 1;
    this.#stride = shape.stride;
    this.#slots = view.base + plan.slots(lane);
    this.releaseEvery = releaseEvery;
    this.#head = loadAcquire(this.#words, this.#headWord);
    this.#released = this.#head;
    this.#tail = this.#head;
  }

  /** Position of the next message. */
  get head(): number {
    return this.#head;
  }

  /** Starts again where the shared head is: a producer has let this consumer in. */
  rewind(): void {
    this.#head = loadAcquire(this.#words, this.#headWord);
    this.#released = this.#head;
    this.#tail = this.#head;
  }

  /** Messages that are there; looks only when none was known. */
  available(): number {
    const known = (this.#tail - this.#head) | 0;
    return known > 0 ? known : this.#look();
  }

  /** Arena offset of the next message, or `NO_SLOT`. It stays until it was taken and released. */
  peek(): number {
    if (this.#tail === this.#head && this.#look() === 0) return NO_SLOT;
    return this.#slots + Math.imul(this.#head & this.#slotMask, this.#stride);
  }

  /** How many slots from the next one on lie side by side, whether they have messages or not. */
  untilWrap(): number {
    return this.#slotMask + 1 - (this.#head & this.#slotMask);
  }

  /** As `take`, for `count` messages. */
  takeMany(count: number): void {
    this.#head = (this.#head + count) | 0;
    if (((this.#head - this.#released) | 0) >= this.releaseEvery) this.release();
  }

  /** The message that `peek` gave is done with. Released with others, or by `release`. */
  take(): void {
    this.#head = (this.#head + 1) | 0;
    if (((this.#head - this.#released) | 0) >= this.releaseEvery) this.release();
  }

  /** Lets the producer overwrite what was taken, and wakes it if it sleeps. */
  release(): void {
    if (this.#head === this.#released) return;
    // Publishes that the slots were read; partner: the producer's load of `head`.
    storeRelease(this.#words, this.#headWord, this.#head);
    this.#released = this.#head;
    if (isAwaited(this.#words, this.#bellWord) && this.#core.tellProducers() > 0) {
      this.#words[this.#headWord + Cursor.WAKES / 4]! += 1;
    }
  }

  /** Counts a sleep. */
  slept(): void {
    this.#words[this.#headWord + Cursor.SLEEPS / 4]! += 1;
  }

  #look(): number {
    const tail = loadAcquire(this.#words, this.#tailWord);
    const count = (tail - this.#head) >>> 0;
    if (count > this.#slotMask + 1) this.#core.poison(Poison.TAIL);
    this.#tail = tail;
    return count;
  }
}
