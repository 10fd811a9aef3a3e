import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { CancelledError } from '../errors.ts';
import type { Executor } from '../executor/index.ts';
import { BaseFuture, PENDING, type Poll } from '../future/index.ts';
import { END } from '../stream/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { VirtualHost } from '../testing/virtual-host.ts';
import { sleep } from '../time/index.ts';
import { TaskSet } from './task-set.ts';

let host: VirtualHost;
let executor: Executor;
let set: TaskSet<number>;
beforeEach(() => {
  host = new VirtualHost();
  executor = host.executor();
  set = new TaskSet<number>(executor);
});

class Never extends BaseFuture<number> {
  poll(): Poll<number> {
    return PENDING;
  }
}

function* after(milliseconds: number, value: number) {
  yield* sleep(milliseconds);
  return value;
}

describe('TaskSet', () => {
  it('gives the values in the order of their ends', () => {
    const seen: number[] = [];
    for (const ms of [30, 10, 20]) set.spawn(() => after(ms, ms));
    executor.spawn(function* () {
      for (let value; (value = yield* set.joinNext()) !== END;) seen.push(value);
    });
    host.runUntilIdle();
    assert.deepEqual(seen, [10, 20, 30]);
    assert.equal(set.size, 0);
  });

  it('is END at once when it is empty', () => {
    assert.equal(new TestTask(set.joinNext()).poll(), END);
    assert.equal(set.tryJoinNext(), undefined);
  });

  it('tryJoinNext gives only what has ended', () => {
    set.spawn(() => 1);
    assert.equal(set.tryJoinNext(), undefined);
    host.runUntilIdle();
    assert.equal(set.size, 1);
    assert.deepEqual(set.tryJoinNext(), { ok: true, value: 1 });
    assert.equal(set.size, 0);
  });

  it('can grow while it is joined', () => {
    const seen: number[] = [];
    set.spawn(() => 0);
    executor.spawn(function* () {
      for (let value; (value = yield* set.joinNext()) !== END;) {
        seen.push(value);
        if (value < 1000) set.spawn(() => value + 1);
      }
    });
    host.runUntilIdle();
    assert.equal(seen.length, 1001);
  });

  it('joinNext throws the error of its task, and goes on', () => {
    set.spawn(() => {
      throw new Error('one');
    });
    set.spawn(() => 2);
    host.runUntilIdle();
    assert.throws(() => new TestTask(set.joinNext()).poll(), /one/);
    assert.equal(new TestTask(set.joinNext()).poll(), 2);
    assert.deepEqual(host.reported, []);
  });

  it('joinNext given up loses nothing', () => {
    set.spawn(() => after(10, 5));
    host.runFor(1);
    const first = new TestTask(set.joinNext());
    first.poll();
    first.cancel();
    assert.equal(first.wakers, 0);
    const second = new TestTask(set.joinNext());
    second.poll();
    host.runUntilIdle();
    assert.ok(second.isWoken && !first.isWoken);
    assert.equal(second.poll(), 5);
  });

  it('joinAll gives all values, or the first error when the rest was cancelled', () => {
    for (const ms of [2, 1]) set.spawn(() => after(ms, ms));
    const all = new TestTask(set.joinAll());
    all.poll();
    host.runUntilIdle();
    assert.deepEqual(all.poll(), [1, 2]);

    const never = set.spawn(new Never());
    set.spawn(() => {
      throw new Error('broken');
    });
    const failing = new TestTask(set.joinAll());
    failing.poll();
    host.runUntilIdle();
    assert.equal(failing.poll(), PENDING);
    host.runUntilIdle();
    assert.throws(() => failing.poll(), /broken/);
    assert.ok(never.isFinished);
  });

  it('abortAll cancels all, which are still to be joined', () => {
    for (let i = 0; i < 3; i++) set.spawn(new Never());
    host.runUntilIdle();
    set.abortAll('enough');
    host.runUntilIdle();
    for (let i = 0; i < 3; i++) {
      const outcome = set.tryJoinNext();
      assert.ok(outcome?.ok === false && outcome.error instanceof CancelledError);
      assert.equal(outcome.error.reason, 'enough');
    }
    assert.equal(set.size, 0);
  });

  it('detachAll lets them run on, and their errors are reported', () => {
    set.spawn(function* () {
      yield* sleep(10);
      throw new Error('alone');
    });
    host.runFor(1);
    set.detachAll();
    assert.equal(set.size, 0);
    host.runUntilIdle();
    assert.match(String(host.reported[0]), /alone/);
  });

  it('asyncDispose cancels what is left and waits for it', async () => {
    let cleaned = false;
    set.spawn(function* () {
      try {
        return yield* new Never();
      } finally {
        yield* sleep(10);
        cleaned = true;
      }
    });
    host.runUntilIdle();
    const disposal = set[Symbol.asyncDispose]();
    host.runUntilIdle();
    await disposal;
    assert.ok(cleaned);
    assert.equal(executor.living, 0);
    assert.deepEqual(host.reported, []);
  });

  it('lets other tasks have their turns while it is joined without end', () => {
    for (let i = 0; i < 10_000; i++) set.spawn(() => i);
    host.runUntilIdle();
    const joining = executor.spawn(set.joinAll());
    let joined = -1;
    executor.spawn(() => (joined = 10_000 - set.size));
    host.runUntilIdle();
    assert.ok(joining.isFinished);
    assert.ok(joined > 0 && joined <= 128, `${joined} joined before another task ran`);
  });
});
