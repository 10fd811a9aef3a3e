/** The chunked coding of a response's body (RFC 9112 §7.1), without extensions and trailers. */

const CRLF = Buffer.from('\r\n');

/** Bytes that a chunk has beside its data, at most: 8 digits and two line ends. */
export const CHUNK_OVERHEAD_MAX = 12;

/** What ends a body. */
export const LAST_CHUNK: Buffer = Buffer.from('0\r\n\r\n');

/** The bytes of a chunk. Its data must not be empty: that would end the body. */
export function formatChunk(data: Uint8Array): Buffer {
  const head = Buffer.from(`${data.length.toString(16)}\r\n`, 'latin1');
  return Buffer.concat([head, data, CRLF], head.length + data.length + 2);
}
