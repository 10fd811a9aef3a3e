/** Files as streams and as sinks: order, ranges, read-ahead, write-behind, and their ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open, readDirectory, readFile, writeFile, type File } from '../../src/fs/index.ts';
import { simulateRuntime } from '../../src/runtime/index.ts';
import { attempt, END, spawn, yieldNow, type Coroutine } from '../../src/task/index.ts';
import { fails, onEveryDriver, pattern, type Place } from './world.ts';

const BYTES = pattern(200_000);

function* made({ path }: Place, name: string): Coroutine<File> {
  const where = path(name);
  yield* writeFile(where, BYTES);
  return yield* open(where, 'r+');
}

function* collected(
  file: File,
  options: Parameters<File['stream']>[0],
): Coroutine<{ bytes: Buffer; lengths: number[] }> {
  const parts: Buffer[] = [];
  const stream = file.stream(options);
  for (let chunk; (chunk = yield* stream.next()) !== END;) {
    parts.push(Buffer.from(chunk.bytes()));
    chunk.release();
  }
  assert.equal(yield* stream.next(), END, 'and that is the end');
  return { bytes: Buffer.concat(parts), lengths: parts.map(({ length }) => length) };
}

function* ranges(place: Place): Coroutine<void> {
  const file = yield* made(place, 'ranges');
  for (const [start, end] of [
    [0, 200_000],
    [0, 0],
    [0, 1],
    [512, 1024],
    [1000, 60_000],
    [199_999, 200_000],
    [150_000, 10 ** 9],
    [200_000, 10 ** 9],
    [10 ** 12, 10 ** 12 + 1],
  ] as const) {
    for (const readAhead of [1, 3, 64]) {
      const { bytes, lengths } = yield* collected(file, {
        start,
        end,
        chunkBytes: 4096,
        readAhead,
      });
      assert.ok(bytes.equals(BYTES.subarray(start, end)), `${start} to ${end}`);
      assert.ok(lengths.every((length) => length > 0 && length <= 4096));
    }
  }
  const all = yield* collected(file, undefined);
  assert.ok(all.bytes.equals(BYTES));
  yield* file.close();
}

function* options(place: Place): Coroutine<void> {
  const file = yield* made(place, 'options');
  const range = { name: 'RangeError', code: 'ERR_OPTION_RANGE' };
  assert.throws(() => file.stream({ start: 5, end: 4 }), range);
  assert.throws(() => file.stream({ chunkBytes: 100 }), range);
  assert.throws(() => file.stream({ readAhead: 0 }), range);
  assert.throws(() => file.writer({ writeBehind: 65 }), range);
  assert.throws(() => file.stream({ ahead: 1 } as never), { code: 'ERR_OPTION_UNKNOWN' });
  yield* file.close();
}

/** What is under way is bounded, and comes back when the stream is given up. */
function* bounded(place: Place): Coroutine<void> {
  const { reactor } = place;
  const file = yield* made(place, 'bounded');
  const stream = file.stream({ chunkBytes: 8192, readAhead: 4 });
  const first = yield* stream.next();
  assert.ok(first !== END);
  for (let i = 0; i < 50; i++) yield* yieldNow();
  assert.ok(reactor.buffers.held <= 5 * 8192, `${reactor.buffers.held} bytes are held`);
  first.release();
  yield* stream.giveUp();
  assert.equal(reactor.buffers.held, 0);
  assert.equal(yield* stream.next(), END);
  yield* file.close();
}

/** A consumer that holds a chunk while it waits for the next, with memory for little more. */
function* closedUnder(place: Place): Coroutine<void> {
  const file = yield* made(place, 'closed');
  const stream = file.stream({ chunkBytes: 1024, readAhead: 3 });
  const first = yield* stream.next();
  assert.ok(first !== END);
  first.release();
  yield* file.close();
  for (;;) {
    const next = yield* attempt(stream.next());
    if (!next.ok) {
      assert.equal((next.error as { code?: string }).code, 'ERR_STREAM_CLOSED');
      break;
    }
    assert.ok(next.value !== END, 'it did not just end');
    next.value.release();
  }
  assert.equal(yield* stream.next(), END);
}

function* givenUpNext(place: Place): Coroutine<void> {
  const file = yield* made(place, 'next');
  const stream = file.stream({ chunkBytes: 1024, readAhead: 2 });
  const parts: Buffer[] = [];
  for (let i = 0; ; i++) {
    // Every other one is given up: nothing is lost by that.
    const task = spawn(stream.next());
    if (i % 2 === 0) {
      for (let turn = 0; turn < i % 5; turn++) yield* yieldNow();
      task.abort();
    }
    const result = yield* attempt(task);
    if (!result.ok) continue;
    if (result.value === END) break;
    parts.push(Buffer.from(result.value.bytes()));
    result.value.release();
  }
  assert.ok(Buffer.concat(parts).equals(BYTES));
  yield* file.close();
}

