/**
 * The body of a request on its way to a handler.
 *
 *  1. At most `BUFFER_BYTES`, and what a receive buffer held beyond them, wait for the handler; then
 *     the connection is not read any more until it has taken some.
 *  2. Memory is taken for what has arrived, never for what was announced, and a body that comes
 *     byte by byte does not cost an object for each.
 *  3. What nobody reads is thrown away when the request was answered, up to `DISCARD_BYTES`.
 */
import { misuse } from '../../base/index.ts';
import { BodyDecoder, type BodyFraming } from '../../http/index.ts';
import { RequestBodyError } from './failures.ts';

/** Bytes that may wait for the handler. */
const BUFFER_BYTES = 64 * 1024;
/** Pieces that arrive one after the other share memory of this size. */
const PIECE_BYTES = 4096;
/** Bytes of a body that are read to use the connection again, instead of closing it. */
const DISCARD_BYTES = 64 * 1024;

const NOTHING: Uint8Array = new Uint8Array(0);

/** Who reads the connection. */
export interface BodyOwner {
  /** The handler has begun to read, and waits. */
  wanted(): void;
  /** There is room again. */
  hasRoom(): void;
}

/** See the head of this file. */
export class RequestBody implements AsyncIterable<Uint8Array> {
  readonly #decoder: BodyDecoder;
  readonly #limit: number;
  readonly #owner: BodyOwner;
  readonly #pieces: Uint8Array[] = [];
  /** The last of the pieces has room behind this; -1 when it has none. */
  #tailUsed = -1;
  #waiting = 0;
  #received = 0;
  #discarded = 0;
  #claimed = false;
  #discarding = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(framing: BodyFraming, limit: number, owner: BodyOwner) {
    this.#decoder = new BodyDecoder(framing);
    this.#limit = limit;
    this.#owner = owner;
  }

  /** Whether it has arrived as a whole. */
  get isComplete(): boolean {
    return this.#decoder.isComplete;
  }

  /** Whether it will not be complete. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Whether more of it is wanted now. */
  get isOpen(): boolean {
    if (this.isComplete || this.hasFailed) return false;
    return this.#discarding ? !this.isTooLongToDiscard : this.#waiting < BUFFER_BYTES;
  }

  /** Whether a handler reads it, or has read it. */
  get isRead(): boolean {
    return this.#claimed && !this.#discarding;
  }

  /** Bytes that have arrived. */
  get received(): number {
    return this.#received;
  }

  /** Whether more is to come than would be thrown away. */
  get isTooLongToDiscard(): boolean {
    return this.#discarded + this.#decoder.announced > DISCARD_BYTES;
  }

  /** Takes bytes that arrived; returns how many. */
  feed(bytes: Uint8Array, offset: number, length: number): number {
    const decoder = this.#decoder;
    let taken = 0;
    while (taken < length && this.isOpen) {
      const step = decoder.read(bytes, offset + taken, length - taken);
      taken += decoder.consumed;
      if (step === 'data') this.#data(bytes, decoder.dataOffset, decoder.dataLength);
      else if (typeof step === 'object') this.fail(new RequestBodyError(step.status, step.reason));
    }
    this.#wake?.();
    return taken;
  }

  /** It will not be complete: readers get the error after what has arrived. */
  fail(error: Error): void {
    if (this.isComplete) return;
    this.#failure ??= error;
    this.#wake?.();
  }

  /** Nobody will read it: what is here, and what still comes, is thrown away. */
  discard(): void {
    this.#discarding = true;
    this.#pieces.length = 0;
    this.#tailUsed = -1;
    this.#waiting = 0;
    this.#owner.hasRoom();
  }

  /** @throws {TypeError} ERR_HTTP_BODY when it was read before */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#claimed || this.#discarding) {
      throw misuse('ERR_HTTP_BODY', 'Cannot read the body: it was read before, or thrown away');
    }
    this.#claimed = true;
    try {
      for (;;) {
        const piece = this.#take();
        if (piece !== undefined) yield piece;
        else if (this.isComplete) return;
        else if (this.#failure !== undefined) throw this.#failure;
        else await this.#arrival();
      }
    } finally {
      if (!this.isComplete || this.#waiting > 0) this.discard();
    }
  }

  /** All of it. */
  async bytes(): Promise<Uint8Array> {
    let whole = NOTHING;
    let length = 0;
    for await (const piece of this) {
      const end = length + piece.length;
      if (length === 0) {
        whole = piece;
      } else {
        // Not kept piece by piece: each of them may be a byte.
        if (end > whole.length) {
          const grown = new Uint8Array(Math.min(Math.max(end, whole.length * 2), this.#limit));
          grown.set(whole);
          whole = grown;
        }
        whole.set(piece, length);
      }
      length = end;
    }
    return length === whole.length ? whole : whole.slice(0, length);
  }

  #data(bytes: Uint8Array, offset: number, length: number): void {
    this.#received += length;
    if (this.#discarding) {
      this.#discarded += length;
      return;
    }
    if (this.#received > this.#limit) {
      this.fail(new RequestBodyError(413, `A body may have at most ${this.#limit} bytes here`));
      return;
    }
    this.#waiting += length;
    let from = offset;
    let left = length;
    const tail = this.#pieces.at(-1);
    if (tail !== undefined && this.#tailUsed >= 0) {
      const fitting = Math.min(left, tail.length - this.#tailUsed);
      tail.set(bytes.subarray(from, from + fitting), this.#tailUsed);
      this.#tailUsed += fitting;
      from += fitting;
      left -= fitting;
      if (this.#tailUsed === tail.length) this.#tailUsed = -1;
    }
    if (left > 0) this.#append(bytes, from, left);
  }

  #append(bytes: Uint8Array, offset: number, length: number): void {
    const coming = this.isComplete ? 0 : PIECE_BYTES;
    const piece = new Uint8Array(Math.max(length, coming));
    piece.set(bytes.subarray(offset, offset + length));
    this.#pieces.push(piece);
    this.#tailUsed = length < piece.length ? length : -1;
  }

  #take(): Uint8Array | undefined {
    let piece = this.#pieces.shift();
    if (piece === undefined) return undefined;
    if (this.#pieces.length === 0 && this.#tailUsed >= 0) {
      // Whoever keeps a piece keeps its memory, which is not to be many times what was sent.
      const isMostlyUsed = this.#tailUsed * 2 >= piece.length;
      piece = isMostlyUsed ? piece.subarray(0, this.#tailUsed) : piece.slice(0, this.#tailUsed);
      this.#tailUsed = -1;
    }
    const wasFull = this.#waiting >= BUFFER_BYTES;
    this.#waiting -= piece.length;
    if (wasFull && this.#waiting < BUFFER_BYTES) this.#owner.hasRoom();
    return piece;
  }

  async #arrival(): Promise<void> {
    // What came together with the head is handed over when the handler has been called.
    await Promise.resolve();
    if (this.#pieces.length > 0 || this.isComplete || this.#failure !== undefined) return;
    const arrival = new Promise<void>((resolve) => (this.#wake = resolve));
    this.#owner.wanted();
    await arrival;
    this.#wake = undefined;
  }
}
