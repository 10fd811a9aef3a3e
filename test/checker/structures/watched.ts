/**
 * What others find and look at while it is made or used: segments, their snapshots, and the rows of
 * tasks.
 */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import type { TestContext } from '../../../src/checker/check/index.ts';
import { LaneReader } from '../../../src/ring/lanes/reader.ts';
import { LaneWriter } from '../../../src/ring/lanes/writer.ts';
import { RingSegment, segmentBytes } from '../../../src/ring/segment/segment.ts';
import { type LaneSnapshot, snapshotRing } from '../../../src/ring/segment/snapshot.ts';
import { TaskReader } from '../../../src/task/executor/task-counters-reader.ts';
import { TaskCounters } from '../../../src/task/executor/task-counters.ts';
import { replacing } from './doors.ts';
import { assure, Ground } from './ground.ts';
import { rows } from './published.ts';
import { awaited, claimed, read, write } from './rings.ts';
import { CheckedSegment, specOf } from './segments.ts';
import { JAVASCRIPT, QUICK, type Structure } from './structure.ts';

/** Runs `body` where all that is drawn is the same, and time stands still: threads run again. */
function withoutChance<T>(body: () => T): T {
  const others = { randomBytes: (count: number) => Buffer.alloc(count, 0xab) };
  return replacing(Date, { now: () => 1_700_000_000_000 }, () => {
    try {
      return replacing(crypto, others, () => {
        syncBuiltinESMExports();
        return body();
      });
    } finally {
      syncBuiltinESMExports();
    }
  });
}

/** Whether an error says that there is nothing yet, and not that something is wrong. */
function isNotThere(error: unknown): boolean {
  const { code, message } = error as { code?: string; message: string };
  return code === 'ERR_RING_SEGMENT' && message.includes('has not finished it');
}

/** A segment is made while another thread attaches to it: it finds nothing, or all of it. */
function founding(context: TestContext): void {
  const spec = specOf({});
  const bytes = segmentBytes([spec]);
  const ground = new Ground(context, bytes, 2);
  const maker = ground.arena();
  const other = ground.arena();
  const look = (segment: RingSegment): void => {
    const { info, rings } = segment;
    assure(info.name === 'it' && info.kind === 'ring', 'it has its name and kind');
    assure(info.id === 'ab'.repeat(16) && info.createdAt === 1_700_000_000_000, 'and its id');
    assure(rings.length === 1 && rings[0]!.schema.layout === spec.schema.layout, 'and its ring');
    assure(rings[0]!.plan.shape.slots === spec.shape.slots, 'of its shape');
  };
  context.thread('maker', () => {
    withoutChance(() => RingSegment.format(maker, 0, bytes, { name: 'it', kind: 'ring' }, [spec]));
  });
  context.thread('reader', () => {
    try {
      look(RingSegment.attach(other, 0, bytes));
    } catch (error) {
      if (!isNotThere(error)) throw error;
    }
  });
  context.after(() => look(RingSegment.attach(other, 0, bytes)));
}

/** What a snapshot says of a lane: true by itself, and the messages that are there fit in. */
function assureLane(lane: LaneSnapshot, slots: number, count: number): void {
  const cursor = lane.cursors[0]!;
  assure(lane.tail <= count, 'so many were published');
  assure(cursor.head <= lane.tail, 'none is taken before it is published');
  assure(cursor.behind === Math.min(lane.tail - cursor.head, slots), 'the rest is there');
  assure(lane.used <= slots, 'there are no more than slots');
}

