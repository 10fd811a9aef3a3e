/**
 * Slots of one size, taken and given back by any thread without locks.
 *
 * The free slots are a bitmap in the arena, one bit a slot, 1 = held, changed by exchanging 32-bit
 * words if they are as expected. Why no free list: its head would be an index and a tag in 32 bits,
 * and with 20 bits of index the 12 of the tag come round after 4096 operations, so that a thread
 * which was asleep for that long installs a stale successor (the ABA problem); JavaScript has no
 * wider exchange but BigInt's, which allocates. A bitmap word has no such history: equal words mean
 * equal sets of held slots, which is all that the exchange relies on. It also survives a thread
 * that is ended at any instruction: each word is always true, and `held` counts bits, not events.
 *
 * Invariants:
 *  1. A slot belongs to whoever turned its bit from 0 to 1, until that bit is turned back.
 *  2. Bits behind the last slot are always 1.
 *  3. Slots of an ended thread stay held: only its supervisor can know that nobody writes there.
 *
 * What a holder wrote before `release` is visible to the next holder after `acquire`.
 *
 * The region, written once by the creator except for the bitmap:
 *
 * | word | what                                | | word | what                                 |
 * |------|-------------------------------------|-|------|--------------------------------------|
 * | 0    | magic `RNDS`                        | | 3    | bytes from region start to the slots |
 * | 1    | slots                               | | 32 … | bitmap, ceil(slots / 32) words       |
 * | 2    | bytes of a slot                     | |      |                                      |
 */
import { compareExchange, loadAcquire, storeRelease } from '#atomics';
import { sanitizer } from '#sanitizer';
import { assert, integerOption, misuse, rejectUnknown } from '../base/index.ts';
import type { Arena } from './arena.ts';
import { PAGE_BYTES, POISON } from './layout.ts';
import type { Region } from './region.ts';

const MAGIC = 0x53444e52;
const KIND = 'slab';
const BITMAP_WORD = 32;
const SLOTS_MAX = 1 << 24;
const SLOT_BYTES_MAX = 1 << 30;
const FULL = -1;

/** How a slab is made. */
export interface SlabOptions {
  /** Of the region, as `regions` lists it. */
  readonly name: string;
  /** @default '' */
  readonly owner?: string;
  /** Bytes of a slot: a multiple of 8, 8 to 1 GiB. */
  readonly slotSize: number;
  /** How many, 1 to 16,777,216. */
  readonly slots: number;
}

/** See the head of this file. Every thread has its own `Slab` object over the one region. */
export class Slab {
  /** Where it lives. Its `offset` is what `attach` takes; `used` is not kept, see `held`. */
  readonly region: Region;
  /** How many slots there are. */
  readonly capacity: number;
  /** Bytes of a slot. */
  readonly slotSize: number;
  /** Arena offset of the first slot; the others follow without gaps. */
  readonly base: number;
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #bitmap: number;
  readonly #bitmapEnd: number;
  /** The bitmap word where this thread looks first, and what it believes to be there. */
  #hint: number;
  #guess: number;

  private constructor(arena: Arena, region: Region) {
    const word = region.offset / 4;
    this.region = region;
    this.capacity = arena.words[word + 1]!;
    this.slotSize = arena.words[word + 2]!;
    this.base = region.offset + arena.unsigned[word + 3]!;
    this.#arena = arena;
    this.#words = arena.words;
    this.#bitmap = word + BITMAP_WORD;
    this.#bitmapEnd = this.#bitmap + Math.ceil(this.capacity / 32);
    this.#hint = this.#bitmap;
    this.#guess = loadAcquire(this.#words, this.#hint);
    sanitizer?.watchSlab(arena, this);
  }

  /**
   * A new slab with all slots free. A slot whose size is a power of two is aligned to it, up to
   * 4096; others are aligned to 8, the first to 128.
   * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
   * @throws {RondoError} ERR_ARENA_EXHAUSTED, ERR_ARENA_REGIONS
   */
  static create(arena: Arena, options: SlabOptions): Slab {
    rejectUnknown('Slab.create', options, ['name', 'owner', 'slotSize', 'slots']);
    const { name, owner = '' } = options;
    const slotSize = integerOption('slotSize', options.slotSize, 0, 8, SLOT_BYTES_MAX);
    const slots = integerOption('slots', options.slots, 0, 1, SLOTS_MAX);
    if (slotSize % 8 !== 0) {
      throw misuse(
        'ERR_OPTION_RANGE',
        `Cannot use slotSize: it must be a multiple of 8, got ${slotSize}`,
      );
    }
    const power = (slotSize & (slotSize - 1)) === 0;
    const alignment = power ? Math.min(PAGE_BYTES, Math.max(128, slotSize)) : 128;
    const bitmapWords = Math.ceil(slots / 32);
    const slotsOffset = Math.ceil(((BITMAP_WORD + bitmapWords) * 4) / alignment) * alignment;
    const size = slotsOffset + slots * slotSize;
    const region = arena.allocate(name, size, { owner, kind: KIND, alignment });
    const { words, unsigned } = arena;
    const word = region.offset / 4;
    words[word + 1] = slots;
    words[word + 2] = slotSize;
    unsigned[word + 3] = slotsOffset;
    if (slots % 32 !== 0) words[word + BITMAP_WORD + bitmapWords - 1] = FULL << (slots % 32);
    // In debug, free slots are poisoned from the start, so that `acquire` can tell stray writes.
    if (arena.debug) arena.bytes.fill(POISON, region.offset + slotsOffset, region.offset + size);
    // Publishes the words above; partner: the load in attach().
    storeRelease(words, word, MAGIC);
    return new Slab(arena, region);
  }

