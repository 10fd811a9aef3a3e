/** The counters of a ring, for people and for metrics. They wrap at 2^32. */
import type { RingSegment, RingView } from './segment/segment.ts';
import { type CursorSnapshot, type LaneStats, snapshotLanes } from './segment/snapshot.ts';

/** One consumer's cursors, of all lanes together; on mpmc rings all consumers have one. */
export type ConsumerStats = Pick<CursorSnapshot, 'lost' | 'wakes' | 'sleeps'>;

/** See `Ring.stats`. */
export interface RingStats {
  readonly lanes: readonly LaneStats[];
  readonly consumers: readonly ConsumerStats[];
}

/** Reads the counters; they may be of slightly different moments. */
export function readStats(segment: RingSegment, ring: RingView): RingStats {
  const lanes = snapshotLanes(segment, ring);
  const consumers = Array.from({ length: ring.plan.cursors }, (_, index) => {
    const sum = { lost: 0, wakes: 0, sleeps: 0 };
    for (const { cursors } of lanes) {
      const { lost, wakes, sleeps } = cursors[index]!;
      sum.lost += lost;
      sum.wakes += wakes;
      sum.sleeps += sleeps;
    }
    return sum;
  });
  return { lanes, consumers };
}
