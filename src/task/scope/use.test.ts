import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { Executor } from '../executor/index.ts';
import { BaseFuture, PENDING, ready, type Poll } from '../future/index.ts';
import { VirtualHost } from '../testing/virtual-host.ts';
import { sleep } from '../time/index.ts';
import { use } from './use.ts';

let host: VirtualHost;
let executor: Executor;
let log: string[];
beforeEach(() => {
  host = new VirtualHost();
  executor = host.executor();
  log = [];
});

class Never extends BaseFuture<never> {
  poll(): Poll<never> {
    return PENDING;
  }
}

const slowly = {
  name: 'resource',
  *close() {
    yield* sleep(10);
    log.push(`closed at ${host.now()}`);
  },
};

describe('use', () => {
  it('closes after the body, and gives its value', () => {
    const value = host.run(() =>
      use(ready(slowly), function* ({ name }) {
        yield* sleep(5);
        log.push(name);
        return 7;
      }),
    );
    assert.equal(value, 7);
    assert.deepEqual(log, ['resource', 'closed at 15']);
  });

  it('closes when the body throws, and throws that', () => {
    const failing = () =>
      host.run(() =>
        use(slowly, () => {
          throw new Error('body');
        }),
      );
    assert.throws(failing, /^Error: body/);
    assert.deepEqual(log, ['closed at 10']);
  });

  it('throws both errors when closing fails as well', () => {
    const broken = {
      close(): void {
        throw new Error('close');
      },
    };
    const failing = () =>
      host.run(() =>
        use(broken, () => {
          throw new Error('body');
        }),
      );
    assert.throws(failing, (error: AggregateError & { code: string }) => {
      assert.deepEqual(
        error.errors.map((each: Error) => each.message),
        ['body', 'close'],
      );
      return error.code === 'ERR_TASK_ERRORS';
    });
  });

  it('closes when it is cancelled, and its task ends after that', () => {
    const handle = executor.spawn(() => use(slowly, () => new Never()));
    host.runFor(100);
    handle.abort();
    host.runFor(5);
    assert.equal(handle.isFinished, false);
    host.runFor(5);
    assert.equal(handle.isFinished, true);
    assert.deepEqual(log, ['closed at 110']);
    assert.deepEqual(host.reported, []);
  });

  it('closes although its task is out of grace', () => {
    const long = {
      *close() {
        yield* sleep(60_000);
        log.push('closed');
      },
    };
    const handle = executor.spawn(() => use(long, () => new Never()));
    host.runUntilIdle();
    handle.abort();
    host.runUntilIdle();
    assert.ok(handle.isFinished);
    assert.deepEqual(log, ['closed']);
  });

  it('takes disposables of both kinds, and refuses what cannot be closed', async () => {
    const disposable = { [Symbol.dispose]: () => void log.push('disposed') };
    host.run(() => use(disposable, () => 0));
    const handle = executor.spawn(() =>
      use({ [Symbol.asyncDispose]: async () => void log.push('async') }, () => 0),
    );
    await host.settle();
    assert.ok(handle.isFinished);
    assert.deepEqual(log, ['disposed', 'async']);
    assert.throws(() => host.run(() => use({} as never, () => 0)), { code: 'ERR_TASK_KIND' });
  });
});
