import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { Deadlines } from './deadlines.ts';

const step = fc.oneof(
  fc.record({ do: fc.constant('add' as const), index: fc.nat(200) }),
  fc.record({ do: fc.constant('remove' as const), index: fc.nat(200) }),
  fc.record({ do: fc.constant('wait' as const), index: fc.nat(30) }),
);

it('Deadlines expires as a list that is searched does', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
      const deadlines = new Deadlines(50);
      const model: { index: number; time: number }[] = [];
      const forget = (index: number): void => {
        const at = model.findIndex((entry) => entry.index === index);
        if (at !== -1) model.splice(at, 1);
      };
      let now = 0;
      for (const { do: what, index } of steps) {
        if (what === 'add') {
          forget(index);
          model.push({ index, time: now + 50 });
          deadlines.add(index, now);
        } else if (what === 'remove') {
          forget(index);
          deadlines.remove(index);
        } else {
          now += index;
          while (model[0] !== undefined && model[0].time <= now) {
            assert.equal(deadlines.takeExpired(now), model.shift()!.index);
          }
          assert.equal(deadlines.takeExpired(now), -1);
        }
        assert.equal(deadlines.isEmpty, model.length === 0);
        if (model[0] !== undefined) assert.equal(deadlines.first, model[0].time);
      }
    }),
  );
});
