import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Timers, type TimersOptions, type TimerEntry } from './index.ts';

/** Timers with a log of what fired and of how often the owner was told. */
function harness(options: TimersOptions = {}) {
  const fired: string[] = [];
  const told = { times: 0 };
  const timers = new Timers(() => (told.times += 1), options);
  const entry = (name: string, then?: () => void): TimerEntry => ({
    fire() {
      fired.push(name);
      then?.();
    },
  });
  const set = (deadline: number, name = String(deadline), hold = false): number =>
    timers.insert(deadline, entry(name), hold);
  return { timers, fired, told, entry, set };
}

test('Timers: 1024 timers each fire in their millisecond and no sooner', () => {
  const { timers, fired, set } = harness();
  for (let ms = 0; ms < 1024; ms++) set(ms);
  for (let now = 1; now < 1024; now++) {
    timers.expire(now - 0.001);
    assert.equal(fired.length, now);
  }
  timers.expire(1023);
  assert.deepEqual(
    fired,
    Array.from({ length: 1024 }, (_, ms) => String(ms)),
  );
  assert.equal(timers.size, 0);
  assert.equal(timers.nextDeadline(), Infinity);
});

test('Timers: time that ends in the middle of a slot leaves it for later', () => {
  const { timers, fired, set } = harness();
  set(769);
  timers.expire(254);
  timers.expire(768);
  timers.expire(768);
  assert.deepEqual(fired, []);
  timers.expire(769);
  assert.deepEqual(fired, ['769']);
});

test('Timers: a deadline with a fraction is rounded up', () => {
  const { timers, fired, set } = harness();
  set(10.2);
  assert.equal(timers.nextDeadline(), 11);
  timers.expire(10.9);
  assert.deepEqual(fired, []);
  timers.expire(11);
  assert.deepEqual(fired, ['10.2']);
});

test('Timers: one that is changed fires at its new time alone', () => {
  const { timers, fired, set } = harness();
  const later = set(1000, 'later');
  const sooner = set(1000, 'sooner');
  assert.ok(timers.reset(later, 2000));
  assert.ok(timers.reset(sooner, 500));
  timers.expire(1500);
  assert.deepEqual(fired, ['sooner']);
  timers.expire(2500);
  assert.deepEqual(fired, ['sooner', 'later']);
});

test('Timers: a deadline that has passed fires in the next call, behind what is due already', () => {
  const { timers, fired, set } = harness();
  set(50);
  timers.expire(60, 0);
  set(10);
  assert.ok(timers.nextDeadline() <= 60);
  assert.equal(timers.expire(60), 2);
  assert.deepEqual(fired, ['50', '10']);
});

test('Timers: what an entry sets that is due already comes in the next call', () => {
  const { timers, fired, entry } = harness();
  const again = entry('again', () => {
    if (fired.length < 3) timers.insert(0, again, false);
  });
  timers.insert(5, again, false);
  assert.equal(timers.expire(10), 1);
  assert.equal(timers.nextDeadline(), 10);
  assert.equal(timers.expire(10), 1);
  assert.equal(timers.expire(10), 1);
  assert.equal(timers.expire(10), 0);
});

test('Timers: what an entry sets for a time that has come is fired in its turn', () => {
  const { timers, fired, entry, set } = harness();
  timers.insert(
    5,
    entry('first', () => set(7, 'second')),
    false,
  );
  set(9, 'third');
  timers.expire(10);
  assert.deepEqual(fired, ['first', 'second', 'third']);
});

test('Timers: an entry may stop or change what is due in the same millisecond', () => {
  const { timers, fired, entry, set } = harness();
  const handles: number[] = [];
  timers.insert(
    5,
    entry('first', () => {
      assert.ok(timers.cancel(handles[0]!));
      assert.ok(timers.reset(handles[1]!, 8));
    }),
    false,
  );
  handles.push(set(5, 'stopped'), set(5, 'changed'));
  set(6, 'next');
  timers.expire(7);
  assert.deepEqual(fired, ['first', 'next']);
  timers.expire(8);
  assert.deepEqual(fired, ['first', 'next', 'changed']);
});

test('Timers: fires of one call are bounded; the rest comes in the next, in order', () => {
  const { timers, fired, set } = harness({ batch: 10 });
  for (let i = 0; i < 25; i++) set(100, `${i}`);
  const counts = [timers.expire(500)];
  while (timers.nextDeadline() <= 500) counts.push(timers.expire(500));
  assert.ok(counts.every((count) => count <= 10));
  assert.deepEqual(
    fired,
    Array.from({ length: 25 }, (_, i) => `${i}`),
  );
});

test('Timers: moves of one call are bounded too, and what is set meanwhile keeps its place', () => {
  const { timers, fired, set } = harness({ batch: 4 });
  for (let i = 0; i < 10; i++) set(256 + (i & 1), `${i}`);
  assert.equal(timers.expire(256), 0);
  assert.equal(timers.nextDeadline(), 256);
  set(256, 'new');
  set(3, 'past');
  while (timers.nextDeadline() <= 257) timers.expire(257);
  assert.equal(fired.join(' '), '0 2 4 6 8 new past 1 3 5 7 9');
});

test('Timers: a jump of the clock over years fires everything once, in order', () => {
  const { timers, fired, set } = harness();
  const day = 86_400_000;
  const deadlines = [3 * day, 1, 400 * day, 64, 20_000 * day, 4096, 2 ** 40, 30 * day];
  for (const deadline of deadlines) set(deadline);
  timers.expire(40_000 * day);
  assert.deepEqual(fired, deadlines.toSorted((a, b) => a - b).map(String));
});

test('Timers: what lies beyond the wheel comes in its time, whoever was stopped before it', () => {
  const { timers, fired, set } = harness();
  const far = 5 * 2 ** 40;
  const stopped = set(2 ** 40 + 5);
  set(far + 1, 'far');
  set(far + 1, 'behind it');
  timers.cancel(stopped);
  timers.expire(2 ** 40 + 10);
  assert.deepEqual(fired, []);
  assert.equal(timers.nextDeadline(), far + 1);
  timers.expire(far);
  set(far + 1, 'last');
  timers.expire(far + 1);
  assert.deepEqual(fired, ['far', 'behind it', 'last']);
});

test('Timers: a clock that goes back does nothing', () => {
  const { timers, fired, set } = harness();
  timers.expire(1000);
  set(1001);
  timers.expire(10);
  timers.expire(Number.NaN);
  assert.equal(timers.present, 1000);
  timers.expire(1001);
  assert.deepEqual(fired, ['1001']);
});
