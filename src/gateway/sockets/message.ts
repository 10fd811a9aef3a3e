/** A message in a handler's hands. */
import { misuse } from '../../base/index.ts';
import type { Arena } from '../../memory/index.ts';
import { Opcode } from '../../websocket/index.ts';

/** Text up to this size is copied by hand, which is faster than making a view to copy from. */
const SMALL_BYTES = 256;
const scratch: Buffer = Buffer.allocUnsafeSlow(SMALL_BYTES);

/**
 * A received message: valid until its handler returns. The object and its memory are used again for
 * the next message; whatever is to live longer is copied with `text` or `bytes`.
 *
 * Use after the handler throws. (While another message is being handled, only an arena in debug
 * mode can tell the two apart: there every message has its own object.)
 */
export class Message {
  readonly #arena: Arena;
  #live = false;
  #opcode = 0;
  #offset = 0;
  #length = 0;

  /** @internal */
  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Whether its bytes are in this memory. @internal */
  isIn(arena: Arena): boolean {
    return this.#arena === arena;
  }

  /** Whether it was sent as text; it is valid UTF-8 then. @throws {TypeError} ERR_LEASE_RELEASED */
  get isText(): boolean {
    this.#assertLive();
    return this.#opcode === Opcode.TEXT;
  }

  /** Bytes of the message. @throws {TypeError} ERR_LEASE_RELEASED */
  get length(): number {
    this.#assertLive();
    return this.#length;
  }

  /**
   * The bytes in place, valid until the handler returns: memory that the next message overwrites,
   * and shared memory, which must not be decoded as text (`text` does that well).
   * @throws {TypeError} ERR_LEASE_RELEASED
   */
  view(): Uint8Array {
    this.#assertLive();
    return this.#arena.bytes.subarray(this.#offset, this.#offset + this.#length);
  }

  /** A private copy of the bytes. @throws {TypeError} ERR_LEASE_RELEASED */
  bytes(): Uint8Array {
    this.#assertLive();
    return this.#arena.bytes.slice(this.#offset, this.#offset + this.#length);
  }

  /**
   * The bytes as text, copied first and decoded then; what is not UTF-8 in a binary message becomes
   * U+FFFD.
   * @throws {TypeError} ERR_LEASE_RELEASED
   */
  text(): string {
    this.#assertLive();
    const length = this.#length;
    if (length > SMALL_BYTES) return Buffer.from(this.bytes().buffer).toString('utf8');
    const { bytes } = this.#arena;
    for (let i = 0; i < length; i++) scratch[i] = bytes[this.#offset + i]!;
    return scratch.toString('utf8', 0, length);
  }

  /** @internal */
  get opcode(): number {
    this.#assertLive();
    return this.#opcode;
  }

  /** @internal */
  get offset(): number {
    return this.#offset;
  }

  /** @internal */
  begin(opcode: number, offset: number, length: number): void {
    this.#live = true;
    this.#opcode = opcode;
    this.#offset = offset;
    this.#length = length;
  }

  /** @internal */
  end(): void {
    this.#live = false;
  }

  #assertLive(): void {
    if (this.#live) return;
    throw misuse(
      'ERR_LEASE_RELEASED',
      'Cannot use the message: its handler has returned; copy it before, with text() or bytes()',
    );
  }
}
