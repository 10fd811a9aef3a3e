/**
 * UTF-8 validation of arena bytes (RFC 3629 §4: no overlong forms, no surrogates, nothing above
 * U+10FFFF), in pieces of any size. The state between two pieces is one small integer, and an
 * invalid byte is seen when it arrives, not at the end of its sequence.
 */

/** Between two characters: where a piece may start, and where a text must end. */
export const UTF8_BOUNDARY = 0;

/** The bytes can be no UTF-8 whatever follows. Final. */
export const UTF8_INVALID = 8;

/**
 * The automaton as [state, first byte, last byte, next state]; whatever is not listed is invalid.
 * States 1 to 3 await that many continuation bytes; 4 to 7 follow E0, ED, F0 and F4, whose second
 * byte has a narrower range.
 */
const RULES: readonly (readonly [from: number, first: number, last: number, to: number])[] = [
  [0, 0x00, 0x7f, 0],
  [0, 0xc2, 0xdf, 1],
  [0, 0xe0, 0xe0, 4],
  [0, 0xe1, 0xec, 2],
  [0, 0xed, 0xed, 5],
  [0, 0xee, 0xef, 2],
  [0, 0xf0, 0xf0, 6],
  [0, 0xf1, 0xf3, 3],
  [0, 0xf4, 0xf4, 7],
  [1, 0x80, 0xbf, 0],
  [2, 0x80, 0xbf, 1],
  [3, 0x80, 0xbf, 2],
  [4, 0xa0, 0xbf, 1],
  [5, 0x80, 0x9f, 1],
  [6, 0x90, 0xbf, 2],
  [7, 0x80, 0x8f, 2],
];

/** Next state by `state * 256 + byte`: 2.25 KiB, which stay in the first-level cache. */
const NEXT: Uint8Array = buildTable();

const HIGH_BITS = 0x80808080 | 0;

/**
 * Takes the next `length` bytes of a text and returns the new state: `UTF8_BOUNDARY`,
 * `UTF8_INVALID` or one in the middle of a character. `words` is an Int32Array over the same memory
 * as `bytes`.
 */
export function validateUtf8(
  bytes: Uint8Array,
  words: Int32Array,
  offset: number,
  length: number,
  state: number,
): number {
  const end = offset + length;
  let at = offset;
  let now = state;
  while (at < end && now !== UTF8_INVALID) {
    const aligned = (at & 3) === 0;
    if (aligned && now === UTF8_BOUNDARY) at = skipAscii(words, at, end);
    // Text that is not ASCII is mostly not ASCII for a while: look again only every 16 bytes.
    const stop = Math.min(end, at + (aligned ? 16 : 4 - (at & 3)));
    while (at < stop) now = NEXT[(now << 8) | bytes[at++]!]!;
  }
  return now;
}

/**
 * The state at `end` of bytes, at least four, that are known to be in order but for what their last
 * character lacks: that of a cut character, or of a last byte that can begin none.
 */
export function utf8StateAt(bytes: Uint8Array, end: number): number {
  let at = end - 1;
  // The bound is for bytes that somebody changes meanwhile; a character has no fifth byte.
  while (at > end - 4 && (bytes[at]! & 0xc0) === 0x80) at--;
  let now = UTF8_BOUNDARY;
  while (at < end) now = NEXT[(now << 8) | bytes[at++]!]!;
  return now;
}

/** From an aligned offset, the offset of the first word that is not all ASCII or not all there. */
function skipAscii(words: Int32Array, offset: number, end: number): number {
  let at = offset;
  for (let left = end - at; left >= 16; left -= 16) {
    const word = at >>> 2;
    const any = words[word]! | words[word + 1]! | words[word + 2]! | words[word + 3]!;
    if ((any & HIGH_BITS) !== 0) break;
    at += 16;
  }
  while (end - at >= 4 && (words[at >>> 2]! & HIGH_BITS) === 0) at += 4;
  return at;
}

function buildTable(): Uint8Array {
  const table = new Uint8Array((UTF8_INVALID + 1) * 256).fill(UTF8_INVALID);
  for (const [state, first, last, next] of RULES) {
    table.fill(next, state * 256 + first, state * 256 + last + 1);
  }
  return table;
}
