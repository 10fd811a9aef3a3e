/** What all sides of one ring share: its words, its end, its poison, its bells. */
import { compareExchange, loadAcquire } from '#atomics';
import { RondoError } from '../base/index.ts';
import { type Arena, Views } from '../memory/index.ts';
import { Block, Cursor, Lane, poisonText, type RingPlan, type RingShape } from './layout.ts';
import type { RingView } from './segment/segment.ts';
import { callAttention, ringBell } from './waiting/bell.ts';

/** A ring of a segment, as one thread sees it. */
export class RingCore {
  readonly arena: Arena;
  readonly words: Int32Array;
  /** What cursors read and write. */
  readonly views: Views;
  readonly view: RingView;
  readonly plan: RingPlan;
  readonly shape: RingShape;
  /** Arena offsets of the bells. */
  readonly consumersBell: number;
  readonly producersBell: number;
  /** What messages call this ring. */
  readonly label: string;

  constructor(arena: Arena, view: RingView, label: string) {
    this.arena = arena;
    this.words = arena.words;
    this.views = Views.of(arena.memory.buffer);
    this.view = view;
    this.plan = view.plan;
    this.shape = view.plan.shape;
    this.consumersBell = view.base + Block.CONSUMERS_BELL;
    this.producersBell = view.base + Block.PRODUCERS_BELL;
    this.label = label;
  }

  /** Index of a word at an offset of the block. */
  word(offset: number): number {
    return (this.view.base + offset) >>> 2;
  }

  /** Whether a consumer has said that it wants no more. */
  get closed(): boolean {
    return loadAcquire(this.words, this.word(Block.CLOSED)) !== 0;
  }

  /** Whether somebody has found a lie. */
  get isPoisoned(): boolean {
    return loadAcquire(this.words, this.word(Block.POISON)) !== 0;
  }

  /** Says that no more is wanted; producers find out when they publish next, or wait. */
  close(): void {
    compareExchange(this.words, this.word(Block.CLOSED), 0, 1);
    ringBell(this.arena, this.consumersBell);
    this.markClosed();
    ringBell(this.arena, this.producersBell);
  }

  /** Makes producers look when they publish next, although nobody sleeps. */
  markClosed(): void {
    callAttention(this.words, this.consumersBell >>> 2);
  }

  /**
   * Marks the ring as unusable for everybody, and says so.
   * @throws {RondoError} ERR_RING_POISONED, always
   */
  poison(code: number): never {
    compareExchange(this.words, this.word(Block.POISON), 0, code);
    ringBell(this.arena, this.consumersBell);
    ringBell(this.arena, this.producersBell);
    throw this.#poisoned(code);
  }

  /** @throws {RondoError} ERR_RING_POISONED when somebody has found a lie */
  assertSound(): void {
    const code = loadAcquire(this.words, this.word(Block.POISON));
    if (code !== 0) throw this.#poisoned(code);
  }

  #poisoned(code: number): RondoError {
    const why = poisonText(code);
    return new RondoError('ERR_RING_POISONED', `Cannot use ${this.label} any more: ${why}`);
  }

  /** Wakes producers that may be asleep, after what they wait for was stored. */
  tellProducers(): number {
    return ringBell(this.arena, this.producersBell);
  }

  /**
   * Whether a consumer would find a message of this lane behind `head`. On a lossy ring the head may
   * be ahead, of messages that are overwritten before they are published: at most two rings.
   */
  hasMessage(lane: number, head: number): boolean {
    const tail = loadAcquire(this.words, this.word(this.plan.control(lane) + Lane.TAIL));
    const { lossy, slots } = this.shape;
    return lossy ? (head - tail) >>> 0 > 2 * slots : ((tail - head) | 0) > 0;
  }

  /** A number that another one follows whenever a producer has begun, or published something. */
  producersTrace(): number {
    let sum = 0;
    for (let lane = 0; lane < this.shape.lanes; lane++) {
      const tail = loadAcquire(this.words, this.word(this.plan.control(lane) + Lane.TAIL));
      // Apart from the tails, which few messages do not bring that far.
      sum += tail + (this.laneState(lane) << 30);
    }
    return sum | 0;
  }

  /** The state of a lane, and whether somebody owns it. */
  laneState(lane: number): number {
    return loadAcquire(this.words, this.word(this.plan.control(lane) + Lane.STATE));
  }

  /** Owner word of a lane; 0 is nobody. */
  laneOwner(lane: number): number {
    return loadAcquire(this.words, this.word(Block.LANE_OWNERS + 4 * lane));
  }

  /** Whether anybody consumes, or asks to. */
  hasConsumer(): boolean {
    for (let place = 0; place < this.shape.places; place++) {
      if (this.placeOwner(place) !== 0) return true;
    }
    return false;
  }

  /** Whether anybody produces. */
  hasProducer(): boolean {
    for (let lane = 0; lane < this.shape.lanes; lane++) {
      if (this.laneOwner(lane) !== 0) return true;
    }
    return false;
  }

  /** Owner word of a consumer place; 0 is nobody. */
  placeOwner(place: number): number {
    return loadAcquire(this.words, this.word(Block.CONSUMER_OWNERS + 4 * place));
  }

  /** Index of the word with the head of a cursor. */
  headWord(lane: number, cursor: number): number {
    return this.word(this.plan.cursor(lane, cursor) + Cursor.HEAD);
  }
}
