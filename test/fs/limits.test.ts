/** What happens at the limits: of operations, of files, of memory. */
import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { open, readFile, remove, writeFile, type File } from '../../src/fs/index.ts';
import { Runtime, simulateRuntime } from '../../src/runtime/index.ts';
import { END, join as all, spawn, type Coroutine, type JoinHandle } from '../../src/task/index.ts';
import { fails, pattern, worlds } from './world.ts';

const READS = 300;

/** Far more at once than there is room for: they wait for each other, and all of them succeed. */
function* crowd(file: File): Coroutine<void> {
  const tasks: JoinHandle<void>[] = [];
  for (let i = 0; i < READS; i++) {
    tasks.push(
      spawn(function* () {
        const at = (i * 611) % 90_000;
        using chunk = yield* file.readAt(4096, at);
        const expected = pattern(100_000).subarray(at, at + chunk!.length);
        assert.ok(expected.equals(chunk!.bytes()));
      }),
    );
  }
  for (const task of tasks) yield* task;
}

test('more operations than the driver takes, and memory for few, simulated', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const driver = { operations: 16, connections: 4 };
    const faults = { shortReads: 0.2, shortWrites: 0.2 };
    const runtime = simulateRuntime({ seed, faults, memory: 65_536, driver });
    await runtime.run(function* () {
      yield* writeFile('/file', pattern(100_000));
      const file = yield* open('/file');
      yield* crowd(file);
      yield* file.close();
    });
    assert.equal(runtime.reactor.buffers.held, 0);
    await runtime.close();
  }
});

for (const { name, real } of worlds()) {
  if (!real) continue;
  test(`more operations than the driver takes, on driver ${name}`, async () => {
    const kind = name as 'uring';
    const driver = { kind, operations: 16, connections: 4, buffers: 16 };
    const runtime = new Runtime({ driver, memory: 1 << 20 });
    const path = join(tmpdir(), `rondo-limits-${process.pid}-${name}`);
    await runtime.run(function* () {
      try {
        yield* writeFile(path, pattern(100_000));
        const file = yield* open(path);
        yield* crowd(file);
        const others = [yield* open(path), yield* open(path), yield* open(path)];
        yield* fails(open(path), 'EMFILE');
        yield* fails(readFile(path), 'EMFILE');
        yield* others[0]!.close();
        assert.ok((yield* readFile(path)).equals(pattern(100_000)));
        yield* others[1]!.close();
        yield* others[2]!.close();
        yield* file.close();
      } finally {
        yield* remove(path, { force: true });
      }
    });
    assert.equal(runtime.reactor.buffers.held, 0);
    await runtime.close();
  });
}

/** Streams of one file side by side, whose reads ahead would need far more memory than there is. */
function* streams(path: string, count: number): Coroutine<void> {
  const file = yield* open(path);
  const one = function* (): Coroutine<number> {
    let bytes = 0;
    const stream = file.stream({ chunkBytes: 65_536, readAhead: 64 });
    for (let chunk; (chunk = yield* stream.next()) !== END; chunk.release()) bytes += chunk.length;
    return bytes;
  };
  for (const bytes of yield* all(Array.from({ length: count }, () => spawn(one)))) {
    assert.equal(bytes, 3_000_000);
  }
  yield* file.close();
}

test('streams that read ahead do not wait for each other for memory, simulated', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const runtime = simulateRuntime({ seed, faults: { shortReads: 0.3 }, memory: 1 << 20 });
    await runtime.run(function* () {
      yield* writeFile('/file', pattern(3_000_000));
      yield* streams('/file', 1 + (seed % 4));
    });
    assert.equal(runtime.reactor.buffers.held, 0);
    await runtime.close();
  }
});

for (const { name, real } of worlds()) {
  if (!real) continue;
  test(`streams and many whole files with little memory, on driver ${name}`, async () => {
    const runtime = new Runtime({
      driver: { kind: name as 'uring', buffers: 16 },
      memory: 1 << 20,
    });
    const path = join(tmpdir(), `rondo-memory-${process.pid}-${name}`);
    await runtime.run(function* () {
      try {
        yield* writeFile(path, pattern(3_000_000));
        yield* streams(path, 3);
        const files = yield* all(Array.from({ length: 100 }, () => spawn(readFile(path))));
        assert.ok(files.every(({ length }) => length === 3_000_000));
      } finally {
        yield* remove(path, { force: true });
      }
    });
    assert.equal(runtime.reactor.buffers.held, 0);
    await runtime.close();
  });
}
