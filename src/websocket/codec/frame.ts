/**
 * Frame heads (RFC 6455 §5.2), read and written in place. A head is 2 to 14 bytes: FIN, reserved
 * bits and opcode; mask bit and length in one of three forms; the masking key.
 *
 * Reading is strict, and a wrong byte fails as soon as it is there, however little follows.
 */
import { FAILURES, type Failure } from './failures.ts';

/** What a frame is. Values from 8 are control frames. */
export const Opcode = {
  CONTINUATION: 0,
  TEXT: 1,
  BINARY: 2,
  CLOSE: 8,
  PING: 9,
  PONG: 10,
} as const;

/**
 * RSV1, which marks the first frame of a compressed message (RFC 7692 §6). `writeHead` and
 * `writeMaskedHead` take it as a part of the opcode.
 */
export const COMPRESSED = 0x40;

/** Which side of the connection this is. A server gets masked frames, a client unmasked ones. */
export type Role = 'server' | 'client';

/** The most bytes that a frame head takes. */
export const MAX_HEAD_BYTES = 14;

/** The most payload bytes of a control frame. */
export const MAX_CONTROL_BYTES = 125;

/** `FrameHead.parse`: the head is not complete; nothing was consumed. */
export const HEAD_PARTIAL = 0;
/** `FrameHead.parse`: the fields hold a valid head. */
export const HEAD_READY = 1;
/** `FrameHead.parse`: the peer broke the rule in `failure`. */
export const HEAD_FAILED = 2;

/** A reusable place for one parsed head: parsing writes the fields and allocates nothing. */
export class FrameHead {
  /** Bytes of the head itself. */
  size = 0;
  opcode = 0;
  fin = false;
  /** The message that begins here is compressed (RSV1, RFC 7692 §6). */
  compressed = false;
  /** Bytes of payload. */
  length = 0;
  /** The masking key as a little-endian integer; 0 without a mask. */
  key = 0;
  /** The broken rule after `HEAD_FAILED`. */
  failure: Failure = FAILURES.RESERVED_BITS;
  readonly #masked: boolean;
  readonly #compressedLimit: number;

  /**
   * `role` is the side that reads; `compressedLimit` the most payload bytes of the first frame of a
   * compressed message.
   */
  constructor(role: Role, compressedLimit: number) {
    this.#masked = role === 'server';
    this.#compressedLimit = compressedLimit;
  }

  /**
   * Reads a head at `offset`, of which `available` (≥ 1) bytes have arrived. `continuing`: a
   * fragmented message is open. Data frames above `frameLimit`, or above the `messageLimit` that
   * the open message has left, fail. `inflates`: messages may be compressed, and the first frame of
   * one has a limit of its own.
   */
  parse(
    bytes: Uint8Array,
    offset: number,
    available: number,
    continuing: boolean,
    frameLimit: number,
    messageLimit: number,
    inflates: boolean,
  ): number {
    const first = bytes[offset]!;
    const opcode = first & 0x0f;
    const control = opcode >= Opcode.CLOSE;
    const reserved = first & 0x70;
    if (reserved !== 0 && !(inflates && isCompressed(reserved, opcode))) {
      return this.#fail(FAILURES.RESERVED_BITS);
    }
    if (control) {
      if (opcode > Opcode.PONG) return this.#fail(FAILURES.UNKNOWN_OPCODE);
      if (first < 0x80) return this.#fail(FAILURES.CONTROL_FRAGMENTED);
    } else {
      if (opcode > Opcode.BINARY) return this.#fail(FAILURES.UNKNOWN_OPCODE);
      if (opcode === Opcode.CONTINUATION) {
        if (!continuing) return this.#fail(FAILURES.NOTHING_TO_CONTINUE);
      } else if (continuing) return this.#fail(FAILURES.MESSAGE_UNFINISHED);
    }
    if (available < 2) return HEAD_PARTIAL;

    const second = bytes[offset + 1]!;
    const masked = this.#masked;
    if (second >= 0x80 !== masked) {
      return this.#fail(masked ? FAILURES.MASK_MISSING : FAILURES.MASK_FORBIDDEN);
    }
    let length = second & 0x7f;
    let size = 2;
    if (control) {
      if (length > MAX_CONTROL_BYTES) return this.#fail(FAILURES.CONTROL_TOO_LONG);
      if (length === 1 && opcode === Opcode.CLOSE) return this.#fail(FAILURES.CLOSE_TOO_SHORT);
    } else {
      if (length >= 126) {
        size = length === 126 ? 4 : 10;
        if (available < size) return HEAD_PARTIAL;
        length = size === 4 ? read16(bytes, offset + 2) : read64(bytes, offset + 2);
        if (size === 10 && bytes[offset + 2]! >= 0x80) return this.#fail(FAILURES.LENGTH_SIGN);
        if (length < (size === 4 ? 126 : 65536)) return this.#fail(FAILURES.LENGTH_NOT_MINIMAL);
      }
      if (reserved !== 0) {
        if (length > this.#compressedLimit) return this.#fail(FAILURES.MESSAGE_TOO_BIG);
      } else if (length > frameLimit) return this.#fail(FAILURES.FRAME_TOO_BIG);
      else if (length > messageLimit) return this.#fail(FAILURES.MESSAGE_TOO_BIG);
    }
    if (masked) {
      const at = offset + size;
      size += 4;
      if (available < size) return HEAD_PARTIAL;
      this.key =
        bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    }
    this.opcode = opcode;
    this.fin = first >= 0x80;
    this.compressed = reserved !== 0;
    this.length = length;
    this.size = size;
    return HEAD_READY;
  }

  #fail(failure: Failure): number {
    this.failure = failure;
    return HEAD_FAILED;
  }
}

