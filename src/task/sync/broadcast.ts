/** Channels whose every message goes to every receiver. */
import {
  choiceOption,
  integerOption,
  misuse,
  rejectUnknown,
  RondoError,
  show,
} from '../../base/index.ts';
import type { BaseFuture, Context } from '../future/index.ts';
import { BaseStream, END, type StreamPoll } from '../stream/index.ts';
import {
  Audience,
  Flag,
  leavePlace,
  pollCondition,
  UntilItem,
  UntilReady,
  type Condition,
} from './condition.ts';
import { MAX_PERMITS } from './permits.ts';
import type { Waiter } from './wait-list.ts';

/** A receiver of a broadcast was too slow: `lost` messages were overwritten before it got them. */
export class LaggedError extends RondoError {
  /** How many messages were lost since the last one received. */
  readonly lost: number;
  constructor(lost: number) {
    super('ERR_CHANNEL_LAGGED', `Cannot receive ${lost} messages: newer ones have replaced them`);
    this.name = 'LaggedError';
    this.lost = lost;
  }
}

/** Options of one receiver of a broadcast. */
export interface SubscribeOptions {
  /**
   * What happens when messages were lost: `receive` throws `LaggedError` once and goes on with the
   * oldest message that is left, or it goes on silently, and only `lost` tells. A stream that
   * throws is over, so what is used as one wants 'skip'.
   * @default 'error'
   */
  readonly onLag?: 'error' | 'skip';
}

function skips(options: SubscribeOptions): boolean {
  rejectUnknown('a broadcast receiver', options, ['onLag']);
  return choiceOption('onLag', options.onLag, 'error', ['error', 'skip']) === 'skip';
}

/**
 * The messages of position `tail - capacity` to `tail - 1`, those that some receiver still wants;
 * the last receiver of a message forgets it, so that nothing is kept alive that nobody will get.
 */
class Hub<T> {
  readonly capacity: number;
  /** Position of the next message; they are numbered from 0. */
  tail = 0;
  /** No message before this position is wanted. */
  head = 0;
  /** By position modulo capacity, as the next. */
  readonly values: (T | undefined)[] = [];
  /** How many receivers are still to get the message. */
  readonly wanted: number[] = [];
  senders = 1;
  receivers = 0;
  readonly audience = new Audience();
  /** That nobody receives; unset by a new receiver. */
  readonly deserted = new Flag();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** The oldest position that was not overwritten. */
  get oldest(): number {
    return Math.max(0, this.tail - this.capacity);
  }

  send(value: T): number {
    const { receivers } = this;
    if (receivers === 0) return 0;
    const slot = this.tail % this.capacity;
    this.values[slot] = value;
    this.wanted[slot] = receivers;
    this.tail += 1;
    if (this.head < this.oldest) this.head = this.oldest;
    this.audience.tell();
    return receivers;
  }

  /** A receiver has had, or will not want, the message of a position. */
  release(position: number): void {
    const slot = position % this.capacity;
    const wanted = this.wanted[slot]! - 1;
    this.wanted[slot] = wanted;
    if (wanted > 0) return;
    this.values[slot] = undefined;
    // Whoever wants a message wants all after it, so those not wanted come first.
    while (this.head < this.tail && this.wanted[this.head % this.capacity] === 0) this.head += 1;
  }

  join(): void {
    this.receivers += 1;
    this.deserted.isSet = false;
  }

  leave(position: number): void {
    for (let own = Math.max(position, this.oldest); own < this.tail; own++) this.release(own);
    this.receivers -= 1;
    if (this.receivers === 0) this.deserted.set();
  }
}

/** Sends to all receivers of a broadcast. */
export class BroadcastSender<T> implements Disposable {
  readonly #hub: Hub<T>;
  #isOver = false;

  /** @internal */
  constructor(hub: Hub<T>) {
    this.#hub = hub;
  }

  /** How many messages are kept for slow receivers. */
  get capacity(): number {
    return this.#hub.capacity;
  }

  /** How many messages some receiver has yet to get. */
  get length(): number {
    return this.#hub.tail - this.#hub.head;
  }

  /** How many receivers there are. */
  get receivers(): number {
    return this.#hub.receivers;
  }

  /** How many receivers wait for a message. */
  get waiters(): number {
    return this.#hub.audience.waiting.length;
  }

  /** Whether sending reaches nobody: this sender was closed, or there is no receiver now. */
  get isClosed(): boolean {
    return this.#isOver || this.#hub.receivers === 0;
  }

  /**
   * Sends to all receivers there are, never waiting: beyond the capacity the oldest message is
   * replaced. Says how many will get it unless they are too slow; 0 when nobody does.
   */
  send(value: T): number {
    return this.#isOver ? 0 : this.#hub.send(value);
  }

