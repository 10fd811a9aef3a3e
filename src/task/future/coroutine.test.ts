import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { CancelledError } from '../errors.ts';
import type { Executor } from '../executor/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { VirtualHost } from '../testing/virtual-host.ts';
import { sleep } from '../time/index.ts';
import { PENDING, pollFn, toFuture, unconstrained, type Coroutine } from './index.ts';
import { TaskLocal } from './locals.ts';

let host: VirtualHost;
let executor: Executor;
beforeEach(() => {
  host = new VirtualHost();
  executor = host.executor({ graceMs: 20 });
});

const never = (): Coroutine<never> => toFuture(pollFn<never>(() => PENDING)) as never;
const foreign = (value: unknown): Coroutine<void> =>
  (function* () {
    yield value;
  })() as unknown as Coroutine<void>;

describe('a coroutine that yields something of its own', () => {
  const refused = { code: 'ERR_TASK_YIELD' };

  it('is refused in its cleaning up as well, where nobody would wake it', () => {
    const task = new TestTask(
      toFuture(
        (function* (): Coroutine<void> {
          try {
            yield* foreign(1);
          } finally {
            yield* foreign(2);
          }
        })(),
      ),
    );
    assert.throws(() => task.poll(), refused);
  });

  it('is refused while it is cancelled', () => {
    const task = new TestTask(
      toFuture(
        (function* (): Coroutine<void> {
          try {
            yield* never();
          } finally {
            yield* foreign(2);
          }
        })(),
      ),
    );
    assert.equal(task.poll(), PENDING);
    assert.throws(() => task.cancel(), refused);
  });

  it('is ended when it catches that and does it again, for ever', () => {
    const task = new TestTask(
      toFuture(
        (function* (): Coroutine<void> {
          for (;;) {
            try {
              yield* foreign(1);
            } catch {
              continue;
            }
          }
        })(),
      ),
    );
    assert.throws(() => task.poll(), refused);
  });
});

describe('unconstrained', () => {
  it('passes on why it is given up, and that the grace is over', () => {
    let reason: unknown;
    function* stubborn(): Coroutine<void> {
      for (;;) {
        try {
          yield* sleep(5);
        } catch (error) {
          reason ??= (error as CancelledError).reason;
        }
      }
    }
    const handle = executor.spawn(unconstrained(stubborn()));
    host.runFor(1);
    handle.abort('why');
    handle.catch(() => undefined);
    host.runFor(50);
    assert.equal(reason, 'why');
    assert.equal(handle.isFinished, true);
  });
});

describe('TaskLocal', () => {
  it('is not seen by the tasks of another executor that runs inside', () => {
    const local = new TaskLocal<string>();
    const inner = new VirtualHost();
    const seen: unknown[] = [];
    const other = inner.executor();
    other.spawn(pollFn(() => seen.push(local.get())));
    executor.spawn(
      local.with(
        'mine',
        pollFn(() => {
          other.turn();
          return local.get();
        }),
      ),
    );
    host.runUntilIdle();
    assert.deepEqual(seen, [undefined]);
  });
});
