/**
 * Bytes from one connection to another without being copied: the buffer that they were received
 * into is sent, and given back when it has left. A chunk stays with the receiving connection until
 * the other has accepted it, so giving a copy up loses nothing.
 */
import { Waiter } from '../runtime/index.ts';
import {
  CoroutineFuture,
  join,
  PENDING,
  type BaseFuture,
  type Context,
  type Coroutine,
  type Poll,
} from '../task/index.ts';
import type { Connection } from './connection.ts';
import type { Inbox } from './inbox.ts';
import type { Outbox } from './outbox.ts';
import type { ReadError } from './readers.ts';
import type { WriteError } from './writers.ts';

/**
 * Sends everything that `from` receives to `to`, until the end of the stream; gives how many bytes
 * that were. `to` stays open. Meanwhile nobody else can read from the one or write to the other.
 * @throws {RondoError} what reading or writing throws
 */
export function copy(from: Connection, to: Connection): BaseFuture<number, ReadError | WriteError> {
  return new Copy(from.inbox, to.outbox);
}

/** What went through `copyBidirectional`, in bytes. */
export interface CopiedBytes {
  readonly forth: number;
  readonly back: number;
}

/**
 * Connects two connections with each other, until both have ended their streams: the end of one is
 * passed on as `shutdown` of the other. Closes neither. When one direction fails, the other is given
 * up, and the error thrown.
 *
 * @example
 * yield* use(connect(target), (upstream) => copyBidirectional(client, upstream));
 */
export function copyBidirectional(
  a: Connection,
  b: Connection,
): BaseFuture<CopiedBytes, ReadError | WriteError> {
  return new CoroutineFuture<CopiedBytes, ReadError | WriteError>(both(a, b));
}

function* both(a: Connection, b: Connection): Coroutine<CopiedBytes, ReadError | WriteError> {
  const [forth, back] = yield* join([direction(a, b), direction(b, a)]);
  return { forth, back };
}

function direction(from: Connection, to: Connection): BaseFuture<number, ReadError | WriteError> {
  return new CoroutineFuture<number, ReadError | WriteError>(
    (function* () {
      const count = yield* copy(from, to);
      yield* to.shutdown();
      return count;
    })(),
  );
}

class Copy extends Waiter<number, ReadError | WriteError> {
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  #count = 0;

  constructor(inbox: Inbox, outbox: Outbox) {
    super();
    this.#inbox = inbox;
    this.#outbox = outbox;
  }

  poll(context: Context): Poll<number> {
    try {
      const going = this.#go(context);
      if (going === PENDING) return PENDING;
    } catch (error) {
      this.cancel();
      throw error;
    }
    this.cancel();
    return this.#count;
  }

  /** Goes on; true at the end of the stream. */
  #go(context: Context): Poll<true> {
    const inbox = this.#inbox;
    const outbox = this.#outbox;
    if (this.queue === undefined) outbox.queue.push(this);
    for (;;) {
      const { refusal } = outbox;
      if (refusal !== undefined) throw refusal;
      this.keep(context);
      // Nothing is read for a direction that cannot be written to.
      if (outbox.queue.first !== this || outbox.room <= 0) return PENDING;
      const readable = inbox.pollReadable(context, this);
      if (readable === PENDING || !context.proceed()) return PENDING;
      if (!readable) return true;
      const { length } = inbox.first;
      if (!outbox.push(inbox.first)) {
        if (outbox.refusal !== undefined) throw outbox.refusal;
        return PENDING;
      }
      inbox.shift();
      this.#count += length;
    }
  }

  cancel(): void {
    const wasFirst = this.queue !== undefined && this.#outbox.queue.first === this;
    this.#inbox.leave(this);
    this.leave();
    if (wasFirst) this.#outbox.queue.wakeFirst();
  }
}
