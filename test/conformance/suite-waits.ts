/** Threads that own their loop and sleep in the driver. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { setImmediate as turnOfLoop } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { wakeDriver, type Waker } from '../../src/driver/index.ts';
import type { Harness } from './harness.ts';
import { onStation, type Station } from './station.ts';
import type { WorkerTask } from './worker.ts';

export function waits(harness: Harness): void {
  const on = (body: (station: Station) => Promise<void>) => () => onStation(harness, {}, body);
  describe('wait', () => {
    test('is refused where it cannot be, and for a time that is none', on(refused));
    test('delivers what completes, in this thread, without the event loop', on(byItself));
    test('ends when the time is over', on(timeOver));
    test('returns when the event loop has something to do', on(loopHasWork));
    test('inside of a handler is a defect', on(insideHandler));
    if (!harness.real) return;
    test('a worker that sleeps is woken by its waker and by its port', on(sleepingWorker));
    test('worker.terminate() ends a wait, ten times', on(terminated));
  });
}

async function refused(station: Station): Promise<void> {
  const { driver } = station;
  for (const time of [-1, NaN, 2 ** 31]) {
    assert.throws(() => driver.wait(time), { name: 'RangeError', code: 'ERR_OPTION_RANGE' });
  }
  if (driver.canWait) assert.equal(driver.wait(0), 0);
  else assert.throws(() => driver.wait(0), { code: 'ERR_DRIVER_UNAVAILABLE' });
  assert.equal(driver.canWait, driver.kind !== 'portable');
}

async function byItself(station: Station): Promise<void> {
  const { driver } = station;
  if (!driver.canWait) return;
  await turnOfLoop();
  const operations = [3, 1, 2].map((ms) => station.submit((token) => driver.timeout(ms, token)));
  let delivered = 0;
  while (operations.some((operation) => !operation.done)) delivered += driver.wait(Infinity);
  assert.equal(delivered, 3);
  const order = [...operations].sort((a, b) => a.order - b.order);
  assert.deepEqual(order, [operations[1], operations[2], operations[0]]);
  const listening = station.listen();
  const connecting = station.submit((token) => driver.connect(listening.address, token));
  while (!connecting.done || listening.accepted.length === 0) driver.wait(Infinity);
  assert.ok(connecting.result > 0);
}

async function timeOver(station: Station): Promise<void> {
  const { driver } = station;
  if (!driver.canWait || !station.harness.real) return;
  const long = station.submit((token) => driver.timeout(1_000_000, token));
  const start = driver.now();
  let waits = 0;
  for (let rest = 50; rest > 0; rest = 50 - (driver.now() - start)) {
    assert.equal(driver.wait(rest), 0, station.dump());
    waits += 1;
    await turnOfLoop();
  }
  // It slept: waits that returned at once would have been many thousands.
  assert.ok(waits < 500, `${waits} waits`);
  assert.ok(!long.done);
  assert.equal(driver.cancel(long.id), 0);
  await station.done(long);
}

async function loopHasWork(station: Station): Promise<void> {
  const { driver } = station;
  if (!driver.canWait) return;
  const long = station.submit((token) => driver.timeout(1_000_000, token));
  let timers = 0;
  const timer = setInterval(() => {
    timers += 1;
  }, 1);
  // A sleep that the timers of Node did not end would take the 1000 s of the driver's.
  while (timers < 3) {
    if (driver.kind === 'simulated') await new Promise((resolve) => setTimeout(resolve, 1));
    else driver.wait(Infinity);
    await turnOfLoop();
  }
  clearInterval(timer);
  driver.cancel(long.id);
  await station.done(long);
}

async function insideHandler(station: Station): Promise<void> {
  const { driver } = station;
  if (!driver.canWait) return;
  let error: unknown;
  const operation = station.submit(
    (token) => driver.timeout(0, token),
    () => {
      try {
        driver.wait(0);
      } catch (thrown) {
        error = thrown;
      }
    },
  );
  await station.done(operation);
  assert.equal((error as { code?: string }).code, 'ERR_ASSERTION');
}

/** Ends the worker, and gives back the memory that it had. */
async function end(station: Station, worker: Worker): Promise<void> {
  const thread = worker.threadId;
  await worker.terminate();
  const left = station.arena.regions().filter((region) => region.thread === thread);
  for (const { offset } of left) station.arena.regionAt(offset).release();
}

async function start(station: Station): Promise<{ worker: Worker; waker: Waker; told: number }> {
  const told = station.put(new Uint8Array(12));
  const { memory } = station.arena;
  const workerData: WorkerTask = { kind: 'wait', driver: station.driver.kind, memory, told };
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData });
  const [waker] = (await once(worker, 'message')) as [Waker];
  return { worker, waker, told: told / 4 };
}

async function sleepingWorker(station: Station): Promise<void> {
  const { arena, driver } = station;
  if (!driver.canWait) return;
  const { worker, waker, told } = await start(station);
  const { words } = arena;
  for (let i = 1; i <= 50; i++) {
    wakeDriver(arena, waker);
    await station.until(() => words[told] === i, `wake ${i}`);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    worker.postMessage(i);
    await station.until(() => words[told + 1] === i, `message ${i}`);
  }
  // It slept: a wait that always returned at once would have begun by the million.
  await station.settle();
  const waits = words[told + 2]!;
  for (let i = 0; i < 10; i++) await station.settle();
  assert.ok(words[told + 2]! - waits <= 2, `${words[told + 2]! - waits} waits while nothing came`);
  await end(station, worker);
}

async function terminated(station: Station): Promise<void> {
  const { arena, driver } = station;
  if (!driver.canWait) return;
  for (let round = 0; round < 10; round++) {
    const { worker, waker, told } = await start(station);
    if (round % 2 === 0) {
      wakeDriver(arena, waker);
      await station.until(() => arena.words[told] === 1, 'the wake');
      await station.settle();
    }
    await end(station, worker);
  }
}
