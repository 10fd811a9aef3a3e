/** What one thread writes and any may read: counters, histograms, names, messages that pass by. */
import type { TestContext } from '../../../src/checker/check/index.ts';
import { Histogram } from '../../../src/gateway/metrics/histogram.ts';
import { type Arena, Counters, type Region } from '../../../src/memory/index.ts';
import { Slab } from '../../../src/memory/slab.ts';
import { LaneWriter } from '../../../src/ring/lanes/writer.ts';
import { RingTail } from '../../../src/ring/segment/tail.ts';
import { Header } from '../../../src/task/executor/task-counters-layout.ts';
import { NameTable } from '../../../src/task/executor/task-counters-names.ts';
import { TaskReader } from '../../../src/task/executor/task-counters-reader.ts';
import { TaskCounters } from '../../../src/task/executor/task-counters.ts';
import { assure, Ground } from './ground.ts';
import { claimed, write } from './rings.ts';
import { CheckedSegment } from './segments.ts';
import { JAVASCRIPT, QUICK, type Structure } from './structure.ts';

/**
 * Something is made while another thread, which was told the place too early, attaches to it: it
 * either finds nothing, or all of it.
 */
function making<T>(
  kinds: readonly string[],
  make: (arena: Arena) => void,
  attach: (arena: Arena, offset: number) => T,
  look: (it: T) => boolean,
) {
  return (context: TestContext): void => {
    const ground = new Ground(context, 128, 3);
    const arena = ground.arena();
    const places = kinds.map((kind) => arena.allocate(kind, 1024, { kind }));
    const [place] = places as [Region];
    const maker = ground.arena();
    const allocate: Arena['allocate'] = (_name, _size, options) =>
      places[kinds.indexOf(options!.kind!)]!;
    const given = Object.assign(Object.create(maker) as Arena, { allocate });
    context.thread('maker', () => make(given));
    const reader = ground.arena();
    context.thread('reader', () => {
      let it: T;
      try {
        it = attach(reader, place.offset);
      } catch (error) {
        if ((error as { code?: string }).code === 'ERR_REGION_KIND') return;
        throw error;
      }
      assure(look(it), 'what is found is whole');
    });
    context.after(() => assure(look(attach(reader, place.offset)), 'it is found in the end'));
  };
}

/** Texts of two words each. */
const [BEFORE, AFTER] = ['aaaaaaaa', 'bbbbbbbb'] as const;

/** A name is replaced while it is read: it is the old one, the new one, or left out. */
function naming(context: TestContext): void {
  const ground = new Ground(context, 128, 3);
  const arena = ground.arena();
  const counters = TaskCounters.create(arena, { rows: 1, names: 1 });
  counters.open(0, 1, 0, 0, 0, BEFORE, undefined);
  const header = counters.offset / 4;
  const offset = counters.offset + ground.words[header + Header.NAMES_AT]!;
  const table = new NameTable(arena, offset, 2);
  table.drop(table.hold(BEFORE));
  context.thread('owner', () => void table.hold(AFTER));
  const other = ground.arena();
  context.thread('reader', () => {
    const [row] = new TaskReader(other, counters.offset).read();
    assure(['', BEFORE, AFTER].includes(row!.name), `a name is whole, not ${row!.name}`);
  });
}

/** An entry of the table of names is taken by one name after the other, and each is itself. */
function renaming(context: TestContext): void {
  const ground = new Ground(context, 128, 3);
  const counters = TaskCounters.create(ground.arena(), { rows: 1, names: 1 });
  const other = ground.arena();
  context.thread('nobody', () => undefined);
  context.after(() => {
    const reader = new TaskReader(other, counters.offset);
    for (const [index, name] of [BEFORE, AFTER, BEFORE, BEFORE, AFTER].entries()) {
      counters.open(0, 1 + index, 0, 0, 0, name, undefined);
      assure(reader.read()[0]!.name === name, 'a task has its name');
      counters.close(0);
    }
  });
}

/** Tasks beyond the rows have one that nobody reads, and leave all others as they are. */
function overflowing(context: TestContext): void {
  const ground = new Ground(context, 128, 3);
  const count = 8;
  const counters = TaskCounters.create(ground.arena(), { rows: count, names: 1 });
  const other = ground.arena();
  context.thread('nobody', () => undefined);
  context.after(() => {
    for (let slot = 0; slot <= count; slot++) {
      counters.open(slot, 1 + slot, 0, 1, 7, BEFORE, undefined);
      counters.scheduled(slot, 7);
    }
    const reader = new TaskReader(other, counters.offset);
    const before = JSON.stringify(reader.read());
    counters.polling(count, 8);
    counters.addBusy(count, 9);
    counters.addWakers(count, 1);
    counters.turnEnded();
    counters.close(count);
    const after = JSON.stringify(reader.read());
    assure(reader.read().length === count, 'they are not shown');
    assure(after === before, "what they count is nobody else's");
  });
}

/** A task leaves its slot and another one enters while the row is read. */
export function rows(context: TestContext): void {
  const ground = new Ground(context, 128, 3);
  const counters = TaskCounters.create(ground.arena(), { rows: 2, names: 1 });
  counters.open(0, 1, 11, 1, 21, '', undefined);
  context.thread('owner', () => {
    counters.close(0);
    counters.open(0, 2, 12, 2, 22, '', undefined);
  });
  const other = ground.arena();
  context.thread('reader', () => {
    for (const { id, parent, priority, spawnedAt } of new TaskReader(
      other,
      counters.offset,
    ).read()) {
      assure(id === 1 || id === 2, 'a row without a task is left out');
      assure(
        parent === 10 + id && priority === id && spawnedAt === 20 + id,
        'all of it is its own',
      );
    }
  });
}

