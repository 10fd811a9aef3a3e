import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runnableThreads, SpinBudget } from './spin.ts';

/** A clock that goes on by `step` ms at each reading. */
function steppingClock(step: number): { now: () => number; readings: number } {
  const clock = {
    readings: 0,
    now: () => {
      clock.readings += 1;
      return clock.readings * step;
    },
  };
  return clock;
}

describe('SpinBudget', () => {
  it('halves with each spin in vain, and doubles with each that was not', () => {
    const budget = new SpinBudget(40, steppingClock(1), () => 1, 2);
    const sizes = [budget.microseconds];
    for (let i = 0; i < 6; i++) {
      assert.equal(
        budget.spin(
          () => false,
          () => false,
        ),
        false,
      );
      sizes.push(budget.microseconds);
    }
    assert.deepEqual(sizes, [40, 20, 10, 5, 2.5, 2, 2]);
    for (let i = 0; i < 6; i++)
      budget.spin(
        () => true,
        () => true,
      );
    assert.equal(budget.microseconds, 40);
  });

  it('hardly spins while more threads want to run than there are cores', () => {
    let runnable = 5;
    const clock = { now: () => 0 };
    const budget = new SpinBudget(40, clock, () => runnable, 2);
    assert.equal(budget.microseconds, 2);
    runnable = 1;
    // The load is read from time to time only.
    assert.equal(budget.microseconds, 2);
    clock.now = () => 1000;
    assert.equal(budget.microseconds, 40);
  });

  it('never spins on one core, or when told not to', () => {
    let looks = 0;
    const look = (): boolean => {
      looks += 1;
      return true;
    };
    assert.equal(new SpinBudget(40, steppingClock(1), () => 1, 1).spin(look, look), false);
    assert.equal(new SpinBudget(0, steppingClock(1), () => 1, 2).spin(look, look), false);
    assert.equal(looks, 0);
  });
});

it('runnableThreads counts at least this one, on Linux', (t) => {
  if (process.platform !== 'linux') t.skip('other systems do not say');
  else assert.ok(runnableThreads() >= 1);
});
