/**
 * The memory that small frames of all connections share: written from the front, used again from
 * the front when no send refers to it any more, and exchanged for another when it is full.
 */
import type { Blocks } from '../../memory/index.ts';
import type { Holds } from './holds.ts';

const SEGMENT_BYTES = 64 * 1024;
/** What is larger gets a block of its own: it would leave much of a segment unused. */
export const LARGE_BYTES: number = 16 * 1024;

/** Where segments come from. Keeps one in reserve: under load they change all the time. */
export class SegmentPool {
  readonly giveBack: (offset: number) => void;
  readonly #blocks: Blocks;
  #spare = 0;

  constructor(blocks: Blocks) {
    this.#blocks = blocks;
    this.giveBack = (offset) => {
      if (this.#spare === 0) this.#spare = offset;
      else blocks.release(offset);
    };
  }

  /** A segment, or 0 without memory. */
  take(): number {
    const spare = this.#spare;
    if (spare === 0) return this.#blocks.acquire(SEGMENT_BYTES);
    this.#spare = 0;
    return spare;
  }

  /** Bytes that are held for nothing but to be at hand. */
  get idleBytes(): number {
    return this.#spare === 0 ? 0 : SEGMENT_BYTES;
  }

  /** Gives everything back. */
  release(): void {
    if (this.#spare !== 0) this.#blocks.release(this.#spare);
    this.#spare = 0;
  }
}

/** See the head of this file. */
export class Segments {
  /** The hold of the segment in use; -1 without one. */
  hold = -1;
  /** The segment's end. */
  limit = 0;
  readonly #pool: SegmentPool;
  readonly #holds: Holds;
  readonly #alignment: number;
  #start = 0;
  #tip = 0;

  /** What is written begins at multiples of `alignment`, a power of two. */
  constructor(pool: SegmentPool, holds: Holds, alignment: number) {
    this.#pool = pool;
    this.#holds = holds;
    this.#alignment = alignment;
  }

  /** Where `size` bytes can be written, or 0 without memory. `advance` takes them. */
  find(size: number): number {
    if (this.hold !== -1 && this.#tip + size <= this.limit) return this.#tip;
    const fresh = this.#pool.take();
    if (fresh === 0) return 0;
    const old = this.hold;
    this.hold = this.#holds.take(this.#pool.giveBack, fresh);
    this.#start = fresh;
    this.#tip = fresh;
    this.limit = fresh + SEGMENT_BYTES;
    if (old !== -1) this.#holds.release(old);
    return fresh;
  }

  /** Everything before `end` is taken. */
  advance(end: number): void {
    this.#tip = end + (-end & (this.#alignment - 1));
  }

  /** To be called when nothing is being written: begins at the front if nothing is being sent. */
  rewind(): void {
    if (this.#holds.count(this.hold) === 1) this.#tip = this.#start;
  }

  /** Bytes that are held for nothing but to be at hand. */
  get idleBytes(): number {
    return this.hold !== -1 && this.#holds.count(this.hold) === 1 ? SEGMENT_BYTES : 0;
  }

  /** Gives everything back; nothing may be being sent. */
  release(): void {
    if (this.hold !== -1) this.#holds.release(this.hold);
    this.hold = -1;
  }
}
