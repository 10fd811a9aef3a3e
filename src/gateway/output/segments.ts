/**
 * The memory that small frames of all connections share: written from the front, used again from
 * the front when no send refers to it any more, and exchanged for another when it is full.
 */
import type { Blocks } from '../../memory/index.ts';
import type { Holds } from './holds.ts';

const SEGMENT_BYTES = 64 * 1024;
/** Ranges begin on 8 bytes, so that payloads are mostly copied by whole words. */
const ALIGNMENT = 8;

export class Segments {
  /** The hold of the segment in use; -1 without one. */
  hold = -1;
  /** The segment's end. */
  limit = 0;
  readonly #blocks: Blocks;
  readonly #holds: Holds;
  readonly #keep: (offset: number) => void;
  #start = 0;
  #tip = 0;
  /** A segment in reserve, or 0: under load they change all the time. */
  #spare = 0;

  constructor(blocks: Blocks, holds: Holds) {
    this.#blocks = blocks;
    this.#holds = holds;
    this.#keep = (offset) => {
      if (this.#spare === 0) this.#spare = offset;
      else blocks.release(offset);
    };
  }

  /** Where `size` bytes can be written, or 0 without memory. `advance` takes them. */
  find(size: number): number {
    if (this.hold !== -1 && this.#tip + size <= this.limit) return this.#tip;
    const fresh = this.#spare === 0 ? this.#blocks.acquire(SEGMENT_BYTES) : this.#spare;
    if (fresh === 0) return 0;
    this.#spare = 0;
    const old = this.hold;
    this.hold = this.#holds.take(this.#keep, fresh);
    this.#start = fresh;
    this.#tip = fresh;
    this.limit = fresh + SEGMENT_BYTES;
    if (old !== -1) this.#holds.release(old);
    return fresh;
  }

  /** Everything before `end` is taken. */
  advance(end: number): void {
    this.#tip = end + (-end & (ALIGNMENT - 1));
  }

  /** To be called when nothing is being written: begins at the front if nothing is being sent. */
  rewind(): void {
    if (this.#holds.count(this.hold) === 1) this.#tip = this.#start;
  }

  /** Bytes that are held for nothing but to be at hand. */
  get idleBytes(): number {
    const idle = this.hold !== -1 && this.#holds.count(this.hold) === 1 ? SEGMENT_BYTES : 0;
    return idle + (this.#spare === 0 ? 0 : SEGMENT_BYTES);
  }

  /** Gives everything back; nothing may be being sent. */
  release(): void {
    if (this.hold !== -1) this.#holds.release(this.hold);
    this.hold = -1;
    if (this.#spare !== 0) this.#blocks.release(this.#spare);
    this.#spare = 0;
  }
}
