/**
 * Masking (RFC 6455 §5.3): payload byte i is XORed with byte i mod 4 of the key. Masking and
 * unmasking are the same operation. Works on arena bytes, in place or from one place to another.
 *
 * A key is the four key bytes read as a little-endian 32-bit integer; `phase` is how many payload
 * bytes (mod 4) came before, so a payload can be worked on in pieces. `words` is an Int32Array over
 * the same memory as `bytes`, from the same start. Little-endian machines only, as all of Rondo.
 *
 * Both functions return the sign bits that they saw in the result: 0 means that every byte is
 * ASCII, which spares text a second pass for UTF-8.
 */

/** The sign bits of four bytes. */
const HIGH_BITS = 0x80808080 | 0;

/**
 * XORs `length` bytes at `offset` with the key, in place.
 * Returns 0 when all resulting bytes are below 0x80.
 */
export function unmask(
  bytes: Uint8Array,
  words: Int32Array,
  offset: number,
  length: number,
  key: number,
  phase: number,
): number {
  const end = offset + length;
  let turned = turnKey(key, phase);
  let seen = 0;
  let at = offset;
  while ((at & 3) !== 0 && at < end) {
    const value = bytes[at]! ^ (turned & 0xff);
    bytes[at++] = value;
    seen |= value;
    turned = turnKey(turned, 1);
  }
  const count = (end - at) >>> 2;
  const first = at >>> 2;
  const last = first + count;
  let word = first;
  for (const unrolled = last - 3; word < unrolled; word += 4) {
    const a = words[word]! ^ turned;
    const b = words[word + 1]! ^ turned;
    const c = words[word + 2]! ^ turned;
    const d = words[word + 3]! ^ turned;
    words[word] = a;
    words[word + 1] = b;
    words[word + 2] = c;
    words[word + 3] = d;
    seen |= a | b | c | d;
  }
  for (; word < last; word++) {
    const value = words[word]! ^ turned;
    words[word] = value;
    seen |= value;
  }
  for (at += count * 4; at < end; at++) {
    const value = bytes[at]! ^ (turned & 0xff);
    bytes[at] = value;
    seen |= value;
    turned = turnKey(turned, 1);
  }
  return seen & HIGH_BITS;
}

/**
 * Copies `length` bytes from `source` to `destination` and XORs them with the key; key 0 only
 * copies. The two ranges must not overlap. Returns 0 when all resulting bytes are below 0x80.
 */
export function unmaskCopy(
  bytes: Uint8Array,
  words: Int32Array,
  source: number,
  destination: number,
  length: number,
  key: number,
  phase: number,
): number {
  const end = destination + length;
  let turned = turnKey(key, phase);
  let seen = 0;
  let from = source;
  let to = destination;
  while ((to & 3) !== 0 && to < end) {
    const value = bytes[from++]! ^ (turned & 0xff);
    bytes[to++] = value;
    seen |= value;
    turned = turnKey(turned, 1);
  }
  const count = (end - to) >>> 2;
  if (count > 0) {
    seen |= copyWords(words, from, to >>> 2, count, turned);
    from += count * 4;
    to += count * 4;
  }
  while (to < end) {
    const value = bytes[from++]! ^ (turned & 0xff);
    bytes[to++] = value;
    seen |= value;
    turned = turnKey(turned, 1);
  }
  return seen & HIGH_BITS;
}

/** Copies `count` words from byte offset `from`, aligned or not, to word index `to`. */
function copyWords(
  words: Int32Array,
  from: number,
  to: number,
  count: number,
  turned: number,
): number {
  const last = to + count;
  const shift = (from & 3) * 8;
  let source = from >>> 2;
  let word = to;
  let seen = 0;
  if (shift === 0) {
    for (; word < last; word++) {
      const value = words[source++]! ^ turned;
      words[word] = value;
      seen |= value;
    }
    return seen;
  }
  // Each result is put together from two aligned words; both hold at least one byte of the range.
  let low = words[source++]! >>> shift;
  for (; word < last; word++) {
    const next = words[source++]!;
    const value = (low | (next << (32 - shift))) ^ turned;
    words[word] = value;
    seen |= value;
    low = next >>> shift;
  }
  return seen;
}

/** The key as it stands `phase` bytes later. Shift counts count mod 32: phase 0 changes nothing. */
export function turnKey(key: number, phase: number): number {
  return (key >>> (phase << 3)) | (key << (32 - (phase << 3)));
}
