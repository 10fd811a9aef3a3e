/** Rings with one producer and one consumer. */
import { loadAcquire } from '#atomics';
import type { TestContext } from '../../../src/checker/check/index.ts';
import { LaneReader } from '../../../src/ring/lanes/reader.ts';
import { LaneWriter, NO_SLOT } from '../../../src/ring/lanes/writer.ts';
import { Lane } from '../../../src/ring/layout.ts';
import { assure } from './ground.ts';
import {
  awaited,
  CheckedRing,
  claimed,
  consuming,
  isRefused,
  LANE_SOURCES,
  producing,
  read,
  STARTS,
  write,
} from './rings.ts';
import { JAVASCRIPT, QUICK, type Structure } from './structure.ts';

interface Flow {
  readonly slots: number;
  readonly count: number;
  readonly publishEvery?: number;
  readonly releaseEvery?: number;
}

/** Messages come whole, once, in order; nothing is written that is still read. */
function flow(
  { slots, count, publishEvery = 1, releaseEvery = 1 }: Flow,
  starts: readonly number[],
) {
  return (context: TestContext): void => {
    const start = starts[context.choose(starts.length)]!;
    const ring = new CheckedRing(context, { slots }, start);
    context.thread('producer', producing(ring.core(), 0, count, publishEvery));
    context.thread('consumer', consuming(ring.core(), 0, count, releaseEvery));
    context.after(() => {
      const control = ring.plan.control(0);
      const tail = ring.words[(control + Lane.TAIL) >>> 2];
      assure(tail === ((start + count) | 0), 'the tail counts the messages');
      assure(ring.words[ring.plan.cursor(0, 0) >>> 2] === tail, 'the head has reached it');
    });
  };
}

/** Slots claimed together, of which some are committed. */
function claimMany(context: TestContext): void {
  const kept = 1 + context.choose(2);
  const ring = new CheckedRing(context, { slots: 2 }, STARTS[context.choose(STARTS.length)]);
  const core = ring.core();
  context.thread('producer', () => {
    const writer = new LaneWriter(core, 0, 1);
    let value = 1;
    while (value <= 2 * kept) {
      while (!writer.claimMany(2)) writer.publish();
      for (let index = 0; index < kept; index++) {
        write(core.words, writer.slotAt(index), value + index);
      }
      value += kept;
      writer.commit(kept);
    }
  });
  context.thread('consumer', consuming(ring.core(), 0, 2 * kept));
}

/** Runs of slots side by side, and messages taken together. */
function runs(context: TestContext): void {
  const ring = new CheckedRing(context, { slots: 2 }, STARTS[context.choose(STARTS.length)]);
  const core = ring.core();
  const count = 4;
  context.thread('producer', () => {
    const writer = new LaneWriter(core, 0, 2);
    for (let value = 1; value <= count;) {
      const run = writer.claimRun(2);
      assure(run >= 0 && run <= 2, 'a run is not longer than asked for');
      if (run === 0) {
        writer.publish();
        continue;
      }
      for (let index = 0; index < run; index++) {
        write(core.words, writer.slotAt(index), value + index);
      }
      value += run;
      writer.commit(run);
    }
    writer.publish();
  });
  const other = ring.core();
  context.thread('consumer', () => {
    const reader = new LaneReader(other, 0, 0, 2);
    for (let value = 1; value <= count;) {
      const slot = awaited(reader);
      const together = Math.min(reader.available(), reader.untilWrap());
      for (let index = 0; index < together; index++) {
        const found = read(other.words, slot + 8 * index);
        assure(found === value + index, 'messages of a run come in order');
      }
      value += together;
      reader.takeMany(together);
      reader.release();
    }
  });
}

const SLAB = 16;

