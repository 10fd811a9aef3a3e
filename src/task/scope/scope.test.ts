import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { CancelledError } from '../errors.ts';
import type { Executor } from '../executor/index.ts';
import { BaseFuture, PENDING, yieldNow, type Context, type Poll } from '../future/index.ts';
import { VirtualHost } from '../testing/virtual-host.ts';
import { toStream } from '../stream/index.ts';
import { sleep } from '../time/index.ts';
import { scope } from './scope.ts';

let host: VirtualHost;
let executor: Executor;
beforeEach(() => {
  host = new VirtualHost();
  executor = host.executor();
});

/** Runs to the end and gives how it ended. */
function outcome(future: unknown): { value?: unknown; error?: unknown } {
  const handle = executor.spawn(future as BaseFuture<unknown>);
  let result: { value?: unknown; error?: unknown } | undefined;
  void handle.then(
    (value) => (result = { value }),
    (error: unknown) => (result = { error }),
  );
  host.runUntilIdle();
  assert.ok(handle.isFinished, 'it has ended');
  const { content, state } = handle as unknown as { content: unknown; state: number };
  result ??= (state & 96) === 0 ? { value: content } : { error: content };
  return result;
}

class Never extends BaseFuture<never> {
  poll(): Poll<never> {
    return PENDING;
  }
}

