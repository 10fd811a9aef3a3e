/** The receiving side of mpsc channels. */
import { integerOption, show } from '../../base/index.ts';
import { BaseFuture, PENDING, type Context, type Poll } from '../future/index.ts';
import { BaseStream, END, type StreamPoll } from '../stream/index.ts';
import type { Channel } from './mpsc-channel.ts';
import type { Waiter } from './wait-list.ts';

class Receive<T> extends BaseFuture<T | undefined, never> {
  /** @internal */
  readonly channel: Channel<T>;
  /** @internal */
  waiter: Waiter | undefined = undefined;

  constructor(channel: Channel<T>) {
    super();
    this.channel = channel;
  }

  poll(context: Context): Poll<T | undefined> {
    const item = this.channel.poll(this, context);
    return item === END ? undefined : item;
  }

  cancel(): void {
    this.channel.leave(this);
  }
}

class Next<T> extends BaseFuture<T | typeof END, never> {
  /** @internal */
  readonly channel: Channel<T>;
  /** @internal */
  waiter: Waiter | undefined = undefined;

  constructor(channel: Channel<T>) {
    super();
    this.channel = channel;
  }

  poll(context: Context): Poll<T | typeof END> {
    return this.channel.poll(this, context);
  }

  cancel(): void {
    this.channel.leave(this);
  }
}

class ReceiveMany<T> extends BaseFuture<T[], never> {
  readonly #channel: Channel<T>;
  readonly #limit: number;
  /** @internal */
  waiter: Waiter | undefined = undefined;

  constructor(channel: Channel<T>, limit: number) {
    super();
    this.#channel = channel;
    this.#limit = limit;
  }

  poll(context: Context): Poll<T[]> {
    const channel = this.#channel;
    const first = channel.poll(this, context);
    if (first === PENDING) return PENDING;
    if (first === END) return [];
    const messages = [first];
    while (messages.length < this.#limit && channel.hasMessage) messages.push(channel.shift());
    return messages;
  }

  cancel(): void {
    this.#channel.leave(this);
  }
}

/**
 * Receives from an mpsc channel: message by message with `receive`, or as a stream. Several may
 * wait to receive at once; they are served in turn. As a stream it has one consumer, who closes it
 * by giving it up: leaving a `for await` loop early is `receiver[Symbol.dispose]()`.
 */
export class Receiver<T> extends BaseStream<T, never> implements Disposable {
  readonly #channel: Channel<T>;
  /** Between two items of the stream. @internal */
  waiter: Waiter | undefined = undefined;

  /** @internal */
  constructor(channel: Channel<T>) {
    super();
    this.#channel = channel;
  }

  /** How many messages the channel holds at most. */
  get capacity(): number {
    return this.#channel.capacity;
  }

  /** How many messages are in the channel. */
  get length(): number {
    return this.#channel.queue.length;
  }

  /** How many wait to receive. */
  get waiters(): number {
    return this.#channel.receiving.length;
  }

  /** How many senders are not closed. */
  get senders(): number {
    return this.#channel.senders;
  }

  /** Whether nothing new can be sent: all senders are closed, or this receiver is. */
  get isClosed(): boolean {
    return this.#channel.senders === 0 || this.#channel.closed.isSet;
  }

  /** Whether nothing will be received any more: closed, empty, and no place is reserved. */
  get isEnded(): boolean {
    return this.#channel.isEnded;
  }

  /**
   * Waits for a message; undefined when the channel has ended (send no undefined, or ask
   * `isEnded`). Given up, no message is lost: one that was set aside for it is the next one's.
   */
  receive(): BaseFuture<T | undefined, never> {
    return new Receive(this.#channel);
  }

  /**
   * Waits for a message, and gives it with those that are there besides, at most `limit` of them;
   * none when the channel has ended. Given up, no message is lost.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE when `limit` is not from 1 up
   */
  receiveMany(limit: number): BaseFuture<T[], never> {
    const most = integerOption('limit', limit, 1, 1, Number.MAX_SAFE_INTEGER);
    // Senders that are woken may fill the places again at once.
    return new ReceiveMany(this.#channel, Math.min(most, this.capacity));
  }

  /** A message if there is one that nobody waits for; `isEnded` tells whether one can come. */
  tryReceive(): T | undefined {
    return this.#channel.hasMessage ? this.#channel.shift() : undefined;
  }

  override next(): BaseFuture<T | typeof END, never> {
    return new Next(this.#channel);
  }

  pollNext(context: Context): StreamPoll<T> {
    return this.#channel.poll(this, context);
  }

  override cancel(): void {
    this[Symbol.dispose]();
  }

  /**
   * Nothing new can be sent; who waits to send is refused. What is there, and what places were
   * reserved for, can still be received.
   */
  close(): void {
    this.#channel.close();
  }

  /**
   * Closes, and drops the messages that are there. Whoever sends what must be released (sockets,
   * files) has it received until the end instead: `close`, then `receive` until undefined.
   */
  [Symbol.dispose](): void {
    this.#channel.leave(this);
    this.#channel.dispose();
  }
}

show(Receiver, ['length', 'capacity', 'senders', 'waiters', 'isClosed']);
