import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PENDING } from '../future/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { Barrier } from './barrier.ts';
import { drop, pending, ready, settled, throwsCode } from './sync.test.helper.ts';

describe('Barrier', () => {
  test('of one never waits (tokio: single)', () => {
    const barrier = new Barrier(1);
    for (let round = 0; round < 3; round++) assert.equal(ready(barrier.wait()), true);
  });

  test('of two lets both go on, the last as the leader (tokio: tango)', () => {
    const barrier = new Barrier(2);
    const first = pending(barrier.wait());
    assert.equal(barrier.waiters, 1);
    assert.equal(ready(barrier.wait()), true);
    assert.ok(first.isWoken);
    assert.equal(settled(first), false);
    assert.equal(barrier.waiters, 0);
  });

  test('of many, again and again (tokio: lots)', () => {
    const barrier = new Barrier(100);
    assert.equal(barrier.size, 100);
    for (let round = 0; round < 10; round++) {
      const waiting = Array.from({ length: 99 }, () => pending(barrier.wait()));
      assert.ok(waiting.every((task) => !task.isWoken));
      assert.equal(ready(barrier.wait()), true);
      assert.ok(waiting.every((task) => task.isWoken && !settled(task)));
    }
  });

  test('those of the next round do not mix with those of the last', () => {
    const barrier = new Barrier(2);
    const slow = pending(barrier.wait());
    ready(barrier.wait());
    const next = pending(barrier.wait());
    assert.equal(settled(slow), false);
    assert.equal(next.poll(), PENDING);
  });

  test('who is given up has not arrived', () => {
    const barrier = new Barrier(2);
    drop(pending(barrier.wait()));
    assert.equal(barrier.waiters, 0);
    const first = pending(barrier.wait());
    assert.equal(ready(barrier.wait()), true);
    drop(first);
    assert.ok(new TestTask(barrier.wait()).cancel());
    pending(barrier.wait());
  });

  test('arrives with budget only', () => {
    const barrier = new Barrier(2);
    const task = new TestTask(barrier.wait());
    task.budget = 0;
    assert.equal(task.poll(), PENDING);
    assert.ok(task.isWoken);
    assert.equal(barrier.waiters, 0);
    task.budget = 1;
    assert.equal(task.poll(), PENDING);
    assert.equal(barrier.waiters, 1);
    ready(barrier.wait());
    assert.equal(settled(task), false, 'going on needs no second unit');
  });

  test('needs at least one', () => {
    throwsCode(() => new Barrier(0), 'ERR_OPTION_RANGE');
  });
});