/** Messages with a piece in the slab each, of which one is aborted first. */
function pieces(bytes: number, slots: number, count: number) {
  return (context: TestContext): void => {
    const start = STARTS[context.choose(STARTS.length)]!;
    const ring = new CheckedRing(context, { slots, slabBytes: SLAB }, start);
    // Just before positions in the slab wrap: pieces begin at multiples of 8.
    ring.set(ring.plan.control(0) + Lane.SLAB_TAIL, start & -8);
    const core = ring.core();
    const other = ring.core();
    context.thread('producer', () =>
      produceWithPieces(core.words, new LaneWriter(core, 0, 1), bytes, count),
    );
    context.thread('consumer', () => {
      const reader = new LaneReader(other, 0, 0, 1);
      const slab = other.plan.slab(0);
      for (let value = 1; value <= count; value++) {
        const slot = awaited(reader) >>> 2;
        const at = (slab + (other.words[slot]! & (SLAB - 1))) >>> 2;
        for (let word = 0; word < bytes / 4; word++) {
          assure(other.words[at + word] === 10 * value + word, 'a piece is that of its message');
        }
        assure(other.words[slot + 1] === value, 'a message comes with its number');
        reader.take();
      }
    });
  };
}

function produceWithPieces(
  words: Int32Array,
  writer: LaneWriter,
  bytes: number,
  count: number,
): void {
  let isAborted = false;
  for (let value = 1; value <= count;) {
    const slot = claimed(writer);
    const position = writer.reserve(bytes);
    if (position < 0 || !isAborted) {
      isAborted ||= position >= 0;
      writer.abort();
      if (writer.lacksPiece) awaitHead(writer);
      continue;
    }
    const at = (writer.base + (position & (SLAB - 1))) >>> 2;
    for (let word = 0; word < bytes / 4; word++) words[at + word] = 10 * value + word;
    words[slot >>> 2] = position;
    words[(slot >>> 2) + 1] = value;
    writer.commit(1);
    value += 1;
  }
}

/** What was taken is free again: a slab that was emptied takes as much as a new one. */
function refilled(context: TestContext): void {
  const start = STARTS[context.choose(STARTS.length)]!;
  const isAborted = context.choose(2) === 1;
  const ring = new CheckedRing(context, { slots: 2, slabBytes: SLAB }, start);
  ring.set(ring.plan.control(0) + Lane.SLAB_TAIL, start & -8);
  const core = ring.core();
  const other = ring.core();
  context.thread('both', () => {
    const writer = new LaneWriter(core, 0, 1);
    const reader = new LaneReader(other, 0, 0, 1);
    for (let round = 0; round < 3; round++) {
      if (isAborted) {
        assure(writer.claim() !== NO_SLOT && writer.reserve(8) >= 0, 'there is room');
        writer.abort();
      }
      for (let count = 0; count < 2; count++) {
        assure(writer.claim() !== NO_SLOT, 'slots are free');
        assure(writer.reserve(8) >= 0, 'and so is the slab');
        writer.commit(1);
      }
      assure(writer.claim() === NO_SLOT, 'until they are taken');
      for (let count = 0; count < 2; count++) {
        assure(reader.peek() !== NO_SLOT, 'they are there');
        reader.take();
      }
      reader.release();
      if (round === 1) writer.look();
    }
  });
}

/** As a producer that is refused: it tries again when consumers have gone on. */
function awaitHead(writer: LaneWriter): void {
  const { limit } = writer;
  while (writer.limit === limit) writer.look();
}

/** A producer goes and another comes while the consumer reads: the second begins where it ended. */
function successor(context: TestContext): void {
  const ring = new CheckedRing(context, { slots: 2 });
  const first = ring.core();
  const producer = context.thread('producer', () => {
    const writer = new LaneWriter(first, 0, 2);
    write(first.words, claimed(writer), 1);
    writer.commit(1);
    writer.finish(false);
  });
  const second = ring.core();
  context.thread('successor', () => {
    producer.join();
    producing(second, 0, 2, 1, 2)();
  });
  context.thread('consumer', consuming(ring.core(), 0, 3));
}

