/**
 * What a connection has received and nobody has taken yet.
 *
 *  1. Receiving begins when somebody first wants to read, and is multishot: it goes on by itself.
 *  2. At most `limit` bytes wait here, and what one round of the driver brings on top: then the
 *     receive is cancelled, and begun again when half of that is taken. Meanwhile the peer waits.
 *  3. A chunk is in the queue until it was given to somebody, so giving up a read loses nothing.
 *  4. Receive buffers are few and for all connections. While the program holds most of them, what
 *     comes is copied out of the arena at once, and given out in small chunks of the reactor's
 *     memory: so peers that do not read, whose handlers hold what they cannot send, leave the
 *     others theirs.
 */
import { Errno } from '../base/index.ts';
import { CompletionFlag, type Handle } from '../driver/index.ts';
import {
  Chunk,
  type CompletionSink,
  type MemoryWaiter,
  type Reactor,
  type Resubmission,
} from '../runtime/index.ts';
import { keepWaker, PENDING, type Context, type Poll, type Waker } from '../task/index.ts';
import { busyError, closedError, failure } from './errors.ts';

/** Bytes given out at a time of what was copied out of the arena; less while memory is scarce. */
const PIECE = 16_384;
const PIECE_MIN = 4096;

/** Bytes that may wait here while receive buffers are scarce. */
const SCARCE_LIMIT = 65_536;

const Stage = { IDLE: 0, REFUSED: 1, FLYING: 2, STOPPING: 3, ENDED: 4 } as const;

/** See the head of this file. */
export class Inbox implements CompletionSink, Resubmission, MemoryWaiter {
  /** Bytes received so far. */
  received = 0;
  readonly #reactor: Reactor;
  readonly #handle: Handle;
  readonly #limit: number;
  /** What waits, the oldest first: in the arena, or out of it while buffers are scarce. */
  readonly #chunks: (Chunk | Uint8Array)[] = [];
  #waitsForMemory = false;
  #waiting = 0;
  #stage: (typeof Stage)[keyof typeof Stage] = Stage.IDLE;
  #id = 0;
  #token = 0;
  /** Why it ended: a negative errno, 0 for the end of the stream. */
  #errno = 0;
  #closed = false;
  #held = true;
  #reader: object | undefined;
  #waker: Waker | undefined;

  constructor(reactor: Reactor, handle: Handle, limit: number) {
    this.#reactor = reactor;
    this.#handle = handle;
    this.#limit = limit;
  }

