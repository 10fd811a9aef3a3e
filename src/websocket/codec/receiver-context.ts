/** What the receivers of one gateway share, and what one needs only in the middle of things. */
import { choiceOption, integerOption, misuse, rejectUnknown } from '../../base/index.ts';
import { FrameHead, HEAD_PARTIAL, MAX_HEAD_BYTES, type Role } from './frame.ts';
import type { Failure } from './failures.ts';

/** Where messages that arrive in pieces are put together: blocks of the arena, by offset. */
export interface BlockSource {
  /** The offset of a block of at least `size` bytes, or a value ≤ 0 when there is none. */
  acquire(size: number): number;
  /** Gives a block back. */
  release(offset: number): void;
  /** How many bytes the block has, at least what was asked for. */
  sizeOf(offset: number): number;
}

/**
 * Receives what a connection's bytes mean; one sink serves all connections of a gateway and is told
 * which by the `connection` that the receiver was made with.
 *
 * A payload is unmasked, in one piece, at `offset` in the arena, and valid only during the call.
 * Inside a call the receiver may be stopped, but not fed. Returning false ends the current
 * `receive` after this event (see there). A sink should not throw: the error passes through to the
 * caller of `receive`, and the receiver is stopped.
 */
export interface MessageSink<C> {
  /** A whole message; `opcode` is `Opcode.TEXT` (valid UTF-8) or `Opcode.BINARY`. */
  message(connection: C, opcode: number, offset: number, length: number): boolean;
  /** A ping; the answer is a pong with the same payload, 0 to 125 bytes. */
  ping(connection: C, offset: number, length: number): boolean;
  /** A pong. */
  pong(connection: C, offset: number, length: number): boolean;
  /**
   * The peer closes, with a valid code, or 1005 when it gave none, and a reason in valid UTF-8.
   * The receiver has stopped.
   */
  close(connection: C, code: number, offset: number, length: number): void;
  /**
   * The peer broke a rule (or memory ran out): the connection must be closed with the failure's
   * code. The receiver has stopped.
   */
  fail(connection: C, failure: Failure): void;
}

/** How the receivers of one gateway work. */
export interface ReceiverOptions<C> {
  /** The memory that payloads lie in; its first byte is on a 4-byte boundary of its buffer. */
  readonly bytes: Uint8Array;
  /** Where messages in pieces are put together. */
  readonly blocks: BlockSource;
  /** Receives the events. */
  readonly sink: MessageSink<C>;
  /** The side that receives. @default 'server' */
  readonly role?: Role;
  /** Bytes of a message, 0 to 2^32 - 1; a longer one fails with 1009. @default 1 MiB */
  readonly maxMessageSize?: number;
  /** Bytes of a data frame, 0 to 2^32 - 1; a longer one fails with 1009. @default maxMessageSize */
  readonly maxFrameSize?: number;
}

const KNOWN_OPTIONS = ['bytes', 'blocks', 'sink', 'role', 'maxMessageSize', 'maxFrameSize'];
const MAX_SIZE = 2 ** 32 - 1;
const DEFAULT_MESSAGE_SIZE = 1 << 20;
/** Kept for reuse; what a burst needed beyond this goes back to the heap. */
const SPARE_UNFINISHED = 1024;

/**
 * A frame or message of which something has arrived and something has not. Connections borrow one
 * while they are in that condition, so an idle connection costs nothing for it.
 */
export class Unfinished {
  /** The first bytes of a frame head that was cut off: how many, and the bytes in four words. */
  headCount = 0;
  head0 = 0;
  head1 = 0;
  head2 = 0;
  head3 = 0;

  /** The frame whose payload is arriving; nothing is when `remaining` is 0. */
  remaining = 0;
  opcode = 0;
  fin = false;
  key = 0;
  /** Payload bytes of this frame so far, mod 4. */
  phase = 0;

  /** The open message: its opcode, or 0 when none is. */
  message = 0;
  /** State of the validation of an open text. */
  utf8 = 0;
  /** Bytes of the message so far, in `block` (0 while there are none). */
  used = 0;
  block = 0;
  capacity = 0;

  /** A control frame that arrives in pieces, maybe inside a message. */
  controlUsed = 0;
  controlBlock = 0;

