import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PENDING } from '../future/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { Semaphore } from './semaphore.ts';
import { checkBudget, drop, pending, ready, settled, throwsCode } from './sync.test.helper.ts';

describe('Semaphore acquires', () => {
  test('at once what is available, one or many', () => {
    const semaphore = new Semaphore(100);
    assert.equal(semaphore.available, 100);
    const one = ready(semaphore.acquire());
    assert.equal(semaphore.available, 99);
    const many = ready(semaphore.acquire(98));
    assert.deepEqual([one.count, many.count, semaphore.available], [1, 98, 1]);
  });

  test('by trying: what is available, and nothing more', () => {
    const semaphore = new Semaphore(1);
    const permit = semaphore.tryAcquire();
    assert.equal(permit?.count, 1);
    assert.equal(semaphore.tryAcquire(), undefined);
    permit.release();
    assert.equal(semaphore.tryAcquire(2), undefined);
    assert.equal(semaphore.tryAcquire()?.count, 1);
  });

  test('later what is given back', () => {
    const semaphore = new Semaphore(1);
    const first = semaphore.tryAcquire()!;
    const task = pending(semaphore.acquire());
    assert.equal(semaphore.waiters, 1);
    first.release();
    assert.ok(task.isWoken);
    assert.equal(semaphore.available, 0, 'the permit is the waiting one’s');
    assert.equal(semaphore.tryAcquire(), undefined);
    settled(task).release();
    assert.equal(semaphore.available, 1);
  });

  test('many only when all of them are there', () => {
    const semaphore = new Semaphore(5);
    const held = semaphore.tryAcquire(1)!;
    const task = pending(semaphore.acquire(5));
    assert.equal(semaphore.tryAcquire(1), undefined, 'somebody waits already');
    held.release();
    assert.equal(settled(task).count, 5);
  });

  test('without any permits: only when some are added', () => {
    const semaphore = new Semaphore(0);
    assert.equal(semaphore.tryAcquire(), undefined);
    const task = pending(semaphore.acquire());
    semaphore.addPermits(1);
    assert.ok(task.isWoken);
    assert.equal(settled(task).count, 1);
  });

  test('no permits at once, even when others wait', () => {
    const semaphore = new Semaphore(0);
    const task = pending(semaphore.acquire());
    assert.equal(ready(semaphore.acquire(0)).count, 0);
    assert.equal(semaphore.tryAcquire(0)?.count, 0);
    drop(task);
  });

  test('with the waker of the last poll', () => {
    const semaphore = new Semaphore(0);
    const future = semaphore.acquire();
    const first = pending(future);
    const second = pending(future);
    assert.equal(first.wakers, 0);
    semaphore.addPermits(1);
    assert.deepEqual([first.isWoken, second.isWoken], [false, true]);
  });

  test('for one unit of the budget, and keeps its permits without any', () => {
    const semaphore = new Semaphore(2);
    checkBudget(semaphore.acquire());
    checkBudget(semaphore.acquire());
    const task = pending(semaphore.acquire());
    semaphore.addPermits(1);
    task.budget = 0;
    assert.equal(task.poll(), PENDING);
    assert.ok(task.isWoken);
    assert.equal(semaphore.tryAcquire(), undefined, 'it is set aside');
    task.budget = 1;
    assert.equal(settled(task).count, 1);
  });
});

describe('Semaphore is fair', () => {
  test('first come, first served, whatever they want', () => {
    const semaphore = new Semaphore(3);
    const held = semaphore.tryAcquire(2)!;
    const many = pending(semaphore.acquire(3));
    const few = pending(semaphore.acquire(1));
    assert.equal(semaphore.available, 1);
    assert.equal(few.poll(), PENDING, 'a small request does not overtake a large one');
    held.release();
    assert.deepEqual([many.isWoken, few.isWoken], [true, false]);
    settled(many).release();
    assert.ok(few.isWoken);
    settled(few);
  });

  test('one release serves all whom it suffices for', () => {
    const semaphore = new Semaphore(0);
    const tasks = [1, 2, 3, 1].map((count) => pending(semaphore.acquire(count)));
    semaphore.addPermits(5);
    assert.deepEqual(
      tasks.map((task) => task.isWoken),
      [true, true, false, false],
    );
    assert.equal(semaphore.available, 2);
    semaphore.addPermits(1);
    assert.ok(tasks[2]!.isWoken && !tasks[3]!.isWoken);
  });

  test('who asks again comes last', () => {
    const semaphore = new Semaphore(1);
    let permit = semaphore.tryAcquire()!;
    let waiting = [0, 1, 2].map(() => pending(semaphore.acquire()));
    for (let round = 0; round < 10; round++) {
      permit.release();
      const [first, ...others] = waiting;
      assert.ok(first!.isWoken && others.every((task) => !task.isWoken));
      permit = settled(first!);
      waiting = [...others, pending(semaphore.acquire())];
    }
  });
});

