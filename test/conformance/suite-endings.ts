/** Cancels that race, peers that reset at every byte, closes with everything in flight. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Errno, errnoName } from '../../src/base/index.ts';
import type { Harness } from './harness.ts';
import { isReset, onStation, pattern, Reader, type Operation, type Station } from './station.ts';

export function endings(harness: Harness): void {
  const on = (body: (station: Station) => Promise<void>, limits = {}) => {
    return () => onStation(harness, limits, body);
  };
  describe('endings', () => {
    test('cancel races the completion of a timeout', on(cancelTimeouts));
    test('cancel races a receive whose bytes are under way', on(cancelReceives));
    test('cancel from inside the handler', on(cancelInHandler));
    test('a peer that resets after every count of bytes', on(resetAtEveryByte));
    test('a peer that ends after every count of bytes', on(endAtEveryByte));
    test('close with operations in flight, many at once', on(closeInFlight, { connections: 512 }));
    test('close from inside the completion of a send', on(closeInSend));
    test('close while the receive waits for a buffer', on(closeWaiting, { buffers: 2 }));
    test('both ends close at the same moment', on(closeBoth));
  });
}

async function cancelTimeouts(station: Station): Promise<void> {
  const { driver } = station;
  let completed = 0;
  for (let i = 0; i < 300; i++) {
    const racing = station.submit((token) => driver.timeout(i % 3, token));
    const other = station.submit((token) => driver.timeout((i + 1) % 3, token));
    if (i % 2 === 0) driver.turn();
    const cancelled = station.call(() => driver.cancel(racing.id));
    if (cancelled !== 0) assert.equal(errnoName(cancelled), 'ENOENT');
    await station.done(racing, other);
    assert.equal(other.result, 0, 'the other goes on');
    if (racing.result === 0) completed += 1;
    else assert.equal(errnoName(racing.result), 'ECANCELED');
    if (cancelled !== 0) assert.equal(racing.result, 0);
  }
  assert.ok(completed < 300);
}

async function cancelReceives(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  const pairs = [];
  for (let i = 0; i < 10; i++) pairs.push(await station.pair(listening));
  const readers = pairs.map(([, server]) => new Reader(station, server));
  const sent = pairs.map((): Buffer[] => []);
  for (let round = 0; round < 60; round++) {
    for (const [index, [client]] of pairs.entries()) {
      const part = pattern(1 + ((round * 97 + index * 13) % 3000), round);
      sent[index]!.push(part);
      station.send(client, part);
    }
    if (round % 3 === 0) driver.turn();
    for (const reader of readers) station.call(() => driver.cancel(reader.operation.id));
    await station.until(() => readers.every((reader) => reader.ended), 'all receives to end');
    for (const reader of readers) {
      assert.equal(errnoName(reader.operation.result), 'ECANCELED');
      reader.restart();
    }
  }
  for (const [client] of pairs) station.submit((token) => driver.shutdown(client, token));
  for (const [index, reader] of readers.entries()) {
    assert.ok((await reader.all()).equals(Buffer.concat(sent[index]!)), `stream ${index}`);
  }
}

async function cancelInHandler(station: Station): Promise<void> {
  const { driver } = station;
  const [client, server] = await station.pair(station.listen());
  const victims: Operation[] = [];
  for (let i = 0; i < 40; i++) {
    victims.push(station.submit((token) => driver.timeout(5 + (i % 3), token)));
  }
  victims.push(station.submit((token) => driver.receive(client, token)));
  const killer = station.submit(
    (token) => driver.timeout(5, token),
    () => {
      for (const { id } of victims) station.call(() => driver.cancel(id));
    },
  );
  await station.done(killer, ...victims);
  assert.equal(errnoName(victims.at(-1)!.result), 'ECANCELED');
  const reader = new Reader(station, client);
  await station.done(station.send(server, 'alive'));
  await station.until(() => reader.length === 5, 'the connection to live on');
}

const MESSAGE = 'a message of forty bytes, cut by a reset';

async function resetAtEveryByte(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  assert.equal(MESSAGE.length, 40);
  for (let k = 0; k <= MESSAGE.length; k++) {
    const [client, server] = await station.pair(listening);
    const reader = new Reader(station, server);
    if (k > 0) await station.done(station.send(client, MESSAGE.slice(0, k)));
    // Every other time the bytes have been read before the reset comes.
    if (k % 2 === 0) await station.until(() => reader.length === k, 'the bytes');
    await station.done(station.close(client, 'reset'));
    await station.until(() => reader.ended, 'the end of the receive');
    assert.equal(errnoName(reader.operation.result), 'ECONNRESET', `after ${k} bytes`);
    const got = reader.bytes().toString();
    assert.ok(MESSAGE.startsWith(got) && got.length <= k);
    if (k % 2 === 0) assert.equal(got.length, k);
    const offset = station.put(MESSAGE);
    const send = await station.result((token) => driver.send(server, token, offset, 40));
    assert.ok(isReset(send), errnoName(send));
    await station.done(station.close(server));
  }
}

async function endAtEveryByte(station: Station): Promise<void> {
  const listening = station.listen();
  for (let k = 0; k <= MESSAGE.length; k++) {
    const [client, server] = await station.pair(listening);
    const reader = new Reader(station, server);
    if (k > 0) await station.done(station.send(client, MESSAGE.slice(0, k)));
    await station.done(station.close(client));
    assert.equal((await reader.all()).toString(), MESSAGE.slice(0, k));
    await station.done(station.close(server));
  }
}

async function closeInFlight(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  const pairs = [];
  for (let i = 0; i < 100; i++) pairs.push(await station.pair(listening));
  const operations: Operation[] = [];
  const closes: Operation[] = [];
  const big = station.memory.offset;
  for (const [client, server] of pairs) {
    operations.push(new Reader(station, server).operation);
    operations.push(new Reader(station, client).operation);
    operations.push(station.submit((token) => driver.send(client, token, big, 1 << 20)));
    operations.push(station.submit((token) => driver.send(server, token, big, 1000)));
    operations.push(station.submit((token) => driver.shutdown(server, token)));
  }
  const all = pairs.flat();
  operations.push(station.submit((token) => driver.sendMany(all, all.length, token, big, 5000)));
  driver.turn();
  for (const [index, [client, server]] of pairs.entries()) {
    closes.push(station.close(client, index % 2 === 0 ? 'finish' : 'reset'));
    closes.push(station.close(server, index % 3 === 0 ? 'finish' : 'reset'));
  }
  await station.done(...operations, ...closes);
  assert.ok(closes.every((close) => close.result === 0));
  assert.equal(driver.usage().connections, 0);
  assert.equal(driver.usage().buffersHeld, 0);
}

async function closeInSend(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  for (let i = 0; i < 10; i++) {
    const [client, server] = await station.pair(listening);
    const reader = new Reader(station, server);
    let close: Operation | undefined;
    const first = station.send(client, 'first', () => {
      close = station.close(client);
    });
    const others = Array.from({ length: i }, () => station.send(client, 'next'));
    await station.until(() => close?.done === true, 'the close');
    await station.done(first, ...others);
    for (const { result } of others) {
      assert.ok(result === 4 || result === -Errno.ECANCELED, errnoName(result));
    }
    const whole = others.filter(({ result }) => result === 4).length;
    const got = (await reader.all()).toString();
    assert.ok(got.startsWith('first' + 'next'.repeat(whole)), 'what completed is delivered');
    await station.done(station.close(server));
  }
  assert.equal(driver.usage().connections, 0);
}

async function closeWaiting(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  const pairs = [];
  for (let i = 0; i < 6; i++) pairs.push(await station.pair(listening));
  const readers = pairs.map(([, server]) => new Reader(station, server, { hold: true }));
  for (const [client] of pairs) await station.done(station.send(client, 'bytes'));
  await station.until(() => driver.usage().buffersHeld === 2, 'an empty pool');
  await station.settle();
  const waiting = readers.filter((reader) => reader.length === 0);
  assert.equal(waiting.length, 4);
  const [first, second, ...rest] = waiting;
  await station.closeAll([first!.connection, second!.connection], 'reset');
  assert.ok(first!.ended && second!.ended);
  for (const reader of readers) reader.releaseHeld();
  await station.until(() => rest.every((reader) => reader.length === 5), 'the others');
  for (const reader of readers) reader.releaseHeld();
  assert.equal(driver.usage().buffersHeld, 0);
}

async function closeBoth(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  for (let i = 0; i < 30; i++) {
    const [client, server] = await station.pair(listening);
    const readers = [new Reader(station, client), new Reader(station, server)] as const;
    station.send(client, 'one way');
    station.send(server, 'other way');
    if (i % 3 === 0) driver.turn();
    await station.closeAll([client, server], i % 2 === 0 ? 'finish' : 'reset');
    assert.ok(readers[0].ended && readers[1].ended);
  }
  assert.equal(driver.usage().connections, 0);
}
