import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median, ratioPerRound } from './statistics.ts';

test('median takes the middle value and leaves its argument alone', () => {
  const values = [5, 1, 3];
  assert.equal(median(values), 3);
  assert.deepEqual(values, [5, 1, 3]);
});

test('median of an even count is the mean of the two middle values', () => {
  assert.equal(median([4, 1, 2, 10]), 3);
});

test('median of nothing is NaN', () => {
  assert.equal(median([]), Number.NaN);
});

test('ratioPerRound compares inside each round and leaves failed rounds out', () => {
  const ratio = ratioPerRound([1, undefined, 6, 4], [2, 5, 3, 4]);
  assert.deepEqual(ratio, { median: 1, least: 0.5, most: 2 });
});
