/**
 * The messages of a ring as an observer sees them: copies, made without being a consumer. Nobody
 * waits for an observer, so it may miss messages, and counts them.
 *
 * A copy is shown if it was not being overwritten. On lossy rings the producer says what it may be
 * overwriting (`spec/ring.md`, §10). On others it only overwrites what was consumed, and does not
 * say how far it is with what it has not published; what was consumed counts as overwritten when it
 * is more than half a ring, or half a slab, behind what was published. A producer that writes more
 * than that before it publishes may so be seen at it: a copy of what was consumed is torn then, or
 * is of another message. What is not consumed is whole always, as is all on lossy rings.
 */
import { fence } from '#atomics';
import { RondoError } from '../../base/index.ts';
import { structFromLayout, Views, type Cursor, type StructType } from '../../memory/index.ts';
import { Inbox } from '../lanes/inbox.ts';
import { Lane } from '../layout.ts';
import { piecesOf } from '../pieces.ts';
import type { RingSegment, RingView } from './segment.ts';
import { poisonOf, RingWords } from './snapshot.ts';

/** A message that was seen. */
export interface SeenMessage {
  readonly lane: number;
  /** Of the lane, modulo 2³². */
  readonly position: number;
  /** Plain values, made with the schema in the segment; undefined when they cannot be. */
  readonly message: Record<string, unknown> | undefined;
  /** Why it cannot be decoded. */
  readonly problem: string | undefined;
}

/** Messages copied from one lane before they are looked at. */
const COPIES = 64;

/** Looks at a lane in one `read`: one that always has more must not keep it for ever. */
const TRIES_MAX = 1024;

interface LaneView {
  readonly lane: number;
  next: number;
}

/** What must hold for a copy to be whole, found out after it was made. */
interface Bounds {
  /** Position of the first message that is there for certain. */
  readonly first: number;
  /** Messages that are not older than that are whole, with all their pieces. */
  readonly safe: number | undefined;
  /** Slab position of the first piece that is there for certain. */
  readonly firstPiece: number;
}

/** See the head of this file. */
export class RingTail {
  /** Of the messages. */
  readonly struct: StructType<Record<string, unknown>>;
  /** Messages that were overwritten before they were seen. */
  missed: number = 0;
  readonly #ring: RingView;
  readonly #lanes: readonly LaneView[];
  readonly #inbox: Inbox;
  readonly #pieces: number;
  readonly #words: RingWords;
  readonly #views: Views;
  readonly #slab: (lane: number) => number;
  readonly #slots: (lane: number) => number;
  readonly #fence = new Int32Array(new SharedArrayBuffer(4));
  #cursor: Cursor<Record<string, unknown>> | undefined;
  #cursorGrown = -1;
  #isOpen = true;
  #turn = 0;