/** Snapshots are made while messages pass. Counts of what happens are plain: old or new ones. */
function snapshooting(slots: number, count: number) {
  return (context: TestContext): void => {
    const segment = new CheckedSegment(context, { slots }, 2);
    const core = segment.core();
    const others = segment.core();
    context.thread('producer', () => {
      const writer = new LaneWriter(core, 0, 1);
      for (let value = 1; value <= count; value++) {
        write(core.words, claimed(writer), value);
        writer.commit(1);
      }
    });
    context.thread('consumer', () => {
      const reader = new LaneReader(others, 0, 0, 1);
      for (let value = 1; value <= count; value++) {
        assure(read(others.words, awaited(reader)) === value, 'messages come in order');
        reader.take();
      }
    });
    context.thread('observer', () => {
      const first = snapshotRing(segment.segment, segment.ring).lanes[0]!;
      assureLane(first, slots, count);
      const second = snapshotRing(segment.segment, segment.ring).lanes[0]!;
      assureLane(second, slots, count);
      assure(second.tail >= first.tail, 'nothing is taken back');
      assure(second.cursors[0]!.head >= first.cursors[0]!.head, 'by nobody');
    });
  };
}

/** A ring that is poisoned or closed is seen to be. */
function ending(context: TestContext): void {
  const segment = new CheckedSegment(context, {}, 2);
  const core = segment.core();
  context.thread('consumer', () => core.close());
  context.thread('observer', () => {
    const first = snapshotRing(segment.segment, segment.ring);
    const second = snapshotRing(segment.segment, segment.ring);
    assure(second.isClosed || !first.isClosed, 'what is closed stays so');
    assure(second.poison === undefined, 'and that is all');
  });
  context.after(() => {
    assure(snapshotRing(segment.segment, segment.ring).isClosed, 'it is seen in the end');
  });
}

/** What a task does is counted while it is read: each number is an old or a new one. */
function countingTasks(context: TestContext): void {
  const ground = new Ground(context, 128, 3);
  const counters = TaskCounters.create(ground.arena(), { rows: 1, names: 1 });
  counters.open(0, 1, 0, 2, 5, '', undefined);
  context.thread('owner', () => {
    counters.scheduled(0, 7);
    counters.polling(0, 9);
    counters.addBusy(0, 1);
  });
  const other = ground.arena();
  context.thread('reader', () => {
    const [row] = new TaskReader(other, counters.offset).read();
    assure(row !== undefined && row.id === 1 && row.priority === 2, 'the task is there');
    assure([0, 1].includes(row.polls) && row.wakes === 0, 'counts are old or new ones');
    assure([0, 9].includes(row.lastPollAt), 'so are times');
    assure([0, 2000].includes(row.waitedMicroseconds), 'waited');
    assure([0, 1000].includes(row.busyMicroseconds), 'and worked');
  });
}

const SNAPSHOT = ['ring/segment/snapshot.js'];
const ROWS = ['task/executor/task-counters.js', 'task/executor/task-counters-reader.js'];

/** Everything that is found and looked at. */
export const watched: readonly Structure[] = [
  {
    name: 'a segment is found whole or not at all',
    covers: ['ring/segment/segment.js'],
    models: JAVASCRIPT,
    named: 'holds',
    body: founding,
  },
  {
    name: 'a snapshot of a ring is true and nearly of one moment',
    covers: SNAPSHOT,
    models: [...QUICK, 'v8-arm64'],
    named: 'holds',
    races: 'allow',
    body: snapshooting(1, 1),
  },
  {
    name: 'a snapshot of a ring that goes round',
    covers: SNAPSHOT,
    models: ['sc'],
    races: 'allow',
    body: snapshooting(1, 2),
  },
  {
    name: 'a snapshot of a ring that is closed',
    covers: SNAPSHOT,
    models: JAVASCRIPT,
    named: 'holds',
    body: ending,
  },
  {
    name: 'counts of a task are whole',
    covers: ROWS,
    models: ['sc', 'x86-tso', 'v8-arm64'],
    races: 'allow',
    body: countingTasks,
  },
  {
    name: 'a row may be of two tasks, where plain stores do not keep their order',
    covers: [],
    models: ['v8-arm64'],
    verdict: {
      fails: 'error',
      because:
        'the owner pays for no barrier: 3 at the head of task-counters.ts promises no more on ' +
        'such machines, as the row is right when it is read the next time',
    },
    races: 'allow',
    body: rows,
  },
];