  /**
   * A new receiver, of messages that are sent from now on.
   * @throws {TypeError} ERR_CHANNEL_CLOSED when this sender was closed; ERR_OPTION_TYPE,
   * ERR_OPTION_UNKNOWN
   */
  subscribe(options: SubscribeOptions = {}): BroadcastReceiver<T> {
    const isSkipping = skips(options);
    this.#refuseWhenOver('subscribe to');
    return new BroadcastReceiver(this.#hub, isSkipping);
  }

  /** Waits until there is no receiver. Give it up at any time. */
  closed(): BaseFuture<void, never> {
    return this.#hub.deserted.wait();
  }

  /**
   * Another sender of the channel, to be closed on its own.
   * @throws {TypeError} ERR_CHANNEL_CLOSED when this one was closed
   */
  clone(): BroadcastSender<T> {
    this.#refuseWhenOver('clone');
    this.#hub.senders += 1;
    return new BroadcastSender(this.#hub);
  }

  /** This sender sends no more; with the last one the channel ends, after what is still there. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#hub.senders -= 1;
    if (this.#hub.senders === 0) this.#hub.audience.tell();
  }

  /** The same as `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #refuseWhenOver(what: string): void {
    if (this.#isOver) {
      throw misuse('ERR_CHANNEL_CLOSED', `Cannot ${what} a sender: it was closed`);
    }
  }
}

/** How far one receiver is. */
class Cursor<T> implements Condition<T | typeof END> {
  readonly hub: Hub<T>;
  readonly audience: Audience;
  readonly isSkipping: boolean;
  position: number;
  lost = 0;
  isOver = false;

  constructor(hub: Hub<T>, isSkipping: boolean) {
    this.hub = hub;
    this.audience = new Audience(hub.audience.waiting);
    this.isSkipping = isSkipping;
    this.position = hub.tail;
  }

  get isEnded(): boolean {
    return this.isOver || (this.hub.senders === 0 && this.position === this.hub.tail);
  }

  isReady(): boolean {
    return this.isOver || this.position < this.hub.tail || this.hub.senders === 0;
  }

  take(): T | typeof END {
    const { hub } = this;
    if (this.isOver || this.position === hub.tail) return END;
    const lost = hub.oldest - this.position;
    if (lost > 0) {
      this.position = hub.oldest;
      this.lost += lost;
      if (!this.isSkipping) throw new LaggedError(lost);
    }
    const value = hub.values[this.position % hub.capacity] as T;
    hub.release(this.position);
    this.position += 1;
    return value;
  }

  close(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.hub.leave(this.position);
    if (this.audience.places > 0) this.audience.tell();
  }
}

/**
 * Receives what is broadcast from the moment it was made, each message once. A receiver that falls
 * behind by more than the capacity loses the oldest messages and is told how many.
 */
export class BroadcastReceiver<T> extends BaseStream<T, LaggedError> implements Disposable {
  readonly #cursor: Cursor<T>;
  /** Between two items of the stream. @internal */
  waiter: Waiter | undefined = undefined;

  /** @internal */
  constructor(hub: Hub<T>, isSkipping: boolean) {
    super();
    this.#cursor = new Cursor(hub, isSkipping);
    hub.join();
  }

  /** How many messages can be received now; what was lost does not count. */
  get length(): number {
    const { hub, position, isOver } = this.#cursor;
    return isOver ? 0 : hub.tail - Math.max(position, hub.oldest);
  }

  /** How many messages were lost so far, as far as receiving has noticed. */
  get lost(): number {
    return this.#cursor.lost;
  }

  /** How many messages are kept for slow receivers. */
  get capacity(): number {
    return this.#cursor.hub.capacity;
  }

  /** Whether all senders are closed: what is there is all that will be received. */
  get isClosed(): boolean {
    return this.#cursor.isOver || this.#cursor.hub.senders === 0;
  }

  /** Whether nothing will be received any more: closed, and all was received. */
  get isEnded(): boolean {
    return this.#cursor.isEnded;
  }

  /**
   * Waits for the next message; undefined when the channel has ended. Throws `LaggedError`
   * ERR_CHANNEL_LAGGED, once, when messages were lost. Given up, no message is lost by that.
   */
  receive(): BaseFuture<T | undefined, LaggedError> {
    return new UntilItem<T, LaggedError>(this.#cursor);
  }

  /**
   * The next message if there is one; `isEnded` tells whether one can still come.
   * @throws {LaggedError} ERR_CHANNEL_LAGGED when messages were lost
   */
  tryReceive(): T | undefined {
    const item = this.#cursor.take();
    return item === END ? undefined : item;
  }

  override next(): BaseFuture<T | typeof END, LaggedError> {
    return new UntilReady<T | typeof END, LaggedError>(this.#cursor);
  }

  pollNext(context: Context): StreamPoll<T> {
    return pollCondition(this.#cursor, this, context);
  }

  override cancel(): void {
    this[Symbol.dispose]();
  }

  /**
   * A new receiver of the same channel, of messages that are sent from now on.
   * @throws {TypeError} ERR_OPTION_TYPE, ERR_OPTION_UNKNOWN
   */
  resubscribe(options: SubscribeOptions = {}): BroadcastReceiver<T> {
    return new BroadcastReceiver(this.#cursor.hub, skips(options));
  }

  /** Receives no more; messages that only it had yet to get are forgotten. */
  [Symbol.dispose](): void {
    leavePlace(this.#cursor.audience, this);
    this.#cursor.close();
  }
}

/**
 * A channel whose every message goes to every receiver. It keeps the last `capacity` messages,
 * from 1 to 2³¹ − 1, for receivers that are slow, and never makes the sender wait. All ends are of
 * one thread, and receivers get the same objects, not copies.
 * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE, ERR_OPTION_UNKNOWN
 *
 * @example
 * const { sender, receiver } = broadcast<Price>(1024, { onLag: 'skip' });
 * const second = sender.subscribe();
 * sender.send({ symbol: 'XYZ', bid: 1 });
 * for await (const price of receiver) show(price);
 */
export function broadcast<T>(
  capacity: number,
  options: SubscribeOptions = {},
): { sender: BroadcastSender<T>; receiver: BroadcastReceiver<T> } {
  const isSkipping = skips(options);
  const hub = new Hub<T>(integerOption('capacity', capacity, 1, 1, MAX_PERMITS));
  return { sender: new BroadcastSender(hub), receiver: new BroadcastReceiver(hub, isSkipping) };
}

show(BroadcastSender, ['length', 'capacity', 'receivers', 'isClosed']);
show(BroadcastReceiver, ['length', 'capacity', 'lost', 'isClosed']);
