/** Operations that are given up: memory stays pinned until its end, and nothing is left behind. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { open, readFile, temporaryDirectory, writeFile, type File } from '../../src/fs/index.ts';
import { simulateRuntime } from '../../src/runtime/index.ts';
import {
  pollFn,
  PENDING,
  spawn,
  type Coroutine,
  type Future,
  type BaseFuture,
} from '../../src/task/index.ts';
import { TestTask } from '../../src/task/testing/test-task.ts';
import { pattern, worlds, type Place } from './world.ts';

const PART = 100;

/** Polls it so often as it is woken, and gives it up then. Gives what it got by then. */
function givenUp<T>(future: Future<T>, polls: number): BaseFuture<T | undefined> {
  let left = polls;
  return pollFn<T | undefined>((context) => {
    if (left > 0) {
      left -= 1;
      const value = future.poll(context);
      if (value !== PENDING) return value;
      if (left === 0) context.waker.wakeByRef();
      return PENDING;
    }
    return future.cancel?.(context) === PENDING ? PENDING : undefined;
  });
}

/** One of every kind of operation. */
function operations(file: File, where: string): (() => Future<unknown>)[] {
  const stream = (): Future<unknown> => {
    const chunks = file.stream({ chunkBytes: 512, readAhead: 3 });
    let over = false;
    return {
      poll: (context) => {
        const item = chunks.pollNext(context);
        if (item === PENDING) return PENDING;
        over = true;
        if (typeof item === 'object') item.release();
        return chunks.cancel(context);
      },
      cancel: (context) => (over ? undefined : chunks.cancel(context)),
    };
  };
  return [
    () => file.readAt(4096, 0),
    () => file.readIntoAt(new Uint8Array(2000), 10),
    () => file.writeAllAt(pattern(3000), 0),
    () => file.stat(),
    () => file.sync(),
    () => file.truncate(5000),
    () => open(where),
    () => open(`${where}/not-there`),
    stream,
    () => readFile(where),
    () => file.read(100),
  ];
}

function* releasing(future: Future<unknown>, polls: number): Coroutine<void> {
  try {
    const value = yield* givenUp(future, polls);
    if (value === null || typeof value !== 'object') return;
    if ('release' in value) (value as { release(): void }).release();
    if ('close' in value) yield* (value as File).close();
  } catch (error) {
    // What was not given up in time may have failed.
    if ((error as { code?: string }).code !== 'ERR_SYSTEM') throw error;
  }
}

function* cancelled({ path }: Place, count: number): Coroutine<void> {
  const where = path('file');
  yield* writeFile(where, pattern(5000));
  const file = yield* open(where, 'r+');
  const kinds = operations(file, where);
  for (let done = 0; done < count; done += PART) {
    const tasks = [];
    for (let i = 0; i < PART; i++) {
      const kind = kinds[i % kinds.length]!;
      // Not at the cursor: only one of them can be there at a time.
      const cursor = i % kinds.length === kinds.length - 1 && i > kinds.length;
      const future = cursor ? file.readAt(100, 0) : kind();
      tasks.push(spawn(releasing(future, i % 4)));
    }
    for (const task of tasks) yield* task;
  }
  yield* file.close();
}

describe('operations that are given up leave nothing behind', () => {
  const most = { uring: 100_000, simulated: 100_000 } as Readonly<Record<string, number>>;
  for (const world of worlds()) {
    const count = most[world.name] ?? 20_000;
    test(`${count} on driver ${world.name}`, () => world.run((place) => cancelled(place, count)));
  }
});

test('memory of a read that was given up is held until the driver is done with it', async () => {
  const runtime = simulateRuntime({ faults: { delayedCancels: 1 }, driver: { latency: 1000 } });
  const { reactor } = runtime;
  await runtime.run(function* () {
    yield* writeFile('/file', pattern(5000));
  });
  const file = await runtime.run(() => open('/file'));
  const reading = new TestTask(file.readAt(4096, 0));
  assert.equal(reading.poll(), PENDING);
  assert.equal(reactor.buffers.held, 4096);
  assert.equal(reading.cancel(), false, 'it waits for the driver');
  assert.equal(reactor.buffers.held, 4096, 'which may still write there');
  while (!reading.isWoken) assert.ok(runtime.step());
  assert.equal(reading.cancel(), true);
  assert.equal(reactor.buffers.held, 0);
  assert.equal(reading.wakers, 0);
  const unborn = new TestTask(file.readAt(4096, 0));
  assert.equal(unborn.cancel(), true, 'one that never began has nothing');
  await runtime.run(() => file.close());
  await runtime.close();
});

