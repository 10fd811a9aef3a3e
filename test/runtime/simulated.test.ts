import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, listen, type Chunk, type Connection } from '../../src/net/index.ts';
import { open, writeFile } from '../../src/fs/index.ts';
import { simulateRuntime } from '../../src/runtime/index.ts';
import {
  attempt,
  currentExecutor,
  join,
  sleep,
  spawn,
  timeout,
  yieldNow,
  type Coroutine,
} from '../../src/task/index.ts';

/** A conversation with timers; gives what happened and when. */
function* conversation(log: string[]): Coroutine<void> {
  const note = (what: string): unknown => log.push(`${currentExecutor().now().toFixed(3)} ${what}`);
  const listener = listen({ port: 0, host: '127.0.0.1' });
  const { port } = listener.address as { port: number };
  const talk = function* (name: string): Coroutine<void> {
    const client = yield* connect({ port });
    for (let i = 0; i < 3; i++) {
      yield* sleep(1);
      yield* client.writeAll(`${name}${i}`);
    }
    yield* client.close();
  };
  const serve = function* (): Coroutine<void> {
    const connection = yield* listener.accept();
    for (;;) {
      using chunk = yield* connection.read();
      if (chunk === undefined) break;
      note(chunk.text());
    }
    yield* connection.close();
  };
  yield* join([talk('a'), talk('b'), serve(), serve()]);
  yield* listener.close();
}

async function record(seed: number): Promise<string[]> {
  const log: string[] = [];
  const faults = { shortReads: 0.4, shortWrites: 0.4, reordering: 0.4 };
  await using runtime = simulateRuntime({ seed, faults });
  await runtime.run(() => conversation(log));
  return log;
}

test('simulateRuntime gives the same run for the same seed, and others for others', async () => {
  const first = await record(1);
  assert.deepEqual(await record(1), first);
  const others = await Promise.all([2, 3, 4, 5].map(record));
  assert.ok(others.some((other) => other.join() !== first.join()));
});

test('simulateRuntime has a clock of its own that waits for nobody', async () => {
  await using runtime = simulateRuntime();
  const days = await runtime.run(function* (): Coroutine<number> {
    const begun = currentExecutor().now();
    yield* join([sleep(20 * 3600 * 1000), sleep(1), sleep(3600 * 1000)]);
    return (currentExecutor().now() - begun) / 3600 / 1000;
  });
  assert.ok(days >= 20 && days < 20.01);
});

test('simulateRuntime can sleep for longer than a timeout of the driver', async () => {
  await using runtime = simulateRuntime({ limitMs: 2 ** 40 });
  await runtime.run(() => sleep(2 ** 33));
  assert.ok(runtime.now() >= 2 ** 33);
});

test('simulateRuntime says when a task waits for what can never come', async () => {
  await using runtime = simulateRuntime({ seed: 42 });
  await assert.rejects(
    runtime.run(
      function* (): Coroutine<void> {
        const listener = listen({ port: 0, host: '127.0.0.1' });
        try {
          yield* listener.accept();
        } finally {
          yield* listener.close();
        }
      },
      { name: 'waits' },
    ),
    (error: Error & { code: string }) => {
      assert.equal(error.code, 'ERR_RUNTIME_STALLED');
      assert.match(error.message, /seed 42.*waits for what can never come.*1 waits/);
      return true;
    },
  );
});

test('simulateRuntime ends a run that goes on past its limit', async () => {
  await using runtime = simulateRuntime({ limitMs: 1000 });
  await assert.rejects(
    runtime.run(function* (): Coroutine<void> {
      for (;;) yield* sleep(10);
    }),
    { code: 'ERR_RUNTIME_STALLED', message: /limit/ },
  );
});

test('the simulated world goes on beside tasks that are always ready', async () => {
  await using runtime = simulateRuntime();
  await runtime.run(function* (): Coroutine<void> {
    let over = false;
    const sleeper = spawn(function* (): Coroutine<void> {
      yield* sleep(1);
      over = true;
    });
    while (!over) yield* yieldNow();
    yield* sleeper;
  });
});

test('simulateRuntime waits for promises that settle by themselves', async () => {
  await using runtime = simulateRuntime();
  const value = await runtime.run(async () => {
    await Promise.resolve();
    await new Promise(setImmediate);
    return 'settled';
  });
  assert.equal(value, 'settled');
});

