import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PENDING } from '../future/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { Notify } from './notify.ts';
import { CallingContext, checkBudget, drop, pending, ready, settled } from './sync.test.helper.ts';

/** So many that wait, in order. */
function waiting(notify: Notify, count: number): TestTask<void>[] {
  return Array.from({ length: count }, () => pending(notify.notified()));
}

function woken(tasks: readonly TestTask<unknown>[]): boolean[] {
  return tasks.map((task) => task.isWoken);
}

describe('Notify.notifyOne', () => {
  test('is kept for one that comes later, once', () => {
    const notify = new Notify();
    notify.notifyOne();
    notify.notifyOne();
    assert.ok(notify.hasPermit);
    ready(notify.notified());
    assert.equal(notify.hasPermit, false);
    const second = pending(notify.notified());
    notify.notifyOne();
    assert.ok(second.isWoken);
    settled(second);
  });

  test('wakes one that waits', () => {
    const notify = new Notify();
    const task = pending(notify.notified());
    assert.equal(notify.waiters, 1);
    notify.notifyOne();
    assert.ok(task.isWoken);
    assert.equal(notify.hasPermit, false);
    settled(task);
  });

  test('wakes in the order of waiting', () => {
    const notify = new Notify();
    const tasks = waiting(notify, 3);
    notify.notifyOne();
    assert.deepEqual(woken(tasks), [true, false, false]);
    notify.notifyOne();
    assert.deepEqual(woken(tasks), [true, true, false]);
    assert.equal(tasks[2]!.poll(), PENDING);
  });

  test('reaches one that was made before but is polled only now', () => {
    const notify = new Notify();
    const task = new TestTask(notify.notified());
    notify.notifyOne();
    settled(task);
    assert.equal(notify.hasPermit, false);
  });

  test('passes from one to the next (tokio: notify_multi)', () => {
    const notify = new Notify();
    const tasks = waiting(notify, 2);
    notify.notifyOne();
    for (const task of tasks) {
      settled(task);
      notify.notifyOne();
    }
    ready(notify.notified());
  });

  test('takes one unit of the budget', () => {
    const notify = new Notify();
    notify.notifyOne();
    checkBudget(notify.notified());
  });
});

describe('Notify.notifyLast', () => {
  test('wakes the one that came last, or is kept', () => {
    const notify = new Notify();
    const tasks = waiting(notify, 3);
    notify.notifyLast();
    assert.deepEqual(woken(tasks), [false, false, true]);
    for (const task of tasks) drop(task);
    assert.ok(notify.hasPermit, 'the last handed it on, and nobody was left');
    ready(notify.notified());
    notify.notifyLast();
    ready(notify.notified());
  });
});

describe('Notify.notifyWaiters', () => {
  test('wakes all that wait and keeps nothing', () => {
    const notify = new Notify();
    const tasks = waiting(notify, 3);
    notify.notifyWaiters();
    assert.deepEqual(woken(tasks), [true, true, true]);
    for (const task of tasks) settled(task);
    pending(notify.notified());
  });

  test('reaches those that were made but not polled (tokio: poll_consistency)', () => {
    const notify = new Notify();
    const unpolled = new TestTask(notify.notified());
    const polled = pending(notify.notified());
    notify.notifyWaiters();
    settled(polled);
    settled(unpolled);
  });

  test('does not use up a notification that is kept', () => {
    const notify = new Notify();
    const unpolled = new TestTask(notify.notified());
    notify.notifyWaiters();
    notify.notifyOne();
    settled(unpolled);
    ready(notify.notified());
  });

  test('reaches one of two that wait one after the other (tokio: sequential)', () => {
    const notify = new Notify();
    const first = pending(notify.notified());
    waiting(notify, 33);
    let second: TestTask<void> | undefined;
    const context = new CallingContext({
      wake: () => {
        settled(first);
        second = pending(notify.notified());
      },
    });
    const caller = notify.notified();
    assert.equal(caller.poll(context), PENDING);
    waiting(notify, 33);
    notify.notifyWaiters();
    assert.ok(second);
    assert.equal(second.isWoken, false);
    assert.equal(second.poll(), PENDING);
  });

  test('is one step for who is woken in its midst (tokio: notify_waiters_is_atomic)', () => {
    const notify = new Notify();
    let fresh: TestTask<void> | undefined;
    const context = new CallingContext({
      wake: () => {
        // All old ones are notified: none of them takes this notification away from the new one.
        fresh = pending(notify.notified());
        notify.notifyOne();
        settled(fresh);
      },
    });
    const caller = notify.notified();
    assert.equal(caller.poll(context), PENDING);
    const others = waiting(notify, 32);
    notify.notifyWaiters();
    assert.ok(fresh);
    for (const other of others) settled(other);
    assert.equal(notify.hasPermit, false);
  });

  test('from the waker’s drop does no harm (tokio: notify_in_drop_after_wake)', () => {
    const notify = new Notify();
    const context = new CallingContext({
      wake: () => notify.notifyWaiters(),
      drop: () => notify.notifyWaiters(),
    });
    const future = notify.notified();
    assert.equal(future.poll(context), PENDING);
    notify.notifyWaiters();
    assert.equal(future.poll(context), undefined);
    const other = notify.notified();
    other.poll(context);
    other.cancel();
    assert.equal(notify.waiters, 0);
  });
});

