// Streams in C: their records are checked, their ids outlive nothing, their memory is counted and
// goes with the thread.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { deflaterBytes, inflaterBytes } from '../../src/deflate/index.ts';
import { Arena } from '../../src/memory/index.ts';
import { loadNative } from '../../src/native/index.ts';

const native = loadNative();
const arena = Arena.create({ size: 1 << 20 });
native.attachArena(arena.bytes);
const skip = native.zlibVersion() === '' ? 'this node executable exports no zlib 1.x' : false;

const region = arena.allocate('test', 65_536);
const RECORD = region.offset;
const SOURCE = region.offset + 4096;
const TARGET = region.offset + 8192;
const NO_LIMIT = 2 ** 40;

/** Runs one call with the record's words; returns its status. */
function call(name: 'zlibDeflate' | 'zlibInflate', ...words: number[]): number {
  arena.unsigned.set(words, RECORD / 4);
  return native[name](RECORD);
}

test('a record outside the arena, or for a stream of another kind, is refused', { skip }, () => {
  const deflater = native.zlibOpenDeflate(1, 15, 8, NO_LIMIT);
  const inflater = native.zlibOpenInflate(15, NO_LIMIT);
  const size = arena.size;
  const bounds = { code: 'ERR_NATIVE_BOUNDS' };
  for (const [source, length, target, capacity] of [
    [size, 1, TARGET, 100],
    [size - 4, 5, TARGET, 100],
    [SOURCE, 4, size - 99, 100],
    [SOURCE, 4, 2 ** 32 - 1, 100],
    [SOURCE, 2 ** 32 - 1, TARGET, 100],
    [SOURCE, 4, TARGET, 2 ** 32 - 1],
  ] as const) {
    const words = [source, length, target, capacity];
    assert.throws(() => call('zlibDeflate', deflater, 2, ...words), bounds);
    assert.throws(() => call('zlibInflate', inflater, 2, ...words), bounds);
  }
  const argument = { code: 'ERR_NATIVE_ARGUMENT' };
  const right = [SOURCE, 4, TARGET, 100];
  assert.throws(() => call('zlibDeflate', inflater, 2, ...right), argument);
  assert.throws(() => call('zlibInflate', deflater, 2, ...right), argument);
  assert.throws(() => call('zlibDeflate', 2 ** 32 - 1, 2, ...right), argument);
  assert.equal(native.zlibClose(deflater), 0);
  assert.throws(() => call('zlibDeflate', deflater, 2, ...right), argument);
  assert.equal(native.zlibClose(deflater), -9, 'closed twice');
  const next = native.zlibOpenDeflate(1, 15, 8, NO_LIMIT);
  assert.notEqual(next, deflater, 'an id is not given again at once');
  native.zlibClose(next);
  native.zlibClose(inflater);
  assert.throws(() => native.zlibOpenDeflate(0, 15, 8, NO_LIMIT), argument);
  assert.throws(() => native.zlibOpenDeflate(1, 8, 8, NO_LIMIT), argument);
  assert.throws(() => native.zlibOpenInflate(7, NO_LIMIT), argument);
});

test('streams hold what deflaterBytes and inflaterBytes say, or a little less', { skip }, () => {
  arena.bytes.set(Buffer.from('f248cdc9c90700', 'hex'), SOURCE);
  for (let windowBits = 9; windowBits <= 15; windowBits++) {
    for (let memoryLevel = 1; memoryLevel <= 9; memoryLevel++) {
      const before = native.zlibBytes();
      const stream = native.zlibOpenDeflate(6, windowBits, memoryLevel, NO_LIMIT);
      const held = native.zlibBytes() - before;
      const bound = deflaterBytes(windowBits, memoryLevel);
      assert.ok(held <= bound && held > bound * 0.4, `${held} of ${bound}`);
      native.zlibClose(stream);
      assert.equal(native.zlibBytes(), before);
    }
    const before = native.zlibBytes();
    const stream = native.zlibOpenInflate(windowBits, NO_LIMIT);
    assert.equal(call('zlibInflate', stream, 2, SOURCE, 7, TARGET, 100), 0);
    const held = native.zlibBytes() - before;
    const bound = inflaterBytes(windowBits);
    assert.ok(held <= bound && held > bound * 0.7, `${held} of ${bound}`);
    native.zlibClose(stream);
    assert.equal(native.zlibBytes(), before);
  }
});

test('the limit on bytes holds when a stream opens and when it grows', { skip }, () => {
  const before = native.zlibBytes();
  assert.equal(native.zlibOpenDeflate(1, 15, 8, before + 100_000), -12);
  assert.equal(native.zlibOpenInflate(15, before + 1000), -12);
  assert.equal(native.zlibBytes(), before, 'what was allocated in vain is freed');
  const stream = native.zlibOpenInflate(15, before + 20_000);
  assert.ok(stream >= 0, 'the window comes later');
  assert.equal(call('zlibInflate', stream, 2, SOURCE, 7, TARGET, 100), 4);
  native.zlibClose(stream);
});

test('thousands of streams can be open, and all are found again', { skip }, () => {
  const before = native.zlibBytes();
  const ids = Array.from({ length: 3000 }, () => native.zlibOpenInflate(8, NO_LIMIT));
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.equal(call('zlibInflate', id, 3, SOURCE, 7, TARGET, 100), 0);
  for (const id of ids) assert.equal(native.zlibClose(id), 0);
  assert.equal(native.zlibBytes(), before);
});

/** Runs a worker until its streams are in use, and ends it; returns the bytes that they held. */
async function runWorker(): Promise<number> {
  const worker = new Worker(new URL('./deflate.worker.js', import.meta.url), {
    workerData: { memory: arena.memory },
  });
  const { threadId } = worker;
  const [held] = (await once(worker, 'message')) as [number];
  assert.equal(await worker.terminate(), 1);
  arena.releaseThread(threadId);
  return held;
}

test('terminate: the streams of a worker go with it', { skip }, async () => {
  for (let round = 0; round < 3; round++) await runWorker();
  const resident = process.memoryUsage().rss;
  let held = 0;
  for (let round = 0; round < 10; round++) held += await runWorker();
  assert.ok(process.memoryUsage().rss - resident < held / 2, 'most of it, at least, is free again');
});
