/** The sending side of mpsc channels. */
import { misuse, RondoError, show } from '../../base/index.ts';
import { PENDING, type BaseFuture, type Context, type Poll } from '../future/index.ts';
import { released } from './guarded.ts';
import type { Channel } from './mpsc-channel.ts';
import { Acquisition, permitCount } from './permits.ts';

/** What became of a message: it was queued, there was no place for it, or nobody receives. */
export type SendOutcome = 'sent' | 'full' | 'closed';

function closedError(): RondoError {
  return new RondoError('ERR_CHANNEL_CLOSED', 'Cannot send: the receiver of the channel is gone');
}

/** Waits for places in a channel that are still to be filled. */
abstract class Placement<T, R> extends Acquisition<R, RondoError> {
  /** @internal */
  declare readonly sender: SenderBase<T>;
  /** @internal */
  declare readonly channel: Channel<T>;

  constructor(sender: SenderBase<T>, channel: Channel<T>, amount: number) {
    super(channel.pool, amount);
    this.sender = sender;
    this.channel = channel;
  }

  // A sender that is closed keeps its places in the queue, and gets no new ones.
  override poll(context: Context): Poll<R> {
    if (this.waiter === undefined && this.sender.isClosed) {
      return context.proceed() ? this.refused() : PENDING;
    }
    return super.poll(context);
  }

  override cancel(): void {
    if (this.waiter === undefined) return;
    super.cancel();
    this.channel.settle();
  }

  protected refused(): never {
    throw closedError();
  }
}

class Send<T> extends Placement<T, void> {
  /** @internal */
  declare readonly value: T;

  constructor(sender: SenderBase<T>, channel: Channel<T>, value: T) {
    super(sender, channel, 1);
    this.value = value;
  }

  protected granted(): void {
    if (!this.channel.push(this.value)) this.refused();
  }
}

class Reserve<T> extends Placement<T, SendPermit<T>> {
  protected granted(): SendPermit<T> {
    return new SendPermit(this.channel, this.amount);
  }
}

/**
 * Places in a channel that were reserved: what is sent with it needs not wait. Places that are not
 * used are given back by `release` or the end of a `using` block; until then the channel does not
 * end for its receiver, even when all senders are closed.
 */
export class SendPermit<T> implements Disposable {
  readonly #channel: Channel<T>;
  #remaining: number;

  /** @internal */
  constructor(channel: Channel<T>, places: number) {
    this.#channel = channel;
    this.#remaining = places;
  }

  /** How many messages can still be sent with it. */
  get remaining(): number {
    return this.#remaining;
  }

  /**
   * Sends a message at once. False when the receiver is gone and the message with it; one that
   * only closed still takes what was reserved before.
   * @throws {TypeError} ERR_SYNC_RELEASED when no place remains
   */
  send(value: T): boolean {
    if (this.#remaining === 0) throw released('the permit of a channel');
    this.#remaining -= 1;
    return this.#channel.push(value);
  }

  /** Gives the places back that remain; nothing can be sent with it any more. */
  release(): void {
    const places = this.#remaining;
    if (places === 0) return;
    this.#remaining = 0;
    this.#channel.giveBack(places);
  }

  /** The same as `release`. */
  [Symbol.dispose](): void {
    this.release();
  }
}

/** What the senders of bounded and unbounded channels have in common. */
abstract class SenderBase<T> implements Disposable {
  /** @internal */
  protected readonly channel: Channel<T>;
  #isOver = false;

  /** @internal */
  constructor(channel: Channel<T>) {
    this.channel = channel;
  }

  /** Whether nothing can be sent: the receiver closed or is gone, or this sender was closed. */
  get isClosed(): boolean {
    return this.#isOver || this.channel.closed.isSet;
  }

  /** How many messages the channel holds at most. */
  get capacity(): number {
    return this.channel.capacity;
  }

  /** Places that neither a message has nor anybody has reserved. */
  get available(): number {
    return this.channel.pool.available;
  }

  /** How many messages are in the channel. */
  get length(): number {
    return this.channel.queue.length;
  }

  /** Sends if it can be done now: there is a place, and nobody waits for it. */
  trySend(value: T): SendOutcome {
    if (this.isClosed) return 'closed';
    if (!this.channel.pool.take(1)) return 'full';
    this.channel.push(value);
    return 'sent';
  }

  /** Waits until the receiver closed or is gone. Give it up at any time. */
  closed(): BaseFuture<void, never> {
    return this.channel.closed.wait();
  }

  /**
   * This sender sends no more. When all of them are closed, the receiver gets what is there and
   * then the end. What waits to be sent already still is.
   */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.channel.senders -= 1;
    this.channel.settle();
  }

  /** The same as `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Counts one sender more. @internal */
  protected join(): Channel<T> {
    if (this.#isOver) {
      throw misuse('ERR_CHANNEL_CLOSED', 'Cannot clone a sender: it was closed');
    }
    this.channel.senders += 1;
    return this.channel;
  }
}

/** Sends into a bounded channel; made by `mpsc`. */
export class Sender<T> extends SenderBase<T> {
  /** How many wait for a place. */
  get waiters(): number {
    return this.channel.pool.waiting.length;
  }

  /**
   * Sends, waiting for a place if there is none; places are given in the order of asking. Throws
   * `RondoError` ERR_CHANNEL_CLOSED when the receiver closed or is gone. Given up before it is
   * over, nothing was sent.
   */
  send(value: T): BaseFuture<void, RondoError> {
    return new Send(this, this.channel, value);
  }

  /**
   * Waits for `count` places at once, to send later without waiting. Throws `RondoError`
   * ERR_CHANNEL_CLOSED as `send` does. Given up, places that it was granted go to the next.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE when `count` is no count or
   * above the capacity
   */
  reserve(count: number = 1): BaseFuture<SendPermit<T>, RondoError> {
    return new Reserve(this, this.channel, permitCount('count', count, this.capacity));
  }

  /**
   * `count` places if they can be had now.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE when `count` is no count or
   * above the capacity
   */
  tryReserve(count: number = 1): SendPermit<T> | 'full' | 'closed' {
    const places = permitCount('count', count, this.capacity);
    if (this.isClosed) return 'closed';
    return this.channel.pool.take(places) ? new SendPermit(this.channel, places) : 'full';
  }

  /**
   * Another sender of the channel, to be closed on its own.
   * @throws {TypeError} ERR_CHANNEL_CLOSED when this one was closed
   */
  clone(): Sender<T> {
    return new Sender(this.join());
  }
}

/** Sends into a channel that grows, up to a limit; made by `unboundedMpsc`. */
export class UnboundedSender<T> extends SenderBase<T> {
  /**
   * Sends at once. False when the receiver closed or is gone, or this sender was closed.
   * @throws {RondoError} ERR_CHANNEL_FULL when as many messages wait as the limit allows: nobody
   * receives them fast enough, and a bounded channel or `trySend` is what is needed
   */
  send(value: T): boolean {
    const outcome = this.trySend(value);
    if (outcome === 'full') {
      throw new RondoError(
        'ERR_CHANNEL_FULL',
        `Cannot send: ${this.capacity} messages, the limit, wait to be received`,
      );
    }
    return outcome === 'sent';
  }

  /**
   * Another sender of the channel, to be closed on its own.
   * @throws {TypeError} ERR_CHANNEL_CLOSED when this one was closed
   */
  clone(): UnboundedSender<T> {
    return new UnboundedSender(this.join());
  }
}

show(Sender, ['length', 'capacity', 'waiters', 'isClosed']);
show(UnboundedSender, ['length', 'capacity', 'isClosed']);
