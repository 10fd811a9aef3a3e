/** Limits reached, many at once, and large. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { Errno, errnoName } from '../../src/base/index.ts';
import type { Handle } from '../../src/driver/index.ts';
import { processArena } from '../../src/memory/index.ts';
import type { Harness } from './harness.ts';
import { onStation, pattern, Reader, type Operation, type Station } from './station.ts';

/** The smallest rings that io_uring has: what completes at once does not fit. */
const TINY_RINGS = { uring: { ringEntries: 8, completionEntries: 16 } };

export function pressure(harness: Harness): void {
  const on = (body: (station: Station) => Promise<void>, limits = {}) => {
    return () => onStation(harness, limits, body);
  };
  const uring = harness.name === 'uring';
  describe('pressure', () => {
    test(
      'descriptors are reused under load, old handles stay stale',
      on(reuse, { connections: 8 }),
    );
    test(
      'accept at the limit of connections backs off, rests and recovers',
      on(acceptLimit, { connections: 6 }),
    );
    for (const buffers of [2, 4]) {
      test(
        `${buffers} buffers for 16 connections: in order, nobody starves`,
        on(fewBuffers, { buffers, bufferSize: 256 }),
      );
    }
    test('large transfers in both directions at once', on(largeTransfers));
    test(
      'hundreds of completions in one turn, with small limits',
      on(overflow, {
        completionsPerTurn: 16,
        operations: 2048,
        ...(uring ? TINY_RINGS : {}),
      }),
    );
    test('10,000 connections opened and closed leak nothing', () => tenThousand(harness));
  });
}

async function reuse(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  const [client, server] = await station.pair(listening);
  const reader = new Reader(station, server);
  const offset = station.put('load');
  let stale: Handle[] = [];
  let sent = 0;
  for (let i = 0; i < 150; i++) {
    station.submit((token) => driver.send(client, token, offset, 4));
    sent += 4;
    const pair = await station.pair(listening);
    const late = new Reader(station, pair[1]);
    station.submit((token) => driver.send(pair[0], token, offset, 4));
    for (const handle of stale) {
      station.refused(Errno.EBADF, (token) => driver.send(handle, token, offset, 4));
      station.refused(Errno.EBADF, (token) => driver.close(handle, token));
    }
    await station.until(() => late.length === 4, 'bytes of the new connection alone');
    await station.closeAll(pair, i % 2 === 0 ? 'reset' : 'finish');
    stale = pair;
  }
  await station.until(() => reader.length === sent, 'the load');
  assert.equal(reader.bytes().toString(), 'load'.repeat(150));
}

async function acceptLimit(station: Station): Promise<void> {
  const { driver } = station;
  const listener = driver.listen(station.harness.address());
  const address = driver.address(listener);
  const clients: Handle[] = [];
  for (let i = 0; i < 6; i++) clients.push(await station.connect(address));
  const accepted: Handle[] = [];
  const accepting = station.submit(
    (token) => driver.accept(listener, token),
    ({ result }) => accepted.push(result),
  );
  await station.until(() => driver.counters().acceptBackoffs > 0, 'accepting to back off');
  const before = driver.counters();
  await station.done(station.submit((token) => driver.timeout(200, token)));
  const after = driver.counters();
  for (const name of ['turns', 'systemCalls', 'acceptBackoffs'] as const) {
    // A timer that looks again now and then is fine, a loop is not. The test itself looks 20 times.
    assert.ok(after[name] - before[name] <= 120, `${name}: ${after[name] - before[name]}`);
  }
  assert.equal(accepted.length, 0);
  // A place for the first, whose other end is closed by then; after that they have two each.
  await station.done(station.close(clients[0]!));
  for (const [index, client] of clients.entries()) {
    await station.until(() => accepted.length > 0, 'accepting to go on');
    const server = accepted.shift()!;
    const reader = new Reader(station, server);
    if (index > 0) {
      await station.done(station.send(client, 'recovered'));
      await station.done(station.close(client));
    }
    assert.equal((await reader.all()).toString(), index > 0 ? 'recovered' : '');
    await station.done(station.close(server));
  }
  assert.equal(driver.usage().connections, 0);
  assert.equal(accepting.done, false);
}

async function fewBuffers(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  const pairs = [];
  for (let i = 0; i < 16; i++) pairs.push(await station.pair(listening));
  const served: number[] = [];
  const readers = pairs.map(([, server], index) => {
    const options = { hold: true, onBytes: () => void served.push(index) };
    return new Reader(station, server, options);
  });
  const sends = pairs.map(([client], i) => station.send(client, pattern(20 * 256, i)));
  await station.done(...sends);
  await station.until(
    () => driver.usage().buffersHeld === driver.limits.buffers,
    'all buffers out',
  );
  assert.ok(driver.counters().bufferWaits > 0);
  let rounds = 0;
  while (readers.some((reader) => reader.length < 20 * 256)) {
    await station.until(() => readers.some((reader) => reader.held.length > 0), 'a buffer');
    for (const reader of readers) reader.releaseHeld();
    rounds += 1;
  }
  assert.ok(rounds > 1);
  // Nobody is served ten times while another that has bytes is not served at all.
  for (let index = 0; index < 16; index++) {
    const first = served.indexOf(index);
    const most = mostFrequent(served.slice(0, first));
    assert.ok(first !== -1 && most <= 10, `connection ${index} waited while one had ${most} turns`);
  }
  assert.equal(driver.usage().buffersHeld, 0);
}