  /**
   * Begins with what no consumer has taken yet.
   * @throws {RondoError} ERR_STRUCT_LAYOUT when the schema in the segment is none
   */
  constructor(segment: RingSegment, ring: RingView) {
    const { plan, base, schema } = ring;
    this.#ring = ring;
    this.struct = structFromLayout(schema.layout);
    const fields = piecesOf(this.struct as unknown as StructType<unknown, string>);
    // Without a slab every reference is a lie, which decoding finds out.
    const pieces = plan.shape.slabBytes > 0 ? fields : [];
    this.#views = Views.of(segment.arena.memory.buffer);
    this.#pieces = pieces.length;
    this.#inbox = new Inbox(segment.arena, plan.shape, pieces, Math.min(COPIES, plan.shape.slots));
    this.#slab = (lane) => base + plan.slab(lane);
    this.#slots = (lane) => base + plan.slots(lane);
    this.#words = new RingWords(segment, ring);
    this.#lanes = Array.from({ length: plan.shape.lanes }, (_, lane) => ({
      lane,
      next: this.#oldest(lane),
    }));
  }

  /** Why the ring must not be used any more; undefined when it may. */
  get poison(): string | undefined {
    return poisonOf(this.#words);
  }

  /**
   * Up to `limit` messages that have not been seen yet, fewer when there are no more now. Where
   * nothing is overwritten before it was taken, those that were taken may be torn, if their
   * producer writes more than half of the slots, or of the slab, before it publishes.
   */
  read(limit: number): SeenMessage[] {
    const seen: SeenMessage[] = [];
    let idle = 0;
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      if (seen.length >= limit || idle >= this.#lanes.length) break;
      const view = this.#lanes[this.#turn]!;
      const before = view.next;
      seen.push(...this.#readLane(view, limit - seen.length));
      idle = view.next === before ? idle + 1 : 0;
      this.#turn = (this.#turn + 1) % this.#lanes.length;
    }
    return seen;
  }

  /** The oldest message that some consumer still needs. */
  #oldest(lane: number): number {
    const heads = this.#words.heads(lane);
    const tail = this.#words.lane(lane, Lane.TAIL);
    const { slots } = this.#ring.plan.shape;
    const behind = heads.map((head) => (tail - head) | 0).filter((distance) => distance > 0);
    return (tail - Math.min(slots, Math.max(0, ...behind))) >>> 0;
  }

  #readLane(view: LaneView, limit: number): SeenMessage[] {
    const { lane } = view;
    const { slots } = this.#ring.plan.shape;
    const tail = this.#words.lane(lane, Lane.TAIL);
    const there = (tail - view.next) | 0;
    if (there <= 0) return [];
    if (there > slots) this.#skip(view, (tail - slots) >>> 0);
    const first = view.next;
    const wanted = Math.min(limit, COPIES, (tail - first) >>> 0);
    const { copied, lies } = this.#copy(lane, first, wanted);
    // The copies are complete before it is looked at what was overwritten meanwhile.
    fence(this.#fence, 0);
    const bounds = this.#bounds(lane);
    const seen: SeenMessage[] = [];
    for (let index = 0; index < copied; index++) {
      const position = (first + index) >>> 0;
      if (this.#isWhole(index, position, bounds)) {
        seen.push(this.#decode(lane, position, index, lies && index === copied - 1));
      } else {
        this.missed += 1;
      }
    }
    view.next = (first + copied) >>> 0;
    return seen;
  }

  #skip(view: LaneView, to: number): void {
    this.missed += (to - view.next) >>> 0;
    view.next = to;
  }

  #copy(lane: number, first: number, wanted: number): { copied: number; lies: boolean } {
    const { slots, stride } = this.#ring.plan.shape;
    this.#inbox.clear();
    for (let index = 0; index < wanted; index++) {
      const slot = ((first + index) & (slots - 1)) * stride;
      const result = this.#inbox.copy(index, this.#slots(lane) + slot, this.#slab(lane));
      if (result === 'full') return { copied: index, lies: false };
      if (result === 'lie') return { copied: index + 1, lies: true };
    }
    return { copied: wanted, lies: false };
  }

  #bounds(lane: number): Bounds {
    const { slots, slabBytes, lossy } = this.#ring.plan.shape;
    const words = this.#words;
    if (lossy) {
      const intent = words.lane(lane, Lane.INTENT);
      const slabIntent = words.lane(lane, Lane.SLAB_INTENT);
      return { first: intent - slots, safe: undefined, firstPiece: slabIntent - slabBytes };
    }
    const tail = words.lane(lane, Lane.TAIL);
    const slabTail = words.lane(lane, Lane.SLAB_TAIL);
    // What the slowest consumer has not taken, nobody overwrites.
    const behind = words.heads(lane).map((head) => (tail - head) | 0);
    const kept = Math.max(0, ...behind.filter((distance) => distance <= slots));
    return {
      first: tail - Math.max(kept, slots >>> 1),
      safe: tail - kept,
      firstPiece: slabTail - (slabBytes >>> 1),
    };
  }

  #isWhole(index: number, position: number, { first, safe, firstPiece }: Bounds): boolean {
    if (((position - first) | 0) < 0) return false;
    if (safe !== undefined && ((position - safe) | 0) >= 0) return true;
    for (let piece = 0; piece < this.#pieces; piece++) {
      const start = this.#inbox.positions[index * this.#pieces + piece];
      const isThere = start !== undefined && !Number.isNaN(start);
      if (isThere && ((start - firstPiece) | 0) < 0) return false;
    }
    return true;
  }

  #decode(lane: number, position: number, index: number, isLie: boolean): SeenMessage {
    if (isLie) {
      const problem = 'a reference reaches outside the slab';
      return { lane, position, message: undefined, problem };
    }
    const cursor = this.#cursorNow();
    cursor.$offset = this.#inbox.slot(index);
    try {
      return { lane, position, message: cursor.$get(), problem: undefined };
    } catch (error) {
      if (!(error instanceof RondoError)) throw error;
      return { lane, position, message: undefined, problem: error.message };
    }
  }

  /** Made anew when the inbox had to grow. */
  #cursorNow(): Cursor<Record<string, unknown>> {
    const { base, size, grown } = this.#inbox;
    if (this.#cursor === undefined || this.#cursorGrown !== grown) {
      const slab = this.struct.hasSlab ? { base, size, reserve: () => -1 } : undefined;
      this.#cursor = this.struct.cursor(this.#views, slab);
      this.#cursorGrown = grown;
    }
    return this.#cursor;
  }

  /** Gives the memory of its copies back; it must not be used afterwards. Idempotent. */
  close(): void {
    if (this.#isOpen) this.#inbox.release();
    this.#isOpen = false;
  }
}