/** Lets go a while after it was given up. */
class Slow extends BaseFuture<void> {
  readonly #log: string[];
  #sleep: BaseFuture<void, never> | undefined;
  constructor(log: string[]) {
    super();
    this.#log = log;
  }
  poll(): Poll<void> {
    return PENDING;
  }
  cancel(context: Context): Poll<void> {
    this.#sleep ??= sleep(50);
    if (this.#sleep.poll(context) === PENDING) return PENDING;
    this.#log.push(`let go at ${host.now()}`);
  }
}

describe('scope', () => {
  it('gives what its body gives, when its tasks have ended', () => {
    const log: string[] = [];
    const { value } = outcome(
      scope(function* (s) {
        s.spawn(function* () {
          yield* sleep(100);
          log.push('child');
        });
        yield* sleep(10);
        log.push('body');
        return 'done';
      }),
    );
    assert.equal(value, 'done');
    assert.deepEqual(log, ['body', 'child']);
    assert.equal(host.now(), 100);
  });

  it('takes bodies of every kind', () => {
    assert.deepEqual(outcome(scope(() => 5)), { value: 5 });
    assert.deepEqual(outcome(scope(() => yieldNow())), { value: undefined });
    assert.throws(() => scope(5 as never), { code: 'ERR_TASK_KIND' });
    assert.throws(() => scope(() => 5, { onErr: 'x' } as object), { code: 'ERR_OPTION_UNKNOWN' });
  });

  it('takes an async body, and waits for it when it is given up', async () => {
    const log: string[] = [];
    const handle = executor.spawn(
      scope(async (s) => {
        s.spawn(() => new Never());
        await new Promise((resolve) => s.signal.addEventListener('abort', resolve));
        log.push('asked');
      }),
    );
    host.runUntilIdle();
    handle.abort();
    const ended = handle.then(
      () => assert.fail(),
      (error: unknown) => error,
    );
    await host.settle();
    assert.ok((await ended) instanceof CancelledError);
    assert.deepEqual(log, ['asked']);
  });

  it('throws the one error when an async body was cancelled by what it waited for', async () => {
    const ended = executor
      .spawn(
        scope(async (s) => {
          const sibling = s.spawn(() => new Never());
          s.spawn(function* () {
            yield* sleep(10);
            throw new Error('failed');
          });
          await sibling;
        }),
      )
      .catch((error: unknown) => error);
    await host.settle();
    assert.match(String(await ended), /^Error: failed$/);
  });

  it('hands on why it is given up', () => {
    let reason: unknown;
    function* child() {
      try {
        yield* new Never();
      } catch (error) {
        reason = (error as CancelledError).reason;
        throw error;
      }
    }
    const handle = executor.spawn(
      scope(function* (s) {
        s.spawn(child);
        yield* new Never();
      }),
    );
    host.runUntilIdle();
    handle.abort('the reason');
    host.runUntilIdle();
    assert.ok(reason instanceof CancelledError);
    assert.equal(reason.reason, 'the reason');
  });

  it('throws its error once, also when it is given up after that', () => {
    const failing = (): BaseFuture<unknown> =>
      scope(() => {
        throw new Error('once');
      });
    const { error } = outcome(toStream([1]).forEach(failing));
    assert.match(String(error), /^Error: once$/);
  });

  it('cancels the others when one fails, waits for them, and throws the error', () => {
    const log: string[] = [];
    const { error } = outcome(
      scope(function* (s) {
        s.spawn(() => new Slow(log), { name: 'slow' });
        s.spawn(function* () {
          yield* sleep(10);
          throw new Error('failed');
        });
        try {
          yield* new Never();
        } finally {
          log.push('body');
        }
      }),
    );
    assert.match(String(error), /failed/);
    assert.deepEqual(log, ['body', 'let go at 60']);
    assert.deepEqual(host.reported, []);
  });

  it('throws the error of its body, after its tasks were cancelled', () => {
    const log: string[] = [];
    const { error } = outcome(
      scope(function* (s) {
        s.spawn(() => new Slow(log));
        yield* sleep(1);
        throw new Error('body');
      }),
    );
    assert.match(String(error), /body/);
    assert.deepEqual(log, ['let go at 51']);
  });

  it('throws an error once that came out of a task and of the body', () => {
    const { error } = outcome(
      scope(function* (s) {
        const child = s.spawn(function* () {
          yield* sleep(1);
          throw new Error('once');
        });
        yield* child;
      }),
    );
    assert.match(String(error), /^Error: once/);
  });

  it('throws all errors when several fail, in their order', () => {
    const { error } = outcome(
      scope(function* (s) {
        for (const name of ['first', 'second']) {
          s.spawn(function* () {
            try {
              yield* sleep(name === 'first' ? 1 : 100);
            } finally {
              // oxlint-disable-next-line no-unsafe-finally -- What this test is about.
              throw new Error(name);
            }
          });
        }
        yield* new Never();
      }),
    );
    assert.ok(error instanceof AggregateError);
    assert.equal((error as { code?: string }).code, 'ERR_TASK_ERRORS');
    assert.deepEqual(
      error.errors.map((each: Error) => each.message),
      ['first', 'second'],
    );
  });

  it('lets the others go on with onError continue; who waits for a task has its error', () => {
    const log: string[] = [];
    const { value } = outcome(
      scope(
        function* (s) {
          const failing = s.spawn(() => {
            throw new Error('mine');
          });
          s.spawn(function* () {
            yield* sleep(20);
            log.push('went on');
          });
          try {
            yield* failing;
          } catch (error) {
            return (error as Error).message;
          }
          return 'no error';
        },
        { onError: 'continue' },
      ),
    );
    assert.equal(value, 'mine');
    assert.deepEqual(log, ['went on']);
  });

  it('throws at its end what nobody had with onError continue', () => {
    const { error } = outcome(
      scope(
        function* (s) {
          s.spawn(() => {
            throw new Error('orphan');
          });
          yield* sleep(5);
        },
        { onError: 'continue' },
      ),
    );
    assert.match(String(error), /orphan/);
    assert.deepEqual(host.reported, []);
  });

  it('reports old errors that nobody had, before they are too many', () => {
    const { error } = outcome(
      scope(
        function* (s) {
          for (let i = 0; i < 5000; i++) {
            s.spawn(() => {
              throw new Error(`orphan ${i}`);
            });
            yield* yieldNow();
          }
        },
        { onError: 'continue' },
      ),
    );
    assert.ok(error instanceof AggregateError);
    assert.ok(error.errors.length <= 2048, `${error.errors.length}`);
    assert.equal(error.errors.length + host.reported.length, 5000, 'each once');
  });

  it('is no failure when a task of it was cancelled alone', () => {
    const { value } = outcome(
      scope(function* (s) {
        const child = s.spawn(new Never());
        yield* sleep(1);
        child.abort();
        return 'fine';
      }),
    );
    assert.equal(value, 'fine');
  });

  it('cancel ends body and tasks, and throws a CancelledError with the reason', () => {
    const reason = new Error('enough');
    const { error } = outcome(
      scope(function* (s) {
        s.spawn(new Never());
        s.spawn(function* () {
          yield* sleep(3);
          s.cancel(reason);
        });
        yield* new Never();
      }),
    );
    assert.ok(error instanceof CancelledError);
    assert.equal(error.reason, reason);
    assert.equal(executor.living, 0);
  });

  it('cancels everything inside when it is given up from outside', () => {
    const log: string[] = [];
    const handle = executor.spawn(
      scope(function* (s) {
        s.spawn(() => scope((inner) => inner.spawn(new Slow(log))));
        s.spawn(() => new Slow(log));
        yield* new Never();
      }),
    );
    host.runUntilIdle();
    assert.equal(executor.living, 4);
    handle.abort();
    host.runUntilIdle();
    assert.deepEqual(log, ['let go at 50', 'let go at 50']);
    assert.equal(executor.living, 0);
  });

  it('takes no task while it ends, nor afterwards', () => {
    const errors: unknown[] = [];
    let late: { spawn(source: () => number): unknown };
    outcome(
      scope(function* (s) {
        late = s;
        s.spawn(function* () {
          try {
            yield* new Never();
          } finally {
            try {
              s.spawn(() => 1);
            } catch (error) {
              errors.push(error);
            }
          }
        });
        yield* sleep(1);
        s.cancel();
      }),
    );
    assert.throws(() => late.spawn(() => 1), { code: 'ERR_TASK_CANCELLED' });
    assert.equal((errors[0] as { code: string }).code, 'ERR_TASK_CANCELLED');
  });

  it('never polled, starts nothing', () => {
    let started = false;
    const handle = executor.spawn(scope(() => (started = true)));
    handle.abort();
    host.runUntilIdle();
    assert.equal(started, false);
  });
});
