/** Values that a combinator drops go back to the future that gave them. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { Executor } from '../executor/index.ts';
import {
  BaseFuture,
  PENDING,
  unconstrained,
  type Context,
  type Future,
  type Poll,
} from '../future/index.ts';
import { TaskLocal } from '../future/locals.ts';
import { CancellationToken } from '../scope/index.ts';
import { Mutex, RwLock, Semaphore } from '../sync/index.ts';
import { VirtualHost } from '../testing/virtual-host.ts';
import { sleep } from '../time/index.ts';
import { attempt, borrow, deadline, join, joinSettled, select, shield, timeout } from './index.ts';

let host: VirtualHost;
let executor: Executor;
let log: string[];
beforeEach(() => {
  host = new VirtualHost();
  executor = host.executor();
  log = [];
});

/** Takes 50 ms to let go when it is given up. */
class Slow extends BaseFuture<never> {
  #sleep: BaseFuture<void, never> | undefined;
  poll(): Poll<never> {
    return PENDING;
  }
  cancel(context: Context): Poll<void> {
    this.#sleep ??= sleep(50);
    return this.#sleep.poll(context);
  }
}

/** Gives a value that takes 10 ms to be taken back. */
class Opening extends BaseFuture<string> {
  poll(): Poll<string> {
    return 'opened';
  }
  takeBack(value: string): Future<unknown> {
    log.push(`${value} goes back at ${host.now()}`);
    return sleep(10);
  }
}

/** Starts it, gives it up at once, and runs to the end. */
function giveUp(future: BaseFuture<unknown>): void {
  const handle = executor.spawn(future);
  executor.spawn(() => handle.abort());
  host.runUntilIdle();
  assert.ok(handle.isFinished);
  assert.deepEqual(host.reported, []);
}

describe('a value that nobody receives', () => {
  it('goes back when a select is given up whose losers take their time', () => {
    giveUp(select({ opened: new Opening(), slow: new Slow() }, { biased: true }));
    assert.deepEqual(log, ['opened goes back at 50']);
    assert.equal(host.now(), 60, 'and that is waited for');
  });

  it('stays with the one that receives it', () => {
    const won = host.run(() => select({ opened: new Opening(), slow: new Slow() }));
    assert.deepEqual(won, { key: 'opened', value: 'opened' });
    assert.deepEqual(
      host.run(() => join([new Opening(), new Opening()])),
      ['opened', 'opened'],
    );
    assert.deepEqual(log, []);
  });

  it('goes back when another of a join fails, or the join is given up', () => {
    const failing = function* () {
      yield* sleep(5);
      throw new Error('other');
    };
    assert.throws(() => host.run(() => join([new Opening(), failing()])), /^Error: other/);
    assert.deepEqual(log, ['opened goes back at 5']);
    giveUp(join({ a: new Opening(), b: new Slow() }));
    giveUp(joinSettled([new Opening(), new Slow()]));
    assert.equal(log.length, 3);
  });

  it('goes back through what is around it', () => {
    const local = new TaskLocal<number>();
    const token = new CancellationToken();
    const around = [
      attempt(new Opening()),
      borrow(new Opening()),
      deadline(1000, new Opening()),
      local.with(1, new Opening()),
      shield(new Opening()),
      timeout(1000, new Opening()),
      token.run(new Opening()),
      unconstrained(new Opening()),
    ];
    giveUp(join([...around, new Slow()]));
    assert.equal(log.length, around.length);
  });

  it('goes back from a shield that was given up', () => {
    class Later extends Opening {
      readonly #sleep = sleep(5);
      override poll(context?: Context): Poll<string> {
        return this.#sleep.poll(context!) === PENDING ? PENDING : 'opened late';
      }
    }
    giveUp(shield(host.enter(() => new Later())));
    assert.deepEqual(log, ['opened late goes back at 5']);
  });

  it('goes back through joins and selects that had given it already', () => {
    const inner = () => join([new Opening(), select({ one: new Opening() })]);
    giveUp(join([inner(), new Slow()]));
    assert.equal(log.length, 2);
  });

  it('is a lock that others get', () => {
    const mutex = new Mutex(0);
    const semaphore = new Semaphore(3);
    const lock = new RwLock(0);
    giveUp(join([mutex.lock(), semaphore.acquire(2), lock.write(), new Slow()]));
    assert.equal(mutex.isLocked, false);
    assert.equal(semaphore.available, 3);
    giveUp(join([lock.read(), lock.read(), new Slow()]));
    assert.equal(lock.readers, 0);
    assert.equal(lock.isWriting, false);
  });
});
