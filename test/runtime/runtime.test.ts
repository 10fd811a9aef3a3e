import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { driverStatuses, wakeDriver } from '../../src/driver/index.ts';
import { processArena } from '../../src/memory/index.ts';
import { connect, listen } from '../../src/net/index.ts';
import { configureRuntime, currentReactor, Runtime } from '../../src/runtime/index.ts';
import {
  currentExecutor,
  join,
  sleep,
  spawn,
  timeout,
  type Coroutine,
} from '../../src/task/index.ts';

const KINDS = driverStatuses()
  .filter(({ available }) => available)
  .map(({ kind }) => kind);

/** An echo over a connection of its own, so that something is in flight. */
function* echo(): Coroutine<string> {
  const listener = listen({ port: 0, host: '127.0.0.1' });
  const { port } = listener.address as { port: number };
  const [client, server] = yield* join([connect({ port }), listener.accept()]);
  yield* client.writeAll('hello');
  using chunk = (yield* server.read())!;
  yield* join([client.close(), server.close(), listener.close()]);
  return chunk.text();
}

for (const kind of KINDS) {
  const options = { driver: { kind, connections: 64, buffers: 16 } } as const;

  test(`Runtime.run runs a task and its I/O inside of the event loop (${kind})`, async () => {
    await using runtime = new Runtime(options);
    assert.equal(await runtime.run(echo), 'hello');
    await assert.rejects(
      runtime.run(function* (): Coroutine<void> {
        yield* sleep(1);
        throw new Error('mine');
      }),
      { message: 'mine' },
    );
  });

  test(`Runtime.block does the same, and lets promises and timers go on (${kind})`, async () => {
    await using runtime = new Runtime(options);
    let ticks = 0;
    const interval = setInterval(() => (ticks += 1), 1);
    const value = await runtime.block(function* (): Coroutine<string> {
      const text = yield* echo();
      while (ticks < 3) yield* sleep(1);
      const other = spawn(async () => {
        await new Promise((resolve) => setTimeout(resolve, 2));
        return 'promised';
      });
      return `${text} ${yield* other}`;
    });
    clearInterval(interval);
    assert.equal(value, 'hello promised');
    assert.equal(await runtime.run(echo), 'hello', 'and the event loop has it back');
    await assert.rejects(
      runtime.block(() => timeout(1, sleep(60_000))),
      { code: 'ERR_TASK_TIMEOUT' },
    );
  });

  test(`Runtime.block does not sleep over promises that go on (${kind})`, async () => {
    await using runtime = new Runtime(options);
    const value = await runtime.block(async () => {
      for (let i = 0; i < 50; i++) await Promise.resolve();
      await new Promise<void>((resolve) => process.nextTick(resolve));
      return 'settled';
    });
    assert.equal(value, 'settled');
  });

  test(`Runtime.block is not kept from the event loop by tasks that are busy (${kind})`, async () => {
    await using runtime = new Runtime(options);
    let fired = false;
    setTimeout(() => (fired = true), 1);
    await runtime.block(function* (): Coroutine<void> {
      while (!fired) yield* echo();
    });
  });

  test(`Runtime.close cancels, cleans up and gives everything back (${kind})`, async () => {
    const regions = processArena().regions();
    const runtime = new Runtime(options);
    let cleaned = false;
    const task = runtime.spawn(function* (): Coroutine<void> {
      const listener = listen({ port: 0, host: '127.0.0.1' });
      try {
        yield* listener.accept();
      } finally {
        yield* listener.close();
        cleaned = true;
      }
    });
    await runtime.run(() => sleep(1));
    const closing = runtime.close();
    assert.equal(runtime.close(), closing, 'idempotent');
    await assert.rejects(Promise.resolve(task), { code: 'ERR_TASK_CANCELLED' });
    await closing;
    assert.ok(cleaned);
    assert.deepEqual(processArena().regions(), regions);
    assert.throws(() => runtime.spawn(echo), { code: 'ERR_EXECUTOR_CLOSED' });
  });

  test(`the doorbell of a reactor is rung from another thread (${kind})`, async () => {
    await using runtime = new Runtime(options);
    const { reactor } = runtime;
    const { arena, waker } = reactor.doorbell;
    let rings = 0;
    let notify = (): void => undefined;
    const stop = reactor.onWake(() => {
      rings += 1;
      notify();
    });
    const worker = new Worker(fileURLToPath(new URL('./ringer.worker.js', import.meta.url)), {
      workerData: { memory: arena.memory, waker },
    });
    // Listening holds nobody, and the worker is over when it has rung.
    const hold = setInterval(() => undefined, 1000);
    await new Promise<void>((resolve) => (notify = resolve));
    clearInterval(hold);
    await worker.terminate();
    stop();
    wakeDriver(arena, waker);
    const before = rings;
    await runtime.run(() => sleep(5));
    assert.equal(rings, before, 'nobody listens');
  });
}

test('Runtime.enter makes its runtime the current one', async () => {
  await using runtime = new Runtime();
  const outer = currentExecutor();
  assert.equal(
    runtime.enter(() => currentExecutor()),
    runtime.executor,
  );
  assert.equal(currentExecutor(), outer);
});

test('configureRuntime comes before the first use', () => {
  currentExecutor();
  assert.throws(() => configureRuntime({}), { code: 'ERR_RUNTIME_STATE' });
});

test('currentReactor is one for each executor', async () => {
  await using runtime = new Runtime({ driver: { connections: 16, buffers: 2 } });
  const inside = await runtime.run(() => Promise.resolve(currentReactor()));
  assert.equal(inside, runtime.reactor);
  assert.notEqual(runtime.reactor, new Runtime().executor);
});

test('Runtime refuses options that it does not know', () => {
  assert.throws(() => new Runtime({ drivers: {} } as never), { code: 'ERR_OPTION_UNKNOWN' });
  assert.throws(() => new Runtime({ memory: 1 }), { code: 'ERR_OPTION_RANGE' });
});

/** Runs a program by the built package, to see when it ends. */
function program(source: string): string {
  const home = new URL('../../src/', import.meta.url).href;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', source.replaceAll('~/', home)],
    { encoding: 'utf8', timeout: 30_000 },
  );
  assert.equal(status, 0, stderr);
  return stdout.trim();
}

test('a process ends when nothing is in flight that holds it', () => {
  const source = `
    import { configureRuntime, currentReactor } from '~/runtime/index.js';
    import { listen, connect } from '~/net/index.js';
    import { spawn } from '~/task/index.js';
    configureRuntime({ driver: { connections: 16, buffers: 2 } });
    const listener = listen({ port: 0, host: '127.0.0.1' }).unref();
    currentReactor().onWake(() => {});
    spawn(function* () {
      const server = yield* listener.accept();
      server.unref();
      yield* server.read();
    });
    spawn(function* () {
      const client = yield* connect({ port: listener.address.port });
      client.unref();
      console.log('connected');
      yield* client.read();
    });
  `;
  assert.equal(program(source), 'connected');
});

test('a process lives while something is in flight that holds it', () => {
  const source = `
    import { listen, connect } from '~/net/index.js';
    import { spawn } from '~/task/index.js';
    const listener = listen({ port: 0, host: '127.0.0.1' });
    spawn(function* () {
      const server = yield* listener.accept();
      yield* server.writeAll('held');
      yield* server.close();
      yield* listener.close();
    });
    setTimeout(() => {
      spawn(function* () {
        const client = yield* connect({ port: listener.address.port });
        const chunk = yield* client.read();
        console.log(chunk.text());
        yield* client.close();
      });
    }, 50).unref();
  `;
  assert.equal(program(source), 'held');
});
