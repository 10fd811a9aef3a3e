/** A message in a handler's hands. */
import { misuse, RondoError } from '../../base/index.ts';
import { sanitizer, type Arena } from '../../memory/index.ts';
import { Opcode } from '../../websocket/index.ts';
import { watchMessage } from './sanitized.ts';

/** Text up to this size is copied by hand, which is faster than making a view to copy from. */
const SMALL_BYTES = 256;
const scratch: Buffer = Buffer.allocUnsafeSlow(SMALL_BYTES);

/** Keeps the memory of a message beyond its handler. */
export interface MessageKeeper {
  /** A hold on the memory of the message that is being handled, or -1 when it must be copied. */
  keep(offset: number): number;
  /** Takes the same hold once more. */
  keepAlso(hold: number): void;
  /** Gives a hold back. */
  letGo(hold: number): void;
}

/**
 * A received message: valid until its handler returns, or, when the handler is async, until its
 * promise is settled. The object and its memory are used again for another message then; whatever
 * is to live longer is copied with `text`, `bytes` or `json`, or held with `retain`.
 *
 * Use after that throws. (While another message is being handled, only an arena in debug mode can
 * tell the two apart: there every message has its own object.)
 */
export class Message {
  readonly #arena: Arena;
  readonly #keeper: MessageKeeper;
  #live = false;
  #opcode = 0;
  /** The arena's, or private memory. */
  #memory: Uint8Array;
  #offset = 0;
  #length = 0;
  /** The hold that keeps the memory, or -1. */
  #hold = -1;

  /** @internal */
  constructor(arena: Arena, keeper: MessageKeeper) {
    this.#arena = arena;
    this.#memory = arena.bytes;
    this.#keeper = keeper;
  }

  /** Whether its bytes are in this memory. @internal */
  isIn(arena: Arena): boolean {
    return this.#memory === arena.bytes;
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
   * The bytes in place, valid as long as the message: memory that another message overwrites, and
   * mostly shared memory, which must not be decoded as text (`text` does that well).
   * @throws {TypeError} ERR_LEASE_RELEASED
   */
  view(): Uint8Array {
    this.#assertLive();
    return this.#memory.subarray(this.#offset, this.#offset + this.#length);
  }

  /** A private copy of the bytes. @throws {TypeError} ERR_LEASE_RELEASED */
  bytes(): Uint8Array {
    this.#assertLive();
    return this.#memory.slice(this.#offset, this.#offset + this.#length);
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
    const bytes = this.#memory;
    for (let i = 0; i < length; i++) scratch[i] = bytes[this.#offset + i]!;
    return scratch.toString('utf8', 0, length);
  }

  /**
   * The value that the text means as JSON.
   * @throws {TypeError} ERR_LEASE_RELEASED
   * @throws {RondoError} ERR_MESSAGE_JSON when it is not JSON. Thrown on by a handler it is the
   * client's fault: the connection is closed with 1007, and nobody is warned.
   */
  json(): unknown {
    const text = this.text();
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new RondoError('ERR_MESSAGE_JSON', 'Cannot read the message: it is not JSON', {
        cause,
      });
    }
  }

  /**
   * The same message in an object of its own, valid until its `release`. One that was put together
   * from pieces keeps its memory, of which `memoryBytes` is the limit for all; another is copied.
   * @throws {TypeError} ERR_LEASE_RELEASED
   */
  retain(): RetainedMessage {
    this.#assertLive();
    const retained = new RetainedMessage(this.#arena, this.#keeper);
    const copy: Message = retained;
    copy.begin(this.#opcode, this.#offset, this.#length);
    copy.#memory = this.#memory;
    copy.#hold = this.#hold;
    if (this.#hold === -1) copy.own();
    else this.#keeper.keepAlso(this.#hold);
    return retained;
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

  /** Makes the memory that it lies in now its own, until `end`. @internal */
  own(): void {
    if (this.#memory !== this.#arena.bytes) return;
    this.#hold = this.#keeper.keep(this.#offset);
    if (this.#hold !== -1) return;
    this.#memory = this.#memory.slice(this.#offset, this.#offset + this.#length);
    this.#offset = 0;
  }

  /** @internal */
  end(): void {
    this.#live = false;
    if (this.#hold === -1) return;
    this.#keeper.letGo(this.#hold);
    this.#hold = -1;
  }

  #assertLive(): void {
    if (this.#live) return;
    throw misuse(
      'ERR_LEASE_RELEASED',
      'Cannot use the message: its handler has ended, or it was released; copy it before, with ' +
        'text() or bytes(), or hold it with retain()',
    );
  }
}

/** A message that is the program's until `release`. `using` releases it at the end of a block. */
export class RetainedMessage extends Message {
  #released = false;

  /** Gives the memory back. @throws {TypeError} ERR_LEASE_RELEASED when it was released before */
  release(): void {
    if (this.#released) {
      throw misuse('ERR_LEASE_RELEASED', 'Cannot release the message: it was released');
    }
    this.#released = true;
    this.end();
  }

  /** Releases it unless that was done. */
  [Symbol.dispose](): void {
    if (!this.#released) this.release();
  }
}

/** A message that has not begun. @internal */
export function makeMessage(arena: Arena, keeper: MessageKeeper): Message {
  const message = new Message(arena, keeper);
  if (sanitizer !== undefined) watchMessage(message, arena, sanitizer);
  return message;
}
