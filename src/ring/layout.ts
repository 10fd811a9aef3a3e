/**
 * Where everything lies in a ring block: the tables of `spec/ring.md`, §4, and nothing else knows
 * them. Who writes what is in the spec's tables; all offsets are bytes from the block's beginning,
 * all `…_WORD`s are words within their line.
 */
import { assert } from '../base/index.ts';

/** Bytes between what different sides write: two cache lines, because they are fetched in pairs. */
export const LINE_BYTES = 128;
/** `RING` in memory. */
export const RING_MAGIC = 0x474e4952;

/** Offsets in a ring block. */
export const Block = {
  GEOMETRY: 0,
  CLOSED: 128,
  POISON: 132,
  CONSUMERS_BELL: 256,
  PRODUCERS_BELL: 384,
  LANE_OWNERS: 512,
  CONSUMER_OWNERS: 768,
  LANES: 1024,
} as const;

/** Words of the geometry line. */
export const Geometry = {
  MAGIC: 0,
  TOPOLOGY: 1,
  FLAGS: 2,
  LANES: 3,
  CURSORS: 4,
  PLACES: 5,
  SLOTS: 6,
  STRIDE: 7,
  SLAB: 8,
} as const;

/** Bits of the flags word. */
export const Flag = { LOSSY: 1, IN_PROCESS: 2 } as const;

/** Offsets in a lane's control; cursor i lies at `CURSORS + i * LINE_BYTES`. */
export const Lane = {
  TAIL: 0,
  INTENT: 4,
  SLAB_TAIL: 8,
  SLAB_INTENT: 12,
  STATE: 16,
  FULL: 128,
  DROPPED: 132,
  ABORTED: 136,
  WAKES: 140,
  SLEEPS: 144,
  FLUSHES: 148,
  CURSORS: 256,
} as const;

/** Offsets in a cursor's line. */
export const Cursor = { HEAD: 0, LOST: 4, WAKES: 8, SLEEPS: 12 } as const;

/** What a lane's state word says. */
export const LaneState = { UNUSED: 0, OPEN: 1, CLOSED: 2 } as const;

/** Why a ring must not be used any more. */
export const Poison = { TAIL: 1, HEAD: 2, REFERENCE: 3 } as const;

const POISONED: Readonly<Record<number, string>> = {
  [Poison.TAIL]: 'a tail is not within the slots of its head',
  [Poison.HEAD]: 'a head is not within the slots of its tail',
  [Poison.REFERENCE]: 'a reference reaches outside the slab',
};

/** What a poison means; whoever wrote it may have written anything. */
export function poisonText(code: number): string {
  return POISONED[code] ?? `poison ${code >>> 0}`;
}

/** Who pushes and who pops: the number is the one in memory. */
export const TOPOLOGIES = { spsc: 1, mpsc: 2, mpmc: 3, broadcast: 4 } as const;

/** A way for producers and consumers to share a ring. */
export type Topology = keyof typeof TOPOLOGIES;

/** Limits of §4. */
export const Limit: Readonly<
  Record<'LANES' | 'PLACES' | 'SLOTS' | 'STRIDE' | 'SLAB_MIN' | 'SLAB_MAX', number>
> = {
  LANES: 64,
  PLACES: 64,
  SLOTS: 2 ** 24,
  STRIDE: 65_536,
  SLAB_MIN: 64,
  SLAB_MAX: 2 ** 29,
};

/** What decides everything else about a ring's memory. */
export interface RingShape {
  readonly topology: Topology;
  /** The oldest message is overwritten when all slots are full. */
  readonly lossy: boolean;
  /** Threads of one JavaScript process sleep on it with `Atomics.wait`. */
  readonly inProcess: boolean;
  /** Producers at a time: 1 to 64. */
  readonly lanes: number;
  /** Consumers at a time: 1 to 64. */
  readonly places: number;
  /** Messages per lane: a power of two. */
  readonly slots: number;
  /** Bytes from slot to slot: a multiple of 8. */
  readonly stride: number;
  /** Bytes per lane for what varies in length: 0 or a power of two. */
  readonly slabBytes: number;
}

/** Rounds up to whole lines. */
function lines(bytes: number): number {
  return Math.ceil(bytes / LINE_BYTES) * LINE_BYTES;
}

/** Where the parts of a ring lie in its memory. Made from a shape that was checked. */
export class RingPlan {
  readonly shape: RingShape;
  /** Heads per lane: one for each consumer of a broadcast ring, otherwise one. */
  readonly cursors: number;
  /** Bytes of the block. */
  readonly bytes: number;
  readonly #controlBytes: number;
  readonly #areas: number;
  readonly #slotBytes: number;
  readonly #startBytes: number;
  readonly #areaBytes: number;

  constructor(shape: RingShape) {
    const { topology, lanes, places, slots, stride, slabBytes } = shape;
    assert(lanes >= 1 && lanes <= Limit.LANES, 'lanes are within their limit');
    assert(places >= 1 && places <= Limit.PLACES, 'consumer places are within their limit');
    assert(slots >= 1 && slots <= Limit.SLOTS, 'slots are within their limit');
    assert((slots & (slots - 1)) === 0, 'the number of slots is a power of two');
    assert(stride >= 8 && stride <= Limit.STRIDE && stride % 8 === 0, 'the stride is aligned');
    assert((slabBytes & (slabBytes - 1)) === 0, 'the slab is a power of two');
    assert(slabBytes <= Limit.SLAB_MAX, 'the slab is within its limit');
    this.shape = shape;
    this.cursors = topology === 'broadcast' ? places : 1;
    this.#controlBytes = LINE_BYTES * (2 + this.cursors);
    this.#areas = Block.LANES + lanes * this.#controlBytes;
    this.#slotBytes = lines(slots * stride);
    this.#startBytes = slabBytes > 0 ? lines(slots * 4) : 0;
    this.#areaBytes = this.#slotBytes + this.#startBytes + lines(slabBytes);
    this.bytes = this.#areas + lanes * this.#areaBytes;
  }

  /** Offset of a lane's control. */
  control(lane: number): number {
    assert(lane >= 0 && lane < this.shape.lanes, 'the lane exists');
    return Block.LANES + lane * this.#controlBytes;
  }

  /** Offset of the line of a cursor. */
  cursor(lane: number, index: number): number {
    assert(index >= 0 && index < this.cursors, 'the cursor exists');
    return this.control(lane) + Lane.CURSORS + index * LINE_BYTES;
  }

  /** Offset of a lane's first slot. */
  slots(lane: number): number {
    assert(lane >= 0 && lane < this.shape.lanes, 'the lane exists');
    return this.#areas + lane * this.#areaBytes;
  }

  /** Offset of a lane's words that say where each message's slab piece began. */
  starts(lane: number): number {
    return this.slots(lane) + this.#slotBytes;
  }

  /** Offset of a lane's slab. */
  slab(lane: number): number {
    return this.starts(lane) + this.#startBytes;
  }
}