  /**
   * The slab that another thread made at that region offset.
   * @throws {TypeError} ERR_REGION_RELEASED, ERR_REGION_KIND
   */
  static attach(arena: Arena, regionOffset: number): Slab {
    const region = arena.regionAt(regionOffset);
    if (region.kind !== KIND || loadAcquire(arena.words, region.offset / 4) !== MAGIC) {
      throw misuse(
        'ERR_REGION_KIND',
        `Cannot attach a slab to region "${region.name}": its kind is "${region.kind}"`,
      );
    }
    return new Slab(arena, region);
  }

  /** Slots held now, by all threads. Counts bits: for observers and tests, not for hot paths. */
  get held(): number {
    let held = 0;
    for (let word = this.#bitmap; word < this.#bitmapEnd; word++) {
      held += popcount(loadAcquire(this.#words, word));
    }
    // Invariant 2: what is behind the last slot is counted as held above.
    return held - ((this.#bitmapEnd - this.#bitmap) * 32 - this.capacity);
  }

  /** A slot: its arena offset, or 0 when all are held. It has in it what the last holder left. */
  acquire(): number {
    const words = this.#words;
    let word = this.#hint;
    // A stale guess costs a failed exchange, which tells the truth; it saves the load.
    let value = this.#guess;
    // One more than there are words: a guess of "full" must not hide slots freed by others.
    for (let left = this.#bitmapEnd - this.#bitmap; ; left--) {
      while (value !== FULL) {
        const bit = ~value & (value + 1);
        const seen = compareExchange(words, word, value, value | bit);
        if (seen === value) {
          this.#hint = word;
          this.#guess = value | bit;
          return this.#taken((word - this.#bitmap) * 32 + 31 - Math.clz32(bit));
        }
        value = seen;
      }
      if (left === 0) break;
      if (++word === this.#bitmapEnd) word = this.#bitmap;
      value = loadAcquire(words, word);
    }
    this.#guess = FULL;
    return 0;
  }

  /**
   * Gives a slot back: `offset` is what `acquire` returned, on whichever thread.
   * @throws {AssertionError} ERR_ASSERTION when it is no slot, or not held
   */
  release(offset: number): void {
    const index = (offset - this.base) / this.slotSize;
    assert(this.owns(offset) && Number.isInteger(index), 'a released slot is one of the slab');
    if (this.#arena.debug) this.#poison(offset, index);
    const word = this.#bitmap + (index >>> 5);
    const bit = 1 << (index & 31);
    let value = word === this.#hint ? this.#guess : loadAcquire(this.#words, word);
    for (;;) {
      // A guess that says "free" may be old; only what is really there can convict.
      if ((value & bit) === 0) value = loadAcquire(this.#words, word);
      assert((value & bit) !== 0, 'a released slot is held (released twice?)');
      // Publishes what the holder wrote; partner: the exchange in acquire().
      const seen = compareExchange(this.#words, word, value, value & ~bit);
      if (seen === value) break;
      value = seen;
    }
    if (word === this.#hint || this.#guess === FULL) {
      this.#hint = word;
      this.#guess = value & ~bit;
    }
  }

  /** Whether a slot that is held, by whichever thread, begins at `offset`. */
  isHeld(offset: number): boolean {
    const index = (offset - this.base) / this.slotSize;
    if (!this.owns(offset) || !Number.isInteger(index)) return false;
    return (loadAcquire(this.#words, this.#bitmap + (index >>> 5)) & (1 << (index & 31))) !== 0;
  }

  /** Whether the offset lies inside one of the slots. */
  owns(offset: number): boolean {
    return offset >= this.base && offset < this.base + this.capacity * this.slotSize;
  }

  /** The start of the slot that an offset lies in, for those who kept only an inner offset. */
  slotOf(offset: number): number {
    assert(this.owns(offset), 'the offset is inside the slab');
    return offset - ((offset - this.base) % this.slotSize);
  }

  /**
   * Gives the memory back; no thread may use the slab any more.
   * @throws {TypeError} ERR_SLAB_HELD when slots are held, ERR_REGION_RELEASED
   */
  destroy(): void {
    const { held } = this;
    if (held > 0) {
      throw misuse(
        'ERR_SLAB_HELD',
        `Cannot destroy slab "${this.region.name}": ${held} of ${this.capacity} slots are held`,
      );
    }
    this.region.release();
  }

  #taken(index: number): number {
    const offset = this.base + index * this.slotSize;
    if (this.#arena.debug) {
      const { bytes } = this.#arena;
      let at = offset;
      while (at < offset + this.slotSize && bytes[at] === POISON) at++;
      assert(at === offset + this.slotSize, `byte ${at} of a free slot was not written to`);
    }
    return offset;
  }

  /** Before the bit is cleared, because afterwards the slot may be somebody else's. */
  #poison(offset: number, index: number): void {
    const value = loadAcquire(this.#words, this.#bitmap + (index >>> 5));
    assert((value & (1 << (index & 31))) !== 0, 'a released slot is held (released twice?)');
    this.#arena.bytes.fill(POISON, offset, offset + this.slotSize);
  }
}

function popcount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
