/** Rings whose consumers copy: they share a cursor, or the producer overwrites. */
import type { TestContext } from '../../../src/checker/check/index.ts';
import { LaneCopier } from '../../../src/ring/lanes/copier.ts';
import { LaneWriter } from '../../../src/ring/lanes/writer.ts';
import { Cursor } from '../../../src/ring/layout.ts';
import { assure } from './ground.ts';
import { CheckedRing, producing, read, STARTS, write } from './rings.ts';
import { QUICK, type Structure, type Verdict } from './structure.ts';

const SHARED_SOURCES = ['ring/lanes/copier.js', 'ring/lanes/inbox.js'];

/** Takes messages until all positions up to `end` are taken, by whoever; gives its own. */
function taking(
  ring: CheckedRing,
  lane: number,
  cursor: number,
  end: number,
  limit: number,
): () => number[] {
  const core = ring.core();
  return () => {
    const copier = new LaneCopier(core, lane, cursor, []);
    const values: number[] = [];
    for (;;) {
      const count = copier.fetch(limit);
      for (let index = 0; index < count; index++) {
        values.push(read(core.words, copier.inbox.slot(copier.first + index)));
      }
      if (count === 0 && copier.head === end) return values;
    }
  };
}

function isRising(values: readonly number[]): boolean {
  return values.every((value, index) => index === 0 || value > values[index - 1]!);
}

/** Consumers share a lane: each message is taken once, by one of them. */
function sharing(slots: number, count: number, limit: number, starts: readonly number[]) {
  return (context: TestContext): void => {
    const start = starts[context.choose(starts.length)]!;
    const ring = new CheckedRing(context, { topology: 'mpmc', places: 2, slots }, start);
    context.thread('producer', producing(ring.core(), 0, count));
    const end = (start + count) | 0;
    const first = context.thread('first', taking(ring, 0, 0, end, limit));
    const second = context.thread('second', taking(ring, 0, 0, end, limit));
    context.after(() => {
      const all = [...first.result, ...second.result].sort((a, b) => a - b);
      assure(isRising(first.result) && isRising(second.result), 'messages come in order');
      assure(all.length === count && isRising(all), 'each message is taken once');
    });
  };
}

/**
 * The producer overwrites: what is taken is whole, in order, and what is not is counted as lost.
 */
function overwriting(slots: number, count: number, starts: readonly number[]) {
  return (context: TestContext): void => {
    const start = starts[context.choose(starts.length)]!;
    const ring = new CheckedRing(context, { topology: 'broadcast', lossy: true, slots }, start);
    context.thread('producer', producing(ring.core(), 0, count));
    const end = (start + count) | 0;
    const consumer = context.thread('consumer', taking(ring, 0, 0, end, 2));
    context.after(() => {
      const { result } = consumer;
      const lost = ring.words[(ring.plan.cursor(0, 0) + Cursor.LOST) >>> 2]!;
      assure(isRising(result), 'messages come in order');
      assure(result.length + lost === count, 'what is not taken is counted as lost');
      // Until a slot has been overwritten nothing is lost.
      assure(count > slots || lost === 0, 'nothing is lost while there is room');
    });
  };
}

const SLAB = 16;

/** The same with pieces in the slab, which is overwritten at another pace. */
function overwritingPieces(slots: number, count: number) {
  return (context: TestContext): void => {
    const shape = { topology: 'broadcast', lossy: true, slots, slabBytes: SLAB } as const;
    const ring = new CheckedRing(context, shape);
    const core = ring.core();
    context.thread('producer', () => {
      const writer = new LaneWriter(core, 0, 1);
      for (let value = 1; value <= count; value++) {
        const slot = writer.claim();
        const position = writer.reserve(8);
        write(core.words, writer.base + (position & (SLAB - 1)), value);
        core.words[slot >>> 2] = position;
        core.words[(slot >>> 2) + 1] = 8;
        writer.commit(1);
      }
    });
    const other = ring.core();
    const consumer = context.thread('consumer', () => {
      const copier = new LaneCopier(other, 0, 0, [{ offset: 0, presence: -1, bit: 0 }]);
      const values: number[] = [];
      for (;;) {
        const fetched = copier.fetch(1);
        for (let index = 0; index < fetched; index++) {
          const slot = copier.inbox.slot(copier.first + index) >>> 2;
          assure(other.words[slot + 1] === 8, 'a copy has its piece');
          values.push(read(other.words, copier.inbox.base + other.words[slot]!));
        }
        if (fetched === 0 && copier.head === count) return values;
      }
    });
    context.after(() => {
      const lost = ring.words[(ring.plan.cursor(0, 0) + Cursor.LOST) >>> 2]!;
      assure(isRising(consumer.result), 'messages come in order');
      assure(consumer.result.length + lost === count, 'what is not taken is counted as lost');
    });
  };
}

const NO_FENCE: Verdict = {
  fails: 'error',
  because:
    'ECMAScript has no fence: a read-modify-write of a word of one thread orders nothing there. ' +
    'What V8 makes of it on each machine does, and that is what these rings rely on',
};

/** Everything that copies. */
export const copiers: readonly Structure[] = [
  {
    name: 'a shared lane: each message is taken once',
    covers: SHARED_SOURCES,
    models: ['sc', 'x86-tso', 'es'],
    named: 'holds',
    races: 'allow',
    body: sharing(1, 2, 1, [0]),
  },
  {
    name: 'a shared lane: positions wrap at 31 and 32 bits',
    covers: SHARED_SOURCES,
    models: ['sc'],
    races: 'allow',
    body: sharing(2, 2, 1, STARTS),
  },
  {
    name: 'a shared lane: several messages are taken together',
    covers: SHARED_SOURCES,
    models: QUICK,
    named: 'holds',
    races: 'allow',
    body: sharing(2, 3, 2, [0]),
  },
  {
    name: 'a lossy lane: what is taken is whole',
    covers: [...SHARED_SOURCES, 'ring/lanes/writer.js'],
    models: ['sc', 'x86-tso', 'v8-arm64'],
    named: 'holds',
    races: 'allow',
    body: overwriting(1, 2, [0]),
  },
  {
    name: 'a lossy lane: positions wrap at 31 and 32 bits',
    covers: [...SHARED_SOURCES, 'ring/lanes/writer.js'],
    models: QUICK,
    races: 'allow',
    body: overwriting(2, 3, STARTS),
  },
  {
    name: 'a lossy lane with room for all',
    covers: [...SHARED_SOURCES, 'ring/lanes/writer.js'],
    models: QUICK,
    named: 'holds',
    races: 'allow',
    body: overwriting(2, 2, [0]),
  },
  {
    name: 'a lossy lane, by the text of ECMAScript alone',
    covers: [],
    models: ['es'],
    verdict: NO_FENCE,
    races: 'allow',
    body: overwriting(1, 2, [0]),
  },
  {
    name: 'a lossy lane: pieces are those of their messages',
    covers: [...SHARED_SOURCES, 'ring/lanes/writer.js'],
    models: QUICK,
    races: 'allow',
    body: overwritingPieces(2, 3),
  },
];