/** Counts go up, and are each whole. */
function counting(context: TestContext): void {
  const ground = new Ground(context, 128, 3);
  const counters = Counters.create(ground.arena(), 'counts', '', ['one', 'two']);
  const histogram = Histogram.create(ground.arena(), 'values', '', {
    lowest: 0,
    highest: 1,
    partBits: 0,
  });
  context.thread('writer', () => {
    counters.doubles[counters.base] = 2 ** 33 + 1;
    histogram.record(1.5);
  });
  context.thread('reader', () => {
    assure([0, 2 ** 33 + 1].includes(counters.snapshot().one), 'a count is an old or a new one');
    const { count, sum } = histogram.snapshot();
    assure([0, 1].includes(count) && [0, 1.5].includes(sum), 'so are those of a histogram');
  });
}

/** An observer sees whole messages in order, or counts them as missed. */
function observing(lossy: boolean, slots: number, count: number) {
  return (context: TestContext): void => {
    const topology = lossy ? ('broadcast' as const) : ('spsc' as const);
    const segment = new CheckedSegment(context, { topology, lossy, slots }, 0);
    const core = segment.core();
    const arena = segment.ground.arena();
    context.thread('producer', () => {
      const writer = new LaneWriter(core, 0, 1);
      for (let value = 1; value <= count; value++) {
        write(core.words, claimed(writer), value);
        writer.commit(1);
      }
    });
    context.thread('observer', () => {
      const tail = new RingTail({ ...segment.segment, arena }, segment.ring);
      const seen = tail.read(count);
      for (const { message, position } of seen) {
        const { value, check } = message as { value: number; check: number };
        assure(check === ~value >>> 0, 'a message is whole');
        assure(value === position + 1, 'it is the one of its position');
      }
    });
  };
}

const NAMES = ['task/executor/task-counters-names.js', 'task/executor/task-counters-reader.js'];

/** Everything that is only looked at. */
export const published: readonly Structure[] = [
  {
    name: 'counters are found whole or not at all',
    covers: ['memory/counters.js'],
    models: JAVASCRIPT,
    named: 'holds',
    body: making(
      ['counters'],
      (arena) => Counters.create(arena, 'it', '', ['one']),
      (arena, offset) => Counters.attach(arena, offset),
      (counters) => counters.names.join() === 'one' && counters.snapshot()['one'] === 0,
    ),
  },
  {
    name: 'a histogram is found whole or not at all',
    covers: ['gateway/metrics/histogram.js'],
    models: JAVASCRIPT,
    named: 'holds',
    body: making(
      ['histogram'],
      (arena) => Histogram.create(arena, 'it', '', { lowest: -1, highest: 1, partBits: 1 }),
      (arena, offset) => Histogram.attach(arena, offset),
      (histogram) => histogram.snapshot().bounds.length === 6,
    ),
  },
  {
    name: 'a slab is found whole or not at all',
    covers: ['memory/slab.js'],
    models: JAVASCRIPT,
    named: 'holds',
    body: making(
      ['slab'],
      (arena) => Slab.create(arena, { name: 'it', slotSize: 8, slots: 3 }),
      (arena, offset) => Slab.attach(arena, offset),
      (slab) => slab.capacity === 3 && slab.slotSize === 8 && slab.held === 0,
    ),
  },
  {
    name: 'tasks are found whole or not at all',
    covers: [...NAMES, 'task/executor/task-counters.js'],
    models: JAVASCRIPT,
    named: 'holds',
    body: making(
      ['tasks', 'counters'],
      (arena) => TaskCounters.create(arena, { rows: 1, names: 1 }),
      (arena, offset) => new TaskReader(arena, offset),
      (reader) => reader.read().length === 0 && reader.totals.snapshot().spawned === 0,
    ),
  },
  {
    name: 'a row is that of one task',
    covers: ['task/executor/task-counters-reader.js', 'task/executor/task-counters.js'],
    models: QUICK,
    races: 'allow',
    body: rows,
  },
  {
    name: 'names of tasks take the place of others',
    covers: [...NAMES, 'task/executor/task-counters.js'],
    models: ['sc'],
    body: renaming,
  },
  {
    name: 'tasks for which there is no row',
    covers: ['task/executor/task-counters-reader.js', 'task/executor/task-counters.js'],
    models: ['sc'],
    body: overflowing,
  },
  {
    name: 'a name of a task is whole',
    covers: NAMES,
    models: ['sc', 'x86-tso', 'v8-arm64'],
    named: 'holds',
    races: 'allow',
    body: naming,
  },
  {
    name: 'counts are whole',
    covers: ['memory/counters.js', 'gateway/metrics/histogram.js'],
    models: ['sc', 'v8-arm64'],
    races: 'allow',
    body: counting,
  },
  {
    name: 'an observer of a lossy ring sees whole messages',
    covers: ['ring/segment/tail.js', 'ring/lanes/inbox.js'],
    models: [...QUICK, 'v8-arm64'],
    races: 'allow',
    body: observing(true, 1, 2),
  },
  {
    name: 'an observer of a lossy ring: messages pass',
    covers: ['ring/segment/tail.js'],
    models: ['sc'],
    races: 'allow',
    body: observing(true, 2, 3),
  },
];
