/** Futures and the stream of the receiving half. See `inbox.ts`. */
import type { RondoError, SystemError } from '../base/index.ts';
import type { Chunk } from '../runtime/index.ts';
import {
  BaseFuture,
  BaseStream,
  END,
  PENDING,
  type Context,
  type Poll,
  type StreamPoll,
} from '../task/index.ts';
import type { Inbox } from './inbox.ts';

/** What reading may throw. */
export type ReadError = SystemError | RondoError;

/** The next chunk, undefined at the end. */
export class ReadChunk extends BaseFuture<Chunk | undefined, ReadError> {
  readonly #inbox: Inbox;

  constructor(inbox: Inbox) {
    super();
    this.#inbox = inbox;
  }

  poll(context: Context): Poll<Chunk | undefined> {
    const inbox = this.#inbox;
    const readable = inbox.pollReadable(context, this);
    // Budget is for what there is: waiting costs none.
    if (readable === PENDING || !context.proceed()) return PENDING;
    inbox.leave(this);
    return readable ? inbox.shift() : undefined;
  }

  cancel(): void {
    this.#inbox.leave(this);
  }

  /** It is there for the next read: nothing of the stream is lost. */
  takeBack(chunk: Chunk | undefined): undefined {
    if (chunk !== undefined) this.#inbox.unshift(chunk);
  }
}

/** Fills as much of the target as there are bytes for; 0 at the end. */
export class ReadInto extends BaseFuture<number, ReadError> {
  readonly #inbox: Inbox;
  readonly #target: Uint8Array;

  constructor(inbox: Inbox, target: Uint8Array) {
    super();
    this.#inbox = inbox;
    this.#target = target;
  }

  poll(context: Context): Poll<number> {
    const inbox = this.#inbox;
    const target = this.#target;
    if (target.length === 0) return 0;
    const readable = inbox.pollReadable(context, this);
    if (readable === PENDING || !context.proceed()) return PENDING;
    inbox.leave(this);
    let filled = 0;
    while (readable && filled < target.length && inbox.hasFirst) {
      const chunk = inbox.shift();
      const length = Math.min(chunk.length, target.length - filled);
      target.set(chunk.view().subarray(0, length), filled);
      filled += length;
      if (length < chunk.length) inbox.unshift(chunk.slice(length));
      chunk.release();
    }
    return filled;
  }

  cancel(): void {
    this.#inbox.leave(this);
  }
}

/** Everything that is received, chunk by chunk, to the end. */
export class Chunks extends BaseStream<Chunk, ReadError> {
  readonly #inbox: Inbox;

  constructor(inbox: Inbox) {
    super();
    this.#inbox = inbox;
  }

  pollNext(context: Context): StreamPoll<Chunk> {
    const inbox = this.#inbox;
    const readable = inbox.pollReadable(context, this);
    // Budget is for what there is: waiting costs none.
    if (readable === PENDING || !context.proceed()) return PENDING;
    // Between two items somebody else may read: nothing of the stream is lost to it for good.
    inbox.leave(this);
    return readable ? inbox.shift() : END;
  }

  override cancel(): Poll<void> {
    this.#inbox.leave(this);
    return undefined;
  }
}
