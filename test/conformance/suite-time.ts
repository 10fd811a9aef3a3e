/** Timeouts, wakes, counters, and the life of the driver itself. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Errno, errnoName } from '../../src/base/index.ts';
import { CompletionFlag, wakeDriver } from '../../src/driver/index.ts';
import type { Harness } from './harness.ts';
import { onStation, pattern, Reader, type Operation, type Station } from './station.ts';

export function time(harness: Harness): void {
  const on = (body: (station: Station) => Promise<void>, limits = {}) => {
    return () => onStation(harness, limits, body);
  };
  describe('time and life', () => {
    test('timeout completes in the order of time', on(timeouts));
    test('timeout can be cancelled, one of many', on(timeoutsCancelled));
    test('cancel of a stale id is ENOENT and touches nobody', on(staleCancel));
    test('cancel refuses sends, shutdowns and closes', on(cancelRefused));
    test('wakes completes after wakeDriver, coalesced', on(wakes));
    test('wakes is taken once at a time and can be cancelled', on(wakesOnce));
    test('counters tell what happened', on(counters));
    test('ref and unref may be called at any time', on(references));
    test('turn is harmless when nothing is due', on(idleTurn));
    test('destroy ends everything in flight', () => destroyInFlight(harness));
    test('destroy from inside the handler', () => destroyInHandler(harness));
    test('destroy is idempotent, and the driver is closed afterwards', () => destroyTwice(harness));
  });
}

async function timeouts(station: Station): Promise<void> {
  const { driver } = station;
  const order: number[] = [];
  const times = [40, 5, 20, 0, 60, 30];
  const before = driver.now();
  const operations = times.map((ms) =>
    station.submit(
      (token) => driver.timeout(ms, token),
      () => order.push(ms),
    ),
  );
  await station.done(...operations);
  assert.deepEqual(order, [0, 5, 20, 30, 40, 60]);
  assert.ok(operations.every((operation) => operation.result === 0));
  assert.ok(driver.now() > before, 'the clock of the driver goes on');
}

async function timeoutsCancelled(station: Station): Promise<void> {
  const { driver } = station;
  const all = Array.from({ length: 100 }, (_, i) =>
    station.submit((token) => driver.timeout(i % 2 === 0 ? 1_000_000 + i : 10, token)),
  );
  const long = all.filter((_, i) => i % 2 === 0);
  for (const operation of long) assert.equal(driver.cancel(operation.id), 0);
  for (const operation of long) {
    const again = driver.cancel(operation.id);
    assert.ok(again === 0 || again === -Errno.ENOENT, 'a second cancel changes nothing');
  }
  await station.done(...all);
  for (const [i, operation] of all.entries()) {
    if (i % 2 === 1) assert.equal(operation.result, 0);
  }
}

async function staleCancel(station: Station): Promise<void> {
  const { driver } = station;
  const old: Operation[] = [];
  for (let i = 0; i < 50; i++) {
    const operation = station.submit((token) => driver.timeout(0, token));
    await station.done(operation);
    old.push(operation);
  }
  const living = station.submit((token) => driver.timeout(20, token));
  for (const { id } of old) assert.equal(errnoName(driver.cancel(id)), 'ENOENT');
  for (const id of [0, 1, 0x7fffffff]) assert.equal(errnoName(driver.cancel(id)), 'ENOENT');
  await station.done(living);
  assert.equal(living.result, 0);
}

async function cancelRefused(station: Station): Promise<void> {
  const { driver } = station;
  const [client, server] = await station.pair(station.listen());
  const big = station.memory.offset;
  const send = station.submit((token) => driver.send(client, token, big, 4 << 20));
  const many = station.submit((token) => driver.sendMany([client], 1, token, big, 10));
  const shutdown = station.submit((token) => driver.shutdown(client, token));
  for (const { id } of [send, many, shutdown]) {
    assert.equal(errnoName(driver.cancel(id)), 'EINVAL');
  }
  const reader = new Reader(station, server, { onBytes: () => undefined });
  await station.done(send, many, shutdown);
  await reader.all();
  assert.equal(reader.length, (4 << 20) + 10);
}

async function wakes(station: Station): Promise<void> {
  const { arena, driver } = station;
  const waking = station.submit((token) => driver.wakes(token));
  const waker = structuredClone(driver.waker());
  for (let round = 1; round <= 5; round++) {
    for (let i = 0; i < 10; i++) wakeDriver(arena, waker);
    await station.until(() => waking.completions.length >= round, 'a wake');
    await station.settle();
    assert.equal(waking.completions.length, round, 'ten calls, one completion');
  }
  const expected = { result: 0, flags: CompletionFlag.MORE, buffer: 0 };
  for (const completion of waking.completions) assert.deepEqual(completion, expected);
}

async function wakesOnce(station: Station): Promise<void> {
  const { arena, driver } = station;
  for (let i = 0; i < 3; i++) {
    const waking = station.submit((token) => driver.wakes(token));
    station.refused(Errno.EALREADY, (token) => driver.wakes(token));
    wakeDriver(arena, driver.waker());
    await station.until(() => waking.completions.length > 0, 'a wake');
    assert.equal(driver.cancel(waking.id), 0);
    await station.done(waking);
    assert.equal(errnoName(waking.result), 'ECANCELED');
  }
}

async function counters(station: Station): Promise<void> {
  const { driver } = station;
  const before = driver.counters();
  const listening = station.listen();
  const [client, server] = await station.pair(listening);
  const reader = new Reader(station, server);
  await station.done(station.send(client, pattern(5000)));
  await station.until(() => reader.length === 5000, 'all bytes');
  await station.closeAll([client, server]);
  const after = driver.counters();
  const grown = (name: keyof typeof after): number => after[name] - before[name];
  assert.equal(grown('accepted'), 1);
  assert.equal(grown('connected'), 1);
  assert.equal(grown('closed'), 2);
  assert.equal(grown('bytesSent'), 5000);
  assert.equal(grown('bytesReceived'), 5000);
  // accept, connect, receive, send, two closes.
  assert.equal(grown('submitted'), 6);
  assert.ok(grown('completed') >= 7);
  assert.ok(grown('turns') > 0);
  if (station.harness.real && driver.kind !== 'portable') assert.ok(grown('systemCalls') > 0);
}

async function references(station: Station): Promise<void> {
  const { driver } = station;
  driver.unref();
  driver.ref();
  driver.ref();
  const operation = station.submit((token) => driver.timeout(5, token));
  driver.unref();
  driver.ref();
  await station.done(operation);
}

async function idleTurn(station: Station): Promise<void> {
  const { driver } = station;
  for (let i = 0; i < 10; i++) assert.equal(driver.turn(), 0);
  const operation = station.submit((token) => driver.timeout(0, token));
  await station.until(() => {
    if (!operation.done) driver.turn();
    return operation.done;
  }, 'a timeout by turns alone');
}

async function destroyInFlight(harness: Harness): Promise<void> {
  await onStation(harness, { connections: 512, buffers: 16 }, async (station) => {
    const { driver } = station;
    const listening = station.listen();
    const operations: Operation[] = [listening.accepting];
    const big = station.memory.offset;
    for (let i = 0; i < 60; i++) {
      const [client, server] = await station.pair(listening);
      const reader = new Reader(station, i % 2 === 0 ? client : server, { hold: true });
      operations.push(reader.operation);
      operations.push(station.submit((token) => driver.send(client, token, big, 2 << 20)));
      operations.push(station.submit((token) => driver.sendMany([server], 1, token, big, 1000)));
      if (i % 3 === 0) operations.push(station.submit((token) => driver.shutdown(client, token)));
      operations.push(station.submit((token) => driver.timeout(1_000_000, token)));
    }
    operations.push(station.submit((token) => driver.wakes(token)));
    for (let i = 0; i < 20; i++) {
      operations.push(station.submit((token) => driver.connect(listening.address, token)));
      const path = harness.path('destroyed');
      const flags = { access: 'write', create: true } as const;
      operations.push(station.submit((token) => driver.openFile(path, flags, token)));
    }
    await driver.destroy();
    assert.ok(
      operations.every((operation) => operation.done),
      station.dump(),
    );
  });
}

async function destroyInHandler(harness: Harness): Promise<void> {
  await onStation(harness, {}, async (station) => {
    const { driver } = station;
    const listening = station.listen();
    const [client, server] = await station.pair(listening);
    const reader = new Reader(station, server);
    let ending: Promise<void> | undefined;
    station.submit(
      (token) => driver.timeout(1, token),
      () => {
        ending = driver.destroy();
      },
    );
    station.send(client, 'bytes');
    await station.until(() => ending !== undefined, 'the handler');
    await ending;
    assert.ok(reader.ended);
  });
}

async function destroyTwice(harness: Harness): Promise<void> {
  await onStation(harness, {}, async (station) => {
    const { driver } = station;
    const [client, server] = await station.pair(station.listen());
    const reader = new Reader(station, server, { hold: true });
    await station.done(station.send(client, 'held'));
    await station.until(() => reader.length === 4, 'a buffer that is held');
    const ending = driver.destroy();
    assert.equal(driver.destroy(), ending);
    await ending;
    const closed = { code: 'ERR_DRIVER_CLOSED' };
    assert.throws(() => driver.listen(harness.address()), closed);
    assert.throws(() => driver.timeout(0, 1), closed);
    assert.throws(() => driver.connect({ host: '127.0.0.1', port: 1 }, 1), closed);
    station.refused(Errno.EBADF, (token) => driver.receive(client, token));
    station.refused(Errno.EBADF, (token) => driver.close(client, token));
    reader.releaseHeld();
    assert.equal(driver.turn(), 0);
    assert.equal(driver.counters().bytesReceived, 4, 'counters stay readable');
  });
}
