/** Bump allocation: many small things that live and die together, in one region, for one thread. */
import { sanitizer } from '#sanitizer';
import { assert, integerOption, RondoError } from '../base/index.ts';
import type { Arena } from './arena.ts';
import { POISON } from './layout.ts';
import type { Region } from './region.ts';

/** How a bump region is made. */
export interface BumpOptions {
  /** Of the region, as `regions` lists it. */
  readonly name: string;
  /** @default '' */
  readonly owner?: string;
  /** Bytes, 1 to the arena's size. */
  readonly size: number;
}

/** Memory that is handed out front to back and taken back all at once. One thread only. */
export class BumpRegion {
  readonly region: Region;
  readonly #arena: Arena;
  readonly #end: number;
  #next: number;

  private constructor(arena: Arena, region: Region) {
    this.region = region;
    this.#arena = arena;
    this.#end = region.offset + region.size;
    this.#next = region.offset;
  }

  /** A new, empty one. @throws {RondoError} ERR_ARENA_EXHAUSTED, ERR_ARENA_REGIONS */
  static create(arena: Arena, options: BumpOptions): BumpRegion {
    const { name, owner = '', size } = options;
    // Page alignment, so that alignments up to a page hold for offsets and not only inside.
    const region = arena.allocate(name, size, { owner, kind: 'bump', alignment: 4096 });
    const bump = new BumpRegion(arena, region);
    sanitizer?.watchBump(arena, bump);
    return bump;
  }

  /** Bytes handed out, gaps for alignment included. */
  get used(): number {
    return this.#next - this.region.offset;
  }

  /**
   * The arena offset of `size` bytes (1 and up) at a multiple of `alignment` (a power of two to
   * 4096). They are zero unless they were handed out before the last `reset`.
   * @throws {RondoError} ERR_SLAB_EXHAUSTED when the region has not that much left
   * @throws {RangeError} ERR_OPTION_RANGE
   */
  allocate(size: number, alignment: number = 8): number {
    integerOption('size', size, 0, 1, 2 ** 32);
    integerOption('alignment', alignment, 8, 1, 4096);
    assert((alignment & (alignment - 1)) === 0, 'an alignment is a power of two');
    const offset = Math.ceil(this.#next / alignment) * alignment;
    if (offset + size > this.#end) {
      throw new RondoError(
        'ERR_SLAB_EXHAUSTED',
        `Cannot allocate ${size} bytes in region "${this.region.name}": ` +
          `${this.#end - this.#next} of ${this.region.size} are left`,
      );
    }
    this.#next = offset + size;
    this.region.used = this.used;
    return offset;
  }

  /** Takes everything back: what was handed out must not be used any more. */
  reset(): void {
    if (this.#arena.debug) this.#arena.bytes.fill(POISON, this.region.offset, this.#next);
    this.#next = this.region.offset;
    this.region.used = 0;
  }

  /** Gives the memory back. @throws {TypeError} ERR_REGION_RELEASED */
  release(): void {
    this.region.release();
  }
}
