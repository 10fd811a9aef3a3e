import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { CancelledError } from '../errors.ts';
import { BaseFuture, PENDING, pollFn, ready, type Context, type Poll } from '../future/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { CancellationToken } from './token.ts';

class Probe extends BaseFuture<number> {
  cancels = 0;
  poll(): Poll<number> {
    return PENDING;
  }
  cancel(_context: Context): Poll<void> {
    this.cancels += 1;
  }
}

describe('CancellationToken', () => {
  it('is cancelled once, with the first reason', () => {
    const token = new CancellationToken();
    assert.equal(token.isCancelled, false);
    token.throwIfCancelled();
    token.cancel('first');
    token.cancel('second');
    assert.equal(token.isCancelled, true);
    assert.equal(token.reason, 'first');
    assert.throws(() => token.throwIfCancelled(), { code: 'ERR_TASK_CANCELLED', reason: 'first' });
  });

  it('cancels what is below it, and nothing above or beside', () => {
    const root = new CancellationToken();
    const [left, right] = [root.child(), root.child()];
    const grandchild = left.child();
    left.cancel('left');
    assert.deepEqual(
      [root, left, right, grandchild].map((token) => token.isCancelled),
      [false, true, false, true],
    );
    assert.equal(grandchild.reason, 'left');
    root.cancel('root');
    assert.equal(right.reason, 'root');
    assert.equal(grandchild.reason, 'left');
  });

  it('is cancelled from the start below a cancelled one', () => {
    const root = new CancellationToken();
    root.cancel();
    assert.equal(root.child().child().isCancelled, true);
  });

  it('reaches a grandchild whose parent nobody holds', () => {
    const root = new CancellationToken();
    const grandchild = root.child().child();
    const task = new TestTask(grandchild.cancelled());
    assert.equal(task.poll(), PENDING);
    root.cancel('all');
    assert.ok(task.isWoken);
    assert.equal(task.poll(), 'all');
    assert.equal(task.wakers, 0);
  });

  it('cancelled() wakes all who wait, and is ready at once afterwards', () => {
    const token = new CancellationToken();
    const tasks = Array.from({ length: 3 }, () => new TestTask(token.cancelled()));
    for (const task of tasks) task.poll();
    tasks[1]!.cancel();
    token.cancel(5);
    assert.deepEqual(
      tasks.map((task) => task.isWoken),
      [true, false, true],
    );
    assert.equal(new TestTask(token.cancelled()).poll(), 5);
    assert.deepEqual(
      tasks.map((task) => task.wakers),
      [0, 0, 0],
    );
  });

  it('run gives the value, or gives the future up when it is cancelled first', () => {
    const token = new CancellationToken();
    assert.equal(new TestTask(token.run(ready(1))).poll(), 1);
    const probe = new Probe();
    const task = new TestTask(token.run(probe));
    assert.equal(task.poll(), PENDING);
    token.cancel('stop');
    assert.ok(task.isWoken);
    assert.throws(() => task.poll(), { code: 'ERR_TASK_CANCELLED', reason: 'stop' });
    assert.equal(probe.cancels, 1);
    assert.throws(() => new TestTask(token.run(ready(1))).poll(), CancelledError);
  });

  it('run that is given up leaves nobody listening', () => {
    const token = new CancellationToken();
    const probe = new Probe();
    const task = new TestTask(token.run(probe));
    task.poll();
    assert.equal(task.cancel(), true);
    assert.equal(probe.cancels, 1);
    assert.equal(task.wakers, 0);
    token.cancel();
    assert.equal(task.isWoken, false);
  });

  it('aborts its signal with the reason', () => {
    const token = new CancellationToken();
    const { signal } = token.child();
    const reason = new Error('why');
    token.cancel(reason);
    assert.equal(signal.aborted, true);
    assert.equal(signal.reason, reason);
    assert.equal(token.signal.reason, reason);
  });

  it('follows a signal, and listens to it only while somebody waits', () => {
    const controller = new AbortController();
    const token = CancellationToken.from(controller.signal);
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
    const task = new TestTask(token.child().cancelled());
    task.poll();
    assert.equal(getEventListeners(controller.signal, 'abort').length, 1);
    task.cancel();
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
    task.poll();
    controller.abort('stopped');
    assert.ok(task.isWoken);
    assert.equal(task.poll(), 'stopped');
    assert.equal(CancellationToken.from(controller.signal).isCancelled, true);
  });

  it('keeps nothing of a million children that came and went', () => {
    const root = new CancellationToken();
    for (let i = 0; i < 1_000_000; i++) {
      const task = new TestTask(root.child().cancelled());
      task.poll();
      task.cancel();
    }
    let woken = 0;
    root.listen({ tokenCancelled: () => (woken += 1) });
    root.cancel();
    assert.equal(woken, 1, 'there was nobody else');
  });

  it('tells those who wait also when somebody looked it up before they were told', () => {
    const root = new CancellationToken();
    const child = root.child();
    root.signal.addEventListener('abort', () => assert.equal(child.isCancelled, true));
    const task = new TestTask(child.cancelled());
    task.poll();
    root.cancel('all');
    assert.ok(task.isWoken);
    assert.equal(task.poll(), 'all');

    const controller = new AbortController();
    const looks = { token: new CancellationToken() };
    controller.signal.addEventListener('abort', () => void looks.token.isCancelled);
    looks.token = CancellationToken.from(controller.signal);
    const waiter = new TestTask(looks.token.cancelled());
    waiter.poll();
    controller.abort('signal');
    assert.ok(waiter.isWoken);
  });

  it('tells those who wait when it is cancelled after it let go of its parent', () => {
    const root = new CancellationToken();
    const child = root.child();
    const task = new TestTask(child.cancelled());
    task.poll();
    child[Symbol.dispose]();
    root.cancel('root');
    assert.equal(task.isWoken, false);
    child.cancel('child');
    assert.ok(task.isWoken);
  });

  it('is not listened to any more when what it runs has failed', () => {
    const controller = new AbortController();
    const token = CancellationToken.from(controller.signal);
    let isOver = false;
    const task = new TestTask(
      token.run(
        pollFn(() => {
          if (isOver) throw new Error('failed');
          return PENDING;
        }),
      ),
    );
    task.poll();
    assert.equal(getEventListeners(controller.signal, 'abort').length, 1);
    isOver = true;
    assert.throws(() => task.poll(), /failed/);
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
    assert.equal(task.wakers, 0);
  });

  it('refuses to follow what is neither token nor signal', () => {
    assert.throws(() => new CancellationToken({} as never), { code: 'ERR_OPTION_TYPE' });
  });
});
