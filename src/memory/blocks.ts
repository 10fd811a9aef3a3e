/**
 * Blocks of different sizes in one region, for one thread: a buddy allocator.
 *
 * The region is a row of units of the smallest block. A block of order k is 2^k units at a multiple
 * of 2^k; its buddy is the block whose index differs in bit k only, and two free buddies are one
 * free block of the next order. Sizes are rounded up to powers of two; there is no other waste.
 *
 * All bookkeeping is in private typed arrays, so that nobody else's stray write can break it and
 * nothing is allocated per block. `#state[unit]` is, for the first unit of a block, its order with
 * HELD set when it is handed out, and INSIDE for all other units. Free blocks of an order are a
 * doubly linked list, the block freed last first, because its lines are still in the cache.
 *
 * Invariants: every unit is in exactly one block; no two free blocks are buddies of one order below
 * the largest; bit k of `#available` is set exactly when list k is not empty.
 */
import { sanitizer } from '#sanitizer';
import { assert, integerOption, misuse, outOfRange, rejectUnknown } from '../base/index.ts';
import type { Arena } from './arena.ts';
import { PAGE_BYTES, POISON, WASM_PAGE_BYTES } from './layout.ts';
import type { Region } from './region.ts';

const BLOCK_BYTES_MIN = 64;
const UNITS_MAX = 1 << 24;
const HELD = 0x80;
const INSIDE = 0xff;
const NONE = -1;

/** How a block region is made. */
export interface BlocksOptions {
  /** Of the region, as `regions` lists it. */
  readonly name: string;
  /** @default '' */
  readonly owner?: string;
  /** Bytes of the region: a multiple of `minBlock`, at most 2^24 of them. */
  readonly size: number;
  /** The smallest block in bytes, a power of two from 64. @default 4096 */
  readonly minBlock?: number;
  /** The largest block in bytes, a power of two, at most `size`. @default the largest that fits */
  readonly maxBlock?: number;
}

interface ResolvedBlocksOptions {
  readonly name: string;
  readonly owner: string;
  readonly size: number;
  readonly minBlock: number;
  readonly maxBlock: number;
}

function resolveBlocksOptions(arena: Arena, options: BlocksOptions): ResolvedBlocksOptions {
  rejectUnknown('Blocks.create', options, ['name', 'owner', 'size', 'minBlock', 'maxBlock']);
  const { name, owner = '' } = options;
  const size = integerOption('size', options.size, 0, BLOCK_BYTES_MIN, arena.size);
  const largest = 2 ** Math.floor(Math.log2(size));
  const minBlock = integerOption(
    'minBlock',
    options.minBlock,
    Math.min(PAGE_BYTES, largest),
    BLOCK_BYTES_MIN,
    largest,
  );
  const maxBlock = integerOption('maxBlock', options.maxBlock, largest, minBlock, largest);
  for (const [option, value] of Object.entries({ minBlock, maxBlock })) {
    if (Number.isInteger(Math.log2(value))) continue;
    throw outOfRange(
      'ERR_OPTION_RANGE',
      `Cannot use ${option}: it must be a power of two, got ${value}`,
    );
  }
  if (size % minBlock !== 0 || size / minBlock > UNITS_MAX) {
    throw outOfRange(
      'ERR_OPTION_RANGE',
      `Cannot use size: it must be a multiple of minBlock (${minBlock}), at most ${UNITS_MAX} ` +
        `times, got ${size}`,
    );
  }
  return { name, owner, size, minBlock, maxBlock };
}

/** See the head of this file. */
export class Blocks {
  /** Where it lives; `used` follows `held`. */
  readonly region: Region;
  /** Bytes of the smallest block. */
  readonly minBlock: number;
  /** Bytes of the largest block. */
  readonly maxBlock: number;
  readonly #arena: Arena;
  readonly #base: number;
  /** log2 of `minBlock`. */
  readonly #shift: number;
  readonly #maxOrder: number;
  readonly #state: Uint8Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** First free block of each order, or NONE. */
  readonly #heads: Int32Array;
  #available = 0;
  #held = 0;

  private constructor(arena: Arena, options: ResolvedBlocksOptions) {
    const { name, owner, size, minBlock, maxBlock } = options;
    const alignment = Math.min(maxBlock, WASM_PAGE_BYTES);
    this.region = arena.allocate(name, size, { owner, kind: 'blocks', alignment });
    this.minBlock = minBlock;
    this.maxBlock = maxBlock;
    this.#arena = arena;
    this.#base = this.region.offset;
    this.#shift = Math.log2(minBlock);
    this.#maxOrder = Math.log2(maxBlock) - this.#shift;
    const units = size / minBlock;
    this.#state = new Uint8Array(units).fill(INSIDE);
    this.#next = new Int32Array(units).fill(NONE);
    this.#previous = new Int32Array(units).fill(NONE);
    this.#heads = new Int32Array(this.#maxOrder + 1).fill(NONE);
    this.#carve(units);
  }