/** What a liar writes is found out, and honest extremes are not taken for lies. */
function lies(context: TestContext): void {
  const ring = new CheckedRing(context, { slots: 2 }, STARTS[context.choose(STARTS.length)]);
  const core = ring.core();
  const tail = ring.plan.control(0) >>> 2;
  const lie = context.choose(4);
  const start = core.words[tail]!;
  core.words[tail] = (start + [2, 3, -1, 0x7fff_ffff][lie]!) | 0;
  context.thread('reader', () => {
    const reader = new LaneReader(core, 0, 0, 1);
    assure(isRefused(() => reader.peek()) === lie > 0, 'a tail beyond all slots is a lie');
    assure(core.isPoisoned === lie > 0, 'a lie is known to all');
  });
}

/** The same for heads. */
function headLies(context: TestContext): void {
  const ring = new CheckedRing(context, { slots: 2 }, STARTS[context.choose(STARTS.length)]);
  const core = ring.core();
  const head = ring.plan.cursor(0, 0) >>> 2;
  const lie = context.choose(4);
  core.words[head] = (core.words[head]! + [-2, -3, 1, 0x7fff_ffff][lie]!) | 0;
  context.thread('writer', () => {
    const isLie = isRefused(() => {
      const writer = new LaneWriter(core, 0, 1);
      assure(writer.claim() === NO_SLOT, 'a full ring has no slot');
    });
    assure(isLie === lie > 0, 'a head that is too far behind, or ahead, is a lie');
    const poison = loadAcquire(core.words, core.word(132));
    assure(poison === (lie > 0 ? 2 : 0), 'a lie about a head is poison 2');
  });
}

/** Everything about one lane. */
export const lanes: readonly Structure[] = [
  {
    name: 'a lane: messages come whole, once and in order',
    covers: LANE_SOURCES,
    models: ['sc', 'x86-tso', 'es', 'v8-arm64'],
    named: 'holds',
    body: flow({ slots: 2, count: 3 }, [0]),
  },
  {
    name: 'a lane: positions wrap at 31 and 32 bits',
    covers: LANE_SOURCES,
    models: JAVASCRIPT,
    named: 'holds',
    body: flow({ slots: 2, count: 3 }, STARTS),
  },
  {
    name: 'a lane with one slot',
    covers: LANE_SOURCES,
    models: JAVASCRIPT,
    named: 'holds',
    body: flow({ slots: 1, count: 3 }, STARTS),
  },
  {
    name: 'a lane: messages are shown, and slots given back, together',
    covers: LANE_SOURCES,
    models: JAVASCRIPT,
    named: 'holds',
    body: flow({ slots: 2, count: 3, publishEvery: 2, releaseEvery: 2 }, [0, -1]),
  },
  {
    name: 'a lane: several slots are claimed, and some of them committed',
    covers: LANE_SOURCES,
    models: QUICK,
    named: 'holds',
    body: claimMany,
  },
  {
    name: 'a lane: runs of slots',
    covers: LANE_SOURCES,
    models: QUICK,
    named: 'holds',
    body: runs,
  },
  {
    name: 'a lane: pieces in the slab, one of them aborted',
    covers: LANE_SOURCES,
    models: QUICK,
    named: 'holds',
    body: pieces(8, 4, 3),
  },
  {
    name: 'a lane: a slab that was emptied takes as much as a new one',
    covers: LANE_SOURCES,
    models: ['sc'],
    body: refilled,
  },
  {
    name: 'a lane: pieces that take the whole slab',
    covers: LANE_SOURCES,
    models: JAVASCRIPT,
    named: 'holds',
    body: pieces(SLAB, 2, 2),
  },
  {
    name: 'a lane: a producer goes, and another comes',
    covers: LANE_SOURCES,
    models: QUICK,
    named: 'holds',
    body: successor,
  },
  {
    name: 'a lane: lies about tails',
    covers: [...LANE_SOURCES, 'ring/core.js'],
    models: ['sc'],
    body: lies,
  },
  {
    name: 'a lane: lies about heads',
    covers: [...LANE_SOURCES, 'ring/core.js'],
    models: ['sc'],
    body: headLies,
  },
];
