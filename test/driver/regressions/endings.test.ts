// How files, drivers and threads end.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Errno } from '../../../src/base/index.ts';
import { createDriver, type Driver, type RealDriverKind } from '../../../src/driver/index.ts';
import type { Region } from '../../../src/memory/index.ts';
import { realHarness } from '../../conformance/harness.ts';
import { reasonToSkip } from '../../conformance/real.ts';
import { onStation, Reader, type Station } from '../../conformance/station.ts';
import type { OpeningTask } from './endings.worker.ts';

const WATCHDOG = { timeout: 60_000 };

/** A FIFO with a read of it in flight: nobody ever writes. */
async function readingFifo(station: Station): Promise<void> {
  const { driver } = station;
  const path = station.harness.path('fifo');
  execFileSync('mkfifo', [path]);
  const open = (token: number): number => driver.openFile(path, { access: 'read-write' }, token);
  for (let round = 0; round < 2; round++) {
    const file = await station.result(open);
    assert.ok(file > 0);
    const offset = station.put(new Uint8Array(16));
    const reading = station.submit((token) => driver.readFile(file, token, offset, 16, 0));
    await station.settle();
    assert.equal(reading.done, false);
    // What happened: the close waited for the read, and destroy for both, for ever.
    if (round === 1) break;
    const closing = station.close(file);
    await station.done(closing);
    assert.equal(closing.result, 0);
    assert.equal(reading.result, -Errno.ECANCELED);
    assert.ok(reading.order < closing.order);
  }
  // The second one is left to destroy.
}

interface Place {
  readonly offset: number;
  readonly size: number;
}

function regionsOf(driver: Driver): Place[] {
  return driver.arena.regions().filter(({ owner }) => owner === `driver ${driver.kind}`);
}

/**
 * What happened: the buffers that the caller still held were noted in the driver's control block
 * when they came back, although destroy had given its memory away; so did `turn` with its counters.
 */
async function lateCalls(station: Station): Promise<void> {
  const { driver, arena } = station;
  const listening = station.listen();
  const [client, server] = await station.pair(listening);
  const reader = new Reader(station, server, { hold: true });
  for (let i = 1; i <= 6; i++) {
    station.send(client, 'held');
    await station.until(() => reader.held.length === i, 'a buffer');
  }
  await station.closeAll([client, server, listening.handle]);
  const before = regionsOf(driver);
  assert.ok(before.length > 0);
  const mine: Region[] = [];
  // What was the driver's is somebody else's as soon as it is free.
  const takeOver = (): void => {
    for (const { size } of before) {
      const region = arena.allocate('mine', size, { alignment: 4096 });
      arena.bytes.fill(0x5a, region.offset, region.offset + size);
      mine.push(region);
    }
  };
  const call = (): void => {
    reader.releaseHeld(2);
    driver.turn();
    driver.unref();
    driver.ref();
    assert.equal(driver.usage().operations, 0);
  };
  const destroyed = driver.destroy();
  takeOver();
  call();
  await destroyed;
  takeOver();
  call();
  await new Promise((resolve) => setImmediate(resolve));
  call();
  assert.equal(driver.turn(), 0);
  const overlaps = ({ offset, size }: Place): boolean =>
    before.some((old) => offset < old.offset + old.size && old.offset < offset + size);
  assert.ok(mine.some(overlaps), 'memory of the driver was used again');
  for (const { offset, size } of mine) assertFilled(station, offset, size);
  for (const region of mine) region.release();
}

function assertFilled(station: Station, offset: number, size: number): void {
  const bytes = station.arena.bytes.slice(offset, offset + size);
  assert.ok(
    bytes.every((byte) => byte === 0x5a),
    'nobody else wrote to it',
  );
}

/** Destroy has something to wait for, and is asked for more meanwhile. */
async function callsMeanwhile(station: Station): Promise<void> {
  const { driver } = station;
  const [client, server] = await station.pair(station.listen());
  const reader = new Reader(station, server, { hold: true });
  for (let i = 1; i <= 4; i++) {
    station.send(client, 'held');
    await station.until(() => reader.held.length === i, 'a buffer');
  }
  const destroyed = driver.destroy();
  reader.releaseHeld(2);
  driver.unref();
  driver.ref();
  driver.turn();
  driver.turn();
  reader.releaseHeld();
  assert.equal(await destroyed, undefined);
  assert.equal(reader.operation.result, -Errno.ECANCELED);
}

/** What happened: on a ring that is gone, the waker's poll was written into foreign memory. */
async function wakerAfterwards(station: Station): Promise<void> {
  const { driver } = station;
  await driver.destroy();
  assert.throws(() => driver.waker(), { code: 'ERR_DRIVER_CLOSED' });
  assert.throws(() => driver.listen(station.harness.address()), { code: 'ERR_DRIVER_CLOSED' });
}

function opened(path: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false;
    }
  }).length;
}

/** What happened: descriptors whose completions nobody had read stayed open for ever. */
async function terminatedWhileOpening(kind: RealDriverKind, station: Station): Promise<void> {
  const { arena, harness } = station;
  const path = harness.path('opened');
  writeFileSync(path, 'x');
  for (let round = 0; round < 5; round++) {
    const task: OpeningTask = { kind, memory: arena.memory, path, opens: 300 };
    const url = new URL('./endings.worker.js', import.meta.url);
    const worker = new Worker(url, { workerData: task });
    const { threadId } = worker;
    await once(worker, 'message');
    await worker.terminate();
    arena.releaseThread(threadId);
  }
  await station.until(() => opened(path) === 0, 'the descriptors to be closed');
}

for (const kind of ['uring', 'epoll', 'portable'] as const) {
  const reason = reasonToSkip(kind);
  const options = { ...WATCHDOG, skip: reason === '' ? false : reason };
  const harness = realHarness(kind, (wanted) => createDriver({ kind, ...wanted }), false);
  after(() => harness.dispose());

  test(`${kind}: late release, turn, ref and unref touch nothing`, options, () =>
    onStation(harness, {}, lateCalls),
  );
  test(`${kind}: release, turn, ref and unref while destroy waits`, options, () =>
    onStation(harness, {}, callsMeanwhile),
  );
  test(`${kind}: waker and listen after destroy are refused`, options, () =>
    onStation(harness, {}, wakerAfterwards),
  );
  test(`${kind}: worker.terminate() with opens in flight leaves no descriptor`, options, () =>
    onStation(harness, {}, (station) => terminatedWhileOpening(kind, station)),
  );

  // On the others a read of a FIFO by position is refused (ESPIPE).
  if (kind !== 'uring') continue;
  test(`${kind}: close of a file ends the read that waits in it`, options, () =>
    onStation(harness, {}, readingFifo),
  );
}
