import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Deque } from './deque.ts';

describe('Deque', () => {
  test('is what an array would be, however it wraps and grows (property)', () => {
    const runs = fc.array(fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 40 })), { maxLength: 20 });
    fc.assert(
      fc.property(runs, (program) => {
        const deque = new Deque<number>();
        const model: number[] = [];
        let next = 0;
        for (const [pushes, shifts] of program) {
          for (let count = 0; count < pushes; count++) {
            deque.push(next);
            model.push(next++);
          }
          for (let count = 0; count < shifts && model.length > 0; count++) {
            assert.equal(deque.shift(), model.shift());
          }
          assert.equal(deque.length, model.length);
        }
        while (model.length > 0) assert.equal(deque.shift(), model.shift());
      }),
    );
  });

  test('works on after a burst, when it has given its memory back', () => {
    const deque = new Deque<number>();
    for (let round = 0; round < 2; round++) {
      for (let value = 0; value < 5000; value++) deque.push(value);
      for (let value = 0; value < 5000; value++) assert.equal(deque.shift(), value);
      assert.equal(deque.length, 0);
    }
    deque.push(1);
    deque.clear();
    assert.equal(deque.length, 0);
    deque.push(2);
    assert.equal(deque.shift(), 2);
  });
});
