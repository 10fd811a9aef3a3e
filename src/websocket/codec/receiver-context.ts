/** What the receivers of one gateway share, and what one needs only in the middle of things. */
import {
  choiceOption,
  integerOption,
  rejectUnknown,
  systemClock,
  type Clock,
} from '../../base/index.ts';
import { FrameHead, HEAD_PARTIAL, MAX_HEAD_BYTES, type Role } from './frame.ts';
import type { Failure } from './failures.ts';
import { Inflation } from './inflation.ts';
import { createKernels, type CodecMemory, type Kernels } from './kernels.ts';

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
  /** The memory itself, when `bytes` is all of it: large payloads go by SIMD. @default none */
  readonly memory?: CodecMemory | undefined;
  /** Where messages in pieces are put together. */
  readonly blocks: BlockSource;
  /** Receives the events. */
  readonly sink: MessageSink<C>;
  /** The side that receives. @default 'server' */
  readonly role?: Role;
  /**
   * Bytes of a message, inflated if it was compressed, 0 to 2^32 - 1; a longer one fails with 1009.
   * @default 1 MiB
   */
  readonly maxMessageSize?: number;
  /**
   * Bytes of a data frame as it travels, 0 to 2^32 - 1; a longer one fails with 1009.
   * @default maxMessageSize
   */
  readonly maxFrameSize?: number;
  /**
   * Milliseconds after which the inflating of a message waits for the next turn (`blocked`), 0 to
   * 1000. It is looked at after every 16 KiB of input or 256 KiB of output. @default 1
   */
  readonly sliceMs?: number;
  /** For `sliceMs`. @default the machine's monotonic clock */
  readonly clock?: Clock;
}

const KNOWN_OPTIONS = [
  'bytes',
  'memory',
  'blocks',
  'sink',
  'role',
  'maxMessageSize',
  'maxFrameSize',
  'sliceMs',
  'clock',
];
const MAX_SIZE = 2 ** 32 - 1;
const DEFAULT_MESSAGE_SIZE = 1 << 20;
/** Kept for reuse; what a burst needed beyond this goes back to the heap. */
const SPARE_UNFINISHED = 1024;
const SPARE_INFLATIONS = 64;

/**
 * The most bytes that a message of `size` bytes has when it is compressed and could not be made
 * smaller. Small memory levels of zlib have a head of 5 bytes on every 127.
 */
function compressedLimitOf(size: number): number {
  return Math.min(size + Math.ceil(size / 16) + 64, MAX_SIZE);
}

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
  /** The open message is compressed. */
  compressed = false;
  /** State of the validation of an open text. */
  utf8 = 0;
  /** Bytes of the message so far, in `block` (0 while there are none). */
  used = 0;
  block = 0;
  capacity = 0;

  /** A control frame that arrives in pieces, maybe inside a message. */
  controlUsed = 0;
  controlBlock = 0;

  /** A message that is complete and not wholly inflated: nothing else is taken meanwhile. */
  inflation: Inflation | null = null;

  /** Nothing has arrived only in part: control payload implies `remaining`, a text `message`. */
  isIdle(): boolean {
    return (
      this.headCount === 0 && this.remaining === 0 && this.message === 0 && this.inflation === null
    );
  }
}

/** Shared by all receivers of one gateway, on one thread. */
export class ReceiverContext<C> {
  /** @internal */
  readonly bytes: Uint8Array;
  /** @internal */
  readonly kernels: Kernels;
  /** @internal */
  readonly blocks: BlockSource;
  /** @internal */
  readonly sink: MessageSink<C>;
  /** @internal */
  readonly maxMessageSize: number;
  /** @internal */
  readonly maxFrameSize: number;
  /** Of a message before it is inflated. @internal */
  readonly compressedLimit: number;
  /** Of a frame of such a message. @internal */
  readonly compressedFrameLimit: number;
  /** @internal */
  readonly sliceMs: number;
  /** @internal */
  readonly clock: Clock;
  /**
   * Frames that receivers may begin before `receive` returns; each takes one away. Whoever wants to
   * share the time among connections sets it before each call. @default no limit
   */
  frameBudget: number = 2 ** 30;
  /** The head being looked at; overwritten by every parse. @internal */
  readonly head: FrameHead;
  readonly #spare: Unfinished[] = [];
  readonly #spareInflations: Inflation[] = [];
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
    this.bytes = bytes;
    this.kernels = createKernels(bytes, options.memory);
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
    this.compressedLimit = compressedLimitOf(this.maxMessageSize);
    // A limit on frames that leaves messages alone leaves compressed ones alone too.
    this.compressedFrameLimit =
      this.maxFrameSize >= this.maxMessageSize
        ? this.compressedLimit
        : Math.min(this.maxFrameSize, this.compressedLimit);
    this.sliceMs = integerOption('sliceMs', options.sliceMs, 1, 0, 1000);
    this.clock = options.clock ?? systemClock;
    this.head = new FrameHead(role, this.compressedFrameLimit);
  }

  /**
   * Parses the bytes of a head that `unfinished` keeps together with those at `offset`.
   * When it is still not complete, `unfinished` keeps all of them. @internal
   */
  parseSplitHead(
    unfinished: Unfinished,
    offset: number,
    available: number,
    inflates: boolean,
  ): number {
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
    const result = this.parseHead(unfinished, scratch, 0, count, inflates);
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

  /**
   * Parses a head into `head` by the rules of the message that is open, if one is. `inflates`:
   * compressed messages are welcome. @internal
   */
  parseHead(
    unfinished: Unfinished | null,
    bytes: Uint8Array,
    offset: number,
    available: number,
    inflates: boolean,
  ): number {
    const { head, maxFrameSize, maxMessageSize } = this;
    if (unfinished === null || unfinished.message === 0) {
      return head.parse(bytes, offset, available, false, maxFrameSize, maxMessageSize, inflates);
    }
    const frameLimit = unfinished.compressed ? this.compressedFrameLimit : maxFrameSize;
    const messageLimit = unfinished.compressed ? this.compressedLimit : maxMessageSize;
    const left = messageLimit - unfinished.used;
    return head.parse(bytes, offset, available, true, frameLimit, left, inflates);
  }

  /** @internal */
  borrowUnfinished(): Unfinished {
    return this.#spare.pop() ?? new Unfinished();
  }

  /** Takes back what holds nothing. @internal */
  returnUnfinished(unfinished: Unfinished): void {
    if (this.#spare.length < SPARE_UNFINISHED) this.#spare.push(unfinished);
  }

  /** @internal */
  borrowInflation(): Inflation {
    return this.#spareInflations.pop() ?? new Inflation(this);
  }

  /** Takes back what holds nothing. @internal */
  returnInflation(inflation: Inflation): void {
    if (this.#spareInflations.length < SPARE_INFLATIONS) this.#spareInflations.push(inflation);
  }
}
