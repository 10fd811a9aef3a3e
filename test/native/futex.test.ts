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

test('an eventfd counts and is taken', () => {
  const fd = native.eventfdCreate();
  assert.equal(native.eventfdTake(fd), -11);
  native.eventfdSignal(fd);
  native.eventfdSignal(fd);
  assert.equal(native.eventfdTake(fd), 2);
  assert.equal(native.eventfdTake(fd), -11);
  assert.equal(native.closeDescriptor(fd), 0);
});
