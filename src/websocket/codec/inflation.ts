/**
 * A compressed message that has arrived and is being inflated (RFC 7692 §7.2.2), in steps of about
 * a millisecond.
 *
 *  1. The result grows in one block, by doubling, and never beyond `maxMessageSize`: what would
 *     become larger fails as soon as that is known. At most two blocks of it are held at a time.
 *  2. Text is checked as it comes out, so that wrong text fails before the rest is inflated.
 *  3. Everything that is held belongs to the inflation: `finish` and `cancel` give it back.
 */
import type { Clock } from '../../base/index.ts';
import { FAILURES, type Failure } from './failures.ts';
import { Opcode } from './frame.ts';
import type { Kernels } from './kernels.ts';
import type { BlockSource } from './receiver-context.ts';
import { UTF8_BOUNDARY, UTF8_INVALID } from './utf8.ts';

/** What a call of `MessageInflater.inflate` came to. */
export const InflateStatus = {
  /** The message is complete. */
  DONE: 0,
  /** All input is taken and the message goes on. */
  INPUT: 1,
  /** The target is full. */
  OUTPUT: 2,
  /** No deflate data, or it does not end where a message may end. */
  BAD_DATA: 3,
  NO_MEMORY: 4,
  /** Larger than what the inflater was made for. */
  TOO_BIG: 5,
} as const;

/** Decompresses messages; `rondo`'s own are in src/deflate. */
export interface MessageInflater {
  /** Bytes of the source that the last call took. */
  readonly consumed: number;
  /** Bytes that the last call wrote at the target. */
  readonly produced: number;
  /**
   * Decompresses `length` bytes at `source` into at most `capacity` bytes at `target`, offsets in
   * the arena; `last` says that the message ends with them. What was not consumed is given again.
   * With a capacity of 0 it tells whether anything more would come. Returns an `InflateStatus`.
   */
  inflate(source: number, length: number, last: boolean, target: number, capacity: number): number;
}

/** Where a connection's messages get their inflater: one that all share, or one of its own. */
export interface InflaterSource<I extends MessageInflater = MessageInflater> {
  /** An inflater for one message, which then goes back. */
  acquire(): I;
  /** Takes it back, behind the message; `complete` is false when the message was given up. */
  release(inflater: I, complete: boolean): void;
}

/** What inflations share with the receivers of their context. */
export interface InflationContext {
  readonly blocks: BlockSource;
  readonly kernels: Kernels;
  readonly clock: Clock;
  readonly maxMessageSize: number;
  readonly sliceMs: number;
}

/** `Inflation.run`: the message is whole. */
export const INFLATED = 0;
/** `Inflation.run`: the time is up. */
export const INFLATING = 1;
/** `Inflation.run`: the peer broke the rule in `failure`. */
const INFLATION_FAILED = 2;

/**
 * Between two looks at the clock. Input that means nothing, such as empty blocks with codes of
 * their own, costs 35 ns a byte; output costs 0.4 ns a byte.
 */
const INPUT_PART = 16 * 1024;
const OUTPUT_PART = 256 * 1024;

/** Output that is not worth a look at the clock. */
const UNTIMED_BYTES = 32 * 1024;

const BLOCK_BYTES_MIN = 1024;
/** A first block of this many times the input, or, when that is much, of twice the input. */
const EXPECTED_RATIO = 8;
const EXPECTED_BYTES_MAX = 64 * 1024;

/** One message at a time; reusable. */
export class Inflation {
  opcode = 0;
  /** The result so far: `used` bytes in `block`, which is 0 while there is none. */
  block = 0;
  used = 0;
  failure: Failure = FAILURES.COMPRESSED_DATA;
  readonly #context: InflationContext;
  #capacity = 0;
  #utf8 = UTF8_BOUNDARY;
  #inflaters: InflaterSource | null = null;
  #inflater: MessageInflater | null = null;
  #source = 0;
  #left = 0;
  /** The block that holds the compressed bytes; 0 when they lie in the piece that arrived. */
  #sourceBlock = 0;

  constructor(context: InflationContext) {
    this.#context = context;
  }

