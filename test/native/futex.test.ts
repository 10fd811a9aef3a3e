import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Arena } from '../../src/memory/index.ts';
import { loadNative } from '../../src/native/index.ts';

const native = loadNative();
const arena = Arena.create({ size: 1 << 20 });
native.attachArena(arena.bytes);
const word = arena.allocate('futex', 128).offset;

test('futexWaitBlocking returns -EAGAIN when the word differs', () => {
  assert.equal(native.futexWaitBlocking(word, 1, 1000), -11);
});

test('futexWaitBlocking returns -ETIMEDOUT', () => {
  assert.equal(native.futexWaitBlocking(word, 0, 1), -110);
});

test('futexWake wakes a thread that sleeps on the word', async () => {
  const worker = new Worker(new URL('./futex.worker.js', import.meta.url), {
    workerData: { memory: arena.memory, word },
  });
  const ended = once(worker, 'message');
  // The worker may not sleep yet: wake until somebody was woken.
  while (native.futexWake(word, 1) === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(await ended, [0]);
  await worker.terminate();
});

test('wakeSignal marks the word, and writes to the pipe when it was not marked', () => {
  const { words } = arena;
  assert.equal(native.wakePipe(word), 0);
  const [reader, writer] = [words[word / 4]!, words[word / 4 + 1]!];
  words[word / 4] = 0;
  assert.equal(native.wakeTake(reader), -11);
  for (let i = 0; i < 3; i++) assert.equal(native.wakeSignal(word, writer), 0);
  assert.equal(words[word / 4], 1);
  assert.equal(native.wakeTake(reader), 1);
  assert.equal(native.wakeSignal(word, writer), 0);
  assert.equal(native.wakeTake(reader), -11);
  words[word / 4] = 0;
  assert.equal(native.wakeSignal(word, writer), 0);
  assert.equal(native.wakeTake(reader), 1);
  words[word / 4] = 0;
  for (const end of [reader, writer]) assert.equal(native.closeDescriptor(end), 0);
  assert.equal(native.wakeSignal(word, writer), -9);
});

test('wakePipeWrite takes a full pipe for one that wakes', () => {
  const { words } = arena;
  native.wakePipe(word);
  const [reader, writer] = [words[word / 4]!, words[word / 4 + 1]!];
  for (let i = 0; i < 70_000; i++) assert.equal(native.wakePipeWrite(writer), 0);
  assert.equal(native.wakeTake(reader), 64);
  words.fill(0, word / 4, word / 4 + 2);
  for (const end of [reader, writer]) native.closeDescriptor(end);
});
