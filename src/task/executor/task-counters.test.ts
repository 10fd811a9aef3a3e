import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Arena } from '../../memory/index.ts';
import { TaskCounters, Total } from './task-counters.ts';
import { TaskReader, type TaskRow } from './task-counters-reader.ts';

const MIB = 1024 * 1024;

function made(options: { rows?: number; names?: number } = {}): {
  arena: Arena;
  counters: TaskCounters;
  reader: TaskReader;
} {
  const arena = Arena.create({ size: 4 * MIB });
  const counters = TaskCounters.create(arena, { owner: 'test', ...options });
  return { arena, counters, reader: new TaskReader(arena, counters.offset) };
}

test('TaskReader shows what was counted of a task', () => {
  const { counters, reader } = made();
  counters.open(3, 71, 70, 2, 1000.5, 'reader', 'at main (app.ts:3:7)');
  counters.scheduled(3, 1000.5);
  counters.polling(3, 1001);
  counters.addBusy(3, 0.25);
  counters.turnEnded();
  counters.scheduled(3, 1000.5);
  counters.wokenAgain(3);
  counters.wokenBySelf(3);
  counters.addWakers(3, 1);
  counters.addWakers(3, 1);
  counters.addWakers(3, -1);
  assert.deepEqual(reader.read(), [
    {
      id: 71,
      parent: 70,
      state: 'scheduled',
      priority: 2,
      polls: 1,
      wakes: 2,
      selfWakes: 1,
      wakers: 1,
      busyMicroseconds: 250,
      waitedMicroseconds: 500,
      spawnedAt: 1000.5,
      lastPollAt: 1001,
      name: 'reader',
      location: 'at main (app.ts:3:7)',
    },
  ]);
});

test('TaskReader derives the state of a task', () => {
  const { counters, reader } = made();
  const state = (): string | undefined => reader.read()[0]?.state;
  counters.open(0, 1, 0, 1, 0, '', undefined);
  assert.equal(state(), 'idle');
  counters.scheduled(0, 0);
  assert.equal(state(), 'scheduled');
  counters.polling(0, 1);
  assert.equal(state(), 'running');
  counters.turnEnded();
  assert.equal(state(), 'idle');
  counters.setPriority(0, 3);
  counters.cancelling(0);
  counters.setPriority(0, 2);
  assert.equal(state(), 'cancelling');
  assert.equal(reader.read()[0]?.priority, 2);
  counters.close(0);
  assert.equal(state(), undefined);
});

test('a slot starts from nothing with each task', () => {
  const { counters, reader } = made();
  counters.open(0, 1, 9, 3, 5, 'first', 'somewhere');
  counters.scheduled(0, 0);
  counters.wokenAgain(0);
  counters.wokenBySelf(0);
  counters.polling(0, 6);
  counters.cancelling(0);
  counters.addWakers(0, 2);
  counters.addBusy(0, 1);
  counters.turnEnded();
  counters.close(0);
  counters.open(0, 2, 0, 1, 7, '', undefined);
  const [row] = reader.read();
  assert.deepEqual(row, {
    id: 2,
    parent: 0,
    state: 'idle',
    priority: 1,
    polls: 0,
    wakes: 0,
    selfWakes: 0,
    wakers: 0,
    busyMicroseconds: 0,
    waitedMicroseconds: 0,
    spawnedAt: 7,
    lastPollAt: 0,
    name: '',
    location: '',
  });
});

test('tasks beyond the rows are counted and disturb no other', () => {
  const { counters, reader } = made({ rows: 2 });
  for (let slot = 0; slot < 5; slot++) counters.open(slot, slot + 1, 0, 1, 0, 'task', undefined);
  for (const slot of [2, 3, 4]) {
    counters.scheduled(slot, 0);
    counters.polling(slot, 1);
    counters.addBusy(slot, 100);
    counters.cancelling(slot);
    counters.close(slot);
  }
  counters.turnEnded();
  const rows = reader.read();
  assert.deepEqual(
    rows.map(({ id, polls, state }) => [id, polls, state]),
    [
      [1, 0, 'idle'],
      [2, 0, 'idle'],
    ],
  );
  assert.equal(reader.totals.snapshot()['untracked'], 3);
});

