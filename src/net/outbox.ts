/**
 * The sending half of a connection: what was accepted and is on its way to the kernel.
 *
 *  1. At most `limit` bytes and `SENDS_MAX` sends are under way, fewer while the reactor is short of
 *     memory or places; what was accepted is sent whole, whatever becomes of the future that
 *     brought it, unless the connection fails or is reset.
 *  2. Who wants to write stands in `queue`, and only the first in it may: so what one writer writes
 *     is not mixed with another's. Whoever leaves the first place wakes the next.
 *  3. The memory of a send is the driver's until its completion, which gives it back.
 */
import { Errno } from '../base/index.ts';
import type { Handle } from '../driver/index.ts';
import {
  WaitQueue,
  type Chunk,
  type CompletionSink,
  type MemoryWaiter,
  type Reactor,
  type Resubmission,
} from '../runtime/index.ts';
import { closedError, failure } from './errors.ts';

/** What the driver gathers into one call at most. */
const SENDS_MAX = 64;

/** The same while the driver's table is filling up: peers that do not read must not fill it. */
const CROWDED_SENDS = 2;

/** The largest piece that is copied at a time. */
const PIECE_MAX = 64 * 1024;

/** The most under way for one connection while memory is scarce. */
const PRESSED_LIMIT = 16 * 1024;

/** One send: its memory, until it has completed. */
class Sending implements CompletionSink {
  readonly #outbox: Outbox;
  readonly #chunk: Chunk | undefined;
  readonly #block: number;
  readonly #length: number;

  constructor(outbox: Outbox, chunk: Chunk | undefined, block: number, length: number) {
    this.#outbox = outbox;
    this.#chunk = chunk;
    this.#block = block;
    this.#length = length;
  }

  completed(result: number): void {
    if (this.#chunk === undefined) this.#outbox.reactor.buffers.release(this.#block);
    else this.#chunk.release();
    this.#outbox.sent(this.#length, result);
  }
}

/** See the head of this file. */
export class Outbox implements Resubmission, MemoryWaiter {
  readonly reactor: Reactor;
  /** Those who want to write; the first may. */
  readonly queue: WaitQueue = new WaitQueue();
  /** Those who wait for what was accepted to leave. */
  readonly flushing: WaitQueue = new WaitQueue();
  /** Bytes that left. */
  written = 0;
  /** Sends accepted and completed so far. */
  accepted = 0;
  completed = 0;
  readonly #handle: Handle;
  readonly #limit: number;
  readonly #drained: () => void;
  #underWay = 0;
  #errno = 0;
  /** Nothing is accepted any more: the stream was ended, or the connection closed. */
  #ended = false;
  #closed = false;
  #waitsForMemory = false;

  /** `drained` is called when the last send has completed after `close`. */
  constructor(reactor: Reactor, handle: Handle, limit: number, drained: () => void) {
    this.reactor = reactor;
    this.#handle = handle;
    this.#limit = limit;
    this.#drained = drained;
  }

  /** Sends in flight. */
  get sends(): number {
    return this.accepted - this.completed;
  }

  /** Bytes accepted that have not left. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Why nothing can be written, if so. */
  get refusal(): Error | undefined {
    if (this.#closed) return closedError('write');
    if (this.#errno !== 0) return failure('write', this.#errno);
    return this.#ended ? closedError('write', 'the sending side of the connection') : undefined;
  }

  /** Why what was accepted did not leave, if so. */
  get failure(): Error | undefined {
    return this.#errno === 0 ? undefined : failure('write', this.#errno);
  }

  /** Whether the sending side was ended in order. */
  get isEnded(): boolean {
    return this.#ended && this.#errno === 0 && !this.#closed;
  }

  /** Whether something may be accepted now, as far as can be told. */
  get isReady(): boolean {
    return this.room > 0 && !this.#waitsForMemory;
  }

  /** Bytes that may be accepted now. */
  get room(): number {
    const sends = this.reactor.isCrowded ? CROWDED_SENDS : SENDS_MAX;
    return this.sends >= sends ? 0 : this.#window - this.#underWay;
  }

  /** Bytes that may be under way: fewer while memory is scarce. */
  get #window(): number {
    const { reactor } = this;
    const pressed = reactor.isPressed || reactor.buffers.isPressed;
    return pressed ? Math.min(this.#limit, PRESSED_LIMIT) : this.#limit;
  }

  /** Sends a chunk from where it lies and releases it afterwards; false when there is no room. */
  push(chunk: Chunk): boolean {
    if (this.room <= 0 || !this.#send(chunk, 0, chunk.offset, chunk.length)) return false;
    return true;
  }

  /**
   * Copies as much of the bytes from `start` as there is room and memory for, and sends it. Returns
   * how many bytes that were; 0 when it must be tried again later.
   */
  pushCopy(bytes: Uint8Array, start: number): number {
    const rest = bytes.length - start;
    const { room } = this;
    // Not by crumbs: what remains, a piece, or at least a quarter of what may be under way.
    if (room < Math.min(rest, PIECE_MAX, this.#window / 4)) {
      this.memoryDone();
      return 0;
    }
    const length = Math.min(rest, PIECE_MAX, room);
    const { buffers, arena } = this.reactor;
    const block = buffers.take(length);
    if (block === 0) {
      this.#waitsForMemory = true;
      buffers.await(this);
      return 0;
    }
    this.memoryDone();
    arena.bytes.set(
      start === 0 && length === rest ? bytes : bytes.subarray(start, start + length),
      block,
    );
    if (this.#send(undefined, block, block, length)) return length;
    buffers.release(block);
    return 0;
  }

  /** Whether a writer that got on, or gave up, has to tell who else waits for memory. */
  memoryDone(): void {
    if (!this.#waitsForMemory) return;
    this.#waitsForMemory = false;
    this.reactor.buffers.forget(this);
  }

  memoryFreed(): void {
    if (this.queue.first === undefined) this.memoryDone();
    else this.queue.wakeFirst();
  }

  /** The driver's table has room again. */
  resubmit(): boolean {
    this.queue.wakeFirst();
    return true;
  }

  #send(chunk: Chunk | undefined, block: number, offset: number, length: number): boolean {
    const { reactor } = this;
    const token = reactor.take(new Sending(this, chunk, block, length));
    const id = reactor.driver.send(this.#handle, token, offset, length);
    if (id > 0) {
      this.#underWay += length;
      this.accepted += 1;
      return true;
    }
    reactor.giveBack(token);
    if (id === -Errno.ENOBUFS) reactor.refused(this);
    else this.fail(id);
    return false;
  }

  /** @internal */
  sent(length: number, result: number): void {
    this.#underWay -= length;
    this.completed += 1;
    if (result < 0) this.fail(result);
    else this.written += length;
    this.queue.wakeFirst();
    this.flushing.wakeFirst();
    if (this.#closed && this.sends === 0) this.#drained();
  }

  /** Nothing can be sent any more, and why. */
  fail(errno: number): void {
    if (this.#errno === 0) this.#errno = errno;
    this.queue.wakeAll();
    this.flushing.wakeAll();
  }

  /** Nothing is accepted any more; what was, is sent. */
  end(): void {
    this.#ended = true;
    this.queue.wakeAll();
  }

  /** The same, and for good. */
  close(): void {
    this.#closed = true;
    this.memoryDone();
    this.queue.wakeAll();
    this.flushing.wakeAll();
  }
}
