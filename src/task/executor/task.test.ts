import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { CancelledError } from '../errors.ts';
import { BaseFuture, PENDING, yieldNow, type Context, type Poll } from '../future/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { attempt, borrow, join, select, timeout } from '../combine/index.ts';
import { sleep } from '../time/index.ts';
import { VirtualHost } from '../testing/virtual-host.ts';
import type { Executor } from './executor.ts';
import type { JoinHandle } from './types.ts';

let host: VirtualHost;
let executor: Executor;
beforeEach(() => {
  host = new VirtualHost();
  executor = host.executor();
});

/** Takes `slow` polls of `cancel` to let go. */
class Stubborn extends BaseFuture<number> {
  #left: number;
  polls = 0;
  isReleased = false;
  constructor(slow: number) {
    super();
    this.#left = slow;
  }
  poll(): Poll<number> {
    this.polls += 1;
    return PENDING;
  }
  cancel(context: Context): Poll<void> {
    if (this.#left-- > 0) {
      context.waker.wakeByRef();
      return PENDING;
    }
    this.isReleased = true;
  }
}

const rejection = async (handle: JoinHandle<unknown>): Promise<unknown> =>
  handle.then(
    () => assert.fail('it must not have a value'),
    (error: unknown) => error,
  );

describe('JoinHandle', () => {
  it('abort ends the task, and waiting for it throws a CancelledError with the reason', async () => {
    const future = new Stubborn(3);
    const handle = executor.spawn(future, { name: 'stubborn' });
    host.runUntilIdle();
    const reason = new Error('no longer needed');
    assert.equal(handle.abort(reason), true);
    assert.equal(handle.abort(), false, 'only the first counts');
    const error = rejection(handle);
    host.runUntilIdle();
    const cancelled = await error;
    assert.ok(cancelled instanceof CancelledError);
    assert.equal(cancelled.reason, reason);
    assert.equal(cancelled.code, 'ERR_TASK_CANCELLED');
    assert.match(cancelled.message, /stubborn/);
    assert.ok(future.isReleased, 'it ended after what it waited for had let go');
    assert.equal(future.polls, 1, 'no poll after abort');
  });

  it('abort before the first poll never runs the function', async () => {
    let ran = false;
    const handle = executor.spawn(() => (ran = true));
    handle.abort();
    const error = rejection(handle);
    host.runUntilIdle();
    assert.ok((await error) instanceof CancelledError);
    assert.equal(ran, false);
  });

  it('abort of an ended task does nothing', () => {
    const handle = executor.spawn(() => 5);
    host.runUntilIdle();
    assert.equal(handle.abort(), false);
    assert.equal(new TestTask(handle).poll(), 5);
  });

  it('abort from inside ends the task at its next wait', () => {
    let after = false;
    const handle: JoinHandle<void> = executor.spawn(function* () {
      handle.abort();
      yield* yieldNow();
      after = true;
    });
    host.runUntilIdle();
    assert.ok(handle.isFinished);
    assert.equal(after, false);
  });

  it('runs finally blocks that wait, in the order from the inside out', () => {
    const log: string[] = [];
    function* inner() {
      try {
        yield* new Stubborn(1);
      } finally {
        log.push('inner');
        yield* yieldNow();
        log.push('inner waited');
      }
    }
    const handle = executor.spawn(function* () {
      try {
        yield* inner();
        log.push('never');
      } finally {
        log.push('outer');
      }
    });
    host.runUntilIdle();
    handle.abort();
    host.runUntilIdle();
    assert.deepEqual(log, ['inner', 'inner waited', 'outer']);
  });

  it('throws the cancellation into the coroutine, with the reason', () => {
    const reason = new Error('why');
    let caught: unknown;
    const handle = executor.spawn(function* () {
      try {
        yield* new Stubborn(1);
      } catch (error) {
        caught = error;
        throw error;
      }
    });
    host.runUntilIdle();
    handle.abort(reason);
    host.runUntilIdle();
    assert.ok(caught instanceof CancelledError);
    assert.equal(caught.reason, reason);
    assert.equal(handle.isFinished, true);
  });

  it('ends a coroutine that catches its cancellation and carries on, after its grace', () => {
    let cleaned = 0;
    const handle = executor.spawn(
      function* () {
        for (;;) {
          try {
            yield* sleep(1000);
          } catch {
            // As many loops do that only mean to survive their errors.
          } finally {
            cleaned += 1;
          }
        }
      },
      { name: 'deaf' },
    );
    host.runFor(1500);
    assert.equal(cleaned, 1);
    handle.abort();
    host.runFor(4900);
    assert.equal(handle.isFinished, false);
    host.runFor(200);
    assert.equal(handle.isFinished, true);
    assert.equal(executor.timers.size, 0);
    assert.equal(host.warnings.length, 1);
    assert.match(host.warnings[0]!, /deaf/);
  });

  it('leaves no timer when a coroutine cleans up in time', () => {
    const handle = executor.spawn(function* () {
      try {
        yield* new Stubborn(0);
      } finally {
        yield* sleep(100);
      }
    });
    host.runUntilIdle();
    handle.abort();
    host.runUntilIdle();
    assert.equal(host.now(), 100);
    assert.equal(executor.timers.size, 0);
  });

  it('gives the error of a finally block instead of the cancellation', async () => {
    const handle = executor.spawn(function* () {
      try {
        yield* new Stubborn(0);
      } finally {
        // oxlint-disable-next-line no-unsafe-finally -- What this test is about.
        throw new Error('cannot clean up');
      }
    });
    host.runUntilIdle();
    handle.abort();
    const error = rejection(handle);
    host.runUntilIdle();
    assert.match(String(await error), /cannot clean up/);
  });

  it('asks an async function by its signal, and waits for it', async () => {
    const log: string[] = [];
    const handle = executor.spawn(async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      log.push('asked');
      await Promise.resolve();
      log.push('done');
      signal.throwIfAborted();
    });
    host.runUntilIdle();
    handle.abort();
    const error = rejection(handle);
    await host.settle();
    assert.ok((await error) instanceof CancelledError);
    assert.deepEqual(log, ['asked', 'done']);
  });

  it('gives an error of an aborted async function that has another cause', async () => {
    const handle = executor.spawn(async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      throw new Error('other');
    });
    host.runUntilIdle();
    handle.abort();
    const error = rejection(handle);
    await host.settle();
    assert.match(String(await error), /other/);
  });

  it('asyncDispose does not throw an error again of which somebody was told', async () => {
    const fails = (): never => {
      throw new Error('failed');
    };
    const told = executor.spawn(fails);
    const error = rejection(told);
    host.runUntilIdle();
    assert.match(String(await error), /failed/);
    await told[Symbol.asyncDispose]();
  });

  it('asyncDispose cancels and waits', async () => {
    const future = new Stubborn(2);
    const handle = executor.spawn(future);
    host.runUntilIdle();
    const disposal = handle[Symbol.asyncDispose]();
    host.runUntilIdle();
    await disposal;
    assert.ok(future.isReleased);
  });

  it('gives its value to all who wait, at any time', async () => {
    const handle = executor.spawn(function* () {
      yield* yieldNow();
      return 7;
    });
    const early = new TestTask(handle);
    assert.equal(early.poll(), PENDING);
    const promise = handle.then((value) => value + 1);
    host.runUntilIdle();
    assert.ok(early.isWoken);
    assert.equal(early.poll(), 7);
    assert.equal(early.wakers, 0, 'its waker was used up');
    assert.equal(new TestTask(handle).poll(), 7);
    assert.equal(await promise, 8);
    assert.equal(await handle, 7);
  });

  it('forgets one of many who wait when that one gives up', () => {
    const handle = executor.spawn(new Stubborn(0));
    const waiters = Array.from({ length: 3 }, () => new TestTask(handle));
    for (const waiter of waiters) waiter.poll();
    for (const waiter of waiters) waiter.poll();
    assert.deepEqual(
      waiters.map((waiter) => waiter.wakers),
      [1, 1, 1],
    );
    waiters[1]!.cancel();
    waiters[1]!.cancel();
    handle.abort();
    host.runUntilIdle();
    assert.deepEqual(
      waiters.map((waiter) => [waiter.wakes, waiter.wakers]),
      [
        [1, 0],
        // By its own giving up, and not by the end.
        [1, 0],
        [1, 0],
      ],
    );
  });

  it('wakes the same task in both branches that wait for it, when one gives up', () => {
    const handle = executor.spawn(host.enter(() => sleep(10)));
    function* impatient() {
      yield* attempt(timeout(5, handle));
      yield* sleep(1000);
    }
    let first: unknown;
    executor.spawn(function* () {
      first = yield* select({ handle, late: impatient() });
    });
    host.runFor(20);
    assert.deepEqual(first, { key: 'handle', value: undefined });
  });

  it('reports an error when those who waited for it gave up, before or after it came', () => {
    function* fails() {
      yield* sleep(10);
      throw new Error('lost');
    }
    const early = executor.spawn(fails);
    executor.spawn(attempt(timeout(5, early)));
    host.runUntilIdle();
    assert.equal(host.reported.length, 1);

    const late = executor.spawn(() => {
      throw new Error('lost as well');
    });
    const waiter = new TestTask(late);
    waiter.poll();
    host.runUntilIdle();
    assert.equal(host.reported.length, 1);
    waiter.cancel();
    host.runUntilIdle();
    assert.equal(host.reported.length, 2);
  });

  it('is not waited for any more when it was lent and that is given up', () => {
    const handle = executor.spawn(() => {
      throw new Error('nobody waits');
    });
    const waiter = new TestTask(join([borrow(handle)]));
    waiter.poll();
    waiter.cancel();
    host.runUntilIdle();
    assert.equal(host.reported.length, 1);
  });

  it('shows what it is', () => {
    function* fetchAll() {
      yield* new Stubborn(0);
    }
    const handle = executor.spawn(fetchAll, { priority: 'low' });
    host.runUntilIdle();
    const shown = inspect(handle);
    for (const part of ['fetchAll', 'idle', 'low']) assert.match(shown, new RegExp(part));
    assert.equal(shown.includes('executor'), false, 'and not what it is made of');
  });
});

