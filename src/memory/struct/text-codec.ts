/** Text and bytes in fields of fixed size. */
import { rangeError, typeError, type Codec } from './codec.ts';
import { readBytes, readFixedText, WRITE_BY_HAND_MAX, writeText } from './private-text.ts';
import type { Views } from './views.ts';

const LONE_SURROGATE = 'text without lone surrogates, which UTF-8 cannot hold (see toWellFormed)';

/** The codec of `text(length)`. */
export function textCodec(length: number, views: Views, label: string): Codec {
  const { u8 } = views;
  return {
    read: (offset) => readFixedText(views, offset, length),
    write: (offset, value) => {
      if (typeof value !== 'string') throw typeError(label, 'a string', value);
      const written = writeShort(u8, offset, length, value);
      if (written < 0) writeOther(views, offset, length, value, label);
    },
  };
}

/** Short ASCII without zeros in one pass; −1 when it is something else, and is not written. */
function writeShort(u8: Uint8Array, offset: number, length: number, text: string): number {
  const { length: characters } = text;
  if (characters > length || characters > WRITE_BY_HAND_MAX) return -1;
  let i = 0;
  for (; i < characters; i++) {
    const code = text.charCodeAt(i);
    // Zero becomes a large number: one comparison for both.
    if ((code - 1) >>> 0 > 0x7e) return -1;
    u8[offset + i] = code;
  }
  if (length - i > WRITE_BY_HAND_MAX) u8.fill(0, offset + i, offset + length);
  else for (; i < length; i++) u8[offset + i] = 0;
  return characters;
}

function writeOther(
  views: Views,
  offset: number,
  length: number,
  text: string,
  label: string,
): void {
  const bytes = encodedLength(text, label);
  if (bytes > length) {
    throw rangeError(label, `text of at most ${length} bytes, not ${bytes}`, text);
  }
  if (text.includes('\0')) throw rangeError(label, 'text without zeros, which would end it', text);
  writeText(views, offset, text, bytes);
  views.u8.fill(0, offset + bytes, offset + length);
}

/**
 * Bytes that text has in UTF-8.
 * @throws {RangeError} ERR_STRUCT_RANGE when it is not well-formed
 */
export function encodedLength(text: string, label: string): number {
  const bytes = Buffer.byteLength(text);
  // As many bytes as characters: all of them are ASCII.
  if (bytes === text.length || text.isWellFormed()) return bytes;
  throw rangeError(label, LONE_SURROGATE, text);
}

/** The codec of `bytes(length)`. */
export function bytesCodec(length: number, views: Views, label: string): Codec {
  return {
    read: (offset) => readBytes(views, offset, length),
    write: (offset, value) => {
      if (!(value instanceof Uint8Array)) throw typeError(label, 'a Uint8Array', value);
      if (value.length !== length) {
        throw rangeError(label, `${length} bytes`, value.length);
      }
      views.u8.set(value, offset);
    },
  };
}
