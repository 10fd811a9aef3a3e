/**
 * What a connection has received and nobody has taken yet.
 *
 *  1. Receiving begins when somebody first wants to read, and is multishot: it goes on by itself.
 *  2. At most `limit` bytes wait here, and what one round of the driver brings on top: then the
 *     receive is cancelled, and begun again when half of that is taken. Meanwhile the peer waits.
 *  3. A chunk is in the queue until it was given to somebody, so giving up a read loses nothing.
 *  4. Receive buffers are few and for all connections: when most of them are in use, what waits
 *     here is copied elsewhere, if there is memory.
 */
import { Errno } from '../base/index.ts';
import { CompletionFlag, type Handle } from '../driver/index.ts';
import {
  Chunk,
  keepWaker,
  type CompletionSink,
  type Reactor,
  type Resubmission,
} from '../runtime/index.ts';
import { PENDING, type Context, type Poll, type Waker } from '../task/index.ts';
import { busyError, closedError, failure } from './errors.ts';

const Stage = { IDLE: 0, REFUSED: 1, FLYING: 2, STOPPING: 3, ENDED: 4 } as const;

/** See the head of this file. */
export class Inbox implements CompletionSink, Resubmission {
  /** Bytes received so far. */
  received = 0;
  readonly #reactor: Reactor;
  readonly #handle: Handle;
  readonly #limit: number;
  readonly #chunks: Chunk[] = [];
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
   * Whether there is a chunk (true) or the end has come (false). `reader` is the one who asks, until
   * it calls `leave`; there is one at a time.
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

  /** The chunk in front; there is one. */
  get first(): Chunk {
    return this.#chunks[0]!;
  }

  /** Takes it; it is the caller's. */
  shift(): Chunk {
    const chunk = this.#chunks.shift()!;
    this.#waiting -= chunk.length;
    return chunk;
  }

  /** Puts the rest of it back in front. */
  unshift(chunk: Chunk): void {
    this.#chunks.unshift(chunk);
    this.#waiting += chunk.length;
  }

  /** The reader does not want to read any more. */
  leave(reader: object): void {
    if (this.#reader !== reader) return;
    this.#reader = undefined;
    this.#waker?.drop();
    this.#waker = undefined;
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
    for (const chunk of this.#chunks.splice(0)) chunk.release();
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
    if (ahead >= this.#limit && this.#stage === Stage.FLYING) this.#stop();
    this.#wake();
  }

  #chunk(length: number, buffer: number): Chunk {
    const { arena, buffers } = this.#reactor;
    if (this.#waker === undefined && this.#reactor.isPressed) {
      const block = buffers.take(length);
      if (block !== 0) {
        arena.bytes.copyWithin(block, buffer, buffer + length);
        this.#reactor.release(buffer);
        return new Chunk(arena, buffers, block, block, length);
      }
    }
    return new Chunk(arena, this.#reactor, buffer, buffer, length);
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
