import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PENDING } from '../future/index.ts';
import { END } from './index.ts';
import { collect, follow, giveUp, Script } from './stream.test.helper.ts';

test('tee: both have all items, and the one ahead waits for the other', () => {
  const source = new Script([1, 2, 3, 4, 5]);
  const [left, right] = source.tee(2).map(follow);
  assert.deepEqual([left!.poll(), left!.poll()], [1, 2]);
  assert.equal(left!.poll(), PENDING);
  assert.ok(!left!.isWoken);
  assert.equal(source.taken, 2);
  assert.equal(right!.poll(), 1);
  assert.ok(left!.isWoken);
  assert.equal(left!.poll(), 3);
  assert.deepEqual([right!.poll(), right!.poll(), right!.poll()], [2, 3, 4]);
  assert.deepEqual([right!.poll(), left!.poll(), left!.poll()], [5, 4, 5]);
  assert.deepEqual([left!.poll(), right!.poll()], [END, END]);
  assert.equal(left!.wakers + right!.wakers, 0);
});

test('tee: an item wakes both, whoever asked the source last', () => {
  const source = new Script<number>([PENDING, PENDING]);
  source.wakesItself = false;
  const [left, right] = source.tee().map(follow);
  assert.equal(left!.poll(), PENDING);
  assert.equal(right!.poll(), PENDING);
  source.push(1);
  source.wake();
  assert.ok(left!.isWoken && right!.isWoken);
  assert.equal(right!.poll(), 1);
  assert.equal(left!.poll(), 1);
});

test('tee: what one branch pulls wakes the other that waits', () => {
  const source = new Script<number>([PENDING]);
  source.wakesItself = false;
  const [left, right] = source.tee().map(follow);
  assert.equal(left!.poll(), PENDING);
  source.push(7);
  assert.equal(right!.poll(), 7);
  assert.ok(left!.isWoken);
  assert.equal(left!.poll(), 7);
});

test('tee: one that is given up does not hold the other back', () => {
  const source = new Script([1, 2, 3]);
  const [left, right] = source.tee(1).map(follow);
  assert.equal(left!.poll(), 1);
  assert.equal(left!.poll(), PENDING);
  giveUp(right!);
  assert.ok(left!.isWoken);
  assert.deepEqual([left!.poll(), left!.poll(), left!.poll()], [2, 3, END]);
  assert.equal(source.cancels, 0);
});

test('tee: the last one to be given up gives the source up', () => {
  const source = new Script([1, PENDING], 2);
  const [left, right] = source.tee().map(follow);
  left!.poll();
  assert.equal(giveUp(left!), 0);
  assert.equal(source.cancels, 0);
  assert.equal(giveUp(right!), 2);
  assert.ok(source.isOver);
});

test('tee: an error comes to both, after the items before it', () => {
  const [left, right] = new Script<number>([1, new Error('broken')]).tee().map(follow);
  assert.equal(left!.poll(), 1);
  assert.throws(() => left!.poll(), /broken/);
  assert.equal(right!.poll(), 1);
  assert.throws(() => right!.poll(), /broken/);
  assert.deepEqual([left!.poll(), right!.poll()], [END, END]);
});

test('tee: takes budget for items that wait already', () => {
  const [left, right] = new Script([1, 2]).tee().map(follow);
  left!.poll();
  right!.budget = 0;
  assert.equal(right!.poll(), PENDING);
  assert.ok(right!.isWoken);
  right!.budget = 1;
  assert.equal(right!.poll(), 1);
});

test('split: each item to the one that it is for', () => {
  const [even, odd] = new Script([1, 2, 3, 4]).split((item) => item % 2 === 0);
  assert.deepEqual(collect(even), [2, 4]);
  assert.deepEqual(collect(odd), [1, 3]);
});

test('split: holds no more than its capacity for one that does not take', () => {
  const source = new Script([1, 1, 1, 1, 2]);
  const [even, odd] = source.split((item) => item % 2 === 0, 3).map(follow);
  assert.equal(even!.poll(), PENDING);
  assert.equal(source.taken, 3);
  assert.equal(odd!.poll(), 1);
  assert.ok(even!.isWoken);
  assert.equal(even!.poll(), PENDING);
  assert.equal(source.taken, 4);
  giveUp(odd!);
  assert.equal(even!.poll(), 2);
  assert.equal(even!.poll(), END);
});
