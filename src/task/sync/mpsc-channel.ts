/**
 * What the two sides of an mpsc channel share.
 *
 * Every place for a message is a permit of `pool`: available, or held by a message in the queue, or
 * reserved by a `SendPermit` or by a `send` that was granted and not polled since. Several may wait
 * to receive; a message that arrives is claimed for the first of them but stays in the queue, so
 * that order is kept when its receiver is given up.
 *
 * Invariants, whenever foreign code runs:
 *  1. capacity = available + queue.length + reserved, until the receiver is disposed.
 *  2. claims ≤ queue.length, and while somebody waits to receive they are equal.
 *  3. While somebody waits to receive the channel has not ended.
 */
import { PENDING, type Context, type Poll } from '../future/index.ts';
import { END } from '../stream/index.ts';
import { Flag, type Place } from './condition.ts';
import { Deque } from './deque.ts';
import { PermitPool } from './permits.ts';
import { Stage, Waiter, WaitList } from './wait-list.ts';

/** The state of a channel. */
export class Channel<T> {
  readonly capacity: number;
  readonly pool: PermitPool;
  readonly queue: Deque<T> = new Deque();
  readonly receiving: WaitList = new WaitList();
  /** That nothing more is taken: the receiver closed. */
  readonly closed: Flag = new Flag();
  /** Messages set aside for those in stage GRANTED. */
  claims: number = 0;
  /** Senders that are not closed. */
  senders: number = 1;
  isDisposed: boolean = false;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.pool = new PermitPool(capacity);
  }

  /** Whether no message will ever come; once true it stays so. */
  get isEnded(): boolean {
    if (this.isDisposed) return true;
    // Nobody waits to send either: all places are available.
    return (
      (this.senders === 0 || this.closed.isSet) &&
      this.queue.length === 0 &&
      this.pool.available === this.capacity
    );
  }

  /** Queues a message for which the caller has a permit. False: it is dropped, nobody is there. */
  push(value: T): boolean {
    if (this.isDisposed) return false;
    this.queue.push(value);
    const first = this.receiving.first;
    if (first !== undefined) {
      this.claims += 1;
      this.receiving.settle(first, Stage.GRANTED);
      first.wake();
    }
    return true;
  }

  /** Whether there is a message that nobody else has a claim to. */
  get hasMessage(): boolean {
    return this.queue.length > this.claims;
  }

  /** Takes the first message, which there must be; its place is free. */
  shift(): T {
    const value = this.queue.shift();
    this.pool.give(1);
    this.settle();
    return value;
  }

  /** Gives places back for which no message will come. */
  giveBack(places: number): void {
    if (this.isDisposed) return;
    this.pool.give(places);
    this.settle();
  }

  /** To be called after whatever may have been the end of the channel. */
  settle(): void {
    if (this.receiving.first !== undefined && this.isEnded) {
      this.receiving.settleAll(Stage.REFUSED);
    }
  }

  /** The receiver takes no more than what is there and what was promised. */
  close(): void {
    if (this.closed.isSet) return;
    this.closed.set();
    this.pool.close();
    this.settle();
  }

  /** The receiver is gone: nobody takes what is there. */
  dispose(): void {
    this.isDisposed = true;
    this.queue.clear();
    this.claims = 0;
    this.close();
    this.settle();
  }

  /** Receives on behalf of a place: claims count how many messages those before it will take. */
  poll(place: Place, context: Context): Poll<T | typeof END> {
    let waiter = place.waiter;
    if (waiter === undefined || waiter.stage === Stage.IDLE) {
      if (this.hasMessage) return context.proceed() ? this.shift() : PENDING;
      if (this.isEnded) return context.proceed() ? END : PENDING;
      waiter = place.waiter ??= new Waiter(1);
      this.receiving.push(waiter);
    }
    if (waiter.stage === Stage.WAITING) {
      waiter.keep(context.waker);
      // A message may have come while the waker was cloned.
      if (waiter.stage === Stage.WAITING) return PENDING;
    }
    if (!context.proceed()) return PENDING;
    const hasClaim = waiter.stage === Stage.GRANTED && !this.isDisposed;
    const waker = waiter.detach();
    let item: T | typeof END = END;
    if (hasClaim) {
      this.claims -= 1;
      item = this.shift();
    }
    waker?.drop();
    return item;
  }

  /** A place is given up: a message that was set aside for it is the next one's. */
  leave(place: Place): void {
    const waiter = place.waiter;
    place.waiter = undefined;
    if (waiter === undefined) return;
    const hasClaim = waiter.stage === Stage.GRANTED && !this.isDisposed;
    const waker = waiter.detach();
    if (hasClaim) {
      const next = this.receiving.first;
      if (next === undefined) {
        this.claims -= 1;
      } else {
        this.receiving.settle(next, Stage.GRANTED);
        next.wake();
      }
    }
    waker?.drop();
  }
}
