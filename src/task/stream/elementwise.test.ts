import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PENDING } from '../future/index.ts';
import { END, toStream } from './index.ts';
import { collect, follow, giveUp, Script } from './stream.test.helper.ts';

const numbers = (): Script<number> => new Script([0, PENDING, 1, 2, PENDING, 3, 4, 5]);

test('map, filter, filterMap, enumerate, scan: as on arrays', () => {
  assert.deepEqual(collect(numbers().map((item) => item * 2)), [0, 2, 4, 6, 8, 10]);
  assert.deepEqual(collect(numbers().filter((item) => item % 2 === 1)), [1, 3, 5]);
  const halves = numbers().filterMap((item) => (item % 2 === 0 ? item / 2 : undefined));
  assert.deepEqual(collect(halves), [0, 1, 2]);
  assert.deepEqual(collect(toStream(['a', 'b']).enumerate()), [
    [0, 'a'],
    [1, 'b'],
  ]);
  assert.deepEqual(
    collect(numbers().scan(10, (sum, item) => sum + item)),
    [10, 11, 13, 16, 20, 25],
  );
});

test('inspect: sees each item as it passes', () => {
  const seen: number[] = [];
  const task = follow(numbers().inspect((item) => seen.push(item)));
  assert.equal(task.poll(), 0);
  assert.deepEqual(seen, [0]);
});

test('take: asks for no more than it takes, then gives the source up', () => {
  const source = new Script([1, 2, 3], 1);
  const task = follow(source.take(2));
  assert.equal(task.poll(), 1);
  assert.equal(task.poll(), 2);
  assert.equal(source.cancels, 0);
  assert.equal(task.poll(), PENDING);
  assert.equal(task.poll(), END);
  assert.equal(source.taken, 2);
  assert.ok(source.isOver);
});

test('take: of none is empty, without asking', () => {
  const source = new Script([1]);
  assert.deepEqual(collect(source.take(0)), []);
  assert.equal(source.polls, 0);
  assert.ok(source.isOver);
});

test('take and skip: reject what is no count', () => {
  assert.throws(() => toStream([1]).take(-1), { code: 'ERR_OPTION_RANGE', name: 'RangeError' });
  assert.throws(() => toStream([1]).skip(1.5), { code: 'ERR_OPTION_TYPE', name: 'TypeError' });
});

test('skip: leaves out the first, also when there are fewer', () => {
  assert.deepEqual(collect(numbers().skip(4)), [4, 5]);
  assert.deepEqual(collect(numbers().skip(100)), []);
});

test('takeWhile: ends with the first that fails, and asks no more', () => {
  const source = numbers();
  assert.deepEqual(collect(source.takeWhile((item) => item < 2)), [0, 1]);
  assert.equal(source.taken, 3);
  assert.equal(source.cancels, 1);
});

test('skipWhile: tests no more after the first that fails', () => {
  let tests = 0;
  const rest = numbers().skipWhile((item) => {
    tests += 1;
    return item !== 2;
  });
  assert.deepEqual(collect(rest), [2, 3, 4, 5]);
  assert.equal(tests, 3);
});

test('dedupe: leaves out what is the same as the one before', () => {
  assert.deepEqual(collect(toStream([1, 1, 2, Number.NaN, Number.NaN, 1]).dedupe()), [
    1,
    2,
    Number.NaN,
    1,
  ]);
  const sameParity = (a: number, b: number): boolean => a % 2 === b % 2;
  assert.deepEqual(collect(toStream([1, 3, 2, 4, 5]).dedupe(sameParity)), [1, 2, 5]);
});

test('filter: takes budget for what it leaves out, and goes on where it was', () => {
  const source = new Script([1, 2, 3, 4, 5, 6]);
  const task = follow(source.filter((item) => item === 6));
  task.budget = 2;
  assert.equal(task.poll(), PENDING);
  assert.ok(task.isWoken);
  assert.equal(source.taken, 3);
  task.budget = 100;
  assert.equal(task.poll(), 6);
});

test('filterMap: takes budget for what it leaves out', () => {
  const source = new Script([1, 2, 3, 4, 5, 6]);
  const task = follow(source.filterMap(() => undefined));
  task.budget = 2;
  assert.equal(task.poll(), PENDING);
  assert.equal(source.taken, 3);
  giveUp(task);
});
