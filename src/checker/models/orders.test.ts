import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { countOrders, isOrderable } from './orders.ts';

/** All orders, one by one. */
function slowly(before: readonly (readonly number[])[], placed: readonly number[] = []): number {
  if (placed.length === before.length) return 1;
  return before.reduce((sum, earlier, member) => {
    const isNext = !placed.includes(member) && earlier.every((one) => placed.includes(one));
    return isNext ? sum + slowly(before, [...placed, member]) : sum;
  }, 0);
}

test('orders are counted without making them', () => {
  assert.equal(countOrders([]), 1);
  assert.equal(countOrders([[], [], []]), 6);
  assert.equal(countOrders([[], [0], [1]]), 1);
  assert.equal(countOrders(Array.from({ length: 16 }, () => [])), 20_922_789_888_000);
  const member = fc.nat(5);
  fc.assert(
    fc.property(fc.array(fc.tuple(member, member), { maxLength: 8 }), (pairs) => {
      const before = [0, 1, 2, 3, 4, 5].map((to) =>
        pairs.flatMap(([from, after]) => (after === to ? [from] : [])),
      );
      assert.equal(countOrders(before), slowly(before));
      assert.equal(isOrderable(before), slowly(before) > 0);
    }),
  );
});

test('what cannot be counted is refused', () => {
  const free = (length: number): number[][] => Array.from({ length }, () => []);
  assert.throws(() => countOrders(free(25)), { code: 'ERR_LITMUS_SIZE' });
  assert.throws(() => countOrders(free(40)), { code: 'ERR_LITMUS_SIZE' });
  assert.ok(isOrderable(free(40)));
});
