/** The consuming side of a ring, for one thread. */
import { misuse, RondoError } from '../base/index.ts';
import type { Cursor, StructType } from '../memory/index.ts';
import type { RingCore } from './core.ts';
import { LaneState } from './layout.ts';
import { checkHandler, checkLimit, type ResolvedConsumer } from './options.ts';
import type { Membership } from './segment/membership.ts';
import { Copying, InPlace, type Source } from './sources.ts';
import { TURN_MESSAGES, Turns } from './waiting/turns.ts';
import { endOf, leftUntil, type Sight, Waiter } from './waiting/waiter.ts';

/** What a consumer is made from; users call `Ring.consumer`. @internal */
export interface ConsumerParts<T, S extends string> {
  readonly core: RingCore;
  readonly membership: Membership;
  readonly type: StructType<T, S>;
  readonly options: ResolvedConsumer;
  readonly onDetached: (consumer: Consumer<T, S>) => void;
}

/**
 * Pops messages from a ring. Belongs to the thread that made it. Cursors that it gives are valid
 * until the next message is asked for.
 */
export class Consumer<T, S extends string = string> {
  /** Its place: 0 unless several consume. */
  readonly place: number;
  readonly #core: RingCore;
  readonly #membership: Membership;
  readonly #options: ResolvedConsumer;
  readonly #source: Source<T, S>;
  readonly #waiter: Waiter;
  readonly #onDetached: (consumer: Consumer<T, S>) => void;
  readonly #turns = new Turns();
  /** Whether a producer was there whose going would be news. */
  #sawProducer: boolean;
  /** The trace of producers as it was: if it is another now, there was one, seen or not. */
  #traceSeen: number;
  #isOver = false;
  /** Whether a message was given and is not done with. */
  #isHeld = false;
  /** Whether a handler of `forEach` runs. */
  #isHandling = false;

