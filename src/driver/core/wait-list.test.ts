import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { WaitList } from './wait-list.ts';

const SLOTS = 6;

test('WaitList serves first come first served, each once, whoever leaves in between', () => {
  const steps = fc.array(fc.tuple(fc.constantFrom('push', 'shift', 'remove'), fc.nat(SLOTS - 1)), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(steps, (sequence) => {
      const list = new WaitList(SLOTS);
      let model: number[] = [];
      for (const [step, slot] of sequence) {
        if (step === 'push') {
          list.push(slot);
          if (!model.includes(slot)) model.push(slot);
        } else if (step === 'shift') {
          assert.equal(list.shift(), model.shift() ?? -1);
        } else {
          list.remove(slot);
          model = model.filter((other) => other !== slot);
        }
        assert.equal(list.size, model.length);
        for (let each = 0; each < SLOTS; each++) assert.equal(list.has(each), model.includes(each));
      }
    }),
  );
});
