import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestTask } from '../testing/test-task.ts';
import { sleep, sleepUntil, type Sleep } from './index.ts';
import { assertPending, assertReady, Clock } from './time.test.helper.ts';

function start(deadline: number) {
  const clock = new Clock();
  const sleeping: Sleep = clock.host.enter(() => sleepUntil(deadline));
  return { clock, sleeping, task: new TestTask(sleeping) };
}

test('Sleep.reset: to a later time, before it was over', () => {
  const { clock, sleeping, task } = start(100);
  assertPending(task);
  sleeping.reset(200);
  assert.equal(sleeping.deadline, 200);
  clock.advance(199);
  assert.equal(task.isWoken, false);
  clock.advance(1);
  assert.ok(task.isWoken);
  assertReady(task);
});

test('Sleep.reset: to an earlier time, at once or after a while', () => {
  for (const wait of [0, 10]) {
    const { clock, sleeping, task } = start(100);
    assertPending(task);
    clock.advance(wait);
    sleeping.reset(80);
    clock.advance(79 - wait);
    assert.equal(task.isWoken, false);
    clock.advance(1);
    assert.ok(task.isWoken);
    assertReady(task);
  }
});

test('Sleep.reset: begins anew after it was over', () => {
  const { clock, sleeping, task } = start(100);
  assertPending(task);
  clock.advance(100);
  assertReady(task);
  sleeping.reset(110);
  assert.equal(sleeping.isElapsed, false);
  assertPending(task);
  assertPending(task);
  clock.advance(10);
  assert.ok(task.isWoken);
  assertReady(task);
});

test('Sleep.reset: to the past wakes, and the next poll is ready', () => {
  const { clock, sleeping, task } = start(100);
  assertPending(task);
  clock.advance(50);
  assert.equal(task.isWoken, false);
  sleeping.reset(40);
  assert.ok(task.isWoken);
  assertReady(task);
  assert.equal(task.wakers, 0);
  assert.equal(clock.executor.timers.size, 0);
});

test('Sleep.reset: before the first poll it only changes the time', () => {
  const { clock, sleeping, task } = start(100);
  sleeping.reset(10);
  assert.equal(clock.executor.timers.size, 0);
  assertPending(task);
  clock.advance(10);
  assert.ok(task.isWoken);
});

test('Sleep.reset: one given up can be used again', () => {
  const { clock, sleeping, task } = start(100);
  assertPending(task);
  task.cancel();
  sleeping.reset(20);
  assertPending(task);
  clock.advance(20);
  assert.ok(task.isWoken);
  assertReady(task);
});

test('Sleep.reset: moved to the time of another and given up, it disturbs nobody', () => {
  const clock = new Clock();
  const [a, b, c] = [5, 5, 10].map((ms) => clock.host.enter(() => sleep(ms)));
  const tasks = [a!, b!, c!].map((one) => new TestTask(one));
  for (const task of tasks) assertPending(task);
  b!.reset(10);
  clock.advance(5);
  assert.deepEqual(
    tasks.map((task) => task.isWoken),
    [true, false, false],
  );
  tasks[1]!.cancel();
  clock.advance(5);
  assert.deepEqual(
    tasks.map((task) => task.isWoken),
    [true, false, true],
  );
});

test('Sleep.reset: stays with the executor where it was made', () => {
  const home = new Clock();
  const other = new Clock();
  const sleeping = home.host.enter(() => sleep(100));
  const task = new TestTask(sleeping);
  assertPending(task);
  other.host.enter(() => sleeping.reset(50));
  assert.equal(home.executor.timers.size, 1);
  assert.equal(other.executor.timers.size, 0);
  home.advance(50);
  assert.ok(task.isWoken);
});
