/** Tasks inside Node's event loop: everything else there goes on, and idle tasks cost nothing. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  Executor,
  fromPromise,
  NodeHost,
  PENDING,
  pollFn,
  yieldNow,
  type JoinHandle,
} from '../../../src/task/index.ts';

function makeExecutor(): Executor {
  const host = new NodeHost();
  const executor = new Executor(host);
  host.attach(executor);
  return executor;
}

/** Tasks that are always ready. */
function saturate(executor: Executor): JoinHandle<never>[] {
  const busy = () =>
    pollFn<never>((context) => {
      context.waker.wakeByRef();
      return PENDING;
    });
  return Array.from({ length: 50 }, () => executor.spawn(busy()));
}

async function stop(executor: Executor): Promise<void> {
  await executor.close();
  assert.equal(executor.living, 0);
}

describe('beside tasks that are always ready', () => {
  it('timers fire', async () => {
    const executor = makeExecutor();
    saturate(executor);
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve, 1));
    await stop(executor);
  });

  it('immediates and promises run', async () => {
    const executor = makeExecutor();
    saturate(executor);
    for (let i = 0; i < 5; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      for (let j = 0; j < 100; j++) await Promise.resolve();
    }
    await stop(executor);
  });

  it('sockets of node:net send and receive', async () => {
    const executor = makeExecutor();
    saturate(executor);
    const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const socket = connect(port, '127.0.0.1');
    for (let i = 0; i < 10; i++) {
      socket.write('ping');
      const [data] = (await once(socket, 'data')) as [Buffer];
      assert.equal(String(data), 'ping');
    }
    socket.destroy();
    server.close();
    await once(server, 'close');
    await stop(executor);
  });

  it('tasks of lower classes have their turns', async () => {
    const executor = makeExecutor();
    saturate(executor);
    const value = await executor.spawn(() => 'patient', { priority: 'background' });
    assert.equal(value, 'patient');
    await stop(executor);
  });
});

describe('tasks and promises', () => {
  it('that wake each other for ever leave the event loop its turn', async () => {
    const executor = makeExecutor();
    let rounds = 0;
    const handle = executor.spawn(function* () {
      for (;;) {
        yield* fromPromise(Promise.resolve());
        rounds += 1;
      }
    });
    // Fires only if the chain of microtasks is interrupted.
    await new Promise((resolve) => setTimeout(resolve, 1));
    assert.ok(rounds > 0);
    handle.abort();
    await stop(executor);
  });

  it('a task that was woken runs before the event loop goes on', async () => {
    const executor = makeExecutor();
    const order: string[] = [];
    await new Promise((resolve) => {
      setImmediate(() => {
        executor.spawn(() => order.push('task'));
        setImmediate(() => {
          order.push('immediate');
          resolve(undefined);
        });
      });
    });
    assert.deepEqual(order, ['task', 'immediate']);
  });

  it('await each other', async () => {
    const executor = makeExecutor();
    async function twice(handle: PromiseLike<number>): Promise<number> {
      return 2 * (await handle);
    }
    const inner = executor.spawn(function* () {
      yield* yieldNow();
      return 21;
    });
    const outer = executor.spawn(function* () {
      return yield* fromPromise(twice(inner));
    });
    assert.equal(await outer, 42);
  });
});

describe('a process', () => {
  const program = fileURLToPath(new URL('event-loop.program.js', import.meta.url));
  const run = async (name: string) => promisify(execFile)(process.execPath, [program, name]);

  it('ends although a task waits for something that cannot come', async () => {
    assert.equal((await run('pending')).stdout, 'exit 0\n');
  });

  it('stays for a sleeping task', async () => {
    assert.equal((await run('sleeping')).stdout, 'slept\nexit 0\n');
  });

  it('ends although a task sleeps that does not hold it', async () => {
    assert.equal((await run('unheld')).stdout, 'exit 0\n');
  });

  it('has no timer and no handle while tasks are idle', async () => {
    assert.equal((await run('idle')).stdout, '[]\nexit 0\n');
  });

  it('ends with an error that nobody waited for, as for a promise', async () => {
    const failed = (await run('lost').then(
      () => assert.fail('it must fail'),
      (error: unknown) => error,
    )) as { code: number; stderr: string };
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /Error: nobody waits/);
  });

  it('goes on after an error that somebody waits for a little later', async () => {
    assert.equal((await run('late')).stdout, 'caught\nexit 0\n');
  });
});
