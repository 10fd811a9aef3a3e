/** Real drivers and worker threads: waking from outside, and threads that end at any moment. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { notify, storeRelease } from '#atomics';
import type { SocketAddress } from '../../src/driver/index.ts';
import type { Harness } from './harness.ts';
import { onStation, Reader, type Station } from './station.ts';
import type { WorkerTask } from './worker.ts';

export function threads(harness: Harness): void {
  describe('threads', () => {
    test('a worker thread wakes the driver', () => onStation(harness, {}, wokenByWorker));
    test('every wake of a worker completes in a loop that sleeps', () =>
      onStation(harness, {}, (station) => answers(station, 1, 100, 3)));
    test('every wake of four workers completes', () =>
      onStation(harness, {}, (station) => answers(station, 4, 5000, 0)));
    test('worker.terminate() with hundreds of connections in flight, ten times', () =>
      terminatedTenTimes(harness));
    test('memory of a terminated worker can be reused: the kernel has let go of it', () =>
      onStation(harness, {}, memoryOfTerminated));
    test('a worker that destroys its driver ends by itself', () =>
      onStation(harness, {}, endsByItself));
  });
}

function start(task: WorkerTask): Worker {
  return new Worker(new URL('./worker.js', import.meta.url), { workerData: task });
}

async function wokenByWorker(station: Station): Promise<void> {
  const { arena, driver } = station;
  const waking = station.submit((token) => driver.wakes(token));
  const flag = station.put(new Uint8Array(4));
  const { memory } = arena;
  const worker = start({ kind: 'wake', memory, waker: driver.waker(), flag, times: 1000 });
  const exit = once(worker, 'exit');
  await station.until(() => waking.completions.length > 0, 'a wake');
  await exit;
  // The last write came before the last wake, so it is seen after it.
  await station.until(() => arena.words[flag / 4] === 1000, 'the last write');
  const woken = waking.completions.length;
  assert.ok(woken >= 1 && woken <= 1000);
}

/** Answers what workers ask at each completion. Nothing else turns the loop until they end. */
async function answers(
  station: Station,
  workers: number,
  times: number,
  pause: number,
): Promise<void> {
  const { arena, driver } = station;
  const { memory, words } = arena;
  const asked = Array.from({ length: workers }, () => station.put(new Uint8Array(8)));
  const answer = (): void => {
    for (const offset of asked) {
      const question = words[offset / 4]!;
      if (words[offset / 4 + 1] === question) continue;
      storeRelease(words, offset / 4 + 1, question);
      notify(words, offset / 4 + 1, 1);
    }
  };
  station.submit((token) => driver.wakes(token), answer);
  const exits = asked.map(async (offset) => {
    const waker = driver.waker();
    const worker = start({ kind: 'ask', memory, waker, asked: offset, times, pause });
    const [code] = (await once(worker, 'exit')) as [number];
    return code;
  });
  assert.deepEqual(await Promise.all(exits), new Array<number>(workers).fill(0));
}

async function terminatedTenTimes(harness: Harness): Promise<void> {
  const before = harness.descriptors();
  for (let round = 0; round < 10; round++) {
    await onStation(harness, {}, async (station) => {
      const worker = start({
        kind: 'busy',
        driver: harness.name,
        connections: 150,
        destroy: false,
      });
      const [address] = (await once(worker, 'message')) as [SocketAddress];
      // Some of its connections come from here, so that they can be seen to end.
      const clients = [];
      for (let i = 0; i < 5; i++) clients.push(await station.connect(address));
      const readers = clients.map((client) => new Reader(station, client));
      await station.until(() => readers.every((reader) => reader.length > 0), 'traffic');
      await worker.terminate();
      await station.until(() => readers.every((reader) => reader.ended), 'the connections to end');
      const again = station.listen({}, address);
      await station.closeAll(await station.pair(again));
    });
  }
  await settled(() => harness.descriptors() <= before);
}

async function memoryOfTerminated(station: Station): Promise<void> {
  const { arena, harness } = station;
  for (let round = 0; round < 5; round++) {
    const task = { kind: 'busy', driver: harness.name, connections: 100, destroy: false } as const;
    const worker = start({ ...task, memory: arena.memory });
    const [address] = (await once(worker, 'message')) as [SocketAddress];
    const thread = worker.threadId;
    const client = await station.connect(address);
    const reader = new Reader(station, client);
    await worker.terminate();
    const left = arena.regions().filter((region) => region.thread === thread);
    assert.ok(left.some((region) => region.name === 'receive buffers'));
    for (const { offset } of left) arena.regionAt(offset).release();
    const size = left.reduce((sum, region) => sum + region.size, 0);
    const again = arena.allocate('reused', size);
    arena.bytes.fill(0x5a, again.offset, again.offset + size);
    await station.until(() => reader.ended, 'the connection to end');
    await station.settle();
    const bytes = arena.bytes.slice(again.offset, again.offset + size);
    assert.ok(
      bytes.every((byte) => byte === 0x5a),
      'nobody writes to it any more',
    );
    again.release();
    await station.done(station.close(client));
  }
}

/** Waits for what the event loop still has to close. */
async function settled(predicate: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !predicate(); i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.ok(predicate(), 'no descriptor is left');
}

async function endsByItself(station: Station): Promise<void> {
  const { harness } = station;
  const worker = start({ kind: 'busy', driver: harness.name, connections: 50, destroy: true });
  const exited = once(worker, 'exit');
  const [address] = (await once(worker, 'message')) as [SocketAddress];
  assert.ok('port' in address);
  const [code] = (await exited) as [number];
  assert.equal(code, 0);
  await station.closeAll(await station.pair(station.listen({}, address)));
}
