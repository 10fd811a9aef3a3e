import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { Executor } from '../executor/index.ts';
import { BaseFuture, PENDING, ready, type Poll } from '../future/index.ts';
import type { JoinHandle } from '../executor/index.ts';
import { VirtualHost } from '../testing/virtual-host.ts';
import { sleep } from '../time/index.ts';
import { deadline, timeout } from './index.ts';

let host: VirtualHost;
let executor: Executor;
beforeEach(() => {
  host = new VirtualHost();
  executor = host.executor();
});

class Never extends BaseFuture<never> {
  poll(): Poll<never> {
    return PENDING;
  }
}

/** Waits for it, and gives the code of what a task is cancelled with. */
function reasonOf(handle: JoinHandle<unknown>): string | undefined {
  let code: string | undefined;
  handle.catch(() => undefined);
  executor.spawn(function* () {
    try {
      yield* handle;
    } catch (error) {
      code = (error as { reason: { code: string } }).reason.code;
    }
  });
  host.runUntilIdle();
  return code;
}

describe('deadline: tasks that outlive the future', () => {
  it('are cancelled when it passes', () => {
    let child: JoinHandle<unknown> | undefined;
    let grandchild: JoinHandle<unknown> | undefined;
    function* parent() {
      yield* sleep(20);
      grandchild = executor.spawn(new Never());
      yield* new Never();
    }
    function* body() {
      child = executor.spawn(parent);
      return yield* ready(1);
    }
    executor.spawn(deadline(50, body()));
    host.runFor(49);
    assert.equal(child!.isFinished, false);
    assert.equal(reasonOf(child!), 'ERR_TASK_DEADLINE');
    assert.equal(reasonOf(grandchild!), 'ERR_TASK_DEADLINE');
    assert.equal(executor.now(), 50);
    assert.equal(executor.timers.size, 0);
  });

  it('are cancelled too when the future failed or was given up', () => {
    const children: JoinHandle<unknown>[] = [];
    function* fails() {
      children.push(executor.spawn(new Never()));
      yield* ready(0);
      throw new Error('early');
    }
    function* waits() {
      children.push(executor.spawn(new Never()));
      yield* new Never();
    }
    executor.spawn(deadline(50, fails())).catch(() => undefined);
    executor.spawn(timeout(10, deadline(50, waits()))).catch(() => undefined);
    host.runUntilIdle();
    assert.equal(executor.now(), 50);
    for (const child of children) assert.equal(reasonOf(child), 'ERR_TASK_DEADLINE');
  });

  it('take their timer away when they end in time', () => {
    function* body() {
      executor.spawn(host.enter(() => sleep(5)));
      return yield* ready(1);
    }
    executor.spawn(deadline(50_000, body()));
    host.runUntilIdle();
    assert.equal(executor.now(), 5);
    assert.equal(executor.timers.size, 0);
  });
});
