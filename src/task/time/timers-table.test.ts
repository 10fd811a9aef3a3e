import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Timers } from './timers.ts';

const nothing = { fire(): void {} };

test('Timers: a void handle does nothing to the timer that has its place now', () => {
  const timers = new Timers(() => {});
  const old = timers.insert(10, nothing, false);
  assert.ok(timers.cancel(old));
  assert.equal(timers.cancel(old), false);
  const current = timers.insert(10, nothing, false);
  assert.notEqual(current, old);
  assert.equal(timers.cancel(old), false);
  assert.equal(timers.reset(old, 20), false);
  assert.equal(timers.size, 1);
  timers.expire(10);
  assert.equal(timers.cancel(current), false);
});

test('Timers: what was never a handle is void', () => {
  const timers = new Timers(() => {});
  timers.insert(10, nothing, false);
  for (const handle of [0, -1, 1, 2 ** 31 - 1, -(2 ** 31), Number.NaN, 5.5]) {
    assert.equal(timers.cancel(handle), false);
  }
});

test('Timers: handles are above 0, below 2^31, and another one each time', () => {
  for (const limit of [1, 2, 1000, 2 ** 22, 2 ** 24]) {
    const timers = new Timers(() => {}, { limit });
    const seen = new Set<number>();
    for (let i = 0; i < 127; i++) {
      const handle = timers.insert(10, nothing, true);
      assert.ok(Number.isInteger(handle) && handle > 0 && handle < 2 ** 31);
      assert.ok(!seen.has(handle));
      seen.add(handle);
      assert.ok(timers.cancel(handle));
    }
  }
});

test('Timers: grow to their limit and no further', () => {
  const timers = new Timers(() => {}, { limit: 1000 });
  const handles = Array.from({ length: 1000 }, (_, i) => timers.insert(i, nothing, false));
  assert.equal(timers.capacity, 1000);
  assert.throws(() => timers.insert(5, nothing, false), { code: 'ERR_TIMER_LIMIT' });
  assert.equal(timers.size, 1000);
  timers.cancel(handles[500]!);
  timers.insert(5, nothing, false);
});

test('Timers: the owner is told of an earlier deadline, and of nothing else', () => {
  let told = 0;
  const timers = new Timers(() => (told += 1));
  const steps: [expected: number, () => unknown][] = [
    [1, () => timers.insert(100, nothing, false)],
    [1, () => timers.insert(100, nothing, false)],
    [1, () => timers.insert(200, nothing, false)],
    [2, () => timers.insert(50, nothing, false)],
    [2, () => timers.expire(60)],
    [2, () => timers.nextDeadline()],
    [2, () => timers.insert(150, nothing, false)],
    [3, () => timers.insert(99, nothing, false)],
    [4, () => timers.insert(0, nothing, false)],
  ];
  for (const [expected, step] of steps) {
    step();
    assert.equal(told, expected, String(step));
  }
});

test('Timers: the owner is told when the first one holds and when none does', () => {
  const log: number[] = [];
  const timers: Timers = new Timers(() => log.push(timers.held));
  const first = timers.insert(10, nothing, false);
  const held = timers.insert(20, nothing, true);
  const another = timers.insert(30, nothing, true);
  assert.equal(timers.held, 2);
  timers.reset(held, 40);
  assert.equal(timers.held, 2);
  timers.cancel(another);
  timers.cancel(held);
  timers.cancel(first);
  assert.deepEqual(log, [0, 1, 0]);
  timers.insert(10, nothing, true);
  timers.expire(10);
  assert.equal(timers.held, 0);
});

test('Timers: the first deadline is exact when few are near it, else not later', () => {
  const timers = new Timers(() => {});
  const first = timers.insert(100_003, nothing, false);
  for (let i = 0; i < 20; i++) timers.insert(100_010 + i, nothing, false);
  assert.equal(timers.nextDeadline(), 100_003);
  timers.cancel(first);
  assert.equal(timers.nextDeadline(), 100_010);
  const handles = Array.from({ length: 100 }, () => timers.insert(100_005, nothing, false));
  timers.cancel(handles[0]!);
  assert.ok(timers.nextDeadline() <= 100_005);
});

test('Timers: deadlines that are none are refused, and nothing is set', () => {
  const timers = new Timers(() => {});
  for (const deadline of [-1, Number.NaN, Infinity, -Infinity, 2 ** 52]) {
    assert.throws(() => timers.insert(deadline, nothing, true), { code: 'ERR_OPTION_RANGE' });
  }
  const handle = timers.insert(1, nothing, true);
  assert.throws(() => timers.reset(handle, -1), { code: 'ERR_OPTION_RANGE' });
  assert.equal(timers.size, 1);
  assert.equal(timers.nextDeadline(), 1);
  assert.throws(() => new Timers(() => {}, { limit: 0 }), { code: 'ERR_OPTION_RANGE' });
  assert.throws(() => new Timers(() => {}, { slots: 1 } as object), { code: 'ERR_OPTION_UNKNOWN' });
});

test('Timers: forEach sees every entry, those of a millisecond in order', () => {
  const timers = new Timers(() => {});
  const names: string[] = [];
  const entry = (name: string) => ({ name, fire(): void {} });
  timers.expire(100);
  for (const [at, name] of [
    [5000, 'c'],
    [50, 'a'],
    [5000, 'd'],
    [2 ** 40, 'e'],
    [60, 'b'],
  ] as const) {
    timers.insert(at, entry(name), false);
  }
  timers.forEach((found) => names.push((found as ReturnType<typeof entry>).name));
  assert.equal(names.join(''), 'abcde');
});
