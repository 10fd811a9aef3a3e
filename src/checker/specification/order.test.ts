import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Order } from './order.ts';

describe('Order', () => {
  it('is the transitive closure of its edges, and refuses what closes a circle', () => {
    const edges = fc.array(fc.tuple(fc.nat(39), fc.nat(39)), { maxLength: 80 });
    fc.assert(
      fc.property(edges, (list) => {
        const order = new Order(40);
        const kept: [number, number][] = [];
        const reaches = (from: number, to: number): boolean => {
          const found = new Set([from]);
          for (const at of found) for (const [a, b] of kept) if (a === at) found.add(b);
          return from !== to && found.has(to);
        };
        for (const [from, to] of list) {
          const fits = from !== to && !reaches(to, from);
          assert.equal(order.add(from, to), fits);
          if (fits) kept.push([from, to]);
        }
        for (let from = 0; from < 40; from++) {
          for (let to = 0; to < 40; to++) assert.equal(order.has(from, to), reaches(from, to));
        }
      }),
      { numRuns: 40 },
    );
  });

  it('line puts everything behind what is before it', () => {
    const order = new Order(4);
    order.add(3, 1);
    order.add(1, 0);
    assert.deepEqual(order.line(), [2, 3, 1, 0]);
  });

  it('copy makes it independent of the other', () => {
    const order = new Order(3);
    order.add(0, 1);
    const copy = new Order(3);
    copy.copy(order);
    copy.add(1, 2);
    assert.equal(copy.has(0, 2), true);
    assert.equal(order.has(1, 2), false);
  });
});
