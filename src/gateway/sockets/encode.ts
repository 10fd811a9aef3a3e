/** Text to UTF-8, without an object per message. */

const SCRATCH_BYTES = 4096;
/** Units up to which a loop is faster than a call of the encoder. */
const SHORT = 48;

/** Where `encode` writes: private memory, overwritten by the next call. */
export const encoded: Buffer = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

/** Bytes of the text in `encoded`, or -1 when it may not fit. Lone surrogates become U+FFFD. */
export function encode(text: string): number {
  const { length } = text;
  if (length > SHORT) return length * 3 > SCRATCH_BYTES ? -1 : encoded.write(text, 'utf8');
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return encoded.write(text, 'utf8');
    encoded[i] = unit;
  }
  return length;
}
