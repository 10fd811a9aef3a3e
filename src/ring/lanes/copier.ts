/**
 * A consumer's end of a lane, copying messages before it takes them (`spec/ring.md`, §7 MPMC, §10):
 * where several consumers share a cursor, or where the producer overwrites.
 *
 * A copy counts only after it was validated: by the CAS of `head` that nobody else succeeded with,
 * by `intent` that the producer had not reached it. Atomics calls per fetch: two loads, a CAS or a
 * store, the load of the bell; on lossy rings a fence and two loads more. However many messages.
 */
import { add, compareExchange, fence, loadAcquire, storeRelease } from '#atomics';
import type { RingCore } from '../core.ts';
import { Cursor, Lane, Poison } from '../layout.ts';
import { Inbox, type PieceField } from './inbox.ts';

/** Copies of one fetch, at most. */
const FETCH_MAX = 64;
/**
 * Tries of one fetch. A try fails only when another consumer succeeds, or the producer overwrites
 * what is being copied; after so many the answer is "nothing now", and whoever waits looks again.
 */
const TRIES_MAX = 256;

/** See the head of this file. */
export class LaneCopier {
  readonly lane: number;
  readonly inbox: Inbox;
  /** Which copy of the inbox is the first of the last fetch. */
  first = 0;
  readonly #core: RingCore;
  readonly #words: Int32Array;
  readonly #control: number;
  readonly #headWord: number;
  readonly #slotMask: number;
  readonly #stride: number;
  readonly #slots: number;
  readonly #slab: number;
  readonly #slabBytes: number;
  readonly #lossy: boolean;
  readonly #shared: boolean;
  readonly #fields: number;
  readonly #fence = new Int32Array(new SharedArrayBuffer(4));
  #lied = false;

  constructor(core: RingCore, lane: number, cursor: number, pieces: readonly PieceField[]) {
    const { plan, shape, view } = core;
    this.lane = lane;
    this.#core = core;
    this.#words = core.words;
    this.#control = core.word(plan.control(lane));
    this.#headWord = core.headWord(lane, cursor);
    this.#slotMask = shape.slots - 1;
    this.#stride = shape.stride;
    this.#slots = view.base + plan.slots(lane);
    this.#slab = view.base + plan.slab(lane);
    this.#slabBytes = shape.slabBytes;
    this.#lossy = shape.lossy;
    this.#shared = shape.topology === 'mpmc';
    this.#fields = pieces.length;
    const capacity = Math.min(FETCH_MAX, shape.slots);
    this.inbox = new Inbox(core.arena, shape, pieces, capacity);
  }

