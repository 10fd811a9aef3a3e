/** One set of typed arrays over a buffer, so that every access to it stays monomorphic. */
import { assert, misuse } from '../../base/index.ts';

const cache = new WeakMap<ArrayBufferLike, Views>();

/**
 * The memory that cursors read and write. There is one for each buffer and thread. Word arrays
 * leave out the bytes behind the last whole word.
 */
export class Views {
  /** The memory itself. */
  readonly buffer: ArrayBufferLike;
  /** Bytes. */
  readonly size: number;
  /** Index = offset. */
  readonly u8: Uint8Array;
  readonly i8: Int8Array;
  /** Index = offset / 2. */
  readonly u16: Uint16Array;
  readonly i16: Int16Array;
  /** Index = offset / 4. */
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly f32: Float32Array;
  /** Index = offset / 8. */
  readonly f64: Float64Array;
  readonly u64: BigUint64Array;
  readonly i64: BigInt64Array;
  #text: Buffer | undefined;

  private constructor(buffer: ArrayBufferLike) {
    const { byteLength } = buffer;
    this.buffer = buffer;
    this.size = byteLength;
    this.u8 = new Uint8Array(buffer);
    this.i8 = new Int8Array(buffer);
    this.u16 = new Uint16Array(buffer, 0, Math.floor(byteLength / 2));
    this.i16 = new Int16Array(buffer, 0, Math.floor(byteLength / 2));
    this.u32 = new Uint32Array(buffer, 0, Math.floor(byteLength / 4));
    this.i32 = new Int32Array(buffer, 0, Math.floor(byteLength / 4));
    this.f32 = new Float32Array(buffer, 0, Math.floor(byteLength / 4));
    this.f64 = new Float64Array(buffer, 0, Math.floor(byteLength / 8));
    this.u64 = new BigUint64Array(buffer, 0, Math.floor(byteLength / 8));
    this.i64 = new BigInt64Array(buffer, 0, Math.floor(byteLength / 8));
  }

  /** The same bytes as `u8`, for its methods that write text without making a view first. */
  get text(): Buffer {
    return (this.#text ??= Buffer.from(this.buffer));
  }

  /**
   * The views of a buffer, such as `arena.memory.buffer`: the same object each time.
   * @throws {TypeError} ERR_OPTION_TYPE when it is no buffer
   */
  static of(buffer: ArrayBufferLike): Views {
    const known = cache.get(buffer);
    if (known) return known;
    const isShared = buffer instanceof SharedArrayBuffer;
    if (!isShared && !(buffer instanceof ArrayBuffer)) {
      throw misuse(
        'ERR_OPTION_TYPE',
        'Cannot view memory: it must be an ArrayBuffer or shared one',
      );
    }
    // Layouts are little-endian, and typed arrays have the order of the machine.
    assert(new Uint8Array(Uint16Array.of(1).buffer)[0] === 1, 'the machine is little-endian');
    const views = new Views(buffer);
    cache.set(buffer, views);
    return views;
  }
}
