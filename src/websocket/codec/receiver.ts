/**
 * The receiving half of one connection: bytes in any pieces become messages, pings, pongs, a close
 * or a failure (RFC 6455 §5 and §7). Knows no sockets: the pieces lie in the arena, the events go
 * to the gateway's sink.
 *
 *  1. A frame that lies whole in a piece and is a message or a control frame by itself is unmasked
 *     and handed over where it lies. Everything else is unmasked into a block, which grows
 *     with the bytes that arrived (never with the length that a peer only announces).
 *  2. What can be known to be wrong is reported at the byte that makes it wrong: in a head, in
 *     a fragment of text, in a frame of text that is not complete.
 *  3. After `close`, `fail` or `stop` nothing is reported and no block is held.
 *  4. Before a sink is called, all state is that of after the event: a sink may stop the receiver.
 *  5. A compressed message (RFC 7692) is put together like others, and inflated at its end. While
 *     that goes on from turn to turn the receiver is `blocked`: nothing that follows is looked at.
 */
import { assert } from '../../base/index.ts';
import { CloseCode, isSendableCloseCode } from './close-codes.ts';
import { FAILURES, type Failure } from './failures.ts';
import { HEAD_FAILED, HEAD_PARTIAL, Opcode } from './frame.ts';
import { INFLATED, INFLATING, type InflaterSource, type Inflation } from './inflation.ts';
import type { Unfinished, ReceiverContext } from './receiver-context.ts';
import { UTF8_BOUNDARY, UTF8_INVALID } from './utf8.ts';

const IDLE = 0;
/** Inside `receive`. */
const RUNNING = 1;
/** Inside `receive`, and the sink wants no more of this piece. */
const PAUSING = 2;
/** Outside, with a message that is being inflated. */
const BLOCKED = 3;
const STOPPED = 4;

/** The smallest block for a message whose end is not in sight. */
const MIN_BLOCK_BYTES = 256;
/** Up to here a message whose size is known gets its block at once: to grow it costs more. */
const AT_ONCE_BYTES = 64 * 1024;

/** Turns the bytes of one connection into events. About 64 bytes of heap while nothing is open. */
export class MessageReceiver<C> {
  readonly #context: ReceiverContext<C>;
  readonly #connection: C;
  readonly #inflaters: InflaterSource | null;
  #unfinished: Unfinished | null = null;
  #state = IDLE;

  /**
   * `connection` is handed to the sink with every event. `inflaters` is given when
   * permessage-deflate was agreed on: where the connection's messages get their inflater.
   */
  constructor(context: ReceiverContext<C>, connection: C, inflaters: InflaterSource | null = null) {
    this.#context = context;
    this.#connection = connection;
    this.#inflaters = inflaters;
  }

  /** Nothing more is reported: the peer closed or failed, or `stop` was called. */
  get stopped(): boolean {
    return this.#state === STOPPED;
  }

  /** A frame or message has begun and is not complete: memory may be held for it. */
  get unfinished(): boolean {
    return this.#unfinished !== null;
  }

  /** A message is being inflated, and goes on with `proceed`. Until then `receive` takes nothing. */
  get blocked(): boolean {
    return this.#state === BLOCKED;
  }

