/**
 * Compression for WebSocket messages (RFC 7692) on arena offsets: what the native and the node
 * implementation both do, and what one suite of tests holds both to.
 *
 *  1. A message is compressed to raw deflate without the 00 00 FF FF at its end (RFC 7692 §7.2.1).
 *  2. Results are left in fields of the stream: a message allocates nothing (native).
 *  3. A stream holds memory from its first message until `free`, and none before. It is used by one
 *     message at a time; a message that is given up is followed by `reset` or `free`.
 *  4. Nothing that a peer sends throws: bad data is a status.
 */

/** What a call of a stream came to. */
export const StreamStatus = {
  /** The message is complete. */
  DONE: 0,
  /** All input is taken and the message goes on. */
  INPUT: 1,
  /** The target is full, or has less than `OUTPUT_BYTES_MIN` when compressing. */
  OUTPUT: 2,
  /** No deflate data, or it does not end where a message may end. */
  BAD_DATA: 3,
  /** The streams hold as much as they may, or the system has no more. */
  NO_MEMORY: 4,
  /** Inflated above what the inflater was opened for. Only where it cannot stop before. */
  TOO_BIG: 5,
} as const;

/** The least room that a call of `Deflater.compress` can do something with. */
export const OUTPUT_BYTES_MIN = 16;

/** Compresses messages, one after the other. */
export interface Deflater {
  /** Bytes of the source that the last call took. */
  readonly consumed: number;
  /** Bytes that the last call wrote at the target. */
  readonly produced: number;
  /**
   * Compresses `length` bytes at `source` into at most `capacity` bytes at `target`; `last` says
   * that the message ends with them. What was not consumed is given again, to the next call.
   * Returns a `StreamStatus`: DONE, INPUT, OUTPUT, NO_MEMORY, or BAD_DATA when zlib refuses.
   */
  compress(source: number, length: number, last: boolean, target: number, capacity: number): number;
  /**
   * The next message refers back to nothing. Needed behind a message that was given up or whose
   * compressed form is not sent.
   */
  reset(): void;
  /** Gives the memory back. Allowed between any two messages: the next begins as after `reset`. */
  free(): void;
}

/** Decompresses messages, one after the other. */
export interface Inflater {
  /** Bytes of the source that the last call took. */
  readonly consumed: number;
  /** Bytes that the last call wrote at the target. */
  readonly produced: number;
  /**
   * Decompresses `length` bytes at `source` into at most `capacity` bytes at `target`; `last` says
   * that the message ends with them. What was not consumed is given again, to the next call. With
   * a capacity of 0 it tells whether anything more would come. Returns a `StreamStatus`.
   *
   * Blocks with BFINAL are read on (RFC 7692 §7.2.3.4; `node` reads at most 16 in a message), and a
   * message may end right behind one. A message of no bytes is empty.
   */
  inflate(source: number, length: number, last: boolean, target: number, capacity: number): number;
  /** The next message refers back to nothing. */
  reset(): void;
  /** Gives the memory back, and with it what later messages could refer to. */
  free(): void;
}

/** How a deflater works; all within zlib's ranges. */
export interface DeflaterOptions {
  /** 1 (fast) to 9 (small). @default 1 */
  readonly level?: number;
  /** Its messages refer back at most 2^windowBits bytes, 8 to 15. @default 15 */
  readonly windowBits?: number;
  /** 1 to 9, see `deflaterBytes`. @default 8 */
  readonly memoryLevel?: number;
  /** Messages refer back to earlier ones. @default false */
  readonly takeover?: boolean;
}

/** How an inflater works. */
export interface InflaterOptions {
  /** The peer refers back at most 2^windowBits bytes, 8 to 15. @default 15 */
  readonly windowBits?: number;
  /** The peer's messages refer back to earlier ones. @default false */
  readonly takeover?: boolean;
  /** The bytes of a message that is not TOO_BIG, for inflaters that need it. @default 16 MiB */
  readonly maxMessageSize?: number;
}

/** Where deflaters and inflaters come from, on one thread. */
export interface Streams {
  /** `native`: zlib by way of the addon; `node`: the synchronous functions of node:zlib. */
  readonly kind: 'native' | 'node';
  /** Bytes in use, of all streams of this thread (native), of these streams (node). */
  readonly bytes: number;
  /**
   * A deflater, without memory until its first message.
   * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
   */
  deflater(options?: DeflaterOptions): Deflater;
  /**
   * An inflater, without memory until its first message.
   * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
   */
  inflater(options?: InflaterOptions): Inflater;
  /** Frees every stream; none can be used afterwards. */
  close(): void;
}

/** zlib's own state and its bookkeeping, rounded up. */
const DEFLATER_STATE_BYTES = 8 * 1024;
const INFLATER_STATE_BYTES = 10 * 1024;

/**
 * The most bytes that an open deflater holds: 4 times the window (it and the chains in it), the
 * hash table (64 KiB up to memory level 8), the symbols of a block, the state. 280 KiB by default.
 */
export function deflaterBytes(windowBits: number, memoryLevel: number): number {
  const window = 2 ** Math.max(windowBits, 9);
  const hash = 2 ** Math.max(15, memoryLevel + 7);
  return window * 4 + hash * 2 + 2 ** (memoryLevel + 6) * 5 + DEFLATER_STATE_BYTES;
}

/** The most bytes that an open inflater holds: the window and the state. 42 KiB by default. */
export function inflaterBytes(windowBits: number): number {
  return 2 ** windowBits + INFLATER_STATE_BYTES;
}

/** Room in which a message of `length` bytes is compressed by one call, whatever it holds. */
export function compressedBound(length: number): number {
  return length + Math.ceil(length / 8) + 64;
}
