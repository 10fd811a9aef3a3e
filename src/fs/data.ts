/** What can be written. */
import { misuse } from '../base/index.ts';
import { Chunk } from '../runtime/index.ts';

/** Bytes and text (as UTF-8) are copied, a chunk is written from where it lies. */
export type Writable = Uint8Array | string | Chunk;

/** @throws {TypeError} ERR_OPTION_TYPE */
export function writable(data: Writable): Uint8Array | Chunk {
  if (typeof data === 'string') return Buffer.from(data);
  if (data instanceof Uint8Array || data instanceof Chunk) return data;
  throw misuse('ERR_OPTION_TYPE', 'Cannot write: the data must be bytes, text or a chunk');
}