describe('Semaphore, giving up', () => {
  test('leaves the queue', () => {
    const semaphore = new Semaphore(1);
    const held = semaphore.tryAcquire()!;
    const first = pending(semaphore.acquire());
    const second = pending(semaphore.acquire());
    drop(first);
    assert.equal(semaphore.waiters, 1);
    held.release();
    assert.ok(second.isWoken);
    settled(second);
  });

  test('gives permits back that were granted but not taken', () => {
    const semaphore = new Semaphore(10);
    const held = semaphore.tryAcquire(6)!;
    const task = pending(semaphore.acquire(8));
    assert.equal(semaphore.tryAcquire(1), undefined);
    held.release();
    assert.equal(semaphore.available, 2);
    drop(task);
    assert.equal(semaphore.available, 10);
  });

  test('hands them on to the next', () => {
    const semaphore = new Semaphore(0);
    const first = pending(semaphore.acquire());
    const second = pending(semaphore.acquire());
    semaphore.addPermits(1);
    assert.deepEqual([first.isWoken, second.isWoken], [true, false]);
    drop(first);
    assert.ok(second.isWoken);
    settled(second);
  });

  test('lets those go on that only waited behind it', () => {
    const semaphore = new Semaphore(1);
    const many = pending(semaphore.acquire(2));
    const one = pending(semaphore.acquire(1));
    drop(many);
    assert.ok(one.isWoken);
    settled(one);
  });

  test('does nothing before the first poll, nor twice, nor when it is over', () => {
    const semaphore = new Semaphore(1);
    assert.ok(new TestTask(semaphore.acquire()).cancel());
    const task = new TestTask(semaphore.acquire());
    settled(task);
    drop(task);
    assert.equal(semaphore.available, 0);
    const waiting = pending(semaphore.acquire());
    drop(waiting);
    drop(waiting);
    assert.deepEqual([semaphore.available, semaphore.waiters], [0, 0]);
  });
});

describe('Semaphore.close', () => {
  test('refuses who waits and who comes', () => {
    const semaphore = new Semaphore(1);
    const held = semaphore.tryAcquire()!;
    const tasks = [pending(semaphore.acquire()), pending(semaphore.acquire())];
    semaphore.close();
    assert.ok(semaphore.isClosed);
    for (const task of tasks) {
      assert.ok(task.isWoken);
      throwsCode(() => task.poll(), 'ERR_SYNC_CLOSED');
      assert.equal(task.wakers, 0);
      drop(task);
    }
    held.release();
    assert.deepEqual([semaphore.available, semaphore.waiters], [1, 0]);
    assert.equal(semaphore.tryAcquire(), undefined);
    throwsCode(() => ready(semaphore.acquire()), 'ERR_SYNC_CLOSED');
    throwsCode(() => ready(semaphore.acquire(0)), 'ERR_SYNC_CLOSED');
    semaphore.close();
  });

  test('takes nothing away from whom it was granted', () => {
    const semaphore = new Semaphore(0);
    const task = pending(semaphore.acquire());
    semaphore.addPermits(1);
    semaphore.close();
    assert.equal(settled(task).count, 1);
  });

  test('still counts what is given back and added', () => {
    const semaphore = new Semaphore(2);
    const permit = ready(semaphore.acquire(2));
    semaphore.close();
    permit.release();
    semaphore.addPermits(3);
    assert.equal(semaphore.available, 5);
  });

  test('a refused one that is given up gives nothing back', () => {
    const semaphore = new Semaphore(0);
    const task = pending(semaphore.acquire(3));
    semaphore.close();
    drop(task);
    assert.equal(semaphore.available, 0);
  });
});