  /** Nothing has arrived only in part: control payload implies `remaining`, a text `message`. */
  isIdle(): boolean {
    return this.headCount === 0 && this.remaining === 0 && this.message === 0;
  }
}

/** Shared by all receivers of one gateway, on one thread. */
export class ReceiverContext<C> {
  /** @internal */
  readonly bytes: Uint8Array;
  /** @internal */
  readonly words: Int32Array;
  /** @internal */
  readonly blocks: BlockSource;
  /** @internal */
  readonly sink: MessageSink<C>;
  /** @internal */
  readonly maxMessageSize: number;
  /** @internal */
  readonly maxFrameSize: number;
  /** The head being looked at; overwritten by every parse. @internal */
  readonly head: FrameHead;
  readonly #spare: Unfinished[] = [];
  /** Private memory in which a head that came in pieces is parsed. */
  readonly #scratch: Uint8Array = new Uint8Array(16);
  readonly #scratchWords: Int32Array = new Int32Array(this.#scratch.buffer);

  /**
   * @throws {TypeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE
   * @throws {RangeError} ERR_OPTION_RANGE
   */
  constructor(options: ReceiverOptions<C>) {
    rejectUnknown('a WebSocket receiver', options, KNOWN_OPTIONS);
    const { bytes } = options;
    const role = choiceOption('role', options.role, 'server', ['server', 'client']);
    if (bytes.byteOffset % 4 !== 0) {
      throw misuse(
        'ERR_OPTION_TYPE',
        `Cannot use bytes: they must start on a 4-byte boundary, got ${bytes.byteOffset}`,
      );
    }
    this.bytes = bytes;
    this.words = new Int32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 4));
    this.blocks = options.blocks;
    this.sink = options.sink;
    this.maxMessageSize = integerOption(
      'maxMessageSize',
      options.maxMessageSize,
      DEFAULT_MESSAGE_SIZE,
      0,
      MAX_SIZE,
    );
    this.maxFrameSize = integerOption(
      'maxFrameSize',
      options.maxFrameSize,
      this.maxMessageSize,
      0,
      MAX_SIZE,
    );
    this.head = new FrameHead(role);
  }

  /**
   * Parses the bytes of a head that `unfinished` keeps together with those at `offset`.
   * When it is still not complete, `unfinished` keeps all of them. @internal
   */
  parseSplitHead(unfinished: Unfinished, offset: number, available: number): number {
    const scratch = this.#scratch;
    const words = this.#scratchWords;
    words[0] = unfinished.head0;
    words[1] = unfinished.head1;
    words[2] = unfinished.head2;
    words[3] = unfinished.head3;
    const known = unfinished.headCount;
    const count = Math.min(known + available, MAX_HEAD_BYTES);
    for (let index = known; index < count; index++) {
      scratch[index] = this.bytes[offset + index - known]!;
    }
    const result = this.parseHead(unfinished, scratch, 0, count);
    if (result !== HEAD_PARTIAL) {
      unfinished.headCount = 0;
      return result;
    }
    // A head of MAX_HEAD_BYTES is never partial, so all that was available has been kept.
    unfinished.headCount = count;
    unfinished.head0 = words[0];
    unfinished.head1 = words[1];
    unfinished.head2 = words[2];
    unfinished.head3 = words[3];
    return HEAD_PARTIAL;
  }

  /** Parses a head into `head` by the rules of the message that is open, if one is. @internal */
  parseHead(
    unfinished: Unfinished | null,
    bytes: Uint8Array,
    offset: number,
    available: number,
  ): number {
    const open = unfinished !== null && unfinished.message !== 0;
    const messageLimit = open ? this.maxMessageSize - unfinished.used : this.maxMessageSize;
    return this.head.parse(bytes, offset, available, open, this.maxFrameSize, messageLimit);
  }

  /** @internal */
  borrowUnfinished(): Unfinished {
    return this.#spare.pop() ?? new Unfinished();
  }

  /** Takes back what holds nothing. @internal */
  returnUnfinished(unfinished: Unfinished): void {
    if (this.#spare.length < SPARE_UNFINISHED) this.#spare.push(unfinished);
  }
}
