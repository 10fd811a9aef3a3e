// worker.terminate() at any moment: what the worker had in flight is cancelled, descriptors are
// closed, the arena stays intact, and the process goes on.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Arena } from '../../src/memory/index.ts';
import { loadNative } from '../../src/native/index.ts';
import { uringStatus } from '../../src/driver/uring/index.ts';

const ROUNDS = 20;
const arena = Arena.create({ size: 64 << 20 });
const reason = uringStatus(arena);
const skip = reason === undefined ? false : `io_uring cannot be used: ${reason}`;

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Sum of a canary region that no worker knows: stray writes of the kernel would change it. */
function checksum(offset: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum = (sum * 31 + arena.bytes[offset + i]!) | 0;
  return sum;
}

/** Ends a worker and takes back the memory that it held. */
async function end(worker: Worker): Promise<void> {
  const { threadId } = worker;
  assert.equal(await worker.terminate(), 1);
  arena.releaseThread(threadId);
}

async function startWorker(mode: string): Promise<Worker> {
  const worker = new Worker(new URL('./terminate.worker.js', import.meta.url), {
    workerData: { memory: arena.memory, mode },
  });
  await once(worker, 'message');
  return worker;
}

for (const mode of ['waiting', 'storm', 'attaching']) {
  test(`terminate: a worker whose ring is ${mode}`, { skip }, async () => {
    const canary = arena.allocate('canary', 65536);
    arena.bytes.fill(0x5a, canary.offset, canary.offset + 65536);
    const before = checksum(canary.offset, 65536);
    await end(await startWorker(mode));
    const open = descriptors();
    for (let round = 0; round < ROUNDS; round++) await end(await startWorker(mode));
    assert.equal(descriptors(), open, 'no descriptor is left behind');
    assert.equal(checksum(canary.offset, 65536), before, 'nobody wrote outside its regions');
    const fd = loadNative().epollCreate();
    assert.ok(fd >= 0, 'the addon still works here');
    loadNative().closeDescriptor(fd);
    canary.release();
    const { held } = arena.usage();
    assert.equal(held, 0, 'releaseThread gives the memory of ended workers back');
  });
}
