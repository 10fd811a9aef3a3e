/**
 * Where a consumer gets its messages from: lanes read in place, or copies. One message at a time is
 * current: `next` gives it, `done` says that it is done with.
 */
import type { Cursor, StructType } from '../memory/index.ts';
import type { RingCore } from './core.ts';
import { LaneCopier } from './lanes/copier.ts';
import type { PieceField } from './lanes/inbox.ts';
import { LaneReader } from './lanes/reader.ts';
import { NO_SLOT } from './lanes/writer.ts';
import { Poison } from './layout.ts';
import { piecesInside, piecesOf } from './pieces.ts';
import { ASKING } from './segment/layout.ts';
import { callAttention } from './waiting/bell.ts';

/** What a consumer reads from. */
export interface Source<T, S extends string> {
  /** The next message, or undefined when there is none. `limit`: how many are wanted at most. */
  next(limit: number): Cursor<T, S> | undefined;
  /** The message that `next` gave is done with. */
  done(): void;
  /**
   * Hands up to `limit` messages to `handler`, each done with when it returns or throws; returns how
   * many. Stops after a message when `close` was called.
   */
  each(limit: number, handler: (message: Cursor<T, S>) => void): number;
  /** Gives the slots of what is done with back to the producers. */
  release(): void;
  /** Whether `next` would give a message. */
  isReady(): boolean;
  /** Whether the consumer gets what is published from now on. */
  readonly joined: boolean;
  /** Counts a sleep. */
  slept(): void;
  /** No more is asked for. */
  close(): void;
}

/** Reads lanes in place, in turn. */
export class InPlace<T, S extends string> implements Source<T, S> {
  readonly #core: RingCore;
  readonly #place: number;
  readonly #unsigned: Uint32Array;
  readonly #readers: readonly LaneReader[];
  readonly #cursors: readonly Cursor<T, S>[];
  readonly #pieces: readonly PieceField[];
  /** The lane that is read now, and how much of it before the next lane has its turn. */
  #current = 0;
  #left = 0;
  /** Messages of a batch that its handler was given and that are not taken yet. */
  #handled = 0;
  #joined: boolean;
  #isClosed = false;

