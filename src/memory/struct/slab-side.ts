/**
 * Text and bytes of any length, which lie outside the struct: in the ring's slab side.
 *
 * The struct has a reference of two words, position and length. Readers load it once and bound it
 * before they look: whatever a peer writes there, nothing outside the slab side is read. The bytes
 * behind it are copied before they are decoded.
 */
import { misuse, RondoError } from '../../base/index.ts';
import { rangeError, typeError, type Codec } from './codec.ts';
import { isShortAscii, readBytes, readText, writeText } from './private-text.ts';
import { encodedLength } from './text-codec.ts';
import type { SlabDescriptor } from './types.ts';
import type { Views } from './views.ts';

/** Where a ring keeps the text and bytes of its messages. */
export interface SlabSide {
  /** Byte offset of its first byte in the views. */
  readonly base: number;
  /** Bytes, a power of two. A position modulo the size is an index; a piece never wraps. */
  readonly size: number;
  /** The position of `length` fresh bytes; −1 when there is no room now. The producer's alone. */
  reserve(length: number): number;
}

/**
 * What writing a slab field throws when there is no room now: always this one object, so that rings
 * can turn it into a result without making errors on the way.
 */
export const SLAB_FULL: RondoError = sentinel();

function sentinel(): RondoError {
  const error = new RondoError(
    'ERR_SLAB_EXHAUSTED',
    'Cannot write a slab field: the slab side has no room now',
  );
  // It is made here and thrown elsewhere: where it was made would only mislead.
  error.stack = `RondoError: ${error.message}`;
  return error;
}

/** The codec of `slab('text')` or `slab('bytes')`. */
export function slabCodec({ content }: SlabDescriptor, views: Views, label: string): Codec {
  const { u32 } = views;
  if (content === 'text') {
    return {
      read: (offset, slab) => {
        const length = u32[(offset >>> 2) + 1]!;
        const start = startOf(u32[offset >>> 2]!, length, slab, label);
        return readText(views, start, length);
      },
      write: (offset, value, slab) => {
        if (typeof value !== 'string') throw typeError(label, 'a string', value);
        const length = isShortAscii(value) ? value.length : encodedLength(value, label);
        const start = reserveIn(u32, offset, length, slab, label);
        if (start < 0) throw SLAB_FULL;
        writeText(views, start, value, length);
      },
    };
  }
  return {
    read: (offset, slab) => {
      const length = u32[(offset >>> 2) + 1]!;
      const start = startOf(u32[offset >>> 2]!, length, slab, label);
      return readBytes(views, start, length);
    },
    write: (offset, value, slab) => {
      if (!(value instanceof Uint8Array)) throw typeError(label, 'a Uint8Array', value);
      const start = reserveIn(u32, offset, value.length, slab, label);
      if (start < 0) throw SLAB_FULL;
      views.u8.set(value, start);
    },
  };
}

/**
 * Where a piece begins in the views.
 * @throws {RondoError} ERR_STRUCT_SLAB when it is not inside the slab side
 * @throws {TypeError} ERR_STRUCT_SLABLESS
 */
export function startOf(
  position: number,
  length: number,
  slab: SlabSide | undefined,
  label: string,
): number {
  if (!slab) throw slabless(label);
  // Nothing was reserved for nothing.
  if (length === 0) return slab.base;
  const { base, size } = slab;
  // As a number without sign: a slab side of 2 GiB and more has indices beyond 2^31.
  const index = (position & (size - 1)) >>> 0;
  if (index + length > size) {
    throw new RondoError(
      'ERR_STRUCT_SLAB',
      `Cannot read ${label}: its ${length} bytes at ${index} are not within the slab side, ` +
        `which has ${size}`,
    );
  }
  return base + index;
}

/**
 * Reserves `length` bytes, writes the reference to them, and gives their place in the views; −1
 * when there is no room now, and then the reference is the old one.
 * @throws {RangeError} ERR_STRUCT_RANGE when it is more than the slab side has
 * @throws {TypeError} ERR_STRUCT_SLABLESS
 */
export function reserveIn(
  u32: Uint32Array,
  offset: number,
  length: number,
  slab: SlabSide | undefined,
  label: string,
): number {
  if (!slab) throw slabless(label);
  const { base, size } = slab;
  if (length > size) throw rangeError(label, `at most ${size} bytes, as the slab side has`, length);
  const word = offset >>> 2;
  if (length === 0) {
    u32[word] = 0;
    u32[word + 1] = 0;
    return base;
  }
  const position = slab.reserve(length);
  if (position < 0) return -1;
  u32[word] = position;
  u32[word + 1] = length;
  return base + ((position & (size - 1)) >>> 0);
}

function slabless(label: string): TypeError {
  return misuse(
    'ERR_STRUCT_SLABLESS',
    `Cannot use ${label}: it is a slab field, and the cursor has no slab side`,
  );
}
