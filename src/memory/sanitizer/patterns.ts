/**
 * What memory is filled with that nobody has written, and that nobody may use any more.
 *
 * A typed array cannot be told of its writes, and neither can the kernel: so "never written" is what
 * still has in it what it was filled with. The words are no text in UTF-8, no small integers and no
 * ordinary floating-point numbers. Copies of unwritten memory are found as unwritten where they are
 * read, in another thread or process as well.
 */

/** Handed out and not written. Each byte differs, so that a shifted copy is no match. */
export const UNWRITTEN = 0xf7c5_93a1;
/** Given back. */
export const GIVEN_BACK = 0xf6d3_8be9;

/** The byte that the pattern has at an offset. */
function byteAt(pattern: number, offset: number): number {
  return (pattern >>> (8 * (offset & 3))) & 0xff;
}

/** Views of one memory that patterns are laid into and looked for in. */
export interface Bytes {
  /** Index = offset. */
  readonly u8: Uint8Array;
  /** Index = offset / 4. */
  readonly u32: Uint32Array;
}

/** Fills a range. */
export function fill({ u8, u32 }: Bytes, offset: number, length: number, pattern: number): void {
  const end = offset + length;
  const first = Math.min(Math.ceil(offset / 4) * 4, end);
  const last = Math.max(first, Math.floor(end / 4) * 4);
  for (let at = offset; at < first; at++) u8[at] = byteAt(pattern, at);
  u32.fill(pattern, first / 4, last / 4);
  for (let at = last; at < end; at++) u8[at] = byteAt(pattern, at);
}

/** The first byte of a range that differs from the pattern, or -1. */
export function firstChange(
  { u8, u32 }: Bytes,
  offset: number,
  length: number,
  pattern: number,
): number {
  const end = offset + length;
  let at = offset;
  while (at < end) {
    if ((at & 3) === 0 && at + 4 <= end && u32[at / 4] === pattern) at += 4;
    else if (u8[at] === byteAt(pattern, at)) at += 1;
    else return at;
  }
  return -1;
}

/**
 * Where the first eight aligned bytes of the range are that were never written, or -1. Fewer could
 * be chance, above all at an end, beside memory that nobody has to write: random data match eight
 * once in 2^64.
 */
export function firstUnwritten({ u32 }: Bytes, offset: number, length: number): number {
  const end = offset + length;
  for (let at = Math.ceil(offset / 8) * 8; at + 8 <= end; at += 8) {
    if (u32[at / 4] === UNWRITTEN && u32[at / 4 + 1] === UNWRITTEN) return at;
  }
  return -1;
}

/** Whether the aligned word around a byte has the pattern in it. */
export function isUnwrittenWord({ u32 }: Bytes, offset: number): boolean {
  return u32[offset >>> 2] === UNWRITTEN;
}

/** Whether exactly these bytes are those of the pattern. */
export function isExactlyUnwritten({ u8 }: Bytes, offset: number, size: number): boolean {
  for (let at = offset; at < offset + size; at++) {
    if (u8[at] !== byteAt(UNWRITTEN, at)) return false;
  }
  return true;
}

/** Words of a range that a fingerprint is made of, at most; of longer ranges every nth. */
const FINGERPRINT_WORDS = 1 << 16;

/** A number that changes with the bytes of a range (FNV-1a over its words). */
export function fingerprint({ u8, u32 }: Bytes, offset: number, length: number): number {
  let hash = 0x811c9dc5;
  const end = offset + length;
  const first = Math.min(Math.ceil(offset / 4) * 4, end);
  const last = Math.max(first, Math.floor(end / 4) * 4);
  const step = Math.ceil((last - first) / 4 / FINGERPRINT_WORDS) || 1;
  for (let at = offset; at < first; at++) hash = Math.imul(hash ^ u8[at]!, 0x01000193);
  for (let word = first / 4; word < last / 4; word += step) {
    hash = Math.imul(hash ^ u32[word]!, 0x01000193);
  }
  for (let at = last; at < end; at++) hash = Math.imul(hash ^ u8[at]!, 0x01000193);
  return hash;
}
