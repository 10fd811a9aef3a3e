import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Fifo } from './fifo.ts';

describe('Fifo', () => {
  test('does what an array does', () => {
    const action = fc.constantFrom('push', 'push', 'shift', 'drain');
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const fifo = new Fifo<number>();
        let model: number[] = [];
        actions.forEach((each, index) => {
          if (each === 'push') {
            fifo.push(index);
            model.push(index);
          } else if (each === 'shift') {
            assert.equal(fifo.shift(), model.shift());
          } else {
            assert.deepEqual(fifo.drain(), model);
            model = [];
          }
          assert.equal(fifo.length, model.length);
          if (model.length > 0) assert.equal(fifo.first, model[0]);
        });
      }),
    );
  });

  test('a long one forgets what was taken, and keeps the order', () => {
    const fifo = new Fifo<number>();
    let next = 0;
    for (let i = 0; i < 10_000; i++) {
      fifo.push(i);
      if (i % 3 !== 0) assert.equal(fifo.shift(), next++);
    }
    while (fifo.length > 0) assert.equal(fifo.shift(), next++);
    assert.equal(next, 10_000);
    assert.equal(fifo.shift(), undefined);
  });
});
