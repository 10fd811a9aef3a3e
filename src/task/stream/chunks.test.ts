import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PENDING } from '../future/index.ts';
import { END } from './index.ts';
import { collect, follow, giveUp, pass, Script, stopTime, timers } from './stream.test.helper.ts';

stopTime();

test('chunks: of the size, the last one of what is left', () => {
  const source = new Script([1, 2, PENDING, 3, 4, 5]);
  assert.deepEqual(collect(source.chunks(2)), [[1, 2], [3, 4], [5]]);
  assert.deepEqual(collect(new Script([1, 2]).chunks(2)), [[1, 2]]);
});

test('chunks: an error waits until the items before it were given', () => {
  const task = follow(new Script<number>([1, 2, 3, new Error('broken')]).chunks(2));
  assert.deepEqual(task.poll(), [1, 2]);
  assert.deepEqual(task.poll(), [3]);
  assert.throws(() => task.poll(), /broken/);
  assert.equal(task.poll(), END);
});

test('chunks: takes budget for every item, and loses none', () => {
  const task = follow(new Script([1, 2, 3]).chunks(3));
  task.budget = 1;
  assert.equal(task.poll(), PENDING);
  assert.ok(task.isWoken);
  task.budget = 9;
  assert.deepEqual(task.poll(), [1, 2, 3]);
});

test('chunks: rejects a size of nothing', () => {
  assert.throws(() => new Script([]).chunks(0), { code: 'ERR_OPTION_RANGE' });
});

test('chunksTimeout: gives what there is when the time after the first item is over', () => {
  const source = new Script([1, PENDING, 2, PENDING, PENDING, 3]);
  source.wakesItself = false;
  const task = follow(source.chunksTimeout(10, 100));
  assert.equal(task.poll(), PENDING);
  pass(60);
  source.wake();
  assert.equal(task.poll(), PENDING);
  pass(60);
  assert.ok(task.isWoken);
  assert.deepEqual(task.poll(), [1, 2]);
  assert.equal(timers(), 0);
  source.wake();
  assert.deepEqual(task.poll(), [3]);
  assert.equal(task.poll(), END);
});

test('chunksTimeout: a full chunk does not wait, and the time of the next begins with it', () => {
  const source = new Script([1, 2, PENDING, 3, PENDING, PENDING]);
  source.wakesItself = false;
  const task = follow(source.chunksTimeout(2, 100));
  assert.deepEqual(task.poll(), [1, 2]);
  assert.equal(timers(), 0);
  pass(1000);
  assert.equal(task.poll(), PENDING);
  assert.equal(timers(), 0);
  source.wake();
  assert.equal(task.poll(), PENDING);
  pass(99);
  assert.ok(!task.isWoken);
  pass(1);
  assert.ok(task.isWoken);
  assert.deepEqual(task.poll(), [3]);
});

test('chunksTimeout: the end gives what there is, an error after that', () => {
  assert.deepEqual(collect(new Script([1, 2, 3]).chunksTimeout(2, 5)), [[1, 2], [3]]);
  const task = follow(new Script<number>([1, new Error('broken')]).chunksTimeout(2, 5));
  assert.deepEqual(task.poll(), [1]);
  assert.throws(() => task.poll(), /broken/);
  assert.equal(timers(), 0);
});

test('chunksTimeout: given up with an incomplete chunk, stops its timer', () => {
  const source = new Script([1, PENDING]);
  source.wakesItself = false;
  const task = follow(source.chunksTimeout(2, 5));
  assert.equal(task.poll(), PENDING);
  assert.equal(timers(), 1);
  giveUp(task);
  assert.equal(timers(), 0);
});