describe('Semaphore.addPermits and forget', () => {
  test('addPermits up to the most there can be', () => {
    const semaphore = new Semaphore(0);
    semaphore.addPermits(Semaphore.MAX_PERMITS);
    assert.equal(semaphore.available, Semaphore.MAX_PERMITS);
    throwsCode(() => semaphore.addPermits(1), 'ERR_OPTION_RANGE');
    assert.equal(new Semaphore(Semaphore.MAX_PERMITS).available, Semaphore.MAX_PERMITS);
    throwsCode(() => new Semaphore(Semaphore.MAX_PERMITS + 1), 'ERR_OPTION_RANGE');
    throwsCode(() => new Semaphore(-1), 'ERR_OPTION_RANGE');
    throwsCode(() => semaphore.acquire(-1), 'ERR_OPTION_RANGE');
    throwsCode(() => semaphore.tryAcquire(0.5), 'ERR_OPTION_TYPE');
  });

  test('forget takes what is available, as often as one likes', () => {
    const semaphore = new Semaphore(20);
    assert.equal(semaphore.forget(5), 5);
    assert.equal(semaphore.available, 15);
    const permit = semaphore.tryAcquire(10)!;
    assert.equal(semaphore.forget(100), 5);
    assert.equal(semaphore.forget(0), 0);
    permit.release();
    assert.equal(semaphore.available, 10);
    semaphore.addPermits(2);
    assert.equal(semaphore.available, 12);
    semaphore.close();
    assert.equal(semaphore.forget(12), 12);
  });
});

describe('SemaphorePermit', () => {
  test('is given back by using', () => {
    const semaphore = new Semaphore(1);
    {
      using permit = semaphore.tryAcquire()!;
      assert.equal(permit.count, 1);
      assert.equal(semaphore.available, 0);
    }
    assert.equal(semaphore.available, 1);
  });

  test('is released once', () => {
    const semaphore = new Semaphore(1);
    const permit = semaphore.tryAcquire()!;
    permit.release();
    assert.equal(permit.count, 0);
    throwsCode(() => permit.release(), 'ERR_SYNC_RELEASED');
    throwsCode(() => permit.forget(), 'ERR_SYNC_RELEASED');
    throwsCode(() => permit.split(0), 'ERR_SYNC_RELEASED');
    permit[Symbol.dispose]();
    assert.equal(semaphore.available, 1);
  });

  test('forget takes it from the semaphore', () => {
    const semaphore = new Semaphore(2);
    semaphore.tryAcquire()!.forget();
    assert.equal(semaphore.available, 1);
    semaphore.close();
    assert.equal(semaphore.available, 1);
  });

  test('split makes two of it', () => {
    const semaphore = new Semaphore(5);
    const all = semaphore.tryAcquire(5)!;
    assert.equal(all.split(6), undefined);
    const two = all.split(2)!;
    assert.deepEqual([all.count, two.count], [3, 2]);
    assert.equal(all.split(0)?.count, 0);
    two.release();
    assert.equal(semaphore.available, 2);
    all.release();
    assert.equal(semaphore.available, 5);
  });

  test('merge makes one of two', () => {
    const semaphore = new Semaphore(3);
    const one = semaphore.tryAcquire(1)!;
    const two = semaphore.tryAcquire(2)!;
    one.merge(two);
    assert.deepEqual([one.count, two.count, semaphore.available], [3, 0, 0]);
    throwsCode(() => one.merge(two), 'ERR_SYNC_RELEASED');
    throwsCode(() => one.merge(one), 'ERR_OPTION_TYPE');
    const foreign = new Semaphore(1).tryAcquire()!;
    throwsCode(() => one.merge(foreign), 'ERR_OPTION_TYPE');
    one.release();
    assert.equal(semaphore.available, 3);
  });
});

describe('Semaphore.run', () => {
  test('holds permits while the body runs', () => {
    const semaphore = new Semaphore(2);
    const seen = ready(semaphore.run((permit) => [permit.count, semaphore.available], 2));
    assert.deepEqual(seen, [2, 0]);
    assert.equal(semaphore.available, 2);
    semaphore.close();
    throwsCode(() => ready(semaphore.run(() => 1)), 'ERR_SYNC_CLOSED');
  });
});
