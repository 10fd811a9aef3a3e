import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Schedule } from './schedule.ts';

test('Schedule runs steps by time, and in the order of scheduling at the same time', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 200 }), (delays) => {
      const schedule = new Schedule();
      const ran: [number, number][] = [];
      delays.forEach((delay, index) => {
        schedule.after(delay, () => ran.push([schedule.now, index]));
      });
      while (schedule.advance()) while (schedule.runDue());
      const model = delays.map((delay, index): [number, number] => [delay, index]);
      model.sort(([a, i], [b, j]) => a - b || i - j);
      assert.deepEqual(ran, model);
      assert.equal(schedule.isEmpty, true);
    }),
  );
});

test('Schedule.runDue leaves what is in the future', () => {
  const schedule = new Schedule();
  schedule.after(5, () => undefined);
  assert.equal(schedule.runDue(), false);
  assert.equal(schedule.advance(), true);
  assert.equal(schedule.now, 5);
  assert.equal(schedule.runDue(), true);
  assert.equal(schedule.advance(), false);
});