describe('Notified, given up', () => {
  test('before it is notified, leaves the queue', () => {
    const notify = new Notify();
    const [first, second] = waiting(notify, 2);
    drop(first!);
    notify.notifyOne();
    assert.ok(second!.isWoken);
  });

  test('after it was chosen, hands on to the next', () => {
    const notify = new Notify();
    const tasks = waiting(notify, 3);
    notify.notifyOne();
    drop(tasks[0]!);
    assert.deepEqual(woken(tasks), [false, true, false]);
    settled(tasks[1]!);
  });

  test('after it was chosen as the last, hands on to the last', () => {
    const notify = new Notify();
    const tasks = waiting(notify, 3);
    notify.notifyLast();
    drop(tasks[2]!);
    assert.deepEqual(woken(tasks), [false, true, false]);
  });

  test('after all were told, hands nothing on', () => {
    const notify = new Notify();
    const task = pending(notify.notified());
    notify.notifyWaiters();
    notify.notifyOne();
    drop(task);
    ready(notify.notified());
    pending(notify.notified());
  });

  test('with a kept notification it took by enable, puts it back', () => {
    const notify = new Notify();
    notify.notifyOne();
    const future = notify.notified();
    assert.ok(future.enable());
    assert.equal(notify.hasPermit, false);
    future.cancel();
    assert.ok(notify.hasPermit);
    future.cancel();
  });

  test('unpolled or over, does nothing', () => {
    const notify = new Notify();
    notify.notified().cancel();
    notify.notifyOne();
    const task = new TestTask(notify.notified());
    settled(task);
    drop(task);
    assert.deepEqual([notify.waiters, notify.hasPermit], [0, false]);
  });
});

describe('Notified.enable', () => {
  test('waits from then on', () => {
    const notify = new Notify();
    const future = notify.notified();
    assert.equal(future.enable(), false);
    assert.equal(future.enable(), false);
    assert.equal(notify.waiters, 1);
    notify.notifyOne();
    assert.equal(notify.hasPermit, false);
    const task = new TestTask(future);
    settled(task);
    assert.ok(future.enable(), 'it is over');
    assert.equal(notify.waiters, 0);
  });

  test('before and after a poll changes nothing', () => {
    const notify = new Notify();
    const before = notify.notified();
    assert.equal(before.enable(), false);
    pending(before);
    const after = notify.notified();
    const task = pending(after);
    assert.equal(after.enable(), false);
    notify.notifyWaiters();
    assert.ok(task.isWoken);
    assert.ok(after.enable());
  });

  test('takes a kept notification', () => {
    const notify = new Notify();
    notify.notifyOne();
    const first = notify.notified();
    assert.ok(first.enable());
    assert.equal(notify.notified().enable(), false);
    ready(first);
  });
});

describe('Notified', () => {
  test('wakes the task that polled last (tokio: test_waker_update)', () => {
    const notify = new Notify();
    const future = notify.notified();
    const first = pending(future);
    const second = pending(future);
    notify.notifyOne();
    assert.deepEqual(woken([first, second]), [false, true]);
    assert.equal(first.wakers, 0);
  });

  test('that is notified while its waker is cloned is ready at once', () => {
    const notify = new Notify();
    const context = new CallingContext({ clone: () => notify.notifyOne() });
    assert.equal(notify.notified().poll(context), undefined);
    assert.deepEqual([notify.waiters, notify.hasPermit], [0, false]);
  });
});
