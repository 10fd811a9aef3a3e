/** The producing side of a ring, for one thread. */
import { misuse, RondoError, systemClock } from '../base/index.ts';
import { type Cursor, type Live, SLAB_FULL, type StructType } from '../memory/index.ts';
import type { RingCore } from './core.ts';
import { LaneWriter, NO_SLOT } from './lanes/writer.ts';
import { checkLimit, checkWritten, type ResolvedProducer } from './options.ts';
import type { Membership } from './segment/membership.ts';
import { publishAtTurnEnd } from './waiting/turn-end.ts';
import { Turns } from './waiting/turns.ts';
import { endOf, leftUntil, type Sight, Waiter } from './waiting/waiter.ts';

/**
 * What became of a message: `full` and `closed` leave it with the caller, `dropped` was counted
 * and is gone, because the producer's `whenFull` says so.
 */
export type PushResult = 'pushed' | 'full' | 'closed' | 'dropped';

/** Pushes between two looks at the clock, when a message may not wait longer than so long. */
const CLOCK_EVERY = 8;
/** How often a producer that is refused looks whether those are dead whom it waits for, in ms. */
const DEATHS_EVERY = 50;

/** What a producer is made from; users call `Ring.producer`. @internal */
export interface ProducerParts<T, S extends string> {
  readonly core: RingCore;
  readonly membership: Membership;
  readonly type: StructType<T, S>;
  readonly options: ResolvedProducer;
  readonly onDetached: (producer: Producer<T, S>) => void;
}

/**
 * Pushes messages into its own lane of a ring. Belongs to the thread that made it. A message is
 * written where consumers will read it, and seen by them when it is published: see `publishEvery`.
 */
export class Producer<T, S extends string = string> {
  /** Its lane: 0 unless several produce. */
  readonly lane: number;
  readonly #core: RingCore;
  readonly #membership: Membership;
  readonly #options: ResolvedProducer;
  readonly #writer: LaneWriter;
  readonly #cursor: Cursor<T, S>;
  /** Whether a claimed slot is cleared: it has fields that may be absent, or in the slab. */
  readonly #clears: boolean;
  /** Whether it is limited for how long a message may be committed and not published. */
  readonly #isTimed: boolean;
  readonly #waiter: Waiter;
  readonly #onDetached: (producer: Producer<T, S>) => void;
  /** Slots that are claimed now; -1 when the producer is over. */
  #claimed = 0;
  #scheduled = false;
  /** Whether a message that is not published needs something to be done for it. */
  #isUnattended = true;
  /** Of the messages that are not published: behind which they begin, and since when they wait. */
  #heldFrom: number | undefined;
  #heldSince = 0;
  /** How many there are when the clock is looked at next. */
  #clockAt = 0;
  #lookedForDeaths = 0;
  /** The first position that could not be written when a message was refused. */
  #refusedAt: number | undefined;
  readonly #turns = new Turns();
  /** Whether a consumer was there whose going would be news. */
  #sawConsumer: boolean;
  /** How far it was before: if it has moved, there was a consumer, seen or not. */
  #limitSeen: number;