  /**
   * Takes `length` bytes that arrived at `offset` of the arena, changing them in place, and reports
   * what they mean. Returns how many were taken: all, or fewer when the sink returned false, the
   * receiver is `blocked`, or the context's `frameBudget` was used up. The rest is untouched and
   * can be handed in later, which makes false a pause. Once stopped, everything is taken and
   * ignored.
   */
  receive(offset: number, length: number): number {
    if (this.#state !== IDLE) return this.#refuse(length);
    this.#state = RUNNING;
    let taken = -1;
    try {
      taken = this.#run(offset, length);
    } finally {
      if (taken < 0) this.stop();
    }
    if (this.stopped) return length;
    this.#rest();
    return taken;
  }

  /**
   * Goes on with the message for which the receiver is `blocked`, for about `sliceMs`. Call it on a
   * later turn of the event loop, and again as long as the receiver is blocked; then hand in what
   * `receive` did not take. Returns whether more is welcome: false while blocked, and when the sink
   * answered the message with false.
   */
  proceed(): boolean {
    if (this.#state !== BLOCKED) return true;
    const unfinished = this.#unfinished!;
    const inflation = unfinished.inflation!;
    unfinished.inflation = null;
    this.#state = RUNNING;
    let returned = false;
    try {
      this.#inflate(inflation);
      returned = true;
    } finally {
      if (!returned) this.stop();
    }
    if (this.stopped) return true;
    const welcome = this.#state === RUNNING;
    this.#rest();
    return welcome;
  }

  /** Ends the receiver and gives its blocks back. May be called at any time, more than once. */
  stop(): void {
    this.#state = STOPPED;
    const unfinished = this.#unfinished;
    if (unfinished === null) return;
    const { blocks } = this.#context;
    if (unfinished.block > 0) blocks.release(unfinished.block);
    if (unfinished.controlBlock > 0) blocks.release(unfinished.controlBlock);
    const { inflation } = unfinished;
    if (inflation !== null) {
      unfinished.inflation = null;
      inflation.cancel();
      this.#context.returnInflation(inflation);
    }
    unfinished.headCount = 0;
    unfinished.remaining = 0;
    closeMessage(unfinished);
    closeControl(unfinished);
    this.#dropUnfinished(unfinished);
  }

  /** What is taken while nothing can be taken. */
  #refuse(length: number): number {
    if (this.#state === BLOCKED) return 0;
    assert(this.#state === STOPPED, 'a receiver is not fed from inside its own sink');
    return length;
  }

  /** Between two pieces. */
  #rest(): void {
    this.#state = IDLE;
    const unfinished = this.#unfinished;
    if (unfinished === null) return;
    if (unfinished.inflation !== null) this.#state = BLOCKED;
    else if (unfinished.isIdle()) this.#dropUnfinished(unfinished);
  }

  #run(offset: number, length: number): number {
    const context = this.#context;
    const head = context.head;
    const inflates = this.#inflaters !== null;
    const end = offset + length;
    let at = offset;
    let frames = context.frameBudget;
    while (this.#state === RUNNING && at < end) {
      const unfinished = this.#unfinished;
      if (unfinished !== null && unfinished.remaining > 0) {
        const count = Math.min(unfinished.remaining, end - at);
        this.#takePayload(unfinished, at, count);
        at += count;
        continue;
      }
      if (frames === 0) break;
      frames -= 1;
      const known = unfinished === null ? 0 : unfinished.headCount;
      const result =
        unfinished !== null && known > 0
          ? context.parseSplitHead(unfinished, at, end - at, inflates)
          : context.parseHead(unfinished, context.bytes, at, end - at, inflates);
      if (result === HEAD_FAILED) {
        this.#fail(head.failure);
      } else if (result === HEAD_PARTIAL) {
        if (known === 0) context.parseSplitHead(this.#openUnfinished(), at, end - at, inflates);
        at = end;
      } else {
        at += head.size - known;
        if (head.fin && head.opcode !== Opcode.CONTINUATION && head.length <= end - at) {
          at += head.length;
          this.#takeWhole(at - head.length);
        } else {
          this.#beginFrame(this.#openUnfinished());
        }
      }
    }
    context.frameBudget = frames;
    return at - offset;
  }

  /** A control frame or unfragmented message, all of it at `offset`: unmasked and used there. */
  #takeWhole(offset: number): void {
    const { kernels, head } = this.#context;
    const { opcode, length, key } = head;
    const high = key === 0 ? -1 : kernels.unmask(offset, length, key, 0);
    if (opcode >= Opcode.CLOSE) {
      this.#reportControl(opcode, offset, length);
    } else if (head.compressed) {
      this.#beginInflation(opcode, offset, length, 0);
    } else if (
      opcode === Opcode.TEXT &&
      high !== 0 &&
      kernels.validateUtf8(offset, length, UTF8_BOUNDARY) !== UTF8_BOUNDARY
    ) {
      this.#fail(FAILURES.TEXT_NOT_UTF8);
    } else {
      this.#reportMessage(opcode, offset, length);
    }
  }

  /** A frame that needs a block: a fragment, or one of which the payload is not all here. */
  #beginFrame(unfinished: Unfinished): void {
    const head = this.#context.head;
    unfinished.opcode = head.opcode;
    unfinished.fin = head.fin;
    unfinished.key = head.key;
    unfinished.phase = 0;
    unfinished.remaining = head.length;
    if (head.opcode === Opcode.TEXT || head.opcode === Opcode.BINARY) {
      unfinished.message = head.opcode;
      unfinished.compressed = head.compressed;
    }
    if (head.length === 0) this.#endFrame(unfinished);
  }