/** How often the most frequent value occurs. */
function mostFrequent(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return Math.max(0, ...counts.values());
}

async function largeTransfers(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  const block = 1 << 20;
  station.arena.bytes.set(pattern(block), station.memory.offset);
  const ends = [];
  for (let i = 0; i < 2; i++) ends.push(...(await station.pair(listening)));
  const hashes = ends.map((connection) => {
    const hash = createHash('sha256');
    return { hash, reader: new Reader(station, connection, { onBytes: (b) => hash.update(b) }) };
  });
  const sends: Operation[] = [];
  const blocks = 6;
  for (let i = 0; i < blocks; i++) {
    for (const connection of ends) {
      sends.push(
        station.submit((token) => driver.send(connection, token, station.memory.offset, block)),
      );
    }
  }
  for (const connection of ends) {
    sends.push(station.submit((token) => driver.shutdown(connection, token)));
  }
  await station.done(...sends);
  const expected = createHash('sha256');
  for (let i = 0; i < blocks; i++) expected.update(pattern(block));
  const digest = expected.digest('hex');
  for (const { hash, reader } of hashes) {
    await reader.all();
    assert.equal(reader.length, blocks * block);
    assert.equal(hash.digest('hex'), digest);
  }
  // io_uring goes on with partial sends in the kernel.
  if (driver.kind !== 'uring') assert.ok(driver.counters().partialSends > 0);
}

async function overflow(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  const pairs = [];
  for (let i = 0; i < 40; i++) pairs.push(await station.pair(listening));
  const readers = pairs.map(([, server]) => new Reader(station, server));
  const path = station.harness.path('overflow');
  const flags = { access: 'read-write', create: true } as const;
  const file = await station.result((token) => driver.openFile(path, flags, token));
  assert.ok(file > 0, errnoName(file));
  const offset = station.put(pattern(256));
  for (let round = 1; round <= 3; round++) {
    const operations: Operation[] = [];
    for (let i = 0; i < 400; i++) {
      operations.push(station.submit((token) => driver.timeout(0, token)));
      operations.push(
        station.submit((token) => driver.writeFile(file, token, offset, 256, i * 256)),
      );
      const [client] = pairs[i % 40]!;
      operations.push(station.submit((token) => driver.send(client, token, offset, 100)));
    }
    await station.done(...operations);
    assert.ok(operations.every((operation) => operation.result >= 0));
    const length = round * 1000;
    await station.until(() => readers.every((reader) => reader.length === length), 'all bytes');
  }
}

/** Waves of 500 connections: 10,000 pairs of ends on a simulated or loopback network. */
async function tenThousand(harness: Harness): Promise<void> {
  const descriptors = harness.descriptors();
  const limits = { connections: 1100, operations: 8192 };
  await onStation(harness, limits, async (station) => {
    const { arena, driver } = station;
    const listening = station.listen({ backlog: 1024 });
    const opened = harness.descriptors();
    const offset = station.put('hello');
    for (let wave = 0; wave < 20; wave++) {
      const connecting = Array.from({ length: 500 }, () =>
        station.submit((token) => driver.connect(listening.address, token)),
      );
      await station.done(...connecting);
      const clients = connecting.map((operation) => operation.result);
      assert.ok(clients.every((client) => client > 0));
      const { accepted } = listening;
      await station.until(() => accepted.length === 500, 'all to be accepted');
      const readers = accepted.map((server) => new Reader(station, server));
      await station.result((token) => driver.sendMany(clients, 500, token, offset, 5));
      await station.until(() => readers.every((reader) => reader.length === 5), 'all bytes');
      // Half of the waves end by FIN on both sides, half by RST.
      await station.closeAll(clients, wave % 2 === 0 ? 'finish' : 'reset');
      await station.until(() => readers.every((reader) => reader.ended), 'all ends');
      await station.closeAll(accepted.splice(0));
      assert.equal(driver.usage().connections, 0);
      assert.equal(driver.usage().buffersHeld, 0);
      assert.equal(driver.usage().operations, 1, 'the accept alone');
    }
    await station.until(() => harness.descriptors() <= opened, 'descriptors to be closed');
    assert.equal(arena.regions().filter(({ state }) => state === 'claimed').length, 0);
  });
  assert.equal(harness.descriptors(), descriptors, 'no descriptor is left');
  assert.equal(
    processArena()
      .regions()
      .filter(({ state }) => state === 'claimed').length,
    0,
  );
}
