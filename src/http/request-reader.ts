/**
 * Collects a request head that arrives in any pieces. Every byte is looked at once: it is copied
 * into private memory (text must not be decoded in place from shared memory) and checked on the
 * way. Only lines that end in CRLF and hold no control character but tab get to the parser.
 */
import { resolveRequestLimits, type RequestLimits, type ResolvedRequestLimits } from './limits.ts';
import {
  parseRequestText,
  problem,
  type RequestHead,
  type RequestProblem,
} from './request-head.ts';
import { CR, DELETE, LF, SPACE, TAB } from './syntax.ts';

/** Room beside the target for a method and a version. */
const LINE_SLACK_BYTES = 64;

const MIN_KEPT_BYTES = 256;

/**
 * Shared by all readers of the thread, and used only within one call: a head that arrives in one
 * piece needs no memory of its own.
 */
let scratch: Buffer = Buffer.alloc(0);

/** Reads request heads of one connection, one after the other. */
export class RequestReader {
  readonly #limits: ResolvedRequestLimits;
  /** What came in earlier pieces. */
  #kept: Buffer | undefined;
  /** Bytes of the head so far, without an empty line before it. */
  #count = 0;
  /** Bytes of the empty line that came before the request line. */
  #skipped = 0;
  /** Lines that have ended. */
  #lines = 0;
  /** Where the line that has not ended begins. */
  #lineStart = 0;
  #previous = 0;
  #complete = false;
  #consumed = 0;

  /**
   * @throws {TypeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE
   * @throws {RangeError} ERR_OPTION_RANGE
   */
  constructor(limits?: RequestLimits) {
    this.#limits = resolveRequestLimits(limits);
    const { maxHeadBytes } = this.#limits;
    if (scratch.length < maxHeadBytes) scratch = Buffer.allocUnsafeSlow(maxHeadBytes);
  }

  /** How many bytes of the last piece belong to the head; what follows them was not looked at. */
  get consumed(): number {
    return this.#consumed;
  }

  /**
   * Takes a piece: `length` bytes at `offset`. Returns undefined while the head is not complete.
   * After a head the reader is ready for the next; after a problem the connection must be closed.
   */
  read(
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): RequestHead | RequestProblem | undefined {
    if (this.#kept !== undefined) this.#reserve(this.#count + length);
    const memory = this.#kept ?? scratch;
    const failed = this.#scan(bytes, offset, length, memory);
    if (failed === undefined && !this.#complete) {
      if (this.#kept === undefined && this.#count > 0) {
        this.#reserve(this.#count);
        scratch.copy(this.#kept!, 0, 0, this.#count);
      }
      return undefined;
    }
    const count = this.#count;
    const headLength = this.#skipped + count;
    this.#reset();
    if (failed !== undefined) return failed;
    return parseRequestText(memory.toString('latin1', 0, count - 4), headLength, this.#limits);
  }

  /** Copies and checks bytes up to the end of the head. */
  #scan(
    bytes: Uint8Array,
    offset: number,
    length: number,
    memory: Buffer,
  ): RequestProblem | undefined {
    const { maxHeadBytes, maxHeaders, maxTargetBytes } = this.#limits;
    const maxLine = maxTargetBytes + LINE_SLACK_BYTES;
    let count = this.#count;
    let previous = this.#previous;
    this.#consumed = length;
    for (let index = 0; index < length; index++) {
      const byte = bytes[offset + index]!;
      const bad = checkByte(byte, previous);
      if (bad !== undefined) return bad;
      previous = byte;
      if (count === 0 && this.#skipped < 2 && (byte === CR || byte === LF)) {
        // One empty line before a request is forgiven (RFC 9112 §2.2).
        this.#skipped++;
        continue;
      }
      if (this.#lines === 0 && count >= Math.min(maxLine, maxHeadBytes)) {
        return problem(414, 'The request target is too long');
      }
      if (count === maxHeadBytes) return problem(431, 'The head is too long');
      memory[count++] = byte;
      if (byte !== LF) continue;
      if (count - this.#lineStart === 2) {
        if (this.#lines === 0) return problem(400, 'The request line is missing');
        this.#count = count;
        this.#complete = true;
        this.#consumed = index + 1;
        return undefined;
      }
      if (++this.#lines > maxHeaders + 1) return problem(431, 'There are too many headers');
      this.#lineStart = count;
    }
    this.#count = count;
    this.#previous = previous;
    return undefined;
  }

  /** Makes room in `#kept`; it grows with what has arrived. */
  #reserve(count: number): void {
    const kept = this.#kept;
    const { maxHeadBytes } = this.#limits;
    if (kept !== undefined && kept.length >= Math.min(count, maxHeadBytes)) return;
    const size = Math.min(Math.max(count * 2, MIN_KEPT_BYTES), maxHeadBytes);
    this.#kept = Buffer.allocUnsafeSlow(size);
    kept?.copy(this.#kept, 0, 0, this.#count);
  }

  #reset(): void {
    this.#kept = undefined;
    this.#count = 0;
    this.#skipped = 0;
    this.#lines = 0;
    this.#lineStart = 0;
    this.#previous = 0;
    this.#complete = false;
  }
}

/** Refuses control characters but tab, and CR and LF apart. */
function checkByte(byte: number, previous: number): RequestProblem | undefined {
  if (previous === CR && byte !== LF) return problem(400, 'A CR without LF');
  if (byte >= SPACE && byte !== DELETE) return undefined;
  if (byte === CR || byte === TAB || (byte === LF && previous === CR)) return undefined;
  return problem(400, byte === LF ? 'A LF without CR' : 'The head holds a control character');
}
