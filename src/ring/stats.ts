/** The counters of a ring, for people and for metrics. They wrap at 2^32. */
import { loadAcquire } from '#atomics';
import type { RingCore } from './core.ts';
import { Cursor, Lane, LaneState } from './layout.ts';

/** One producer's lane. */
export interface LaneStats {
  readonly state: 'unused' | 'open' | 'closed';
  /** Position behind the last message that was published: how many there were, modulo 2^32. */
  readonly tail: number;
  /** Messages that the consumer furthest behind has not taken; 0 for lossy rings. */
  readonly waiting: number;
  /** Pushes that found no room. */
  readonly full: number;
  /** Messages that were dropped because of that. */
  readonly dropped: number;
  /** Claims that were given up. */
  readonly aborted: number;
  /** Publications. */
  readonly flushes: number;
  /** Publications that found somebody asleep. */
  readonly wakes: number;
  /** Waits for room that slept. */
  readonly sleeps: number;
}

/** One consumer's cursors, of all lanes together; on mpmc rings all consumers have one. */
export interface ConsumerStats {
  /** Messages that were overwritten before this consumer took them. */
  readonly lost: number;
  /** Releases that found a producer asleep. */
  readonly wakes: number;
  /** Waits for messages that slept. */
  readonly sleeps: number;
}

/** See `Ring.stats`. */
export interface RingStats {
  readonly lanes: readonly LaneStats[];
  readonly consumers: readonly ConsumerStats[];
}

const STATES: Readonly<Record<number, LaneStats['state']>> = {
  [LaneState.UNUSED]: 'unused',
  [LaneState.OPEN]: 'open',
  [LaneState.CLOSED]: 'closed',
};

/** Reads the counters; they may be of slightly different moments. */
export function readStats(core: RingCore): RingStats {
  const { lanes } = core.shape;
  return {
    lanes: Array.from({ length: lanes }, (_, lane) => laneStats(core, lane)),
    consumers: Array.from({ length: core.plan.cursors }, (_, cursor) =>
      consumerStats(core, cursor),
    ),
  };
}

function laneStats(core: RingCore, lane: number): LaneStats {
  const control = core.plan.control(lane);
  const word = (offset: number): number =>
    loadAcquire(core.words, core.word(control + offset)) >>> 0;
  const tail = word(Lane.TAIL);
  return {
    state: STATES[core.laneState(lane)] ?? 'unused',
    tail,
    waiting: core.shape.lossy ? 0 : waiting(core, lane, tail),
    full: word(Lane.FULL),
    dropped: word(Lane.DROPPED),
    aborted: word(Lane.ABORTED),
    flushes: word(Lane.FLUSHES),
    wakes: word(Lane.WAKES),
    sleeps: word(Lane.SLEEPS),
  };
}

function waiting(core: RingCore, lane: number, tail: number): number {
  const isBroadcast = core.shape.topology === 'broadcast';
  let most = 0;
  for (let cursor = 0; cursor < core.plan.cursors; cursor++) {
    if (isBroadcast && core.placeOwner(cursor) === 0) continue;
    const lag = (tail - loadAcquire(core.words, core.headWord(lane, cursor))) >>> 0;
    if (lag <= core.shape.slots) most = Math.max(most, lag);
  }
  return most;
}

function consumerStats(core: RingCore, cursor: number): ConsumerStats {
  let [lost, wakes, sleeps] = [0, 0, 0];
  for (let lane = 0; lane < core.shape.lanes; lane++) {
    const word = core.headWord(lane, cursor);
    lost += core.words[word + Cursor.LOST / 4]! >>> 0;
    wakes += core.words[word + Cursor.WAKES / 4]! >>> 0;
    sleeps += core.words[word + Cursor.SLEEPS / 4]! >>> 0;
  }
  return { lost, wakes, sleeps };
}
