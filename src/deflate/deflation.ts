/**
 * Compresses a message that is too large for one go, in steps of about a millisecond, from one turn
 * of the event loop to the next. docs/decisions/0011 says why not on another thread.
 *
 *  1. The source stays where it is, unchanged, until the message is done or cancelled.
 *  2. The result grows in one block, by doubling; at no time are more than two blocks held.
 *  3. While it runs it has a deflater to itself.
 */
import { assert, systemClock, type Clock } from '../base/index.ts';
import { OUTPUT_BYTES_MIN, StreamStatus, type Deflater } from './contract.ts';
import type { StreamSource } from './sources.ts';

/** Blocks of the arena, by offset; those that messages are put together in. */
export interface BlockSource {
  /** The offset of a block of at least `size` bytes, or a value ≤ 0 when there is none. */
  acquire(size: number): number;
  /** Gives a block back. */
  release(offset: number): void;
  /** How many bytes the block has, at least what was asked for. */
  sizeOf(offset: number): number;
}

/** What a step came to. */
export const DeflationStatus = {
  /** `block` has the result, and belongs to the caller now. */
  DONE: 0,
  /** The time is up: step again on a later turn. */
  AGAIN: 1,
  /** No memory for the stream or the result; all is given back. */
  FAILED: 2,
} as const;

/** What a deflation works with. */
export interface DeflationOptions {
  /** The whole arena. */
  readonly bytes: Uint8Array;
  /** Where results are put. */
  readonly blocks: BlockSource;
  /** @default the machine's monotonic clock */
  readonly clock?: Clock;
  /** A step ends when it has taken this long, to the next part of 16 KiB. @default 1 */
  readonly stepMs?: number;
}

/** Bytes of a message that is as well compressed in one go: less than 0.1 ms at level 1. */
export const INLINE_BYTES: number = 64 * 1024;

/** Input between two looks at the clock: 20 µs at level 1, 0.1 ms at level 6, for text. */
const PART_BYTES = 16 * 1024;
const BLOCK_BYTES_MIN = 4096;
/** Text becomes this many times smaller, or more; what does not makes the block grow. */
const EXPECTED_RATIO = 4;

/** One message at a time; reusable. */
export class Deflation {
  /** After DONE: the block, of which the caller is the owner. 0 before. */
  block = 0;
  /** After DONE: where the compressed bytes begin, `reserve` bytes behind the block's start. */
  offset = 0;
  /** Compressed bytes so far. */
  length = 0;
  readonly #bytes: Uint8Array;
  readonly #blocks: BlockSource;
  readonly #clock: Clock;
  readonly #stepMs: number;
  #deflaters: StreamSource<Deflater> | null = null;
  #deflater: Deflater | null = null;
  #source = 0;
  #left = 0;
  #reserve = 0;
  #capacity = 0;

  constructor(options: DeflationOptions) {
    this.#bytes = options.bytes;
    this.#blocks = options.blocks;
    this.#clock = options.clock ?? systemClock;
    this.#stepMs = options.stepMs ?? 1;
  }

  /** A message is begun and neither done nor cancelled. */
  get running(): boolean {
    return this.#deflater !== null;
  }

  /**
   * Begins with the message of `length` bytes at `source`. `reserve` bytes stay free in front of
   * the result, for a frame head.
   */
  begin(deflaters: StreamSource<Deflater>, source: number, length: number, reserve: number): void {
    assert(!this.running, 'a deflation has one message at a time');
    this.#deflaters = deflaters;
    this.#deflater = deflaters.acquire();
    this.#source = source;
    this.#left = length;
    this.#reserve = reserve;
    this.#capacity = 0;
    this.block = 0;
    this.length = 0;
  }

  /** Goes on for about `stepMs`; returns a `DeflationStatus`. */
  step(): number {
    const deflater = this.#deflater;
    assert(deflater !== null, 'a deflation is stepped between begin and its end');
    const end = this.#clock.now() + this.#stepMs;
    for (;;) {
      if (!this.#hasRoom()) return this.#fail();
      const part = Math.min(this.#left, PART_BYTES);
      const status = deflater.compress(
        this.#source,
        part,
        part === this.#left,
        this.block + this.#reserve + this.length,
        this.#capacity - this.length,
      );
      if (status === StreamStatus.NO_MEMORY || status === StreamStatus.BAD_DATA) {
        return this.#fail();
      }
      this.#source += deflater.consumed;
      this.#left -= deflater.consumed;
      this.length += deflater.produced;
      if (status === StreamStatus.DONE) {
        this.#end(true);
        this.offset = this.block + this.#reserve;
        return DeflationStatus.DONE;
      }
      if (this.#clock.now() >= end) return DeflationStatus.AGAIN;
    }
  }

  /** Gives the message up and everything back. Without a message it does nothing. */
  cancel(): void {
    if (this.running) this.#fail();
  }

  #hasRoom(): boolean {
    if (this.#capacity - this.length >= OUTPUT_BYTES_MIN) return true;
    const blocks = this.#blocks;
    const wanted =
      this.block === 0 ? Math.ceil(this.#left / EXPECTED_RATIO) : (this.length + 1) * 2;
    const block = blocks.acquire(
      this.#reserve + Math.max(wanted, this.length + OUTPUT_BYTES_MIN, BLOCK_BYTES_MIN),
    );
    if (block <= 0) return false;
    if (this.block > 0) {
      const from = this.block + this.#reserve;
      this.#bytes.copyWithin(block + this.#reserve, from, from + this.length);
      blocks.release(this.block);
    }
    this.block = block;
    this.#capacity = blocks.sizeOf(block) - this.#reserve;
    return true;
  }

  #fail(): number {
    if (this.block > 0) this.#blocks.release(this.block);
    this.block = 0;
    this.length = 0;
    this.#end(false);
    return DeflationStatus.FAILED;
  }

  #end(complete: boolean): void {
    const deflater = this.#deflater!;
    this.#deflater = null;
    this.#deflaters!.release(deflater, complete);
    this.#deflaters = null;
  }
}