  /** Begins with `length` (≥ 1) compressed bytes at `source`; `sourceBlock` is taken over. */
  begin(
    inflaters: InflaterSource,
    opcode: number,
    source: number,
    length: number,
    sourceBlock: number,
  ): void {
    this.opcode = opcode;
    this.#inflaters = inflaters;
    this.#inflater = inflaters.acquire();
    this.#source = source;
    this.#left = length;
    this.#sourceBlock = sourceBlock;
    this.#utf8 = UTF8_BOUNDARY;
  }

  /** Goes on, for about `sliceMs` when the message is large. */
  run(): number {
    const { maxMessageSize, kernels, clock, sliceMs } = this.#context;
    const inflater = this.#inflater!;
    let deadline = -1;
    for (;;) {
      if (this.used === this.#capacity && this.used < maxMessageSize && !this.#grow()) {
        return this.#failed(FAILURES.NO_MEMORY);
      }
      const target = this.block + this.used;
      const room = Math.min(this.#capacity, maxMessageSize) - this.used;
      const part = Math.min(this.#left, INPUT_PART);
      const status = inflater.inflate(
        this.#source,
        part,
        part === this.#left,
        target,
        Math.min(room, OUTPUT_PART),
      );
      const { consumed, produced } = inflater;
      this.#source += consumed;
      this.#left -= consumed;
      this.used += produced;
      if (this.opcode === Opcode.TEXT) {
        this.#utf8 = kernels.validateUtf8(target, produced, this.#utf8);
        if (this.#utf8 === UTF8_INVALID) return this.#failed(FAILURES.TEXT_NOT_UTF8);
      }
      if (status === InflateStatus.DONE) {
        return this.#utf8 === UTF8_BOUNDARY ? INFLATED : this.#failed(FAILURES.TEXT_NOT_UTF8);
      }
      if (status === InflateStatus.OUTPUT && room === 0) {
        return this.#failed(FAILURES.MESSAGE_TOO_BIG);
      }
      if (status > InflateStatus.OUTPUT) return this.#failed(failureOf(status));
      if (status === InflateStatus.OUTPUT && this.used < UNTIMED_BYTES) continue;
      const now = clock.now();
      if (deadline < 0) deadline = now + sliceMs;
      if (now >= deadline) return INFLATING;
    }
  }

  /**
   * Copies what is left of the input, if it lies in a piece that will be gone. False when there is
   * no memory.
   */
  keepSource(): boolean {
    if (this.#sourceBlock > 0 || this.#left === 0) return true;
    const { blocks, kernels } = this.#context;
    const block = blocks.acquire(this.#left);
    if (block <= 0) return false;
    kernels.unmaskCopy(this.#source, block, this.#left, 0, 0);
    this.#source = block;
    this.#sourceBlock = block;
    return true;
  }

  /** Gives all back but `block`, which is the caller's from now on. */
  finish(): void {
    this.#end(true);
  }

  /** Gives all back. */
  cancel(): void {
    if (this.block > 0) this.#context.blocks.release(this.block);
    this.#end(false);
  }

  #end(complete: boolean): void {
    if (this.#sourceBlock > 0) this.#context.blocks.release(this.#sourceBlock);
    this.#inflaters!.release(this.#inflater!, complete);
    this.#inflaters = null;
    this.#inflater = null;
    this.#sourceBlock = 0;
    this.#capacity = 0;
    this.block = 0;
    this.used = 0;
  }

  #grow(): boolean {
    const { blocks, kernels, maxMessageSize } = this.#context;
    const expected = Math.min(this.#left * EXPECTED_RATIO, EXPECTED_BYTES_MAX);
    const wanted =
      this.#capacity === 0
        ? Math.max(expected, this.#left * 2, BLOCK_BYTES_MIN)
        : this.#capacity * 2;
    const block = blocks.acquire(Math.min(maxMessageSize, wanted));
    if (block <= 0) return false;
    if (this.block > 0) {
      kernels.unmaskCopy(this.block, block, this.used, 0, 0);
      blocks.release(this.block);
    }
    this.block = block;
    this.#capacity = blocks.sizeOf(block);
    return true;
  }

  #failed(failure: Failure): number {
    this.failure = failure;
    return INFLATION_FAILED;
  }
}

function failureOf(status: number): Failure {
  if (status === InflateStatus.NO_MEMORY) return FAILURES.NO_MEMORY;
  return status === InflateStatus.TOO_BIG ? FAILURES.MESSAGE_TOO_BIG : FAILURES.COMPRESSED_DATA;
}
