/**
 * Text between strings and memory that someone else may be writing.
 *
 * Reading always copies the bytes to memory of this thread first, each once, and decodes there:
 * decoding in place can crash Node 20 (see ../text.ts). Encoding straight into shared memory is
 * safe: what a peer does to the bytes meanwhile only spoils its own message.
 *
 * Why by hand at first: a call into the engine's encoder or decoder costs 40 ns, a character in a
 * loop 1 to 2 ns. Strings above 12 characters would become ropes if they were added up.
 */
import type { Views } from './views.ts';

/** Bytes of ASCII that are put together by hand. */
const BY_HAND_MAX = 12;
/** Bytes that a loop copies before a call is faster. */
const COPY_BY_HAND_MAX = 64;
/** Characters that a loop writes before a call is faster. */
export const WRITE_BY_HAND_MAX = 32;
/** Characters that a loop looks at before it is known where to write them. */
const SCAN_BY_HAND_MAX = 24;
const SCRATCH_BYTES = 65_536;

// Not of Node's pool, which other buffers share. Sized for the largest fixed field.
const scratch = Buffer.alloc(SCRATCH_BYTES);

/** Decodes `length` bytes; what is not UTF-8 becomes U+FFFD. */
export function readText(views: Views, offset: number, length: number): string {
  if (length > COPY_BY_HAND_MAX) return readLong(views, offset, length);
  const { u8 } = views;
  let bits = 0;
  for (let i = 0; i < length; i++) {
    const byte = u8[offset + i]!;
    bits |= byte;
    scratch[i] = byte;
  }
  return bits < 0x80 ? ascii(length) : scratch.toString('utf8', 0, length);
}

/** Decodes a fixed field of `length` bytes up to its first zero. */
export function readFixedText(views: Views, offset: number, length: number): string {
  const { u8 } = views;
  const short = Math.min(length, COPY_BY_HAND_MAX);
  let bits = 0;
  let end = 0;
  for (; end < short; end++) {
    const byte = u8[offset + end]!;
    if (byte === 0) break;
    bits |= byte;
    scratch[end] = byte;
  }
  if (end === COPY_BY_HAND_MAX && end < length) {
    views.text.copy(scratch, end, offset + end, offset + length);
    const zero = scratch.subarray(0, length).indexOf(0);
    return scratch.toString('utf8', 0, zero < 0 ? length : zero);
  }
  return bits < 0x80 ? ascii(end) : scratch.toString('utf8', 0, end);
}

function readLong(views: Views, offset: number, length: number): string {
  if (length > SCRATCH_BYTES) {
    // `slice` of a typed array copies.
    const copy = views.u8.slice(offset, offset + length);
    return Buffer.from(copy.buffer).toString('utf8');
  }
  views.text.copy(scratch, 0, offset, offset + length);
  return scratch.toString('utf8', 0, length);
}

/** The first bytes of the scratch memory, which are ASCII. */
function ascii(length: number): string {
  if (length > BY_HAND_MAX) return scratch.toString('latin1', 0, length);
  let text = '';
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    text += String.fromCharCode(scratch[i]!, scratch[i + 1]!, scratch[i + 2]!, scratch[i + 3]!);
  }
  for (; i < length; i++) text += String.fromCharCode(scratch[i]!);
  return text;
}

/** A private copy of bytes. */
export function readBytes(views: Views, offset: number, length: number): Uint8Array {
  return views.u8.slice(offset, offset + length);
}

/** Whether text is so short that looking at each character pays, and ASCII. */
export function isShortAscii(text: string): boolean {
  if (text.length > SCAN_BY_HAND_MAX) return false;
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return false;
  }
  return true;
}

/** Writes text that encodes to `length` bytes, and is well-formed. */
export function writeText(views: Views, offset: number, text: string, length: number): void {
  if (length !== text.length) {
    views.text.write(text, offset, length, 'utf8');
  } else if (length <= SCAN_BY_HAND_MAX) {
    const { u8 } = views;
    for (let i = 0; i < length; i++) u8[offset + i] = text.charCodeAt(i);
  } else {
    // As many bytes as characters: all of them are ASCII.
    views.text.write(text, offset, length, 'latin1');
  }
}
