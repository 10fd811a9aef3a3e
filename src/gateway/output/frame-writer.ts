/** Writes frames into the arena: the head, and the payload from where it is. */
import type { Arena } from '../../memory/index.ts';
import { createKernels, headSize, writeHead, type Kernels } from '../../websocket/index.ts';

/** Private memory up to this size is copied by hand: `set` costs more than it saves. */
const SMALL_BYTES = 64;

export class FrameWriter {
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #kernels: Kernels;

  constructor(arena: Arena) {
    this.#bytes = arena.bytes;
    this.#words = arena.words;
    this.#kernels = createKernels(arena.bytes, arena.memory);
  }

  /** A frame at `at` whose payload lies in the arena. */
  frame(at: number, opcode: number, source: number, length: number): void {
    const bytes = this.#bytes;
    const words = this.#words;
    const target = at + headSize(length);
    if (length <= SMALL_BYTES && ((source ^ target) & 3) === 0 && (target & 3) < 3) {
      // By whole words, edges included: what stands before the payload is the head, which is
      // written below, and what comes behind it within its last word is not written yet.
      const last = (target + length + 3) >>> 2;
      let from = source >>> 2;
      for (let to = target >>> 2; to < last; to++) words[to] = words[from++]!;
    } else {
      this.#kernels.unmaskCopy(source, target, length, 0, 0);
    }
    writeHead(bytes, at, opcode, true, length);
  }

  /** A frame at `at` whose payload is the beginning of private memory. */
  frameOf(at: number, opcode: number, payload: Uint8Array, length: number): void {
    this.raw(at + writeHead(this.#bytes, at, opcode, true, length), payload, length);
  }

  /** The beginning of private memory as it is. */
  raw(at: number, source: Uint8Array, length: number): void {
    const bytes = this.#bytes;
    if (length > SMALL_BYTES) {
      bytes.set(length === source.length ? source : source.subarray(0, length), at);
    } else {
      for (let i = 0; i < length; i++) bytes[at + i] = source[i]!;
    }
  }

  /** Arena memory as it is. */
  copy(at: number, source: number, length: number): void {
    this.#kernels.unmaskCopy(source, at, length, 0, 0);
  }
}
