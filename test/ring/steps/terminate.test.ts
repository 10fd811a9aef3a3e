/** Threads are ended with `worker.terminate()` wherever they are, and others go on. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { loadAcquire } from '#atomics';
import { SeededRandom } from '../../../src/base/index.ts';
import { nativeStatus } from '../../../src/native/index.ts';
import { Ring, type Topology } from '../../../src/ring/index.ts';
import type { StepRing } from './actor.ts';
import { assertWhole, Step, stepOf } from './message.ts';
import type { Ended } from './terminate.test.worker.ts';

const ROUNDS = 12;
/** Messages at most that a thread lives for. */
const LIFE = 400;
const SLOTS = 64;
/** Whether `Atomics.wait` is all there is: then only `terminate` of threads that spin is prompt. */
const skip = nativeStatus().available ? false : 'threads sleep in another way without the addon';

function makeRing(topology: Topology): StepRing {
  return Ring.create(Step, { topology, slots: SLOTS, slabBytes: 1024 });
}

function start(task: Ended): Worker {
  return new Worker(new URL('terminate.test.worker.js', import.meta.url), { workerData: task });
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

async function end(worker: Worker): Promise<void> {
  const ended = once(worker, 'exit');
  await worker.terminate();
  await ended;
}

for (const topology of ['spsc', 'mpsc'] as const) {
  void it(`a producing thread of a ${topology} ring is ended anywhere`, { skip }, async (t) => {
    const seed = Math.floor(performance.timeOrigin) % 2 ** 31;
    const random = new SeededRandom(seed);
    t.diagnostic(`seed ${seed}`);
    const ring = makeRing(topology);
    const consumer = ring.consumer({ awaitSuccessor: true });
    let next = 0;
    const read = (): void => {
      consumer.forEach(Infinity, (slot) => {
        const message = slot.$get();
        assertWhole(message);
        assert.equal(message.sequence, next);
        next += 1;
      });
    };
    for (let round = 0; round < ROUNDS; round++) {
      const target = next + random.below(LIFE);
      const worker = start({ role: 'producer', shared: ring.share(), next });
      const failed = once(worker, 'error').then(([error]) => assert.fail(error as Error));
      void failed.catch(() => undefined);
      while (next < target) {
        read();
        await Promise.race([turn(), failed]);
      }
      await end(worker);
      read();
      assert.equal(ring.stats.lanes[0]!.tail, next, 'all that was published is there');
      assert.deepEqual(ring.peers.producers, [], 'its lane is free');
    }
    ring.close();
  });
}

for (const topology of ['spsc', 'mpmc'] as const) {
  void it(`a consuming thread of a ${topology} ring is ended anywhere`, { skip }, async (t) => {
    const seed = Math.floor(performance.timeOrigin) % 2 ** 31;
    const random = new SeededRandom(seed);
    t.diagnostic(`seed ${seed}`);
    const ring = makeRing(topology);
    const producer = ring.producer({ awaitSuccessor: true, publishEvery: 4 });
    let pushed = 0;
    const write = (): void => {
      while (producer.tryPush(stepOf(1, pushed)) === 'pushed') pushed += 1;
      producer.flush();
    };
    let due = 0;
    for (let round = 0; round < ROUNDS; round++) {
      // Word 0: what it got first, and 1; word 1: what it is to get next.
      const seen = new Int32Array(new SharedArrayBuffer(8));
      const target = due + 1 + random.below(LIFE);
      const worker = start({ role: 'consumer', shared: ring.share(), seen });
      const failed = once(worker, 'error').then(([error]) => assert.fail(error as Error));
      void failed.catch(() => undefined);
      while (loadAcquire(seen, 1) < target) {
        write();
        await Promise.race([turn(), failed]);
      }
      await end(worker);
      const first = loadAcquire(seen, 0) - 1;
      if (topology === 'spsc') {
        // What it was given and had not given back comes again; nothing else does.
        assert.ok(first <= due && due - first <= SLOTS / 4, `${first} came when ${due} was due`);
      } else {
        assert.ok(first >= due && first - due <= SLOTS, `${first} came when ${due} was due`);
      }
      due = loadAcquire(seen, 1);
      assert.deepEqual(ring.peers.consumers, [], 'its place is free');
    }
    ring.close();
  });
}
