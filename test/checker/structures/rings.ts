/** Rings on the memory of a checked test, without a segment around them. */
import type { TestContext } from '../../../src/checker/check/index.ts';
import { RingCore } from '../../../src/ring/core.ts';
import { LaneReader } from '../../../src/ring/lanes/reader.ts';
import { LaneWriter, NO_SLOT } from '../../../src/ring/lanes/writer.ts';
import { Block, Lane, RingPlan, type RingShape } from '../../../src/ring/layout.ts';
import type { Arena } from '../../../src/memory/index.ts';
import { assure, Ground } from './ground.ts';

/** Sources that every ring runs through. */
export const LANE_SOURCES: readonly string[] = [
  'ring/lanes/writer.js',
  'ring/lanes/reader.js',
  'ring/lanes/heads.js',
];

/** Positions around which the counts of 31 and 32 bits wrap, and where there is nothing to see. */
export const STARTS: readonly number[] = [0, 0x7fff_ffff, -1];

/** A ring whose sides are made by the threads of a test. */
export class CheckedRing {
  readonly ground: Ground;
  readonly plan: RingPlan;

  constructor(context: TestContext, shape: Partial<RingShape>, start: number = 0) {
    this.plan = new RingPlan({
      topology: 'spsc',
      lossy: false,
      inProcess: true,
      lanes: 1,
      places: 1,
      slots: 2,
      stride: 8,
      slabBytes: 0,
      ...shape,
    });
    this.ground = new Ground(context, this.plan.bytes);
    for (let lane = 0; lane < this.plan.shape.lanes; lane++) this.#begin(lane, start);
  }

  #begin(lane: number, start: number): void {
    const control = this.plan.control(lane);
    this.set(control + Lane.TAIL, start);
    if (this.plan.shape.lossy) this.set(control + Lane.INTENT, start);
    for (let cursor = 0; cursor < this.plan.cursors; cursor++) {
      this.set(this.plan.cursor(lane, cursor), start);
    }
  }

  /** Says who owns the first lanes and places: any participants. */
  own(lanes: number, places: number): void {
    for (let lane = 0; lane < lanes; lane++) this.set(Block.LANE_OWNERS + 4 * lane, 1 + lane);
    for (let place = 0; place < places; place++) {
      this.set(Block.CONSUMER_OWNERS + 4 * place, 9 + place);
    }
  }

  /** The word at an offset of the block. */
  get words(): Int32Array {
    return this.ground.words;
  }

  set(offset: number, value: number): void {
    this.words[offset >>> 2] = value;
  }

  /** For a thread: call it in the set-up. */
  core(arena: Arena = this.ground.arena()): RingCore {
    const view = { index: 0, base: 0, plan: this.plan, schema: { layout: '', fingerprint: 0n } };
    return new RingCore(arena, view, 'the ring');
  }
}

/** Writes a message that can be told from any other, and from a torn one. */
export function write(words: Int32Array, slot: number, value: number): void {
  words[slot >>> 2] = value;
  words[(slot >>> 2) + 1] = ~value;
}

/** Reads a message. */
export function read(words: Int32Array, slot: number): number {
  const value = words[slot >>> 2]!;
  assure(words[(slot >>> 2) + 1] === ~value, 'a message is whole');
  return value;
}

/** Waits for a slot: a producer that finds none shows what it has. */
export function claimed(writer: LaneWriter): number {
  for (;;) {
    const slot = writer.claim();
    if (slot !== NO_SLOT) return slot;
    writer.publish();
  }
}

/** Waits for a message: a consumer that finds none gives back what it has. */
export function awaited(reader: LaneReader): number {
  for (;;) {
    const slot = reader.peek();
    if (slot !== NO_SLOT) return slot;
    reader.release();
  }
}

/** A thread that pushes `first`, `first + 1`, … and publishes what is left. */
export function producing(
  core: RingCore,
  lane: number,
  count: number,
  publishEvery: number = 1,
  first: number = 1,
): () => void {
  return () => {
    const writer = new LaneWriter(core, lane, publishEvery);
    for (let value = first; value < first + count; value++) {
      write(core.words, claimed(writer), value);
      writer.commit(1);
    }
    writer.publish();
  };
}

/** A thread that takes `first`, `first + 1`, … in this order. */
export function consuming(
  core: RingCore,
  lane: number,
  count: number,
  releaseEvery: number = 1,
  first: number = 1,
): () => void {
  return () => {
    const reader = new LaneReader(core, lane, 0, releaseEvery);
    for (let value = first; value < first + count; value++) {
      const found = read(core.words, awaited(reader));
      assure(found === value, `message ${value} comes next, not ${found}`);
      reader.take();
    }
    reader.release();
  };
}

/** Whether that poisons the ring, or finds it poisoned. */
export function isRefused(body: () => void): boolean {
  try {
    body();
    return false;
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_RING_POISONED') return true;
    throw error;
  }
}