function* sends(place: Place): Coroutine<void> {
  const { path, reactor } = place;
  const where = path('sends');
  const file = yield* open(where, 'w');
  const writer = file.writer({ start: 3, chunkBytes: 1024, writeBehind: 3 });
  const expected: Uint8Array[] = [Buffer.alloc(3)];
  for (let i = 0; i < 120; i++) {
    const bytes = pattern((i * 97) % 2500, i).map((byte) => byte & 0x7f);
    expected.push(bytes);
    if (i % 3 === 0) yield* writer.send(bytes);
    else if (i % 3 === 1) yield* writer.send(Buffer.from(bytes).toString('latin1'));
    else {
      const chunk = yield* reactor.buffers.wait(Math.max(1, bytes.length));
      chunk.view().set(bytes);
      yield* writer.send(chunk.slice(0, bytes.length));
      chunk.release();
    }
    if (i % 40 === 39) {
      yield* writer.flush();
      const { size } = yield* file.stat();
      assert.equal(size, writer.position);
    }
  }
  yield* writer.close();
  yield* fails(writer.send('more'), 'ERR_STREAM_CLOSED');
  yield* file.close();
  assert.ok((yield* readFile(where)).equals(Buffer.concat(expected)));
}

function* forwarded(place: Place): Coroutine<void> {
  const file = yield* made(place, 'source');
  const where = place.path('target');
  const target = yield* open(where, 'w');
  const writer = target.writer({ chunkBytes: 16_384, sync: true });
  yield* file.stream({ chunkBytes: 10_000 }).forward(writer);
  yield* target.close();
  yield* file.close();
  assert.ok((yield* readFile(where)).equals(BYTES));
}

function* aborted(place: Place): Coroutine<void> {
  const file = yield* made(place, 'aborted');
  for (let i = 0; i < 20; i++) {
    const writer = file.writer({ chunkBytes: 4096, writeBehind: 4 });
    const task = spawn(writer.send(pattern(100_000)));
    for (let turn = 0; turn < i; turn++) yield* yieldNow();
    task.abort();
    yield* attempt(task);
    yield* writer.abort();
    yield* fails(writer.send('x'), 'ERR_STREAM_CLOSED');
    assert.equal(place.reactor.buffers.held, 0);
  }
  yield* file.close();
}

function* writeErrors(place: Place): Coroutine<void> {
  const where = place.path('errors');
  yield* writeFile(where, 'x');
  const file = yield* open(where);
  const writer = file.writer({ chunkBytes: 1024 });
  const sent = yield* attempt(writer.send(pattern(100_000)));
  assert.ok(!sent.ok);
  yield* fails(writer.send('more'), 'EBADF');
  yield* fails(writer.close(), 'EBADF');
  yield* writer.abort();
  yield* file.close();
}

/** The end of the file is where the write before has left it, on threads of Node's too. */
function* appended({ path }: Place): Coroutine<void> {
  const where = path('appended');
  yield* writeFile(where, 'before');
  const file = yield* open(where, 'a');
  const writer = file.writer({ chunkBytes: 4096, writeBehind: 64 });
  for (let i = 0; i < 150; i++) yield* writer.send(Buffer.alloc(4096, i));
  yield* writer.close();
  yield* file.close();
  const all = (yield* readFile(where)).subarray(6);
  assert.equal(all.length, 150 * 4096);
  for (let i = 0; i < 150; i++) {
    assert.ok(all.subarray(i * 4096, (i + 1) * 4096).equals(Buffer.alloc(4096, i)), `piece ${i}`);
  }
}

onEveryDriver('streams of files', {
  'a writer of a file that was opened to append keeps the order': appended,
  'every range, with any read-ahead': ranges,
  'options that are wrong': options,
  'what is under way is bounded, and comes back': bounded,
  'a file that is closed under its stream': closedUnder,
  'next can be given up': givenUpNext,
  'a writer gathers bytes, text and chunks': sends,
  'a file is forwarded to a file': forwarded,
  'a writer can be given up at any time': aborted,
  'an error of a write comes with the next call': writeErrors,
});

test('streams, writers and directories go on with the smallest budget', async () => {
  const runtime = simulateRuntime({ executor: { budget: 1 } });
  await runtime.run(function* () {
    yield* writeFile('/place/file', BYTES);
    const [from, to] = [yield* open('/place/file'), yield* open('/place/copy', 'w')];
    const writer = to.writer({ chunkBytes: 4096, writeBehind: 4 });
    const stream = from.stream({ chunkBytes: 4096, readAhead: 4 });
    for (let chunk; (chunk = yield* stream.next()) !== END;) yield* writer.send(chunk);
    yield* writer.close();
    yield* from.close();
    yield* to.close();
    assert.ok((yield* readFile('/place/copy')).equals(BYTES));
    const names: string[] = [];
    yield* readDirectory('/place').forEach(({ name }) => void names.push(name));
    assert.deepEqual(names.sort(), ['copy', 'file']);
  });
  await runtime.close();
});
