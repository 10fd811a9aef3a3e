/**
 * Text in shared memory. Decoding in place what another thread or process may be writing can crash
 * Node 20, so every reader copies to private memory first; encoders are handed private memory too.
 */
import { RondoError } from '../base/index.ts';

const encoder = new TextEncoder();
// A byte order mark is kept: text must give back the bytes it was made from.
const lenient = new TextDecoder('utf-8', { ignoreBOM: true });
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

/** Decodes a private copy of the bytes. @throws {RondoError} ERR_TEXT_INVALID when `fatal` */
export function copyText(
  bytes: Uint8Array,
  offset: number,
  length: number,
  fatal: boolean,
): string {
  const copy = bytes.slice(offset, offset + length);
  if (!fatal) return lenient.decode(copy);
  try {
    return strict.decode(copy);
  } catch (cause) {
    throw new RondoError(
      'ERR_TEXT_INVALID',
      `Cannot decode ${length} bytes at offset ${offset}: they are not valid UTF-8`,
      { cause },
    );
  }
}

/** Writes text into a fixed field: cut at a whole character, padded with zeros. */
export function writeField(bytes: Uint8Array, offset: number, length: number, text: string): void {
  const field = new Uint8Array(length);
  encoder.encodeInto(text, field);
  bytes.set(field, offset);
}

/** Reads a fixed field up to its first zero. `bytes` must be private memory. */
export function readField(bytes: Uint8Array, offset: number, length: number): string {
  const field = bytes.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return lenient.decode(end < 0 ? field : field.subarray(0, end));
}
