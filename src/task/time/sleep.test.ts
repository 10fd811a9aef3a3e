import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PENDING } from '../future/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { VirtualHost } from '../testing/virtual-host.ts';
import { LONGEST_WAIT, sleep, sleepUntil, type Sleep } from './index.ts';
import { assertPending, assertReady, Clock } from './time.test.helper.ts';

const YEAR = 365 * 24 * 3600 * 1000;

/** How long a task sleeps that does nothing else. */
function slept(make: (now: number) => Sleep, start = 0): number {
  const host = new VirtualHost({ start });
  const executor = host.executor();
  host.run(function* () {
    yield* make(executor.now());
  });
  return executor.now() - start;
}

test('sleep: of no time, and until now or the past, is over at once', () => {
  const clock = new Clock(1000);
  for (const make of [() => sleep(0), () => sleepUntil(1000), () => sleepUntil(5)]) {
    const sleeping = clock.host.enter(make);
    assert.ok(sleeping.isElapsed);
    assertReady(new TestTask(sleeping));
    assert.ok(sleeping.isElapsed);
  }
  assert.equal(clock.executor.timers.size, 0);
});

test('sleep: is elapsed when its time has come, not before', () => {
  const clock = new Clock();
  const sleeping = clock.host.enter(() => sleep(10));
  const task = new TestTask(sleeping);
  assert.equal(sleeping.deadline, 10);
  assertPending(task);
  assert.equal(sleeping.isElapsed, false);
  clock.advance(9.999);
  assert.equal(task.isWoken, false);
  clock.advance(0.001);
  assert.ok(task.isWoken);
  assert.ok(sleeping.isElapsed);
  assertReady(task);
  assertReady(task);
});

test('sleep: takes exactly its time on every level of the wheel', () => {
  for (const ms of [
    1,
    60,
    64,
    255,
    256,
    257,
    4096,
    65_535,
    65_536,
    2 ** 24 + 1,
    2 ** 32,
    2 ** 40 + 1,
  ]) {
    assert.equal(
      slept(() => sleep(ms)),
      ms,
    );
    assert.equal(
      slept((now) => sleepUntil(now + ms), 5),
      ms,
    );
    assert.equal(
      slept((now) => sleepUntil(now + ms), 2 ** 40 - 3),
      ms,
    );
  }
});

test('sleep: below a millisecond it is rounded up', () => {
  assert.equal(
    slept(() => sleep(0.001)),
    1,
  );
  assert.equal(
    slept((now) => sleepUntil(now + 1.000_001)),
    2,
  );
});

test('sleep: years and tens of years', () => {
  const host = new VirtualHost();
  const executor = host.executor();
  host.run(function* () {
    for (let i = 1; i <= 5; i++) {
      yield* sleep(YEAR);
      assert.equal(executor.now(), i * YEAR);
    }
    yield* sleepUntil(executor.now() + 10 * YEAR);
    assert.equal(executor.now(), 15 * YEAR);
  });
});

test('sleep: the longest there is, beside a short one', () => {
  assert.equal(
    slept(() => sleep(LONGEST_WAIT)),
    LONGEST_WAIT,
  );
  assert.equal(
    slept(() => sleep(LONGEST_WAIT - 1)),
    LONGEST_WAIT - 1,
  );
  const clock = new Clock();
  const long = clock.test(() => sleep(LONGEST_WAIT));
  const short = clock.test(() => sleep(0.001));
  assertPending(long);
  assertPending(short);
  clock.advance(1);
  assert.ok(short.isWoken);
  assert.equal(long.isWoken, false);
});

test('sleep: what is no time is refused', () => {
  const clock = new Clock();
  for (const ms of [-1, -0.001, Number.NaN, Infinity, 2 ** 50 + 1]) {
    assert.throws(() => clock.host.enter(() => sleep(ms)), { code: 'ERR_OPTION_RANGE' });
    assert.throws(() => clock.host.enter(() => sleepUntil(ms)), { code: 'ERR_OPTION_RANGE' });
    const sleeping = clock.host.enter(() => sleep(1));
    assert.throws(() => sleeping.reset(ms), { code: 'ERR_OPTION_RANGE' });
  }
  assert.throws(() => sleep('5' as unknown as number), { code: 'ERR_OPTION_TYPE' });
  assert.throws(() => clock.host.enter(() => sleep(5, { holds: true } as object)), {
    code: 'ERR_OPTION_UNKNOWN',
  });
});

test('sleep: short ones in a row give way when the budget is used up', () => {
  const clock = new Clock();
  const task = clock.test(() => sleep(0));
  task.budget = 0;
  assertPending(task);
  assert.ok(task.isWoken);
  task.budget = 1;
  assertReady(task);
});

test('sleep: another task that polls it is the one that is woken', () => {
  const clock = new Clock();
  const sleeping = clock.host.enter(() => sleep(5));
  const first = new TestTask(sleeping);
  const second = new TestTask(sleeping);
  assertPending(first);
  assertPending(second);
  assert.equal(first.wakers, 0);
  clock.advance(5);
  assert.equal(first.isWoken, false);
  assert.ok(second.isWoken);
  assertReady(second);
  assert.equal(second.wakers, 0);
});

test('sleep: given up it leaves nothing behind, polled or not', () => {
  const clock = new Clock();
  const task = clock.test(() => sleep(5));
  assert.ok(task.cancel());
  assertPending(task);
  assert.equal(clock.executor.timers.size, 1);
  assert.ok(task.cancel());
  assert.equal(clock.executor.timers.size, 0);
  assert.equal(task.wakers, 0);
  assert.ok(task.cancel());
  clock.advance(10);
  assert.equal(task.isWoken, false);
});

test('sleep: one that is never polled costs no timer', () => {
  const clock = new Clock();
  const task = clock.test(() => sleep(5));
  assert.equal(clock.executor.timers.size, 0);
  clock.advance(7);
  assertReady(task);
});

test('sleep: many at one time, given up from inside of the first wake', () => {
  const clock = new Clock();
  const sleeps = Array.from({ length: 100 }, () => clock.host.enter(() => sleep(10)));
  let wakes = 0;
  const waker = {
    wake(): void {
      wakes += 1;
      for (const one of sleeps) one.cancel();
    },
    wakeByRef: () => assert.fail(),
    clone: () => waker,
    drop(): void {},
    willWake: () => true,
  };
  for (const one of sleeps) assert.equal(one.poll({ waker, proceed: () => true }), PENDING);
  clock.advance(11);
  assert.equal(wakes, 1);
  assert.equal(clock.executor.timers.size, 0);
});

test('sleep: held ones keep the process alive while they are waited for', () => {
  const clock = new Clock();
  const { timers } = clock.executor;
  const held = clock.test(() => sleep(5));
  const free = clock.test(() => sleep(5, { hold: false }));
  assertPending(free);
  assert.equal(timers.held, 0);
  assertPending(held);
  assert.equal(timers.held, 1);
  clock.advance(5);
  assert.equal(timers.held, 0);
});
