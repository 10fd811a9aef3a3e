import assert from 'node:assert/strict';
import { it } from 'node:test';
import { inspect } from 'node:util';
import { show } from './show.ts';

class Queue {
  readonly #items = [1, 2];
  readonly inside = { of: 'no interest' };
  get length(): number {
    return this.#items.length;
  }
}
show(Queue, ['length']);

it('show: inspect gives the name and what was asked for, also inside of others', () => {
  assert.equal(inspect(new Queue()), 'Queue { length: 2 }');
  assert.equal(inspect({ queue: new Queue() }), '{ queue: Queue { length: 2 } }');
});