  /**
   * A new one with everything free. A block's offset is a multiple of its size, up to 64 KiB.
   * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
   * @throws {RondoError} ERR_ARENA_EXHAUSTED, ERR_ARENA_REGIONS
   */
  static create(arena: Arena, options: BlocksOptions): Blocks {
    const blocks = new Blocks(arena, resolveBlocksOptions(arena, options));
    sanitizer?.watchBlocks(arena, blocks);
    return blocks;
  }

  /** Bytes handed out, rounding included. */
  get held(): number {
    return this.#held;
  }

  /**
   * A block of at least `size` bytes: its arena offset, or 0 when there is none that large. Its
   * contents are left from whoever had it last.
   */
  acquire(size: number): number {
    if (size > this.maxBlock) return 0;
    const order = size <= this.minBlock ? 0 : 32 - Math.clz32((size - 1) >>> this.#shift);
    const sufficient = this.#available & (-1 << order);
    if (sufficient === 0) return 0;
    let found = 31 - Math.clz32(sufficient & -sufficient);
    const unit = this.#heads[found]!;
    this.#unlink(unit, found);
    // The upper half goes back to its list until what is left has the right size.
    while (found > order) {
      found--;
      this.#link(unit + (1 << found), found);
    }
    this.#state[unit] = HELD | order;
    this.#account(this.minBlock * (1 << order));
    return this.#base + unit * this.minBlock;
  }

  /**
   * Gives a block back.
   * @throws {AssertionError} ERR_ASSERTION when it is no block that is handed out
   */
  release(offset: number): void {
    let unit = this.#unitOf(offset);
    let order = this.#state[unit]! & ~HELD;
    const size = this.minBlock * (1 << order);
    this.#account(-size);
    if (this.#arena.debug) this.#arena.bytes.fill(POISON, offset, offset + size);
    this.#state[unit] = INSIDE;
    while (order < this.#maxOrder) {
      const buddy = unit ^ (1 << order);
      // Behind the end this is undefined, which is no order.
      if (this.#state[buddy] !== order) break;
      this.#unlink(buddy, order);
      unit &= ~(1 << order);
      order++;
    }
    this.#link(unit, order);
  }

  /** Whether a block that is handed out begins at `offset`. */
  isHeld(offset: number): boolean {
    const state = this.#state[(offset - this.#base) / this.minBlock];
    return state !== undefined && state !== INSIDE && (state & HELD) !== 0;
  }

  /** Bytes of a block that is handed out: what was asked for, rounded up. */
  sizeOf(offset: number): number {
    return this.minBlock * (1 << (this.#state[this.#unitOf(offset)]! & ~HELD));
  }

  /**
   * Gives the memory back.
   * @throws {TypeError} ERR_SLAB_HELD when blocks are handed out, ERR_REGION_RELEASED
   */
  destroy(): void {
    if (this.#held > 0) {
      throw misuse(
        'ERR_SLAB_HELD',
        `Cannot destroy blocks "${this.region.name}": ${this.#held} bytes are held`,
      );
    }
    this.region.release();
  }

  /** Makes the free blocks of an empty region: greedily the largest that fits and is aligned. */
  #carve(units: number): void {
    for (let unit = 0; unit < units;) {
      let order = this.#maxOrder;
      while (unit % (1 << order) !== 0 || unit + (1 << order) > units) order--;
      this.#link(unit, order);
      unit += 1 << order;
    }
  }

  #unitOf(offset: number): number {
    const unit = (offset - this.#base) / this.minBlock;
    const state = this.#state[unit];
    const held = state !== undefined && state !== INSIDE && (state & HELD) !== 0;
    assert(held, 'a block that is released or measured is held (released twice?)');
    return unit;
  }

  #account(bytes: number): void {
    this.#held += bytes;
    this.region.used = this.#held;
  }

  #link(unit: number, order: number): void {
    const head = this.#heads[order]!;
    this.#state[unit] = order;
    this.#next[unit] = head;
    this.#previous[unit] = NONE;
    if (head !== NONE) this.#previous[head] = unit;
    this.#heads[order] = unit;
    this.#available |= 1 << order;
  }

  #unlink(unit: number, order: number): void {
    const next = this.#next[unit]!;
    const previous = this.#previous[unit]!;
    this.#state[unit] = INSIDE;
    if (next !== NONE) this.#previous[next] = previous;
    if (previous !== NONE) {
      this.#next[previous] = next;
      return;
    }
    this.#heads[order] = next;
    if (next === NONE) this.#available &= ~(1 << order);
  }
}
