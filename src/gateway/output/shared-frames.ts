/**
 * Frames that several connections are sent, each written once. Those of a kind stand one behind the
 * other without a gap: who gets several in a row is sent one range. Compressed ones are a kind of
 * their own, since who gets the one kind does not get the other.
 */
import type { Blocks } from '../../memory/index.ts';
import { headSize } from '../../websocket/index.ts';
import type { FrameWriter } from './frame-writer.ts';
import type { HoldOwner, Holds } from './holds.ts';
import { LARGE_BYTES, Segments, type SegmentPool } from './segments.ts';

const NO_GAP = 1;
/** Of an opcode: compressed. */
const RSV1 = 0x40;

/** A frame in memory that several connections are sent. */
export interface SharedFrame {
  readonly hold: number;
  readonly start: number;
  readonly size: number;
}

/** See the head of this file. */
export class SharedFrames {
  readonly #blocks: Blocks;
  readonly #holds: Holds;
  readonly #writer: FrameWriter;
  readonly #releaseBlock: HoldOwner;
  readonly #plain: Segments;
  readonly #compressed: Segments;

  constructor(blocks: Blocks, holds: Holds, pool: SegmentPool, writer: FrameWriter) {
    this.#blocks = blocks;
    this.#holds = holds;
    this.#writer = writer;
    this.#releaseBlock = (offset) => blocks.release(offset);
    this.#plain = new Segments(pool, holds, NO_GAP);
    this.#compressed = new Segments(pool, holds, NO_GAP);
  }

  /** Writes a frame; undefined without memory. It is counted once until `end`. */
  begin(opcode: number, source: number | Uint8Array, length: number): SharedFrame | undefined {
    const size = headSize(length) + length;
    let start: number;
    let hold: number;
    if (size > LARGE_BYTES) {
      start = this.#blocks.acquire(size);
      if (start === 0) return undefined;
      hold = this.#holds.take(this.#releaseBlock, start);
    } else {
      const segments = (opcode & RSV1) === 0 ? this.#plain : this.#compressed;
      start = segments.find(size);
      if (start === 0) return undefined;
      hold = segments.hold;
      segments.advance(start + size);
      this.#holds.share(hold);
    }
    if (typeof source === 'number') this.#writer.frame(start, opcode, source, length);
    else this.#writer.frameOf(start, opcode, source, length);
    return { hold, start, size };
  }

  end(frame: SharedFrame): void {
    this.#holds.release(frame.hold);
    this.rewind(frame.hold);
  }

  /** A count of the hold, which may be anybody's, was given back. */
  rewind(hold: number): void {
    if (hold === this.#plain.hold) this.#plain.rewind();
    else if (hold === this.#compressed.hold) this.#compressed.rewind();
  }

  /** Bytes that are held for nothing but to be at hand. */
  get idleBytes(): number {
    return this.#plain.idleBytes + this.#compressed.idleBytes;
  }

  /** Gives everything back; nothing may be being sent. */
  release(): void {
    this.#plain.release();
    this.#compressed.release();
  }
}