  /** Position of the next message. */
  get head(): number {
    return loadAcquire(this.#words, this.#headWord);
  }

  /** Gives the memory of the copies back. */
  close(): void {
    this.inbox.release();
  }

  /** Counts a sleep. */
  slept(): void {
    add(this.#words, this.#headWord + Cursor.SLEEPS / 4, 1);
  }

  /** Starts behind the newest message. Only for a consumer with a cursor of its own. */
  skipToNewest(): void {
    const tail = loadAcquire(this.#words, this.#control + Lane.TAIL / 4);
    storeRelease(this.#words, this.#headWord, tail);
  }

  /** Takes up to `limit` messages, at most `FETCH_MAX`, into the inbox; returns how many. */
  fetch(limit: number): number {
    // At least one, and whole ones: everything here counts on it.
    const wanted = limit >= 1 ? Math.floor(limit) : 1;
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const count = this.#lossy ? this.#fetchLossy(wanted) : this.#fetchShared(wanted);
      if (count >= 0) return count;
    }
    return 0;
  }

  #fetchShared(limit: number): number {
    const words = this.#words;
    // The tail first: seen the other way round, it could be ahead of an old head by more than S.
    const tail = loadAcquire(words, this.#control + Lane.TAIL / 4);
    const head = loadAcquire(words, this.#headWord);
    const there = (tail - head) | 0;
    if (there <= 0) return 0;
    if (there > this.#slotMask + 1) this.#core.poison(Poison.TAIL);
    const count = this.#copy(head, Math.min(limit, there, FETCH_MAX));
    // Acquires and releases: the copies above are complete before others see the new head.
    if (compareExchange(words, this.#headWord, head, (head + count) | 0) !== head) return -1;
    if (this.#lied) this.#core.poison(Poison.REFERENCE);
    this.first = 0;
    this.#tellProducers();
    return count;
  }

  #fetchLossy(limit: number): number {
    const words = this.#words;
    const slots = this.#slotMask + 1;
    const start = loadAcquire(words, this.#headWord);
    const tail = loadAcquire(words, this.#control + Lane.TAIL / 4);
    const intent = loadAcquire(words, this.#control + Lane.INTENT / 4);
    let head = start;
    if ((intent - head) >>> 0 > slots) head = (intent - slots) | 0;
    // Loaded after the tail, the intent may have gone on: what it covers is not there any more.
    const there = (tail - head) | 0;
    if (there <= 0) {
      if (head !== start) this.#checkIntent(intent);
      return this.#settle(start, head, 0);
    }
    if (there > slots) this.#core.poison(Poison.TAIL);
    const count = this.#copy(head, Math.min(limit, there, FETCH_MAX));
    // The copies were made before `intent` is loaded again.
    fence(this.#fence, 0);
    const valid = this.#firstValid(head, count);
    if (this.#lied && valid < count) this.#core.poison(Poison.REFERENCE);
    this.first = valid;
    return this.#settle(start, (head + valid) | 0, count - valid);
  }

  /** At most a ring is not published, and at most another one beyond is being overwritten. */
  #checkIntent(intent: number): void {
    const tail = loadAcquire(this.#words, this.#control + Lane.TAIL / 4);
    if (((intent - tail) | 0) > 2 * (this.#slotMask + 1)) this.#core.poison(Poison.TAIL);
  }

  /** Moves the head over what was lost and what is taken; -1 when it must be tried again. */
  #settle(start: number, first: number, count: number): number {
    const words = this.#words;
    const end = (first + count) | 0;
    if (end === start) return 0;
    if (!this.#shared) storeRelease(words, this.#headWord, end);
    else if (compareExchange(words, this.#headWord, start, end) !== start) return -1;
    const lost = (first - start) >>> 0;
    if (lost > 0) add(words, this.#headWord + Cursor.LOST / 4, lost | 0);
    return count > 0 ? count : -1;
  }

  /** Index of the first copy that was not being overwritten; all behind it are good. */
  #firstValid(head: number, count: number): number {
    const intent = loadAcquire(this.#words, this.#control + Lane.INTENT / 4);
    const slabIntent = loadAcquire(this.#words, this.#control + Lane.SLAB_INTENT / 4);
    let valid = 0;
    while (valid < count && (intent - (head + valid)) >>> 0 > this.#slotMask + 1) valid += 1;
    for (let field = valid * this.#fields; field < count * this.#fields; field++) {
      const position = this.inbox.positions[field]!;
      if (Number.isNaN(position) || (slabIntent - position) >>> 0 <= this.#slabBytes) continue;
      valid = Math.floor(field / this.#fields) + 1;
    }
    return valid;
  }

  /** Copies messages until the inbox is full; returns how many, at least 1. */
  #copy(head: number, wanted: number): number {
    this.inbox.clear();
    this.#lied = false;
    for (let index = 0; index < wanted; index++) {
      const slot = Math.imul((head + index) & this.#slotMask, this.#stride);
      const result = this.inbox.copy(index, this.#slots + slot, this.#slab);
      if (result === 'full') return index;
      if (result === 'lie') {
        this.#lied = true;
        return index + 1;
      }
    }
    return wanted;
  }

  #tellProducers(): void {
    if (this.#core.tellProducers() > 0) add(this.#words, this.#headWord + Cursor.WAKES / 4, 1);
  }
}
