import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linearize, type Operation, type Sequential } from './search.ts';

function call(thread: number, name: string, input: unknown[], result: unknown): Operation {
  return { thread, name, input, result, hasThrown: false };
}

function register(): Sequential {
  let value: unknown = 0;
  return {
    read: () => value,
    write(next: unknown) {
      value = next;
    },
  };
}

const nothing = (): boolean => false;

void test('linearize finds an order, though it is not the one of the calls', () => {
  const calls = [call(0, 'read', [], 1), call(1, 'write', [1], undefined)];
  assert.deepEqual(linearize(calls, nothing, register).order, [1, 0]);
});

void test('linearize keeps what came before what', () => {
  const calls = [call(0, 'read', [], 1), call(1, 'write', [1], undefined)];
  const { order, longest, instead } = linearize(calls, (one, other) => one < other, register);
  assert.equal(order, undefined);
  assert.deepEqual(longest, []);
  assert.deepEqual(instead, [{ operation: 0, result: 0 }]);
});

void test('linearize says how far it came', () => {
  const calls = [call(0, 'write', [1], undefined), call(1, 'read', [], 2)];
  const { order, longest, instead } = linearize(calls, nothing, register);
  assert.equal(order, undefined);
  assert.deepEqual(longest, [0]);
  assert.deepEqual(instead, [{ operation: 1, result: 1 }]);
});

void test('linearize compares results by what is in them', () => {
  const calls = [call(0, 'pair', [], [1, { two: 2 }])];
  const make = (): Sequential => ({ pair: () => [1, { two: 2 }] });
  assert.deepEqual(linearize(calls, nothing, make).order, [0]);
  const other = (): Sequential => ({ pair: () => [1, { two: 3 }] });
  assert.equal(linearize(calls, nothing, other).order, undefined);
});

void test('linearize refuses a method that the sequential object does not have', () => {
  assert.throws(() => linearize([call(0, 'other', [], 1)], nothing, register), /no other/);
});
