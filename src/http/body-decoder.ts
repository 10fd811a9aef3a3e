/**
 * Finds the body of a request in what follows its head (RFC 9112 §6, §7.1), in any pieces, and
 * copies nothing: it tells where the data lies.
 *
 * Strict where a second reader could see another body: a line of the chunked coding ends in CRLF
 * and nothing else, a size is hexadecimal digits and nothing else, white space stands only before
 * the semicolon of an extension, a chunk ends where its size says. Extensions and trailers are
 * checked for their form, ignored, and limited: they carry nothing, and cost the reader the same.
 */
import { problem, type RequestProblem } from './request-head.ts';
import { CR, HEX_VALUE, IS_TOKEN, isFieldByte, LF, SPACE, TAB } from './syntax.ts';

/** What `BodyDecoder.read` found. */
export type BodyStep =
  /** Everything was looked at, and more of the body is to come. */
  | 'more'
  /** Data, at `dataOffset`; to be called again with what lies behind `consumed`. */
  | 'data'
  /** The body is over; what lies behind `consumed` is the next request. */
  | 'end'
  /** Not a body. The connection cannot be used again. */
  | RequestProblem;

/** How a body is delimited; the head of a request says so. */
export interface BodyFraming {
  readonly contentLength: number;
  readonly chunked: boolean;
}

/** Digits of a chunk's size, leading zeros included: what is shorter is a safe integer. */
const SIZE_DIGITS_MAX = 13;
/** Bytes of extensions in one body. No known client sends any. */
const EXTENSION_BYTES_MAX = 4096;
/** Bytes of trailers. */
const TRAILER_BYTES_MAX = 8192;

const COLON = 58;
const SEMICOLON = 59;

const State = {
  SIZE: 0,
  /** White space before a semicolon. */
  BLANK: 1,
  EXTENSION: 2,
  SIZE_LF: 3,
  DATA: 4,
  DATA_CR: 5,
  DATA_LF: 6,
  TRAILER_START: 7,
  TRAILER_NAME: 8,
  TRAILER_VALUE: 9,
  TRAILER_LF: 10,
  LAST_LF: 11,
  END: 12,
} as const;

/** See the head of this file. */
export class BodyDecoder {
  readonly #chunked: boolean;
  #state: number;
  /** Bytes of data still to come: of the body, or of the chunk. */
  #left: number;
  #digits = 0;
  #extensionBytes = 0;
  #trailerBytes = 0;
  #consumed = 0;
  #dataOffset = 0;
  #dataLength = 0;

  constructor({ contentLength, chunked }: BodyFraming) {
    this.#chunked = chunked;
    this.#left = chunked ? 0 : contentLength;
    this.#state = chunked ? State.SIZE : contentLength > 0 ? State.DATA : State.END;
  }

  /** Bytes of the piece that were looked at. */
  get consumed(): number {
    return this.#consumed;
  }

  /** Where the data begins, in the memory that was handed over. */
  get dataOffset(): number {
    return this.#dataOffset;
  }

  /** Bytes of data. */
  get dataLength(): number {
    return this.#dataLength;
  }

  /** Whether the body is over. */
  get isComplete(): boolean {
    return this.#state === State.END;
  }

  /** Bytes of the body that are known to come: all of them by Content-Length, else the chunk's. */
  get announced(): number {
    return this.#left;
  }

  /** Takes a piece: `length` bytes at `offset`. Not to be called after a problem. */
  read(bytes: Uint8Array, offset: number, length: number): BodyStep {
    let index = 0;
    while (index < length) {
      if (this.#state === State.END) break;
      if (this.#state === State.DATA) return this.#data(offset, index, length);
      const failed = this.#framing(bytes[offset + index]!);
      index += 1;
      if (failed !== undefined) {
        this.#consumed = index;
        return failed;
      }
    }
    this.#consumed = index;
    return this.#state === State.END ? 'end' : 'more';
  }

  #data(offset: number, index: number, length: number): 'data' {
    const size = Math.min(length - index, this.#left);
    this.#dataOffset = offset + index;
    this.#dataLength = size;
    this.#consumed = index + size;
    this.#left -= size;
    if (this.#left === 0) this.#state = this.#chunked ? State.DATA_CR : State.END;
    return 'data';
  }

  /** One byte that is not data. */
  #framing(byte: number): RequestProblem | undefined {
    switch (this.#state) {
      case State.SIZE:
      case State.BLANK:
      case State.EXTENSION:
        return this.#sizeLine(byte);
      case State.SIZE_LF:
        if (byte !== LF) return problem(400, 'A chunk size is followed by a CR without LF');
        this.#state = this.#left > 0 ? State.DATA : State.TRAILER_START;
        return undefined;
      case State.DATA_CR:
        if (byte !== CR) return problem(400, 'A chunk is longer than its size');
        this.#state = State.DATA_LF;
        return undefined;
      case State.DATA_LF:
        if (byte !== LF) return problem(400, 'A chunk is followed by a CR without LF');
        this.#digits = 0;
        this.#state = State.SIZE;
        return undefined;
      default:
        return this.#trailer(byte);
    }
  }

  #sizeLine(byte: number): RequestProblem | undefined {
    const value = HEX_VALUE[byte]!;
    if (this.#state === State.SIZE && value !== 255) {
      this.#digits += 1;
      if (this.#digits > SIZE_DIGITS_MAX) return problem(413, 'A chunk size has too many digits');
      this.#left = this.#left * 16 + value;
      return undefined;
    }
    if (this.#digits === 0) return problem(400, 'A chunk has no size');
    if (byte === CR && this.#state !== State.BLANK) {
      this.#state = State.SIZE_LF;
      return undefined;
    }
    this.#extensionBytes += 1;
    if (this.#extensionBytes > EXTENSION_BYTES_MAX) {
      return problem(413, 'The chunk extensions are too long');
    }
    if (this.#state === State.EXTENSION) {
      return isFieldByte(byte) ? undefined : problem(400, 'A chunk extension is malformed');
    }
    if (byte === SEMICOLON) this.#state = State.EXTENSION;
    else if (byte === SPACE || byte === TAB) this.#state = State.BLANK;
    else return problem(400, 'A chunk size is malformed');
    return undefined;
  }

  #trailer(byte: number): RequestProblem | undefined {
    this.#trailerBytes += 1;
    if (this.#trailerBytes > TRAILER_BYTES_MAX) return problem(431, 'The trailers are too long');
    switch (this.#state) {
      case State.TRAILER_START:
        if (byte === CR) this.#state = State.LAST_LF;
        else if (IS_TOKEN[byte] === 1) this.#state = State.TRAILER_NAME;
        else return problem(400, 'A trailer is malformed');
        return undefined;
      case State.TRAILER_NAME:
        if (byte === COLON) this.#state = State.TRAILER_VALUE;
        else if (IS_TOKEN[byte] !== 1) return problem(400, 'A trailer is malformed');
        return undefined;
      case State.TRAILER_VALUE:
        if (byte === CR) this.#state = State.TRAILER_LF;
        else if (!isFieldByte(byte)) return problem(400, 'A trailer is malformed');
        return undefined;
      default:
        if (byte !== LF) return problem(400, 'A trailer ends in a CR without LF');
        this.#state = this.#state === State.LAST_LF ? State.END : State.TRAILER_START;
        return undefined;
    }
  }
}