test('a read waits for memory, and may be given up while it does', async () => {
  const runtime = simulateRuntime({ memory: 65_536 });
  const { reactor } = runtime;
  await runtime.run(() => writeFile('/file', pattern(5000)));
  const file = await runtime.run(() => open('/file'));
  const all = reactor.buffers.acquire(65_536)!;
  const [first, second] = [file.readAt(4096, 0), file.readAt(4096, 0)].map((f) => new TestTask(f));
  assert.equal(first!.poll(), PENDING);
  assert.equal(second!.poll(), PENDING);
  assert.equal(reactor.flying, 1, 'nothing is under way but the timer that looks for a shortage');
  assert.equal(first!.cancel(), true);
  all.release();
  assert.ok(second!.isWoken, 'whoever waits next is told');
  assert.equal(second!.poll(), PENDING);
  while (!second!.isWoken) assert.ok(runtime.step());
  const chunk = second!.poll();
  assert.ok(chunk !== PENDING && chunk !== undefined);
  chunk.release();
  assert.deepEqual([first!.wakers, second!.wakers], [0, 0]);
  await runtime.run(() => file.close());
  await runtime.close();
});

test('a write that was given up at the cursor leaves it behind what was written', async () => {
  const faults = { delayedCancels: 0.5, cancelRaces: 0.5, shortWrites: 0.5 };
  for (let seed = 1; seed <= 60; seed++) {
    const runtime = simulateRuntime({ seed, faults });
    await runtime.run(function* () {
      const file = yield* open('/file', 'w');
      yield* givenUp(file.writeAll(pattern(3000)), 1 + (seed % 4));
      assert.equal(file.position, (yield* file.stat()).size, `seed ${seed}`);
      yield* file.writeAll('end');
      assert.equal(file.position, (yield* file.stat()).size, 'and it can go on');
      yield* file.close();
    });
    await runtime.close();
  }
});

test('a writer that waits for memory leaves the queue when it is aborted', async () => {
  const runtime = simulateRuntime({ memory: 65_536 });
  const { reactor } = runtime;
  const file = await runtime.run(() => open('/file', 'w'));
  const all = reactor.buffers.acquire(65_536)!;
  const writer = file.writer({ chunkBytes: 4096 });
  const sending = new TestTask(writer.send('bytes'));
  const after = new TestTask(reactor.buffers.wait(4096));
  assert.equal(sending.poll(), PENDING);
  assert.equal(after.poll(), PENDING);
  assert.equal(sending.cancel(), true);
  assert.equal(new TestTask(writer.abort()).poll(), undefined);
  all.release();
  assert.ok(after.isWoken, 'whoever waits next is told');
  const chunk = after.poll();
  assert.ok(chunk !== PENDING);
  chunk.release();
  assert.equal(sending.wakers, 0);
  await runtime.run(() => file.close());
  await runtime.close();
});

test('close that is given up closes all the same', async () => {
  const runtime = simulateRuntime();
  const file = await runtime.run(() => open('/file', 'w'));
  const other = await runtime.run(() => open('/file', 'w'));
  assert.equal(new TestTask(file.close()).cancel(), true);
  const closing = new TestTask(other.close());
  closing.poll();
  assert.equal(closing.cancel(), false);
  while (!closing.isWoken) assert.ok(runtime.step());
  assert.equal(closing.cancel(), true);
  while (runtime.step());
  assert.equal(runtime.reactor.driver.usage().files, 0);
  await runtime.close();
});

test('temporaryDirectory belongs to the runtime that runs', async () => {
  const runtime = simulateRuntime();
  const directory = await runtime.run(() => temporaryDirectory());
  assert.match(directory.path, /^\/tmp\/rondo-/);
  await runtime.run(() => directory.remove());
  await runtime.close();
});