test('names are kept once, reused when nobody has them, and counted when there is no room', () => {
  const { counters, reader } = made({ names: 2 });
  const names = (): string[] => reader.read().map(({ name }) => name);
  counters.open(0, 1, 0, 1, 0, 'a', undefined);
  counters.open(1, 2, 0, 1, 0, 'a', undefined);
  counters.open(2, 3, 0, 1, 0, 'b', undefined);
  counters.open(3, 4, 0, 1, 0, 'c', undefined);
  assert.deepEqual(names(), ['a', 'a', 'b', '']);
  assert.equal(counters.totals[Total.NAMES_LEFT_OUT], 1);
  counters.close(0);
  counters.open(0, 5, 0, 1, 0, 'd', undefined);
  assert.deepEqual(names(), ['', 'a', 'b', ''], 'the second task has the name still');
  counters.close(2);
  counters.open(2, 6, 0, 1, 0, 'e', undefined);
  assert.deepEqual(names(), ['', 'a', 'e', '']);
});

test('names are cut at their end, locations at their beginning, both at whole characters', () => {
  const { counters, reader } = made();
  const long = 'é'.repeat(100);
  counters.open(0, 1, 0, 1, 0, long, `${'x'.repeat(200)}/app.ts:3:7`);
  const [{ name, location } = assert.fail()] = reader.read();
  assert.equal(name, 'é'.repeat(60));
  assert.ok(location.startsWith('…x') && location.endsWith('x/app.ts:3:7'));
  assert.equal(Buffer.byteLength(location), 120);
});

test('totals are added to by index and read by name', () => {
  const { counters, reader } = made();
  counters.totals[Total.POLLS]! += 5;
  counters.totals[Total.NAMES_LEFT_OUT]! += 1;
  const { polls, namesLeftOut, spawned } = reader.totals.snapshot();
  assert.deepEqual([polls, namesLeftOut, spawned], [5, 1, 0]);
});

test('TaskReader refuses what are no task counters', () => {
  const arena = Arena.create({ size: MIB });
  const region = arena.allocate('other', 4096);
  assert.throws(() => new TaskReader(arena, region.offset), { code: 'ERR_REGION_KIND' });
  assert.throws(() => new TaskReader(arena, 12), { code: 'ERR_REGION_RELEASED' });
});

test('TaskCounters gives its memory back', () => {
  const arena = Arena.create({ size: 4 * MIB });
  const before = arena.usage().held;
  TaskCounters.create(arena).release();
  assert.equal(arena.usage().held, before);
});

type Kept = Pick<TaskRow, 'id' | 'parent' | 'priority' | 'polls' | 'wakers' | 'name'>;

const SLOTS = 6;
const steps = fc.array(
  fc.tuple(
    fc.constantFrom('open', 'close', 'poll', 'clone', 'drop', 'move'),
    fc.nat(SLOTS - 1),
    fc.nat(3),
  ),
  { maxLength: 200 },
);

test('TaskReader shows what a naive model has, whatever was done', () => {
  fc.assert(
    fc.property(steps, (program) => {
      const { counters, reader } = made({ rows: SLOTS - 2, names: SLOTS });
      const model = new Map<number, Kept>();
      let ids = 0;
      for (const [what, slot, number] of program) {
        const task = model.get(slot);
        if (task === undefined) {
          if (what !== 'open') continue;
          ids += 1;
          const name = ['', 'a', 'b', 'c'][number]!;
          const kept = { id: ids, parent: number, priority: number, polls: 0, wakers: 0, name };
          model.set(slot, kept);
          counters.open(slot, ids, number, number, 1, name, undefined);
          continue;
        }
        if (what === 'close') {
          model.delete(slot);
          counters.close(slot);
        } else if (what === 'poll') {
          task.polls += 1;
          counters.scheduled(slot, 0);
          counters.polling(slot, 2);
        } else if (what === 'move') {
          task.priority = number;
          counters.setPriority(slot, number);
        } else if (what !== 'open') {
          const change = what === 'clone' ? 1 : -1;
          task.wakers += change;
          counters.addWakers(slot, change);
        }
      }
      const expected = [...model.entries()]
        .filter(([slot]) => slot < SLOTS - 2)
        .sort(([a], [b]) => a - b)
        .map(([, task]) => task);
      const shown = reader.read().map(({ id, parent, priority, polls, wakers, name }) => {
        return { id, parent, priority, polls, wakers, name };
      });
      assert.deepEqual(shown, expected);
    }),
    { numRuns: 50 },
  );
});
