/** Tasks whose executor is closed. After tokio's rt_common, rt_basic and loom tests. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  CancelledError,
  mpsc,
  Mutex,
  oneshot,
  PENDING,
  pollFn,
  sleep,
  TaskSet,
  VirtualHost,
  yieldNow,
  type Coroutine,
  type Executor,
} from '../../../src/task/index.ts';

function made(): { host: VirtualHost; executor: Executor } {
  const host = new VirtualHost();
  return { host, executor: host.executor() };
}

/** Closes, and runs what that needs. */
async function close({ host, executor }: { host: VirtualHost; executor: Executor }): Promise<void> {
  const closed = executor.close();
  host.runUntilIdle();
  await closed;
  assert.equal(executor.living, 0);
  assert.equal(host.nextDeadline, Number.POSITIVE_INFINITY, 'no timer is left');
}

describe('tokio rt_common: shutdown', () => {
  it('outstanding_tasks_dropped, eagerly_drops_futures_on_shutdown: all clean up', async () => {
    const world = made();
    let open = 0;
    const tasks = Array.from({ length: 100 }, (_, i) =>
      world.executor.spawn(function* () {
        open += 1;
        try {
          if (i % 2 === 0) yield* sleep(60_000);
          else yield* pollFn(() => PENDING);
        } finally {
          open -= 1;
        }
      }),
    );
    world.host.runFor(1);
    assert.equal(open, 100);
    await close(world);
    assert.equal(open, 0);
    for (const end of await Promise.allSettled(tasks)) assert.equal(end.status, 'rejected');
  });

  it('a task that was never polled is not started by closing', async () => {
    const world = made();
    const task = world.executor.spawn(() => assert.fail('it was started'));
    await close(world);
    await assert.rejects(() => Promise.resolve(task), CancelledError);
  });

  it('join_handle_cancel_on_shutdown: who waits for a task gets its cancellation', async () => {
    const world = made();
    const task = world.executor.spawn(() => sleep(60_000));
    const waits = assert.rejects(
      () => Promise.resolve(task),
      (error: CancelledError) => {
        assert.equal((error.reason as { code: string }).code, 'ERR_EXECUTOR_CLOSED');
        return true;
      },
    );
    world.host.runFor(1);
    await close(world);
    await waits;
  });

  it('wake_while_rt_is_dropping: a task that is cleaning up wakes others, ended ones too', async () => {
    const world = made();
    const { sender, receiver } = mpsc<string>(1);
    const { sender: last, receiver: never } = oneshot<string>();
    const got: unknown[] = [];
    const reader = world.executor.spawn(function* () {
      try {
        yield* pollFn(() => PENDING);
      } finally {
        got.push(yield* receiver.receive());
      }
    });
    const writer = world.executor.spawn(function* () {
      try {
        yield* never;
      } finally {
        yield* sender.send('while closing');
        last.send('to nobody');
      }
    });
    world.host.runFor(1);
    await close(world);
    assert.deepEqual(got, ['while closing']);
    assert.ok(reader.isFinished && writer.isFinished);
    await Promise.allSettled([reader, writer]);
  });

  it('shutdown_concurrent_spawn: nothing is spawned any more, by whomever', async () => {
    const world = made();
    const codes: string[] = [];
    const task = world.executor.spawn(function* () {
      try {
        for (;;) yield* yieldNow();
      } finally {
        try {
          world.executor.spawn(() => undefined);
        } catch (error) {
          codes.push((error as { code: string }).code);
        }
      }
    });
    world.executor.turn();
    await close(world);
    await Promise.allSettled([task]);
    assert.deepEqual(codes, ['ERR_EXECUTOR_CLOSED']);
  });

  it('shutdown_wakeup_time: closing does not wait for sleeps', async () => {
    const world = made();
    const task = world.executor.spawn(() => sleep(3_600_000));
    world.host.runFor(1);
    await close(world);
    assert.ok(world.host.now() < 3_600_000);
    await Promise.allSettled([task]);
  });

  it('acquire_mutex_in_drop: a lock that others hold is had by who is cleaning up', async () => {
    const world = made();
    const mutex = new Mutex(0);
    const tasks = Array.from({ length: 3 }, () =>
      world.executor.spawn(function* (): Coroutine<void> {
        const guard = yield* mutex.lock();
        try {
          yield* sleep(60_000);
        } finally {
          guard.release();
          yield* mutex.runExclusive((again) => void (again.value += 1));
        }
      }),
    );
    world.host.runFor(1);
    await close(world);
    assert.equal(mutex.tryLock()!.value, 1, 'the two others never had it');
    await Promise.allSettled(tasks);
  });
});

describe('tokio task_join_set: runtime_gone', () => {
  it('the tasks of a set whose executor was closed are joined as cancelled', async () => {
    const world = made();
    const set = new TaskSet<void>(world.executor);
    for (let i = 0; i < 3; i++) set.spawn(() => sleep(60_000));
    world.host.runFor(1);
    await close(world);
    for (let i = 0; i < 3; i++) {
      const outcome = set.tryJoinNext()!;
      assert.ok(!outcome.ok && outcome.error instanceof CancelledError);
    }
    assert.equal(set.tryJoinNext(), undefined);
    assert.equal(set.size, 0);
  });
});