  /** Bytes that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Whether there is a chunk (true) or the end has come (false). `reader` is the one who asks,
   * until it calls `leave`; there is one at a time.
   * @throws {RondoError} ERR_SYSTEM, ERR_STREAM_CLOSED
   * @throws {TypeError} ERR_STREAM_BUSY
   */
  pollReadable(context: Context, reader: object): Poll<boolean> {
    if (this.#closed) {
      this.leave(reader);
      throw closedError('read');
    }
    if (this.#reader !== undefined && this.#reader !== reader) throw busyError('read');
    if (this.#chunks.length > 0) {
      if (!this.#bringIn()) {
        this.#reader = reader;
        this.#waker = keepWaker(this.#waker, context);
        return PENDING;
      }
      if (this.#stage === Stage.IDLE && this.#waiting <= this.#limit / 2) this.resubmit();
      return true;
    }
    if (this.#stage === Stage.ENDED) {
      this.leave(reader);
      if (this.#errno === 0) return false;
      throw failure('read', this.#errno);
    }
    this.#reader = reader;
    this.#waker = keepWaker(this.#waker, context);
    if (this.#stage === Stage.IDLE) {
      this.resubmit();
      if ((this.#stage as number) === Stage.ENDED) return this.pollReadable(context, reader);
    }
    return PENDING;
  }

  /** Whether there is a chunk in front that can be taken now. */
  get hasFirst(): boolean {
    return this.#chunks[0] instanceof Chunk;
  }

  /** The chunk in front; there is one. */
  get first(): Chunk {
    return this.#chunks[0] as Chunk;
  }

  /** Takes it; it is the caller's. */
  shift(): Chunk {
    const chunk = this.#chunks.shift() as Chunk;
    this.#waiting -= chunk.length;
    return chunk;
  }

  /** Puts the rest of it back in front. */
  unshift(chunk: Chunk): void {
    if (this.#closed) {
      chunk.release();
      return;
    }
    this.#chunks.unshift(chunk);
    this.#waiting += chunk.length;
  }

  /** The reader does not want to read any more. */
  leave(reader: object): void {
    if (this.#reader !== reader) return;
    this.#reader = undefined;
    this.#waker?.drop();
    this.#waker = undefined;
    this.#waitNoMore();
  }

  /** Whether receiving keeps the process alive. */
  hold(hold: boolean): void {
    this.#held = hold;
    if (this.#isFlying) this.#reactor.hold(this.#token, hold);
  }

  /** Takes nothing any more, and gives up what waits. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const chunk of this.#chunks.splice(0)) if (chunk instanceof Chunk) chunk.release();
    this.#waitNoMore();
    this.#waiting = 0;
    if (this.#stage === Stage.FLYING) this.#stop();
    else if (this.#stage === Stage.REFUSED) this.#reactor.forgetRefused(this);
    this.#wake();
  }

  resubmit(): boolean {
    if (this.#closed) return true;
    const reactor = this.#reactor;
    if (reactor.isClosed) return this.#end(-Errno.ECANCELED);
    const token = reactor.take(this);
    const id = reactor.driver.receive(this.#handle, token);
    if (id > 0) {
      this.#id = id;
      this.#token = token;
      this.#stage = Stage.FLYING;
      if (!this.#held) reactor.hold(token, false);
      return true;
    }
    reactor.giveBack(token);
    if (id !== -Errno.ENOBUFS) return this.#end(id);
    this.#stage = Stage.REFUSED;
    reactor.refused(this);
    return false;
  }

  completed(result: number, flags: number, buffer: number): void {
    if ((flags & CompletionFlag.BUFFER) !== 0) this.#received(result, buffer);
    if ((flags & CompletionFlag.MORE) !== 0) return;
    if (result === -Errno.ECANCELED && this.#stage === Stage.STOPPING && !this.#closed) {
      this.#stage = Stage.IDLE;
      // Somebody may have come to read meanwhile.
      if (this.#waker !== undefined && this.#chunks.length === 0) this.resubmit();
      return;
    }
    this.#end(result);
  }

  get #isFlying(): boolean {
    return this.#stage === Stage.FLYING || this.#stage === Stage.STOPPING;
  }

  #received(length: number, buffer: number): void {
    const reactor = this.#reactor;
    this.received += length;
    if (this.#closed) {
      reactor.release(buffer);
      return;
    }
    this.#chunks.push(this.#chunk(length, buffer));
    this.#waiting += length;
    // One that was waited for is about to be taken.
    const ahead = this.#waker === undefined ? this.#waiting : this.#waiting - length;
    const limit = reactor.isPressed ? Math.min(this.#limit, SCARCE_LIMIT) : this.#limit;
    if (ahead >= limit && this.#stage === Stage.FLYING) this.#stop();
    this.#wake();
  }

  #chunk(length: number, buffer: number): Chunk | Uint8Array {
    const reactor = this.#reactor;
    const { arena } = reactor;
    if (!reactor.isPressed) return new Chunk(arena, reactor, buffer, buffer, length);
    const copy = arena.bytes.slice(buffer, buffer + length);
    reactor.release(buffer);
    return copy;
  }

  /** Sees to it that the front is in the arena, piece by piece; false while there is no memory. */
  #bringIn(): boolean {
    const front = this.#chunks[0];
    if (front === undefined || front instanceof Chunk) return true;
    const { arena, buffers } = this.#reactor;
    const length = Math.min(front.length, buffers.isPressed ? PIECE_MIN : PIECE);
    const chunk = buffers.acquire(length);
    if (chunk === undefined) {
      this.#waitsForMemory = true;
      buffers.await(this);
      return false;
    }
    this.#waitNoMore();
    arena.bytes.set(front.subarray(0, length), chunk.offset);
    const rest = length < front.length ? [front.subarray(length)] : [];
    this.#chunks.splice(0, 1, chunk, ...rest);
    return true;
  }

  /** Lets those behind it have the memory that it waited for. */
  #waitNoMore(): void {
    if (!this.#waitsForMemory) return;
    this.#waitsForMemory = false;
    this.#reactor.buffers.forget(this);
  }

  memoryFreed(): void {
    this.#wake();
  }

  #stop(): void {
    this.#stage = Stage.STOPPING;
    this.#reactor.driver.cancel(this.#id);
  }

  #end(result: number): true {
    this.#stage = Stage.ENDED;
    this.#errno = result;
    this.#wake();
    return true;
  }

  #wake(): void {
    const waker = this.#waker;
    this.#waker = undefined;
    waker?.wake();
  }
}