  /** `cursor`: which of each lane's; `asking`: a producer has to let this consumer in first. */
  constructor(
    core: RingCore,
    type: StructType<T, S>,
    cursor: number,
    releaseEvery: number,
    asking: boolean,
  ) {
    const { plan, shape, view, views } = core;
    this.#core = core;
    this.#place = cursor;
    this.#unsigned = views.u32;
    this.#joined = !asking;
    this.#pieces = piecesOf(type as StructType<unknown, string>);
    const lanes = Array.from({ length: shape.lanes }, (_, lane) => lane);
    this.#readers = lanes.map((lane) => new LaneReader(core, lane, cursor, releaseEvery));
    this.#cursors = lanes.map((lane) =>
      type.cursor(
        views,
        type.hasSlab
          ? { base: view.base + plan.slab(lane), size: shape.slabBytes, reserve: () => -1 }
          : undefined,
      ),
    );
  }

  get joined(): boolean {
    return this.#joined || this.#join();
  }

  next(): Cursor<T, S> | undefined {
    if (!this.#joined && !this.#join()) return undefined;
    const slot = this.#left > 0 ? this.#readers[this.#current]!.peek() : this.#turn();
    if (slot === NO_SLOT) return undefined;
    if (this.#pieces.length > 0) this.#check(slot);
    const cursor = this.#cursors[this.#current]!;
    cursor.$offset = slot;
    return cursor;
  }

  each(limit: number, handler: (message: Cursor<T, S>) => void): number {
    let count = 0;
    // A handler may have closed the ring: then its memory is gone.
    while (count < limit && !this.#isClosed && this.next() !== undefined) {
      const reader = this.#readers[this.#current]!;
      const most = Math.min(limit - count, this.#left, reader.releaseEvery);
      const wanted = Math.min(most, reader.untilWrap());
      count += this.#batch(reader, this.#cursors[this.#current]!, wanted, handler);
    }
    return count;
  }

  /** The hot loop: nothing is called for a message but its handler. */
  #batch(
    reader: LaneReader,
    cursor: Cursor<T, S>,
    wanted: number,
    handler: (message: Cursor<T, S>) => void,
  ): number {
    const { stride } = this.#core.shape;
    const hasPieces = this.#pieces.length > 0;
    let slot = reader.peek();
    let handled = 0;
    try {
      while (handled < wanted && !this.#isClosed) {
        if (hasPieces) this.#check(slot);
        cursor.$offset = slot;
        slot += stride;
        // Only stored here: a count that each message loads again is waited for.
        this.#handled = handled += 1;
        handler(cursor);
      }
    } finally {
      this.#takeHandled();
    }
    return handled;
  }

  #takeHandled(): void {
    const count = this.#handled;
    if (count === 0) return;
    this.#handled = 0;
    this.#left -= count;
    this.#readers[this.#current]!.takeMany(count);
  }

  done(): void {
    this.#left -= 1;
    this.#readers[this.#current]!.take();
  }

  close(): void {
    // A handler may be running; what it was given is taken, and no successor gets it again.
    this.#takeHandled();
    this.release();
    this.#isClosed = true;
  }

  release(): void {
    for (const reader of this.#readers) reader.release();
  }

  isReady(): boolean {
    if (!this.#joined && !this.#join()) return false;
    if (this.#left > 0) return true;
    for (const reader of this.#readers) if (reader.available() > 0) return true;
    return false;
  }

  slept(): void {
    this.#readers[this.#current]!.slept();
  }

  /** Goes to the next lane that has messages; all that are there now are its turn. */
  #turn(): number {
    const lanes = this.#readers.length;
    for (let step = 1; step <= lanes; step++) {
      const lane = (this.#current + step) % lanes;
      const reader = this.#readers[lane]!;
      const available = reader.available();
      if (available === 0) continue;
      this.#current = lane;
      this.#left = available;
      return reader.peek();
    }
    return NO_SLOT;
  }

  /** Looks whether a producer has let this consumer in. */
  #join(): boolean {
    const core = this.#core;
    if ((core.placeOwner(this.#place) & ASKING) !== 0) {
      // Whoever rang the bell meanwhile has wiped the question.
      callAttention(core.words, core.consumersBell >>> 2);
      return false;
    }
    this.#joined = true;
    this.#readers[0]!.rewind();
    return true;
  }

  #check(slot: number): void {
    const { slabBytes } = this.#core.shape;
    if (piecesInside(this.#unsigned, slot, this.#pieces, slabBytes)) return;
    this.#core.poison(Poison.REFERENCE);
  }
}

/** Reads copies, lane by lane: where consumers share a cursor, or the producer overwrites. */
export class Copying<T, S extends string> implements Source<T, S> {
  readonly joined = true;
  readonly #type: StructType<T, S>;
  readonly #copiers: readonly LaneCopier[];
  readonly #cursors: (Cursor<T, S> | undefined)[] = [];
  readonly #grown: number[] = [];
  readonly #core: RingCore;
  #current = 0;
  /** Copies of the current lane that were not given yet, and the next of them. */
  #left = 0;
  #index = 0;
  #isClosed = false;

  constructor(core: RingCore, type: StructType<T, S>, cursor: number) {
    const pieces = piecesOf(type as StructType<unknown, string>);
    this.#core = core;
    this.#type = type;
    const copiers: LaneCopier[] = [];
    this.#copiers = copiers;
    try {
      for (let lane = 0; lane < core.shape.lanes; lane++) {
        copiers.push(new LaneCopier(core, lane, cursor, pieces));
      }
    } catch (error) {
      // No memory for that many.
      this.close();
      throw error;
    }
    if (core.shape.topology === 'broadcast') this.#copiers[0]!.skipToNewest();
  }

  next(limit: number): Cursor<T, S> | undefined {
    if (this.#left === 0 && !this.#fetch(limit)) return undefined;
    const copier = this.#copiers[this.#current]!;
    const cursor = this.#cursorOf(this.#current, copier);
    cursor.$offset = copier.inbox.slot(this.#index);
    return cursor;
  }

  each(limit: number, handler: (message: Cursor<T, S>) => void): number {
    let count = 0;
    while (count < limit && !this.#isClosed) {
      const cursor = this.next(limit - count);
      if (cursor === undefined) break;
      // Before the handler, which may throw, or close.
      this.done();
      count += 1;
      handler(cursor);
    }
    return count;
  }

  done(): void {
    this.#index += 1;
    this.#left -= 1;
  }

  close(): void {
    this.#isClosed = true;
    for (const copier of this.#copiers) copier.close();
  }

  release(): void {
    // Nothing is held: what was copied was given back at once.
  }

  isReady(): boolean {
    if (this.#left > 0) return true;
    for (const { lane, head } of this.#copiers) if (this.#core.hasMessage(lane, head)) return true;
    return false;
  }

  slept(): void {
    this.#copiers[this.#current]!.slept();
  }

  #fetch(limit: number): boolean {
    const lanes = this.#copiers.length;
    for (let step = 1; step <= lanes; step++) {
      const lane = (this.#current + step) % lanes;
      const copier = this.#copiers[lane]!;
      const count = copier.fetch(limit);
      if (count === 0) continue;
      this.#current = lane;
      this.#left = count;
      this.#index = copier.first;
      return true;
    }
    return false;
  }

  /** A lane's cursor over its inbox, made anew when that had to grow. */
  #cursorOf(lane: number, { inbox }: LaneCopier): Cursor<T, S> {
    const known = this.#cursors[lane];
    if (known && this.#grown[lane] === inbox.grown) return known;
    const { base, size } = inbox;
    const slab = this.#type.hasSlab ? { base, size, reserve: () => -1 } : undefined;
    const cursor = this.#type.cursor(this.#core.views, slab);
    this.#cursors[lane] = cursor;
    this.#grown[lane] = inbox.grown;
    return cursor;
  }
}