  /** @internal */
  constructor(parts: ProducerParts<T, S>) {
    const { core, membership, type, options } = parts;
    this.#core = core;
    this.#membership = membership;
    this.#options = options;
    this.#onDetached = parts.onDetached;
    this.lane = membership.takeLane(core.view);
    try {
      this.#writer = new LaneWriter(core, this.lane, options.publishEvery);
    } catch (error) {
      membership.giveUp(core.view, 'lane', this.lane);
      throw error;
    }
    this.#limitSeen = this.#writer.limit;
    this.#sawConsumer = core.hasConsumer();
    this.#cursor = type.cursor(core.views, type.hasSlab ? this.#writer : undefined);
    this.#clears = type.hasSlab || type.presenceOffset >= 0;
    this.#isTimed = options.publishWithin !== Infinity;
    this.#waiter = new Waiter(
      core.arena,
      core.producersBell,
      membership,
      {
        look: () => this.#look(),
        isReady: () => this.#hasRoom(),
        beforeSleep: () => this.#writer.publish(),
      },
      options.spinMicroseconds,
    );
  }

  /**
   * Whether consumers want no more, as far as this producer has looked: when it published to
   * sleepers, and when the ring was full. Nothing can be pushed then.
   */
  get closed(): boolean {
    return this.#writer.closed;
  }

  /** Whether it was closed or detached. */
  get detached(): boolean {
    return this.#claimed < 0;
  }

  /** Messages that no consumer can see yet. */
  get unpublished(): number {
    return this.#writer.unpublished;
  }

  /**
   * Gives the next free slot to be written in place, or undefined when the ring is full or closed
   * (`closed` tells). Write every field: slots are cleared only if the struct has optional or slab
   * fields, otherwise what was there is still there. Then `commit` or
   * `abort`. The cursor is the same object each time.
   * @throws {TypeError} ERR_RING_CLAIM when a slot is claimed already
   * @throws {TypeError} ERR_RING_CLOSED after `close` or `detach`
   * @throws {RondoError} ERR_RING_POISONED
   */
  claim(): Cursor<T, S> | undefined {
    const cursor = this.#claim();
    // Old references and presence bits would say something; what else was there only looks old.
    if (this.#clears) cursor?.$clear();
    return cursor;
  }

  #claim(): Cursor<T, S> | undefined {
    if (this.#claimed !== 0) throw this.#cannotClaim();
    if (this.#writer.closed) return undefined;
    const slot = this.#writer.claim();
    if (slot === NO_SLOT) return undefined;
    this.#claimed = 1;
    this.#cursor.$offset = slot;
    return this.#cursor;
  }

  /**
   * Claims `count` slots at once, 1 to the number of slots; false when not all are free. Then
   * `slot(0)`, `slot(1)`, … give them, and `commit(n)` commits the first n. When a slab field finds
   * no room, ERR_SLAB_EXHAUSTED: commit the messages before it, or abort.
   * @throws {TypeError} ERR_RING_CLAIM, ERR_RING_CLOSED
   * @throws {RondoError} ERR_RING_POISONED
   */
  claimMany(count: number): boolean {
    if (this.#claimed !== 0) throw this.#cannotClaim();
    if (!Number.isInteger(count) || count < 1 || count > this.#core.shape.slots) {
      throw misuse(
        'ERR_RING_CLAIM',
        `Cannot claim ${count} slots: it must be from 1 to ${this.#core.shape.slots}`,
      );
    }
    if (this.#writer.closed) return false;
    if (!this.#writer.claimMany(count)) {
      this.#noRoom(false);
      return false;
    }
    this.#claimed = count;
    for (let index = 0; this.#clears && index < count; index++) this.slot(index).$clear();
    return true;
  }

  /**
   * The cursor on a claimed slot.
   * @throws {TypeError} ERR_RING_CLAIM when so many are not claimed
   */
  slot(index: number): Cursor<T, S> {
    if (!(index >= 0 && index < this.#claimed)) {
      throw misuse(
        'ERR_RING_CLAIM',
        `Cannot write slot ${index} of a claim: it has ${Math.max(0, this.#claimed)}`,
      );
    }
    this.#cursor.$offset = this.#writer.slotAt(index);
    return this.#cursor;
  }

  /**
   * The claimed slots hold messages: the first `count`, all unless said.
   * @throws {TypeError} ERR_RING_CLAIM when nothing is claimed, or less
   */
  commit(count: number = this.#claimed): void {
    if (!(count > 0 && count <= this.#claimed)) throw this.#cannotCommit(count);
    this.#claimed = 0;
    this.#refusedAt = undefined;
    this.#writer.commit(count);
    if (this.#isUnattended && this.#writer.unpublished > 0) this.#publishLater();
  }

  #cannotCommit(count: number): Error {
    return misuse(
      'ERR_RING_CLAIM',
      `Cannot commit ${Math.max(0, count)} slots: ${Math.max(0, this.#claimed)} are claimed`,
    );
  }

  /**
   * The claimed slots hold nothing.
   * @throws {TypeError} ERR_RING_CLAIM when nothing is claimed
   */
  abort(): void {
    if (this.#claimed <= 0) {
      throw misuse('ERR_RING_CLAIM', 'Cannot abort a claim: no slot is claimed');
    }
    this.#claimed = 0;
    this.#writer.abort();
    if (!this.#writer.lacksPiece) return;
    // As when it is refused: who waits now waits for room in the slab.
    this.#writer.publish();
    this.#refusedAt = this.#writer.limit;
  }

  /**
   * Lets `fill` write a message in place. When it throws, there is no message, and the error goes
   * on. It is called again when the slab has to be begun anew for the message.
   * @throws {RondoError} ERR_RING_MESSAGE_SIZE when it does not even fit an empty ring
   */
  tryWrite(fill: (message: Cursor<T, S>) => void): PushResult {
    const cursor = this.claim();
    if (cursor === undefined) return this.#refuse();
    try {
      checkWritten(fill(cursor));
    } catch (error) {
      if (!this.#abortFull(error)) return this.#refuse();
      return this.tryWrite(fill);
    }
    // It has closed the producer.
    if (this.#claimed < 0) return 'closed';
    this.commit();
    return 'pushed';
  }

  /**
   * Aborts because of an error, and lets it go on unless the slab is full; whether to try again at
   * once.
   */
  #abortFull(error: unknown): boolean {
    if (this.#claimed <= 0) throw error;
    this.abort();
    if (error !== SLAB_FULL) throw error;
    return this.#writer.startsOver;
  }

  /**
   * Pushes a message if there is room.
   * @throws {TypeError | RangeError | RondoError} ERR_STRUCT_… when it is not as its struct says
   * @throws {RondoError} ERR_RING_MESSAGE_SIZE when it does not even fit an empty ring
   */
  tryPush(message: T | Live<T>): PushResult {
    const cursor = this.#claim();
    if (cursor === undefined) return this.#refuse();
    try {
      cursor.$set(message);
    } catch (error) {
      if (!this.#abortFull(error)) return this.#refuse();
      return this.tryPush(message);
    }
    this.commit();
    return 'pushed';
  }

  /**
   * Lets `fill` write up to `count` messages in place, as far as there is room, and returns how many:
   * the fastest way for many. `index` counts from 0. When it throws, the messages before are pushed,
   * and the error goes on. What finds no room is left with the caller, whatever `whenFull` says.
   * @throws {TypeError} ERR_RING_CLAIM, ERR_RING_CLOSED
   * @throws {RondoError} ERR_RING_POISONED, ERR_RING_MESSAGE_SIZE
   */
  writeMany(count: number, fill: (message: Cursor<T, S>, index: number) => void): number {
    if (this.#claimed !== 0) throw this.#cannotClaim();
    checkLimit(count);
    const wanted = Math.floor(count);
    let written = 0;
    while (written < wanted && !this.#writer.closed) {
      const { publishEvery } = this.#options;
      const untilPublished = publishEvery - (this.#writer.unpublished % publishEvery);
      const run = this.#writer.claimRun(Math.min(wanted - written, untilPublished));
      if (run === 0) break;
      const filled = this.#fillRun(run, written, fill);
      written += filled;
      if (this.#claimed < 0) return written;
      if (filled < run && !this.#writer.startsOver) break;
    }
    if (written < wanted && !this.#writer.closed) this.#noRoom(false);
    return written;
  }

  /** Writes and commits up to `run` messages; fewer when the slab is full. */
  #fillRun(
    run: number,
    first: number,
    fill: (message: Cursor<T, S>, index: number) => void,
  ): number {
    const cursor = this.#cursor;
    const { stride } = this.#core.shape;
    const isPlain = !this.#clears && this.#writer.size === 0;
    let slot = this.#writer.slotAt(0);
    let filled = 0;
    this.#claimed = run;
    try {
      while (filled < run && this.#claimed > 0) {
        cursor.$offset = slot;
        if (!isPlain) this.#prepare(filled);
        const result: unknown = fill(cursor, first + filled);
        if (result !== undefined) checkWritten(result);
        filled += 1;
        slot += stride;
      }
    } catch (error) {
      if (error !== SLAB_FULL) throw error;
    } finally {
      // Unless it has closed the producer.
      if (this.#claimed > 0) {
        if (filled > 0) this.commit(filled);
        else this.abort();
      }
    }
    return filled;
  }

  /** Before a message of a run is written that has fields which may be absent, or in the slab. */
  #prepare(index: number): void {
    this.#writer.slotAt(index);
    if (this.#clears) this.#cursor.$clear();
  }

  /** Pushes messages in order until one finds no room; returns how many were pushed. */
  tryPushAll(messages: Iterable<T | Live<T>>): number {
    let count = 0;
    for (const message of messages) {
      if (this.tryPush(message) !== 'pushed') break;
      count += 1;
    }
    return count;
  }

  /**
   * Pushes a message as soon as there is room. Calls that overlap push in any order.
   * @throws {RondoError} ERR_RING_PEER_DIED when the ring stays full and nobody consumes any more
   */
  async push(
    message: T | Live<T>,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<Exclude<PushResult, 'full'>> {
    for (;;) {
      const result = this.tryPush(message);
      if (result !== 'full') {
        if (this.#turns.isOver(1)) await this.#turns.next();
        return result;
      }
      this.#settled(await this.#waiter.inLoop(options.signal, { beside: true }));
    }
  }

  /** As `push`, but blocks the thread, at most `timeoutMs`; `full` when the time is over. */
  pushBlocking(message: T | Live<T>, timeoutMs: number = Infinity): PushResult {
    const end = endOf(timeoutMs);
    for (;;) {
      const result = this.tryPush(message);
      if (result !== 'full') return result;
      if (this.waitBlocking(leftUntil(end)) === 'timeout') return 'full';
    }
  }

  /**
   * Waits in the event loop until it makes sense to try again: there is room, or an end (`closed`).
   * Publishes before.
   * @throws {RondoError} ERR_RING_PEER_DIED unless `awaitSuccessor`
   * @throws {TypeError} ERR_RING_CLAIM when this producer waits already
   */
  async ready(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    this.#assertUsable();
    this.#settled(await this.#waiter.inLoop(options.signal));
  }

  /** As `ready`, but blocks the thread, at most `timeoutMs`. */
  waitBlocking(timeoutMs: number = Infinity): 'ready' | 'timeout' {
    this.#assertUsable();
    const sight = this.#waiter.blocking(timeoutMs);
    if (sight === 'timeout') return sight;
    this.#settled(sight);
    return 'ready';
  }

  /**
   * Shows all messages to the consumers, now. On a broadcast ring that is not lossy it lets those
   * in that ask, too.
   */
  flush(): void {
    this.#assertUsable();
    this.#writer.publish();
  }

  /**
   * Publishes, and says that no more will come from this lane: when all lanes are closed, consumers
   * end. Idempotent.
   */
  close(): void {
    if (this.#claimed < 0) return;
    this.#writer.finish(true);
    this.#leave();
  }

  /** Publishes, and leaves the lane to a successor; consumers wait for one. Idempotent. */
  detach(): void {
    if (this.#claimed < 0) return;
    this.#writer.finish(false);
    this.#leave();
  }

  #leave(): void {
    this.#claimed = -1;
    this.#membership.giveUp(this.#core.view, 'lane', this.lane);
    this.#waiter.close();
    this.#onDetached(this);
  }

  #refuse(): PushResult {
    if (this.#writer.closed) return 'closed';
    const dropped = this.#options.whenFull === 'drop';
    this.#noRoom(dropped);
    return dropped ? 'dropped' : 'full';
  }

  #noRoom(dropped: boolean): void {
    this.#writer.refused(dropped);
    // Consumers may make room only by taking what is not published yet.
    this.#writer.publish();
    this.#refusedAt = this.#writer.limit;
    // A dead consumer that all wait for is cleared away by who waits; this one may never do so.
    const now = systemClock.now();
    if (this.#core.shape.topology !== 'broadcast' || now - this.#lookedForDeaths < DEATHS_EVERY) {
      return;
    }
    this.#lookedForDeaths = now;
    this.#membership.lookForDeaths();
  }

  /** Whether there is room, more than when a message was refused: the slab may be full. */
  #hasRoom(): boolean {
    const writer = this.#writer;
    writer.look();
    return writer.hasRoom(1) && (this.#refusedAt === undefined || writer.limit !== this.#refusedAt);
  }

  #look(): Sight | undefined {
    if (this.#claimed < 0) return 'ended';
    const hasRoom = this.#hasRoom();
    if (this.#writer.closed) return 'ended';
    if (hasRoom) return 'ready';
    // Before looking for consumers: one that comes right after that look is none that went away.
    const wasThere = this.#sawConsumer || this.#writer.limit !== this.#limitSeen;
    if (this.#core.hasConsumer()) {
      this.#sawConsumer = true;
      return undefined;
    }
    // Again: what a consumer does last it does before it goes, which may have been just now.
    if (this.#hasRoom()) return 'ready';
    if (this.#core.closed) return 'ended';
    return wasThere && !this.#options.awaitSuccessor ? 'orphaned' : undefined;
  }

  #settled(sight: Sight): void {
    this.#refusedAt = undefined;
    if (sight !== 'orphaned') return;
    // Told once: who waits again waits for a successor.
    this.#sawConsumer = false;
    this.#limitSeen = this.#writer.limit;
    throw new RondoError(
      'ERR_RING_PEER_DIED',
      `Cannot wait for room in ${this.#core.label}: its consumers died or went away`,
    );
  }

  /** Publishes at the end of the turn, or earlier when a message has waited for long enough. */
  #publishLater(): void {
    if (this.#isTimed) this.#publishInTime();
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#isUnattended = this.#isTimed;
    publishAtTurnEnd(this.#publishAtEnd);
  }

  readonly #publishAtEnd = (): void => {
    this.#scheduled = false;
    this.#isUnattended = true;
    if (this.#claimed < 0) return;
    try {
      this.#writer.publish();
    } catch {
      // Poisoned: the caller is gone; whoever uses the ring next is told.
    }
  };

  #publishInTime(): void {
    const { unpublished, published } = this.#writer;
    if (published !== this.#heldFrom) {
      this.#heldFrom = published;
      this.#heldSince = systemClock.now();
      this.#clockAt = unpublished + CLOCK_EVERY;
    } else if (unpublished >= this.#clockAt) {
      this.#clockAt = unpublished + CLOCK_EVERY;
      const waited = systemClock.now() - this.#heldSince;
      if (waited >= this.#options.publishWithin) this.#writer.publish();
    }
  }

  #assertUsable(): void {
    if (this.#claimed < 0) throw this.#cannotClaim();
  }

  #cannotClaim(): Error {
    if (this.#claimed > 0) {
      return misuse(
        'ERR_RING_CLAIM',
        'Cannot claim a slot: one is claimed already; commit or abort it first',
      );
    }
    return misuse(
      'ERR_RING_CLOSED',
      `Cannot use a producer of ${this.#core.label}: it was closed or detached`,
    );
  }
}
