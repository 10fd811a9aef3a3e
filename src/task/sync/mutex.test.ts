import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PENDING, pollFn, type Coroutine } from '../future/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { Mutex } from './mutex.ts';
import { Notify } from './notify.ts';
import { checkBudget, drop, pending, ready, settled, throwsCode } from './sync.test.helper.ts';

describe('Mutex', () => {
  test('locks and unlocks, and keeps what was set', () => {
    const mutex = new Mutex(100);
    const first = ready(mutex.lock());
    assert.equal(first.value, 100);
    first.value = 99;
    assert.ok(mutex.isLocked);
    first.release();
    assert.equal(mutex.isLocked, false);
    assert.equal(ready(mutex.lock()).value, 99);
  });

  test('has no value unless given one', () => {
    assert.equal(ready(new Mutex().lock()).value, undefined);
  });

  test('lets one at a time have it, in the order of asking', () => {
    const mutex = new Mutex(0);
    const held = ready(mutex.lock());
    const first = pending(mutex.lock());
    const second = pending(mutex.lock());
    assert.equal(mutex.waiters, 2);
    held.release();
    assert.deepEqual([first.isWoken, second.isWoken], [true, false]);
    assert.ok(mutex.isLocked, 'it is the next one’s already');
    const guard = settled(first);
    assert.equal(second.poll(), PENDING);
    guard.release();
    assert.ok(second.isWoken);
    settled(second);
  });

  test('tryLock gets it when nobody has or wants it', () => {
    const mutex = new Mutex('a');
    const guard = mutex.tryLock()!;
    assert.equal(guard.value, 'a');
    assert.equal(mutex.tryLock(), undefined);
    const waiting = pending(mutex.lock());
    guard.release();
    assert.equal(mutex.tryLock(), undefined, 'somebody waited first');
    settled(waiting).release();
    assert.ok(mutex.tryLock());
  });

  test('given up while it waits, leaves the queue (tokio: aborted_future_1)', () => {
    const mutex = new Mutex(0);
    const held = ready(mutex.lock());
    const given = pending(mutex.lock());
    const other = pending(mutex.lock());
    drop(given);
    held.release();
    assert.ok(other.isWoken);
    settled(other);
  });

  test('given up when it was granted, hands it on (tokio: aborted_future_2)', () => {
    const mutex = new Mutex(0);
    const held = ready(mutex.lock());
    const given = pending(mutex.lock());
    const other = pending(mutex.lock());
    held.release();
    assert.deepEqual([given.isWoken, other.isWoken], [true, false]);
    drop(given);
    assert.ok(other.isWoken);
    settled(other).release();
    assert.equal(mutex.isLocked, false);
  });

  test('takes one unit of the budget', () => {
    checkBudget(new Mutex(0).lock());
  });
});

describe('MutexGuard', () => {
  test('is released by using', () => {
    const mutex = new Mutex({ count: 0 });
    {
      using guard = mutex.tryLock()!;
      guard.value.count += 1;
    }
    assert.equal(mutex.isLocked, false);
  });

  test('gives nothing after its release', () => {
    const guard = new Mutex(1).tryLock()!;
    guard.release();
    throwsCode(() => guard.value, 'ERR_SYNC_RELEASED');
    throwsCode(() => (guard.value = 2), 'ERR_SYNC_RELEASED');
    throwsCode(() => guard.release(), 'ERR_SYNC_RELEASED');
    guard[Symbol.dispose]();
  });
});

describe('Mutex.runExclusive', () => {
  test('gives the result of a plain function', () => {
    const mutex = new Mutex(1);
    assert.equal(ready(mutex.runExclusive((guard) => (guard.value += 1))), 2);
    assert.equal(mutex.isLocked, false);
  });

  test('holds the lock until a coroutine is over', () => {
    const mutex = new Mutex<string[]>([]);
    const gate = new Notify();
    const task = pending(
      mutex.runExclusive(function* (guard): Coroutine<number> {
        guard.value.push('begun');
        yield* gate.notified();
        guard.value.push('done');
        return guard.value.length;
      }),
    );
    assert.ok(mutex.isLocked);
    const other = pending(mutex.lock());
    gate.notifyOne();
    assert.equal(task.poll(), 2);
    assert.ok(other.isWoken);
    assert.deepEqual(settled(other).value, ['begun', 'done']);
  });

  test('releases when the body throws, at once or later', () => {
    const mutex = new Mutex(0);
    const fail = (): never => {
      throw new Error('no');
    };
    assert.throws(() => ready(mutex.runExclusive(fail)), /no/);
    assert.equal(mutex.isLocked, false);
    const gate = new Notify();
    const task = pending(
      mutex.runExclusive(function* (): Coroutine<number> {
        yield* gate.notified();
        return fail();
      }),
    );
    gate.notifyOne();
    assert.throws(() => task.poll(), /no/);
    assert.equal(mutex.isLocked, false);
  });

  test('given up while it waits, leaves the queue and never runs', () => {
    const mutex = new Mutex(0);
    const held = mutex.tryLock()!;
    const task = pending(mutex.runExclusive(() => assert.fail('it must not run')));
    drop(task);
    held.release();
    assert.equal(mutex.isLocked, false);
  });

  test('given up while the body runs, releases when the body has cleaned up', () => {
    const mutex = new Mutex(0);
    let isClean = false;
    const body = pollFn<void>(
      () => PENDING,
      () => (isClean ? undefined : PENDING),
    );
    const task = pending(mutex.runExclusive(() => body));
    assert.equal(task.cancel(), false);
    assert.ok(mutex.isLocked, 'cleaning up goes on');
    isClean = true;
    assert.equal(task.cancel(), true);
    assert.equal(mutex.isLocked, false);
    assert.equal(task.cancel(), true);
    assert.equal(mutex.isLocked, false);
  });

  test('a body that releases early does no harm', () => {
    const mutex = new Mutex(0);
    ready(mutex.runExclusive((guard) => guard.release()));
    assert.equal(mutex.isLocked, false);
    const guard = mutex.tryLock();
    assert.ok(guard);
    assert.equal(new TestTask(mutex.lock()).poll(), PENDING);
  });
});
