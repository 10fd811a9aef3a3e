/**
 * A segment as an observer sees it: loads alone, so that the memory may be mapped read-only. Words
 * are loaded one after the other while others work: each is true, together they are nearly so.
 */
import { loadAcquire } from '#atomics';
import { Block, Cursor, Lane, poisonText, type RingShape } from '../layout.ts';
import { ASKING } from './layout.ts';
import { Participants, type ParticipantInfo } from './participants.ts';
import type { RingSegment, RingView } from './segment.ts';

/** What a consumer's head says. */
export interface CursorSnapshot {
  /** Position of the next message to take. */
  readonly head: number;
  /** Messages that are there and not taken: at most the slots. */
  readonly behind: number;
  /** Messages that were overwritten before they were taken. */
  readonly lost: number;
  readonly wakes: number;
  readonly sleeps: number;
}

/** A producer's queue. */
export interface LaneSnapshot {
  readonly state: 'unused' | 'open' | 'closed' | 'unknown';
  readonly producer: ParticipantInfo | undefined;
  /** Position behind the last message published: how many there were, modulo 2³². */
  readonly tail: number;
  /** Slots with messages that some consumer still needs. */
  readonly used: number;
  readonly full: number;
  readonly dropped: number;
  readonly aborted: number;
  readonly wakes: number;
  readonly sleeps: number;
  readonly flushes: number;
  /** One for each consumer of a broadcast ring, otherwise one. */
  readonly cursors: readonly CursorSnapshot[];
}

/** A producer's queue, whoever that is. */
export type LaneStats = Omit<LaneSnapshot, 'producer'>;

/** A ring. */
export interface RingSnapshot {
  readonly shape: RingShape;
  readonly isClosed: boolean;
  /** Why it must not be used any more; undefined when it may. */
  readonly poison: string | undefined;
  readonly lanes: readonly LaneSnapshot[];
  /** By place. */
  readonly consumers: readonly (ParticipantInfo | undefined)[];
}

const LANE_STATES = ['unused', 'open', 'closed'] as const;

/** Reads the words of one ring. */
export class RingWords {
  readonly ring: RingView;
  readonly #words: Int32Array;

  constructor(segment: RingSegment, ring: RingView) {
    this.ring = ring;
    this.#words = segment.arena.words;
  }

  /** The word at an offset of the block. */
  load(offset: number): number {
    return loadAcquire(this.#words, (this.ring.base + offset) >>> 2) >>> 0;
  }

  /** The word at an offset of a lane's control. */
  lane(lane: number, offset: number): number {
    return this.load(this.ring.plan.control(lane) + offset);
  }

  /** The head of a cursor. */
  head(lane: number, cursor: number): number {
    return this.load(this.ring.plan.cursor(lane, cursor) + Cursor.HEAD);
  }

  /** Whether a broadcast consumer is waited for, or would be if the ring were not lossy. */
  isActive(place: number): boolean {
    const owner = this.load(Block.CONSUMER_OWNERS + 4 * place);
    return owner !== 0 && (owner & ASKING) === 0;
  }

  /** Heads that a producer looks at. */
  heads(lane: number): number[] {
    const { plan } = this.ring;
    const isBroadcast = plan.shape.topology === 'broadcast';
    const cursors = Array.from({ length: plan.cursors }, (_, cursor) => cursor);
    return cursors
      .filter((cursor) => !isBroadcast || this.isActive(cursor))
      .map((cursor) => this.head(lane, cursor));
  }
}

/** How far `head` is behind, at most all slots: it was loaded before `tail`. */
function behind(tail: number, head: number, slots: number): number {
  const distance = (tail - head) | 0;
  return Math.max(0, Math.min(distance, slots));
}

function laneSnapshot(words: RingWords, lane: number): LaneStats {
  const { plan } = words.ring;
  const { slots } = plan.shape;
  const used = words.heads(lane);
  const cursors = Array.from({ length: plan.cursors }, (_, index) => {
    const at = plan.cursor(lane, index);
    return {
      head: words.head(lane, index),
      lost: words.load(at + Cursor.LOST),
      wakes: words.load(at + Cursor.WAKES),
      sleeps: words.load(at + Cursor.SLEEPS),
    };
  });
  const tail = words.lane(lane, Lane.TAIL);
  return {
    state: LANE_STATES[words.lane(lane, Lane.STATE)] ?? 'unknown',
    tail,
    used: Math.max(0, ...used.map((head) => behind(tail, head, slots))),
    full: words.lane(lane, Lane.FULL),
    dropped: words.lane(lane, Lane.DROPPED),
    aborted: words.lane(lane, Lane.ABORTED),
    wakes: words.lane(lane, Lane.WAKES),
    sleeps: words.lane(lane, Lane.SLEEPS),
    flushes: words.lane(lane, Lane.FLUSHES),
    cursors: cursors.map((cursor) => ({ ...cursor, behind: behind(tail, cursor.head, slots) })),
  };
}

/** The lanes of a ring, as they are now, without who produces. */
export function snapshotLanes(segment: RingSegment, ring: RingView): LaneStats[] {
  const words = new RingWords(segment, ring);
  return Array.from({ length: ring.plan.shape.lanes }, (_, lane) => laneSnapshot(words, lane));
}

/** Why a ring is poisoned, or undefined when it is not. */
export function poisonOf(words: RingWords): string | undefined {
  const poison = words.load(Block.POISON);
  return poison === 0 ? undefined : poisonText(poison);
}

/** A ring, as it is now. */
export function snapshotRing(segment: RingSegment, ring: RingView): RingSnapshot {
  const { shape } = ring.plan;
  const words = new RingWords(segment, ring);
  const participants = new Participants(segment);
  const lanes = snapshotLanes(segment, ring).map((lane, index) => ({
    ...lane,
    producer: participants.present(ring, 'lane', index),
  }));
  const consumers = Array.from({ length: shape.places }, (_, place) =>
    participants.present(ring, 'place', place),
  );
  const isClosed = words.load(Block.CLOSED) !== 0;
  return { shape, isClosed, poison: poisonOf(words), lanes, consumers };
}
