/**
 * The directory of an arena: which pages belong to whom. Lock-free, from any thread.
 *
 * A thread may be ended by `worker.terminate()` at any instruction, so nothing here is ever locked:
 *
 *  1. FREE → CLAIMED, RELEASED → CLAIMED and LIVE → CLAIMED are compare-and-exchange; whoever wins
 *     is the entry's only writer until it stores FREE, LIVE or RELEASED. Nobody waits for a claim.
 *  2. Every transition adds one generation to the state word. A compare-and-exchange that succeeds
 *     thus also says that nothing in the entry has changed since the word was loaded.
 *  3. The extents of LIVE and RELEASED entries never overlap, and lie in [FIRST_PAGE, top).
 *  4. `top` only grows, so that pages from `top` on were never touched and read as zeros.
 *  5. An entry shows an extent before its pages are taken and until they were given away. Pages of
 *     a thread that was ended half-way therefore stay visible as claimed, and are never handed out
 *     again; such an entry may show more than was really lost.
 *
 * Neighbouring released extents are joined when no single one will do, before untouched pages are
 * taken. An allocation that would fail while another thread holds a claim waits a few milliseconds,
 * because the other may be about to give pages back; the wait is bounded because it may be dead.
 * And because pages are claimed for a moment while others join or split what they lie in, it fails
 * only when nothing has changed in a whole round of looking.
 */
import { add, compareExchange, loadAcquire, storeRelease, waitBlocking } from '#atomics';
import { assert } from '../base/index.ts';
import {
  DIRECTORY_ENTRIES,
  DIRECTORY_OFFSET,
  ENTRY_WORDS,
  Entry,
  FIRST_PAGE,
  GENERATION,
  Header,
  State,
  STATE_MASK,
} from './layout.ts';

const BEGIN = DIRECTORY_OFFSET / 4;
const END: number = BEGIN + DIRECTORY_ENTRIES * ENTRY_WORDS;

/** Joining and retrying more often than this means that others keep winning; then it is full. */
const ROUNDS_MAX = 64;
/** How often, and for how long each, a failing allocation waits for another thread's claim. */
const CLAIM_WAITS_MAX = 8;
const CLAIM_WAIT_MS = 1;

/** `Directory.take`: no extent is large enough. */
export const NO_PAGES = 0;
/** `Directory.take`: every entry describes a region. */
export const NO_ENTRY = -1;

/** An extent as it was when its state word was `word`. */
export interface Extent {
  readonly entry: number;
  readonly word: number;
  readonly first: number;
  readonly pages: number;
}

function following(word: number, state: number): number {
  return ((word + GENERATION) & ~STATE_MASK) | state | 0;
}

function alignUp(page: number, alignment: number): number {
  return Math.ceil(page / alignment) * alignment;
}

/** Entries are named by the index of their first word; `words` is the whole arena. */
export class Directory {
  readonly #words: Int32Array;
  readonly #pages: number;
  /** What the transitions made here have added to state words. */
  #added = 0;

  constructor(words: Int32Array) {
    this.#words = words;
    this.#pages = words[Header.PAGES]!;
  }

  /** Pages of the arena, header included. */
  get pages(): number {
    return this.#pages;
  }

  /** Pages that were never taken. */
  get untouched(): number {
    return this.#pages - loadAcquire(this.#words, Header.TOP);
  }