/** Reserved bits that mean something: RSV1 alone, where a message begins. */
function isCompressed(reserved: number, opcode: number): boolean {
  return reserved === COMPRESSED && (opcode === Opcode.TEXT || opcode === Opcode.BINARY);
}

/** How many bytes `writeHead` writes for a payload of `length` bytes: 2, 4 or 10. */
export function headSize(length: number): number {
  return length < 126 ? 2 : length < 65536 ? 4 : 10;
}

/**
 * Writes the head of an unmasked frame (what a server sends) and returns its size.
 * `length` is from 0 to 2^53 - 1.
 */
export function writeHead(
  bytes: Uint8Array,
  offset: number,
  opcode: number,
  fin: boolean,
  length: number,
): number {
  bytes[offset] = fin ? 0x80 | opcode : opcode;
  return writeLength(bytes, offset, 0, length);
}

/**
 * Writes the head of a masked frame (what a client sends) and returns its size: 6, 8 or 14. The
 * payload behind it must be masked with the same key. Keys must be unpredictable (RFC 6455 §10.3).
 */
export function writeMaskedHead(
  bytes: Uint8Array,
  offset: number,
  opcode: number,
  fin: boolean,
  length: number,
  key: number,
): number {
  bytes[offset] = fin ? 0x80 | opcode : opcode;
  const size = writeLength(bytes, offset, 0x80, length);
  bytes[offset + size] = key;
  bytes[offset + size + 1] = key >>> 8;
  bytes[offset + size + 2] = key >>> 16;
  bytes[offset + size + 3] = key >>> 24;
  return size + 4;
}

function writeLength(bytes: Uint8Array, offset: number, maskBit: number, length: number): number {
  if (length < 126) {
    bytes[offset + 1] = maskBit | length;
    return 2;
  }
  if (length < 65536) {
    bytes[offset + 1] = maskBit | 126;
    bytes[offset + 2] = length >>> 8;
    bytes[offset + 3] = length;
    return 4;
  }
  bytes[offset + 1] = maskBit | 127;
  write32(bytes, offset + 2, Math.floor(length / 4294967296));
  write32(bytes, offset + 6, length >>> 0);
  return 10;
}

function write32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}

function read16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!;
}

/** Above 2^53 the result is rounded, which is far above any limit. */
function read64(bytes: Uint8Array, offset: number): number {
  return read32(bytes, offset) * 4294967296 + read32(bytes, offset + 4);
}

function read32(bytes: Uint8Array, offset: number): number {
  return ((read16(bytes, offset) << 16) | read16(bytes, offset + 2)) >>> 0;
}