  /** @internal */
  constructor(parts: ConsumerParts<T, S>) {
    const { core, membership, type, options } = parts;
    const { topology, lossy } = core.shape;
    const asking = topology === 'broadcast' && !lossy;
    this.#core = core;
    this.#membership = membership;
    this.#options = options;
    this.#onDetached = parts.onDetached;
    this.place = membership.takePlace(core.view, asking);
    const cursor = topology === 'broadcast' ? this.place : 0;
    try {
      this.#source =
        lossy || topology === 'mpmc'
          ? new Copying(core, type, cursor)
          : new InPlace(core, type, cursor, options.releaseEvery, asking);
    } catch (error) {
      membership.giveUp(core.view, 'place', this.place);
      throw error;
    }
    this.#traceSeen = core.producersTrace();
    this.#sawProducer = core.hasProducer();
    this.#waiter = new Waiter(
      core.arena,
      core.consumersBell,
      membership,
      {
        look: () => this.#look(),
        isReady: () => this.#source.isReady(),
        beforeSleep: () => this.#beforeSleep(),
      },
      options.spinMicroseconds,
    );
    // Asks at once, where it has to ask.
    void this.#source.joined;
  }

  /** Whether it was closed or detached. */
  get detached(): boolean {
    return this.#isOver;
  }

  /**
   * Whether it gets everything that is published from now on. False only on a broadcast ring that
   * is not lossy, until the producer has published again: that is when it lets consumers in.
   */
  get joined(): boolean {
    return !this.#isOver && this.#source.joined;
  }

  /**
   * Takes the next message as a plain object: undefined when there is none now, null when there
   * will be none any more.
   * @throws {RondoError} ERR_RING_POISONED; ERR_STRUCT_VALUE when a field holds what it cannot
   * mean; the message is taken then too
   * @throws {TypeError} ERR_RING_CLOSED after `close` or `detach`
   */
  tryPop(): T | undefined | null {
    this.#assertUsable();
    this.#letGo();
    const source = this.#source;
    const cursor = source.next(1);
    if (cursor === undefined) return this.#hasEnded() ? null : undefined;
    try {
      return cursor.$get();
    } finally {
      source.done();
      source.release();
    }
  }

  /**
   * Hands up to `limit` messages to `handler`, in place, and returns how many. When it throws, its
   * message is taken, later ones are not.
   * @throws {RondoError} ERR_RING_POISONED
   * @throws {TypeError} ERR_RING_CLOSED
   */
  forEach(limit: number, handler: (message: Cursor<T, S>) => void): number {
    checkLimit(limit);
    checkHandler(handler);
    this.#assertUsable();
    this.#letGo();
    this.#isHandling = true;
    try {
      return this.#source.each(limit, handler);
    } finally {
      this.#isHandling = false;
      if (!this.#isOver) this.#source.release();
    }
  }

  /**
   * Up to `limit` messages as cursors, to be gone through with `for of`. What was not reached stays
   * in the ring; the message at which the loop was left is taken.
   * @throws {TypeError} ERR_RING_CLOSED
   */
  drain(limit: number = Infinity): IterableIterator<Cursor<T, S>> {
    checkLimit(limit);
    this.#assertUsable();
    return new Drain(this, limit);
  }

  /**
   * The next message, in place, or undefined when there is none now. It is taken when the next one
   * is asked for, or by `release`; a successor gets it again if this thread dies before. `limit` is
   * how many are wanted soon: where consumers share lanes, so many are taken at once.
   * @throws {RondoError} ERR_RING_POISONED
   */
  peek(limit: number = 1): Cursor<T, S> | undefined {
    if (this.#isOver) return undefined;
    this.#assertUsable();
    this.#letGo();
    const cursor = this.#source.next(limit);
    this.#isHeld = cursor !== undefined;
    return cursor;
  }

  /** Takes the message that `peek` gave, and gives all slots that were taken back to producers. */
  release(): void {
    if (this.#isOver) return;
    this.#letGo();
    this.#source.release();
  }

  /** Up to `limit` messages as plain objects. */
  popAll(limit: number = Infinity): T[] {
    const messages: T[] = [];
    this.forEach(limit, (message) => messages.push(message.$get()));
    return messages;
  }

  /**
   * Whether there will be no message any more: all is taken, and every producer that was there has
   * closed its lane.
   */
  get ended(): boolean {
    return !this.#isOver && !this.#source.isReady() && this.#hasEnded();
  }

  /**
   * Waits in the event loop until there is a message (`ready`) or there will be none (`ended`).
   * @throws {RondoError} ERR_RING_PEER_DIED when all is taken, and the producers died or went away
   * without closing, unless `awaitSuccessor`
   * @throws {RondoError} ERR_RING_POISONED
   * @throws {TypeError} ERR_RING_CLAIM when this consumer waits already
   */
  async ready(options: { readonly signal?: AbortSignal } = {}): Promise<'ready' | 'ended'> {
    this.#assertUsable();
    return this.#settled(await this.#waiter.inLoop(options.signal));
  }

  /** As `ready`, but blocks the thread, at most `timeoutMs`. */
  waitBlocking(timeoutMs: number = Infinity): 'ready' | 'ended' | 'timeout' {
    this.#assertUsable();
    const sight = this.#waiter.blocking(timeoutMs);
    return sight === 'timeout' ? sight : this.#settled(sight);
  }

  /** Takes the next message as a plain object as soon as there is one; null at the end. */
  async pop(options: { readonly signal?: AbortSignal } = {}): Promise<T | null> {
    for (let isAgain = false; ; isAgain = true) {
      const message = this.tryPop();
      if (message !== undefined) {
        if (this.#turns.isOver(1)) await this.#turns.next();
        return message;
      }
      // Others were faster, and are again if nothing else runs.
      if (isAgain) await this.#turns.next();
      await this.ready(options);
    }
  }

  /** As `pop`, but blocks the thread, at most `timeoutMs`; undefined when the time is over. */
  popBlocking(timeoutMs: number = Infinity): T | undefined | null {
    const end = endOf(timeoutMs);
    for (;;) {
      const message = this.tryPop();
      if (message !== undefined) return message;
      if (this.waitBlocking(leftUntil(end)) === 'timeout') return undefined;
    }
  }

  /**
   * Hands every message to `handler` until the ring ends, in place, whenever there are some: the
   * fastest way in an event loop. At most 1,024 in a row before others have their turn.
   * Resolves at the end; rejects with the reason of `signal` when that aborts. `handler` is not
   * waited for: what it goes on with later it takes from the message first, with `$get`.
   */
  async run(
    handler: (message: Cursor<T, S>) => void,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    checkHandler(handler);
    while ((await this.ready(options)) === 'ready') {
      const count = this.forEach(TURN_MESSAGES - this.#turns.count, handler);
      if (this.#isOver) return;
      // None although there were some: others were faster, and are again if nothing else runs.
      if (count === 0 || this.#turns.isOver(count)) await this.#turns.next();
      options.signal?.throwIfAborted();
    }
  }

  /**
   * Plain messages until the ring ends, or this consumer is closed or detached. `run` and batches of
   * `drain` cost less.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    while ((await this.ready()) === 'ready') {
      const message = this.tryPop();
      if (message === null) return;
      if (message === undefined || this.#turns.isOver(1)) await this.#turns.next();
      if (message !== undefined) yield message;
      if (this.#isOver) return;
    }
  }

  /**
   * Wants no more. On rings with one consumer producers are told `closed`, and what was not taken
   * is lost; where several consume, only this place is given up. Idempotent.
   */
  close(): void {
    if (this.#isOver) return;
    this.#letGo();
    this.#source.release();
    const isLast = this.#core.shape.places === 1;
    // Before leaving: who waits for room must not take this for a consumer that went away.
    if (isLast) this.#core.close();
    this.#leave();
    // Again: leaving rings the bells, and closing left a mark on one that producers find.
    if (isLast) this.#core.markClosed();
  }

  /**
   * Leaves its place to a successor, with everything that it has not taken. On mpmc and lossy rings
   * that is without the up to 64 messages that a loop or `peek` that was left early has copied; on
   * broadcast rings a successor gets what is published from then on. Idempotent.
   */
  detach(): void {
    if (this.#isOver) return;
    this.#letGo();
    this.#source.release();
    this.#leave();
  }

  /** The message that was given last is done with; nothing happens when it was let go before. */
  #letGo(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#source.done();
  }

  #leave(): void {
    this.#isOver = true;
    this.#source.close();
    this.#membership.giveUp(this.#core.view, 'place', this.place);
    this.#waiter.close();
    this.#onDetached(this);
  }

  #beforeSleep(): void {
    this.#source.release();
    this.#source.slept();
  }

  #look(): Sight | undefined {
    if (this.#isOver) return 'ended';
    if (this.#source.isReady()) return 'ready';
    if (this.#hasEnded()) return 'ended';
    // Before looking for producers: one that comes right after that look is none that went away.
    const wasThere = this.#sawProducer || this.#core.producersTrace() !== this.#traceSeen;
    if (this.#core.hasProducer()) {
      this.#sawProducer = true;
      return undefined;
    }
    // Again: what a producer does last it does before it goes, which may have been just now.
    if (this.#source.isReady()) return 'ready';
    if (this.#hasEnded()) return 'ended';
    return wasThere && !this.#options.awaitSuccessor ? 'orphaned' : undefined;
  }

  /** Called when nothing was there. Lanes are looked at before their tails: they close last. */
  #hasEnded(): boolean {
    const core = this.#core;
    core.assertSound();
    let closed = 0;
    for (let lane = 0; lane < core.shape.lanes; lane++) {
      const state = core.laneState(lane);
      if (state === LaneState.OPEN) return false;
      if (state === LaneState.CLOSED) closed += 1;
    }
    return closed > 0 && !this.#source.isReady();
  }

  #settled(sight: Sight): 'ready' | 'ended' {
    if (sight !== 'orphaned') return sight;
    // Told once: who waits again waits for a successor.
    this.#sawProducer = false;
    this.#traceSeen = this.#core.producersTrace();
    throw new RondoError(
      'ERR_RING_PEER_DIED',
      `Cannot wait for messages of ${this.#core.label}: its producers died or went away`,
    );
  }

  #assertUsable(): void {
    if (!this.#isOver && !this.#isHandling) return;
    if (!this.#isOver) {
      throw misuse(
        'ERR_RING_CLAIM',
        'Cannot read more messages inside a handler of them: return from it first',
      );
    }
    throw misuse(
      'ERR_RING_CLOSED',
      `Cannot use a consumer of ${this.#core.label}: it was closed or detached`,
    );
  }
}

/** One loop over messages: hands out the same result object and cursor again and again. */
class Drain<T, S extends string> implements IterableIterator<Cursor<T, S>> {
  readonly #consumer: Consumer<T, S>;
  readonly #result: { done: boolean; value: Cursor<T, S> };
  #left: number;

  constructor(consumer: Consumer<T, S>, limit: number) {
    this.#consumer = consumer;
    this.#left = limit;
    this.#result = { done: false, value: undefined as unknown as Cursor<T, S> };
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<Cursor<T, S>> {
    const cursor = this.#left > 0 ? this.#consumer.peek(this.#left) : undefined;
    if (cursor === undefined) return this.return();
    this.#left -= 1;
    this.#result.value = cursor;
    return this.#result;
  }

  return(): IteratorResult<Cursor<T, S>> {
    this.#left = 0;
    this.#consumer.release();
    return { done: true, value: undefined };
  }
}