  /**
   * Takes an extent in which `pages` fit at a multiple of `alignment` pages. Gives its entry,
   * claimed, or NO_PAGES or NO_ENTRY. The caller fills it in and calls `settle`.
   */
  take(pages: number, alignment: number): number {
    let waits = 0;
    let changes: number | undefined;
    for (let round = 0; ; round++) {
      const reused = this.#takeReleased(pages, alignment);
      if (reused > 0) return reused;
      // Before untouched pages are: memory that was used once costs no more when it is used again.
      if (round < ROUNDS_MAX && this.join()) continue;
      const fresh = this.#takeFresh(pages, alignment);
      if (fresh > 0) return fresh;
      const grown = this.#takeLast(pages, alignment);
      if (grown > 0) return grown;
      if (waits++ < CLAIM_WAITS_MAX && this.#awaitClaimant()) continue;
      const now = this.#changes();
      if (now === changes || round >= ROUNDS_MAX) return fresh;
      changes = now;
    }
  }

  /** A number that changes with every transition that others make. */
  #changes(): number {
    let sum = 0;
    this.each((_entry, word) => {
      sum = (sum + (word & ~STATE_MASK)) | 0;
    });
    return (sum - this.#added) | 0;
  }

  /** Ends a claim: the entry, with all that was written to it, is now FREE, LIVE or RELEASED. */
  settle(entry: number, state: number): number {
    const words = this.#words;
    const word = words[entry + Entry.STATE]!;
    assert((word & STATE_MASK) === State.CLAIMED, 'only a claimed entry is settled');
    const next = following(word, state);
    this.#added = (this.#added + GENERATION) | 0;
    // Publishes the entry's other words; partners: every loadAcquire of STATE and claim().
    storeRelease(words, entry + Entry.STATE, next);
    return next;
  }

  /** Claims an entry whose state word is still `word`. */
  claim(entry: number, word: number): boolean {
    const next = following(word, State.CLAIMED);
    if (compareExchange(this.#words, entry + Entry.STATE, word, next) !== word) return false;
    this.#added = (this.#added + GENERATION) | 0;
    return true;
  }

  /** The state word of an entry. */
  word(entry: number): number {
    return loadAcquire(this.#words, entry + Entry.STATE);
  }

  /** Whether the entry has not changed since `word` was loaded and what followed was read. */
  unchanged(entry: number, word: number): boolean {
    // A load would only keep later reads after it; a read-modify-write keeps earlier ones before.
    return add(this.#words, entry + Entry.STATE, 0) === word;
  }

  /** Calls `visit` with each entry and its state word. */
  each(visit: (entry: number, word: number) => void): void {
    for (let entry = BEGIN; entry < END; entry += ENTRY_WORDS) visit(entry, this.word(entry));
  }

  /** What could be claimed now, in the order of memory. */
  released(): Extent[] {
    const words = this.#words;
    const found: Extent[] = [];
    this.each((entry, word) => {
      if ((word & STATE_MASK) !== State.RELEASED) return;
      const first = words[entry + Entry.FIRST]!;
      found.push({ entry, word, first, pages: words[entry + Entry.PAGES]! });
    });
    return found.sort((a, b) => a.first - b.first);
  }

  /** Joins neighbouring released extents. True when there was at least one pair. */
  join(): boolean {
    const words = this.#words;
    const released = this.released();
    let joined = false;
    for (let i = 0; i < released.length;) {
      const head = released[i++]!;
      let end = head.first + head.pages;
      if (released[i]?.first !== end || !this.claim(head.entry, head.word)) continue;
      for (let next = released[i]; next?.first === end; next = released[++i]) {
        if (!this.claim(next.entry, next.word)) break;
        end += next.pages;
        words[head.entry + Entry.PAGES] = end - head.first;
        words[head.entry + Entry.CLEAN]! &= words[next.entry + Entry.CLEAN]!;
        this.#discard(next.entry);
        joined = true;
      }
      this.settle(head.entry, State.RELEASED);
    }
    return joined;
  }

  #claimFree(): number {
    for (let entry = BEGIN; entry < END; entry += ENTRY_WORDS) {
      const word = this.word(entry);
      if ((word & STATE_MASK) === State.FREE && this.claim(entry, word)) return entry;
    }
    return 0;
  }

  #discard(entry: number): void {
    this.#words[entry + Entry.PAGES] = 0;
    this.settle(entry, State.FREE);
  }

  /** Best fit: the smallest released extent that will do. */
  #takeReleased(pages: number, alignment: number): number {
    const words = this.#words;
    for (;;) {
      let best = 0;
      let bestWord = 0;
      let bestPages = Infinity;
      for (let entry = BEGIN; entry < END; entry += ENTRY_WORDS) {
        const word = this.word(entry);
        if ((word & STATE_MASK) !== State.RELEASED) continue;
        const first = words[entry + Entry.FIRST]!;
        const length = words[entry + Entry.PAGES]!;
        if (length >= bestPages || alignUp(first, alignment) + pages > first + length) continue;
        [best, bestWord, bestPages] = [entry, word, length];
      }
      if (best === 0) return NO_PAGES;
      // By invariant 2 the extent is still what was read above when this succeeds.
      if (!this.claim(best, bestWord)) continue;
      this.#trim(best, alignUp(words[best + Entry.FIRST]!, alignment) + pages);
      return best;
    }
  }

  /** Gives what a claimed extent has from page `end` on to an entry of its own. */
  #trim(entry: number, end: number): void {
    const words = this.#words;
    const first = words[entry + Entry.FIRST]!;
    const rest = first + words[entry + Entry.PAGES]! - end;
    if (rest === 0) return;
    const spare = this.#claimFree();
    // Without a spare entry the region keeps what is too much; nothing is lost when it is released.
    if (spare === 0) return;
    words[spare + Entry.FIRST] = end;
    words[spare + Entry.PAGES] = rest;
    words[spare + Entry.CLEAN] = words[entry + Entry.CLEAN]!;
    words[entry + Entry.PAGES] = end - first;
    this.settle(spare, State.RELEASED);
  }

  /** Takes pages that were never used. */
  #takeFresh(pages: number, alignment: number): number {
    const words = this.#words;
    const entry = this.#claimFree();
    if (entry === 0) return NO_ENTRY;
    for (;;) {
      const top = loadAcquire(words, Header.TOP);
      const end = alignUp(top, alignment) + pages;
      if (end > this.#pages) {
        this.#discard(entry);
        return NO_PAGES;
      }
      words[entry + Entry.FIRST] = top;
      words[entry + Entry.PAGES] = end - top;
      words[entry + Entry.CLEAN] = 1;
      if (compareExchange(words, Header.TOP, top, end) === top) return entry;
    }
  }

