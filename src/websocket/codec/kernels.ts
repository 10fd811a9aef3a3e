/**
 * The loops over payload bytes, for one memory: in TypeScript, or by SIMD in WebAssembly from the
 * size on where that is faster. Both give the same results; decision 0010 has the figures. What is
 * smaller pays one comparison with a constant.
 */
import { misuse } from '../../base/index.ts';
import { turnKey, unmask, unmaskCopy } from './mask.ts';
import { loadSimd, SIMD_MIN, type Simd } from './simd.ts';
import { UTF8_BOUNDARY, UTF8_INVALID, utf8StateAt, validateUtf8 } from './utf8.ts';

/** A `WebAssembly.Memory`, as far as it matters here. */
export interface CodecMemory {
  /** All of its bytes; it never grows. */
  readonly buffer: ArrayBufferLike;
}

/** See the head of this file. Offsets and lengths are bytes; nobody checks them again. */
export class Kernels {
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #simd: Simd | null;

  /** Use `createKernels`. @internal */
  constructor(bytes: Uint8Array, words: Int32Array, simd: Simd | null) {
    this.#bytes = bytes;
    this.#words = words;
    this.#simd = simd;
  }

  /** Whether large payloads are worked on by SIMD. */
  get usesSimd(): boolean {
    return this.#simd !== null;
  }

  /** XORs `length` bytes at `offset` with the key, in place; see `unmask`. */
  unmask(offset: number, length: number, key: number, phase: number): number {
    const simd = this.#simd;
    if (length < SIMD_MIN || simd === null) {
      return unmask(this.#bytes, this.#words, offset, length, key, phase);
    }
    return simd.unmask(offset, length, turnKey(key, phase));
  }

  /** Copies and XORs; key 0 only copies. The ranges must not overlap; see `unmaskCopy`. */
  unmaskCopy(
    source: number,
    destination: number,
    length: number,
    key: number,
    phase: number,
  ): number {
    const simd = this.#simd;
    if (length < SIMD_MIN || simd === null) {
      return unmaskCopy(this.#bytes, this.#words, source, destination, length, key, phase);
    }
    return simd.unmaskCopy(source, destination, length, turnKey(key, phase));
  }

  /** The state after the next `length` bytes of a text; see `validateUtf8`. */
  validateUtf8(offset: number, length: number, state: number): number {
    const simd = this.#simd;
    if (length < SIMD_MIN || simd === null) {
      return validateUtf8(this.#bytes, this.#words, offset, length, state);
    }
    return this.#validateLarge(simd, offset, length, state);
  }

  #validateLarge(simd: Simd, offset: number, length: number, state: number): number {
    const bytes = this.#bytes;
    const end = offset + length;
    let at = offset;
    let now = state;
    // The module begins between two characters: at most three bytes are left of the last one.
    while (now !== UTF8_BOUNDARY) {
      if (now === UTF8_INVALID) return UTF8_INVALID;
      now = validateUtf8(bytes, this.#words, at++, 1, now);
    }
    if (end - at < SIMD_MIN) return validateUtf8(bytes, this.#words, at, end - at, now);
    if (simd.mayBeUtf8(at, end - at) === 0) return UTF8_INVALID;
    return utf8StateAt(bytes, end);
  }
}

/** One for each memory and thread, so that a call site sees the same functions again and again. */
const known = new WeakMap<object, Kernels>();

/**
 * The loops for the memory that `bytes` views. SIMD needs the `WebAssembly.Memory` itself, shared
 * and of at least 1 MiB, such as `Arena.memory`, with `bytes` a view of the whole of it. Without
 * one, or on a machine without SIMD, everything stays in TypeScript.
 * @throws {TypeError} ERR_OPTION_TYPE when `bytes` is no whole view of `memory`, or starts off a
 *   4-byte boundary
 */
export function createKernels(bytes: Uint8Array, memory?: CodecMemory): Kernels {
  if (memory !== undefined) return wholeMemory(bytes, memory);
  return new Kernels(bytes, wordsOf(bytes), null);
}

function wholeMemory(bytes: Uint8Array, memory: CodecMemory): Kernels {
  if (bytes.buffer !== memory.buffer || bytes.byteLength !== memory.buffer.byteLength) {
    throw misuse('ERR_OPTION_TYPE', 'Cannot use memory: bytes must be a view of the whole of it');
  }
  let kernels = known.get(memory);
  if (kernels === undefined) {
    kernels = new Kernels(bytes, wordsOf(bytes), loadSimd(memory));
    known.set(memory, kernels);
  }
  return kernels;
}

function wordsOf(bytes: Uint8Array): Int32Array {
  if (bytes.byteOffset % 4 !== 0) {
    throw misuse(
      'ERR_OPTION_TYPE',
      `Cannot use bytes: they must start on a 4-byte boundary, got ${bytes.byteOffset}`,
    );
  }
  return new Int32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 4));
}
