import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NodeTimers } from './node-timers.ts';

/** A clock that moves when told. */
class ManualClock {
  at = 0;
  now(): number {
    return this.at;
  }
}

test('NodeTimers: expires what is due, by deadline and then by start', () => {
  const clock = new ManualClock();
  const expired: number[] = [];
  const timers = new NodeTimers(16, clock, (op) => expired.push(op));
  timers.start(3, 20);
  timers.start(1, 10);
  timers.start(2, 10);
  timers.start(0, 0);
  timers.expire();
  assert.deepEqual(expired, [0]);
  clock.at = 19;
  timers.expire();
  assert.deepEqual(expired, [0, 1, 2]);
  clock.at = 20;
  timers.expire();
  assert.deepEqual(expired, [0, 1, 2, 3]);
  timers.stop();
});

test('NodeTimers: the Node timer expires them without help', async () => {
  const order = await new Promise<number[]>((resolve) => {
    const expired: number[] = [];
    const timers = new NodeTimers(4, { now: () => performance.now() }, (op) => {
      expired.push(op);
      if (expired.length === 3) resolve(expired);
    });
    timers.start(0, 6);
    timers.start(1, 2);
    timers.start(2, 4);
    // The driver holds the loop; here the test does.
    const hold = setInterval(() => {
      if (expired.length === 3) clearInterval(hold);
    }, 1);
  });
  assert.deepEqual(order, [1, 2, 0]);
});

test('NodeTimers: behaves as a sorted list does', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('start' as const), delay: fc.integer({ min: 0, max: 50 }) }),
    fc.record({ kind: fc.constant('cancel' as const), pick: fc.nat(100) }),
    fc.record({ kind: fc.constant('pass' as const), time: fc.integer({ min: 0, max: 30 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const clock = new ManualClock();
      const expired: number[] = [];
      const timers = new NodeTimers(256, clock, (op) => expired.push(op));
      let model: { op: number; deadline: number }[] = [];
      const wanted: number[] = [];
      let next = 0;
      for (const each of steps) {
        if (each.kind === 'start') {
          timers.start(next, each.delay);
          model.push({ op: next++, deadline: clock.at + each.delay });
        } else if (each.kind === 'cancel') {
          const victim = model[each.pick % Math.max(1, model.length)];
          if (victim) assert.equal(timers.cancel(victim.op), true);
          model = model.filter((entry) => entry !== victim);
        } else {
          clock.at += each.time;
          timers.expire();
          const due = model.filter((entry) => entry.deadline <= clock.at);
          due.sort((a, b) => a.deadline - b.deadline || a.op - b.op);
          wanted.push(...due.map((entry) => entry.op));
          model = model.filter((entry) => entry.deadline > clock.at);
        }
        assert.equal(timers.size, model.length);
        assert.deepEqual(expired, wanted);
      }
      for (const entry of model) timers.cancel(entry.op);
      timers.stop();
    }),
  );
});