  #takePayload(unfinished: Unfinished, offset: number, count: number): void {
    const { kernels } = this.#context;
    const control = unfinished.opcode >= Opcode.CLOSE;
    const target = control ? this.#controlSpace(unfinished) : this.#messageSpace(unfinished, count);
    if (target <= 0) {
      this.#fail(FAILURES.NO_MEMORY);
      return;
    }
    const high = kernels.unmaskCopy(offset, target, count, unfinished.key, unfinished.phase);
    unfinished.phase = (unfinished.phase + count) & 3;
    unfinished.remaining -= count;
    if (control) {
      unfinished.controlUsed += count;
    } else {
      unfinished.used += count;
      const text = unfinished.message === Opcode.TEXT && !unfinished.compressed;
      if (text && (high !== 0 || unfinished.utf8 !== UTF8_BOUNDARY)) {
        unfinished.utf8 = kernels.validateUtf8(target, count, unfinished.utf8);
        if (unfinished.utf8 === UTF8_INVALID) {
          this.#fail(FAILURES.TEXT_NOT_UTF8);
          return;
        }
      }
    }
    if (unfinished.remaining === 0) this.#endFrame(unfinished);
  }

  #endFrame(unfinished: Unfinished): void {
    const { blocks } = this.#context;
    if (unfinished.opcode >= Opcode.CLOSE) {
      const { opcode, controlBlock, controlUsed } = unfinished;
      closeControl(unfinished);
      try {
        this.#reportControl(opcode, controlBlock, controlUsed);
      } finally {
        blocks.release(controlBlock);
      }
      return;
    }
    if (!unfinished.fin) return;
    if (unfinished.utf8 !== UTF8_BOUNDARY) {
      this.#fail(FAILURES.TEXT_NOT_UTF8);
      return;
    }
    const { message, compressed, block, used } = unfinished;
    closeMessage(unfinished);
    if (compressed) this.#beginInflation(message, block, used, block);
    else this.#reportBlock(message, block, used);
  }

  /** `sourceBlock` is the block that the compressed bytes lie in, 0 for the piece that arrived. */
  #beginInflation(opcode: number, offset: number, length: number, sourceBlock: number): void {
    // An empty message should have one byte, but senders that flush twice leave it out.
    if (length === 0) {
      this.#reportMessage(opcode, offset, 0);
      return;
    }
    const inflation = this.#context.borrowInflation();
    inflation.begin(this.#inflaters!, opcode, offset, length, sourceBlock);
    this.#inflate(inflation);
  }

  /** Goes on with an inflation that nobody else refers to. */
  #inflate(inflation: Inflation): void {
    const context = this.#context;
    const result = inflation.run();
    if (result === INFLATED) {
      const { opcode, block, used } = inflation;
      inflation.finish();
      context.returnInflation(inflation);
      this.#reportBlock(opcode, block, used);
    } else if (result === INFLATING && inflation.keepSource()) {
      this.#openUnfinished().inflation = inflation;
      this.#pause();
    } else {
      const failure = result === INFLATING ? FAILURES.NO_MEMORY : inflation.failure;
      inflation.cancel();
      context.returnInflation(inflation);
      this.#fail(failure);
    }
  }

  #reportBlock(opcode: number, block: number, length: number): void {
    try {
      this.#reportMessage(opcode, block, length);
    } finally {
      if (block > 0) this.#context.blocks.release(block);
    }
  }

  /** Where the next `count` bytes of the message go, or a value ≤ 0 when there is no memory. */
  #messageSpace(unfinished: Unfinished, count: number): number {
    const { kernels, blocks } = this.#context;
    const needed = unfinished.used + count;
    if (needed > unfinished.capacity) {
      const block = blocks.acquire(this.#blockSize(unfinished, needed));
      if (block <= 0) return block;
      if (unfinished.block > 0) {
        kernels.unmaskCopy(unfinished.block, block, unfinished.used, 0, 0);
        blocks.release(unfinished.block);
      }
      unfinished.block = block;
      unfinished.capacity = blocks.sizeOf(block);
    }
    return unfinished.block + unfinished.used;
  }

  /** In its last frame a message's size is known; before that the limit bounds it. */
  #blockSize(unfinished: Unfinished, needed: number): number {
    const { maxMessageSize, compressedLimit } = this.#context;
    const limit = unfinished.compressed ? compressedLimit : maxMessageSize;
    const size = unfinished.used + unfinished.remaining;
    if (unfinished.fin && size <= AT_ONCE_BYTES) return size;
    return Math.min(unfinished.fin ? size : limit, Math.max(needed * 2, MIN_BLOCK_BYTES));
  }

  #controlSpace(unfinished: Unfinished): number {
    if (unfinished.controlBlock <= 0) {
      const block = this.#context.blocks.acquire(unfinished.remaining);
      if (block <= 0) return block;
      unfinished.controlBlock = block;
    }
    return unfinished.controlBlock + unfinished.controlUsed;
  }

  #reportMessage(opcode: number, offset: number, length: number): void {
    if (!this.#context.sink.message(this.#connection, opcode, offset, length)) this.#pause();
  }

  #reportControl(opcode: number, offset: number, length: number): void {
    const { sink } = this.#context;
    if (opcode === Opcode.PING) {
      if (!sink.ping(this.#connection, offset, length)) this.#pause();
    } else if (opcode === Opcode.PONG) {
      if (!sink.pong(this.#connection, offset, length)) this.#pause();
    } else {
      this.#reportClose(offset, length);
    }
  }

  #reportClose(offset: number, length: number): void {
    const { bytes, kernels, sink } = this.#context;
    if (length === 0) {
      this.stop();
      sink.close(this.#connection, CloseCode.NONE, offset, 0);
      return;
    }
    const code = (bytes[offset]! << 8) | bytes[offset + 1]!;
    if (!isSendableCloseCode(code)) {
      this.#fail(FAILURES.CLOSE_CODE);
    } else if (kernels.validateUtf8(offset + 2, length - 2, UTF8_BOUNDARY) !== 0) {
      this.#fail(FAILURES.CLOSE_REASON);
    } else {
      this.stop();
      sink.close(this.#connection, code, offset + 2, length - 2);
    }
  }

  #fail(failure: Failure): void {
    this.stop();
    this.#context.sink.fail(this.#connection, failure);
  }

  #pause(): void {
    if (this.#state === RUNNING) this.#state = PAUSING;
  }

  #openUnfinished(): Unfinished {
    return (this.#unfinished ??= this.#context.borrowUnfinished());
  }

  #dropUnfinished(unfinished: Unfinished): void {
    this.#unfinished = null;
    this.#context.returnUnfinished(unfinished);
  }
}

function closeMessage(unfinished: Unfinished): void {
  unfinished.message = 0;
  unfinished.compressed = false;
  unfinished.utf8 = UTF8_BOUNDARY;
  unfinished.used = 0;
  unfinished.block = 0;
  unfinished.capacity = 0;
}

function closeControl(unfinished: Unfinished): void {
  unfinished.controlUsed = 0;
  unfinished.controlBlock = 0;
}