/** What a task does in `combinations`. */
const OUTCOMES = ['value', 'throw', 'pend', 'pend then value', 'pend then throw'] as const;
const ABORTS = ['no', 'before', 'between', 'after'] as const;
const INTERESTS = ['none', 'polled', 'promise', 'given up', 'detached'] as const;

function build(outcome: (typeof OUTCOMES)[number], log: { cleaned: number }) {
  return function* () {
    try {
      if (outcome === 'pend') yield* new Stubborn(1);
      if (outcome.startsWith('pend then')) yield* yieldNow();
      if (outcome.endsWith('throw')) throw new Error('thrown');
      return 1;
    } finally {
      log.cleaned += 1;
    }
  };
}

describe('Task: every combination of outcome, abort and interest', () => {
  for (const outcome of OUTCOMES) {
    for (const abort of ABORTS) {
      for (const interest of INTERESTS) {
        it(`${outcome}, abort ${abort}, interest ${interest}`, async () => {
          const log = { cleaned: 0 };
          const handle = executor.spawn(build(outcome, log));
          const waiter = new TestTask(handle);
          let settled: Promise<unknown> | undefined;
          if (interest === 'polled' || interest === 'given up') waiter.poll();
          if (interest === 'given up') waiter.cancel();
          if (interest === 'promise') settled = handle.catch((error: unknown) => error);
          if (interest === 'detached') handle.detach();
          if (abort === 'before') handle.abort();
          if (abort === 'between') {
            executor.spawn(() => handle.abort()); // Runs right after the task's first poll.
          }
          host.runUntilIdle();
          if (abort === 'after' || outcome === 'pend') handle.abort();
          host.runUntilIdle();

          assert.ok(handle.isFinished);
          assert.equal(executor.living, 0);
          assert.equal(log.cleaned, abort === 'before' ? 0 : 1, 'cleaned up once if it began');
          const isThrown =
            outcome === 'throw' || (outcome.endsWith('throw') && abort !== 'between');
          const fails = isThrown && abort !== 'before';
          const watches = interest === 'polled' || interest === 'promise';
          const expected = fails && !watches ? 1 : 0;
          assert.equal(
            host.reported.length,
            expected,
            'an error is reported once or had by someone',
          );
          if (interest === 'polled') assert.ok(waiter.isWoken);
          assert.equal(waiter.wakers, 0, 'no waker is left');
          if (settled !== undefined) {
            const result = await settled;
            const isValue = outcome.endsWith('value') && (abort === 'no' || abort === 'after');
            if (isValue || (outcome === 'value' && abort === 'between')) assert.equal(result, 1);
            else if (fails) assert.match(String(result), /thrown/);
            else assert.ok(result instanceof CancelledError);
          }
        });
      }
    }
  }
});