  /** Takes the released extent that ends at `top` together with pages from there on. */
  #takeLast(pages: number, alignment: number): number {
    const words = this.#words;
    const last = this.released().at(-1);
    if (!last) return NO_PAGES;
    const top = last.first + last.pages;
    const end = alignUp(last.first, alignment) + pages;
    if (end <= top || end > this.#pages || !this.claim(last.entry, last.word)) return NO_PAGES;
    words[last.entry + Entry.PAGES] = end - last.first;
    if (compareExchange(words, Header.TOP, top, end) === top) return last.entry;
    words[last.entry + Entry.PAGES] = last.pages;
    this.settle(last.entry, State.RELEASED);
    return NO_PAGES;
  }

  /** Sleeps until some claim has ended, or briefly. False when nobody claims anything. */
  #awaitClaimant(): boolean {
    for (let entry = BEGIN; entry < END; entry += ENTRY_WORDS) {
      const word = this.word(entry);
      if ((word & STATE_MASK) !== State.CLAIMED) continue;
      // Nobody notifies: the time limit is what ends it, and yields the core meanwhile.
      waitBlocking(this.#words, entry + Entry.STATE, word, CLAIM_WAIT_MS);
      return true;
    }
    return false;
  }

  /** Writes the words of a new arena. */
  static format(words: Int32Array): void {
    words[Header.DIRECTORY] = DIRECTORY_OFFSET;
    words[Header.ENTRIES] = DIRECTORY_ENTRIES;
    storeRelease(words, Header.TOP, FIRST_PAGE);
  }
}
