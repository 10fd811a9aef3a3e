import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PENDING } from '../future/index.ts';
import { END } from './index.ts';
import { follow, giveUp, pass, Script, stopTime, timers } from './stream.test.helper.ts';

stopTime();

test('throttle: the first comes at once, the others with the time between them', () => {
  const source = new Script([1, 2, 3]);
  const task = follow(source.throttle(100));
  assert.equal(task.poll(), 1);
  assert.equal(task.poll(), PENDING);
  assert.equal(source.taken, 1);
  pass(99);
  assert.ok(!task.isWoken);
  pass(1);
  assert.ok(task.isWoken);
  assert.equal(task.poll(), 2);
  pass(1000);
  assert.equal(task.poll(), 3);
  assert.equal(task.poll(), PENDING);
  pass(100);
  assert.equal(task.poll(), END);
  assert.equal(timers(), 0);
});

test('throttle: given up while it holds an item back', () => {
  const source = new Script([1, 2]);
  const task = follow(source.throttle(100));
  task.poll();
  task.poll();
  giveUp(task);
  assert.ok(source.isOver);
  assert.equal(timers(), 0);
});

test('timeout: an item that takes too long ends the stream and gives the source up', () => {
  const source = new Script([1, PENDING, PENDING, 2], 1);
  source.wakesItself = false;
  const task = follow(source.timeout(50));
  assert.equal(task.poll(), 1);
  assert.equal(task.poll(), PENDING);
  pass(50);
  assert.ok(task.isWoken);
  assert.equal(task.poll(), PENDING);
  assert.throws(() => task.poll(), { code: 'ERR_TASK_TIMEOUT' });
  assert.ok(source.isOver);
  assert.equal(task.poll(), END);
  assert.equal(timers(), 0);
});

test('timeout: counts for each item anew, and only while one is waited for', () => {
  const source = new Script([PENDING, 1, PENDING, 2]);
  source.wakesItself = false;
  const task = follow(source.timeout(50));
  for (const item of [1, 2]) {
    pass(1000);
    assert.equal(task.poll(), PENDING);
    assert.equal(timers(), 1);
    pass(49);
    source.wake();
    assert.equal(task.poll(), item);
    assert.equal(timers(), 0);
  }
});

test('timeout: an item that comes in the same moment is given', () => {
  const source = new Script([PENDING, 1]);
  source.wakesItself = false;
  const task = follow(source.timeout(50));
  task.poll();
  pass(50);
  assert.equal(task.poll(), 1);
});

test('the timed combinators reject what is no time', () => {
  for (const name of ['throttle', 'timeout'] as const) {
    assert.throws(() => new Script([])[name](-1), { code: 'ERR_OPTION_RANGE' });
    assert.throws(() => new Script([])[name]('1' as unknown as number), {
      code: 'ERR_OPTION_TYPE',
    });
  }
});
