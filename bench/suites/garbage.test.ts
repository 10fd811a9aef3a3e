import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allocatedBytes } from './garbage.ts';

test('allocatedBytes is the growth of the heap when nothing was collected', () => {
  assert.equal(allocatedBytes(100, { used: 130, retained: 100, collections: [] }), 30);
});

test('allocatedBytes adds what collections took away', () => {
  const collections = [
    { type: 'Scavenge', before: 500, after: 110 },
    { type: 'Scavenge', before: 510, after: 120 },
  ];
  assert.equal(allocatedBytes(100, { used: 170, retained: 100, collections }), 400 + 400 + 50);
});
