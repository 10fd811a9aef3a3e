/** Close frames (RFC 6455 §5.5.1), written whole: they are short and rare. */
import { outOfRange } from '../../base/index.ts';
import { CloseCode, isSendableCloseCode } from './close-codes.ts';
import { MAX_CONTROL_BYTES, Opcode, writeHead, writeMaskedHead } from './frame.ts';

/** The most bytes that a close frame takes, masked or not. */
export const MAX_CLOSE_FRAME_BYTES: number = 6 + MAX_CONTROL_BYTES;

/** The most bytes of UTF-8 that a close reason takes. */
export const MAX_CLOSE_REASON_BYTES: number = MAX_CONTROL_BYTES - 2;

const encoder = new TextEncoder();

/**
 * Writes a close frame and returns its size. `CloseCode.NONE` writes one without payload (the
 * reason must be empty). With `key` the frame is masked, as a client must send it.
 * @throws {RangeError} ERR_CLOSE_CODE when the code must not travel
 * @throws {RangeError} ERR_CLOSE_REASON when the reason is above 123 bytes, or has no code
 */
export function writeCloseFrame(
  bytes: Uint8Array,
  offset: number,
  code: number,
  reason: string,
  key?: number,
): number {
  const payload = encodePayload(code, reason);
  const size =
    key === undefined
      ? writeHead(bytes, offset, Opcode.CLOSE, true, payload.length)
      : writeMaskedHead(bytes, offset, Opcode.CLOSE, true, payload.length, key);
  for (let index = 0; index < payload.length; index++) {
    const mask = key === undefined ? 0 : key >>> ((index & 3) * 8);
    bytes[offset + size + index] = payload[index]! ^ mask;
  }
  return size + payload.length;
}

function encodePayload(code: number, reason: string): Uint8Array {
  const text = encoder.encode(reason);
  if (text.length > MAX_CLOSE_REASON_BYTES || (code === CloseCode.NONE && text.length > 0)) {
    throw outOfRange(
      'ERR_CLOSE_REASON',
      `Cannot close with ${code} and a reason of ${text.length} bytes: a reason needs a code ` +
        `and has at most ${MAX_CLOSE_REASON_BYTES} bytes of UTF-8`,
    );
  }
  if (code === CloseCode.NONE) return text;
  if (!isSendableCloseCode(code)) {
    throw outOfRange(
      'ERR_CLOSE_CODE',
      `Cannot close with code ${code}: it must be 1000–1003, 1007–1014 or 3000–4999`,
    );
  }
  const payload = new Uint8Array(2 + text.length);
  payload[0] = code >>> 8;
  payload[1] = code;
  payload.set(text, 2);
  return payload;
}