test('simulateRuntime cleans up when it is closed', async () => {
  const runtime = simulateRuntime();
  let cleaned = 0;
  runtime.spawn(function* (): Coroutine<void> {
    try {
      yield* sleep(1000);
    } finally {
      yield* sleep(5);
      cleaned = runtime.now();
    }
  });
  await runtime.run(() => sleep(1));
  await runtime.close();
  assert.ok(cleaned > 5 && cleaned < 1000);
  await assert.rejects(
    runtime.run(() => attempt(sleep(1))),
    { code: 'ERR_EXECUTOR_CLOSED' },
  );
});

test('simulateRuntime: a program that keeps all memory is told so, once', async () => {
  const driver = { buffers: 2, bufferSize: 4096 };
  await using runtime = simulateRuntime({ driver, memory: 65_536 });
  await runtime.run(function* () {
    const listener = listen({ port: 0, host: '127.0.0.1' });
    const { port } = listener.address as { port: number };
    const [client, server] = yield* join([connect({ port }), listener.accept()]);
    spawn(attempt(client.writeAll(Buffer.alloc(1 << 20))));
    const held: (Chunk | undefined)[] = [];
    // Until there is no memory left: the last one waits.
    for (;;) {
      const read = yield* attempt(timeout(999, server.read()));
      if (!read.ok) break;
      held.push(read.value);
    }
    assert.deepEqual(runtime.warnings, []);
    yield* attempt(timeout(5000, server.read()));
    yield* attempt(timeout(5000, server.read()));
    assert.equal(runtime.warnings.length, 1);
    assert.match(runtime.warnings[0]!, /65536 bytes .* release chunks/);
    for (const chunk of held) chunk?.release();
    server.reset();
    client.reset();
    yield* listener.close();
  });
});

test('simulateRuntime refuses options that do not exist', () => {
  assert.throws(() => simulateRuntime({ fault: {} } as object), { code: 'ERR_OPTION_UNKNOWN' });
});

test('peers that do not read, and their handlers, leave the others their buffers', async () => {
  const driver = { buffers: 8, bufferSize: 4096, socketBuffer: 8192 };
  await using runtime = simulateRuntime({ driver });
  await runtime.run(function* () {
    const listener = listen({ port: 0, host: '127.0.0.1' });
    const { port } = listener.address as { port: number };
    const echo = function* (connection: Connection): Coroutine<void> {
      for (;;) {
        using chunk = yield* connection.read();
        if (chunk === undefined) return;
        yield* connection.writeAll(chunk);
      }
    };
    const serving = spawn(function* () {
      for (;;) spawn(attempt(echo(yield* listener.accept())));
    });
    const slow: Connection[] = [];
    for (let i = 0; i < 30; i++) {
      const client = yield* connect({ port });
      slow.push(client);
      spawn(attempt(client.writeAll(Buffer.alloc(1 << 20))));
    }
    yield* sleep(1000);
    const healthy = yield* connect({ port });
    for (let i = 0; i < 10; i++) {
      yield* healthy.writeAll('ping');
      using answer = yield* healthy.read();
      assert.equal(answer?.text(), 'ping');
    }
    for (const client of [healthy, ...slow]) client.reset();
    serving.abort();
    yield* listener.close();
    yield* sleep(1000);
    assert.equal(runtime.reactor.driver.usage().buffersHeld, 0);
    assert.equal(runtime.reactor.buffers.held, 0);
  });
});

test('connections and files that nobody receives are closed', async () => {
  await using runtime = simulateRuntime();
  await runtime.run(function* () {
    yield* writeFile('/file', 'text');
    const listener = listen({ port: 0, host: '127.0.0.1' });
    const { port } = listener.address as { port: number };
    const all = join([connect({ port }), listener.accept(), open('/file')]);
    // The first three are there when it is given up: the sleep is what it waits for.
    const given = yield* attempt(timeout(100, join([all, sleep(200)])));
    assert.equal(given.ok, false);
    yield* listener.close();
    yield* sleep(1);
    const { connections, files, operations } = runtime.reactor.driver.usage();
    assert.deepEqual({ connections, files }, { connections: 0, files: 0 });
    assert.ok(operations <= 1, 'but for the clock');
  });
});
