/** Reading that stops by `cancel` and goes on by another `receive`: what a gateway does to wait. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { errnoName } from '../../src/base/index.ts';
import type { Handle } from '../../src/driver/index.ts';
import type { Harness } from './harness.ts';
import { onStation, pattern, Reader, type Operation, type Station } from './station.ts';

export function pauses(harness: Harness): void {
  const on = (body: (station: Station) => Promise<void>, limits = {}) => {
    return () => onStation(harness, limits, body);
  };
  describe('pauses', () => {
    test('cancel with bytes on their way: all come, before it or after the pause', on(inFlight));
    test('1,000 pauses while the peer floods lose nothing', on(thousand));
    test('a receive may begin in the completion of the one before', on(inCompletion));
    test('the end of the stream during a pause is told after it', on(endInPause));
    test('the end of the stream behind bytes of a pause is told after them', on(bytesAndEnd));
    test('a reset during a pause is told after it', on(resetInPause));
    test('a long pause holds the peer back', on(heldBack));
    test('a paused connection holds no buffers: others get them all', on(freeBuffers, FEW));
    test('a pause while waiting for a buffer gives the place in the line up', on(inLine, FEW));
    test('close during a pause', on(closeInPause));
  });
}

const FEW = { buffers: 2, bufferSize: 256 };
const BLOCK = 64 * 1024;

async function pause(station: Station, reader: Reader): Promise<void> {
  station.call(() => station.driver.cancel(reader.operation.id));
  await station.done(reader.operation);
  assert.equal(errnoName(reader.operation.result), 'ECANCELED');
}

async function inFlight(station: Station): Promise<void> {
  const [client, server] = await station.pair(station.listen());
  const reader = new Reader(station, server);
  const sent = pattern(500_000);
  const sending = station.send(client, sent);
  await station.until(() => reader.length > 0, 'the first bytes');
  await pause(station, reader);
  const before = reader.length;
  await station.settle();
  assert.equal(reader.length, before, 'nothing comes during a pause');
  reader.restart();
  await station.until(() => reader.length === sent.length, 'all bytes');
  await station.done(sending);
  assert.ok(reader.bytes().equals(sent));
}

/** Sends `count` blocks, each when the one before has left; the end of the stream follows. */
function flood(station: Station, connection: Handle, count: number): void {
  const { driver } = station;
  const offset = station.put(pattern(BLOCK));
  let left = count;
  const next = (): void => {
    if (left-- > 0) station.submit((token) => driver.send(connection, token, offset, BLOCK), next);
    else station.submit((token) => driver.shutdown(connection, token));
  };
  next();
}

async function thousand(station: Station): Promise<void> {
  const { driver } = station;
  const [client, server] = await station.pair(station.listen());
  const block = pattern(BLOCK);
  let seen = 0;
  const onBytes = (bytes: Buffer): void => {
    for (let at = 0; at < bytes.length;) {
      const from = (seen + at) % BLOCK;
      const length = Math.min(bytes.length - at, BLOCK - from);
      const expected = block.subarray(from, from + length);
      assert.ok(bytes.subarray(at, at + length).equals(expected), `byte ${seen + at}`);
      at += length;
    }
    seen += bytes.length;
  };
  const reader = new Reader(station, server, { onBytes });
  const blocks = 300;
  flood(station, client, blocks);
  let paused = 0;
  while (paused < 1000 && !reader.ended) {
    if (paused % 3 > 0) await station.result((token) => driver.timeout(0, token));
    if (station.call(() => driver.cancel(reader.operation.id)) !== 0) break;
    await station.done(reader.operation);
    if (reader.operation.result === 0) break;
    assert.equal(errnoName(reader.operation.result), 'ECANCELED');
    paused += 1;
    reader.restart();
  }
  if (reader.operation.done && reader.operation.result !== 0) reader.restart();
  await reader.all();
  assert.equal(reader.length, blocks * BLOCK);
}

/** The gateway's way: the pause ends in the turn in which it is complete. */
async function inCompletion(station: Station): Promise<void> {
  const { arena, driver } = station;
  const [client, server] = await station.pair(station.listen());
  const chunks: Buffer[] = [];
  let length = 0;
  let pausesLeft = 200;
  let ended = false;
  let operation: Operation;
  const receive = (): void => {
    operation = station.submit(
      (token) => driver.receive(server, token),
      ({ result, buffer }) => {
        if (buffer === 0) {
          if (result === 0) ended = true;
          else receive();
          return;
        }
        chunks.push(Buffer.from(arena.bytes.slice(buffer, buffer + result)));
        length += result;
        station.call(() => driver.release(buffer));
        if (pausesLeft-- > 0) station.call(() => driver.cancel(operation.id));
      },
    );
  };
  receive();
  const sent = pattern(2_000_000);
  station.send(client, sent);
  station.submit((token) => driver.shutdown(client, token));
  await station.until(() => ended, 'the end of the stream');
  assert.equal(length, sent.length);
  assert.ok(Buffer.concat(chunks).equals(sent));
}

async function endInPause(station: Station): Promise<void> {
  const listening = station.listen();
  for (let i = 0; i < 10; i++) {
    const [client, server] = await station.pair(listening);
    const reader = new Reader(station, server);
    await pause(station, reader);
    if (i % 2 === 0) await station.done(station.close(client));
    else await station.result((token) => station.driver.shutdown(client, token));
    await station.settle();
    reader.restart();
    assert.equal((await reader.all()).length, 0);
    reader.restart();
    await station.until(() => reader.ended, 'the end again');
    assert.equal(reader.operation.result, 0, 'the end stays the end');
    await station.closeAll(i % 2 === 0 ? [server] : [client, server]);
  }
}

async function bytesAndEnd(station: Station): Promise<void> {
  const listening = station.listen();
  for (const size of [1, 4096, 30_000]) {
    const [client, server] = await station.pair(listening);
    const reader = new Reader(station, server);
    await pause(station, reader);
    const sent = pattern(size);
    await station.done(station.send(client, sent));
    await station.result((token) => station.driver.shutdown(client, token));
    await station.settle();
    assert.equal(reader.length, 0);
    reader.restart();
    assert.ok((await reader.all()).equals(sent));
    await station.closeAll([client, server]);
  }
}

async function resetInPause(station: Station): Promise<void> {
  const listening = station.listen();
  for (let i = 0; i < 10; i++) {
    const [client, server] = await station.pair(listening);
    const reader = new Reader(station, server);
    await station.done(station.send(client, 'before'));
    await station.until(() => reader.length === 6, 'the bytes before');
    await pause(station, reader);
    await station.done(station.close(client, 'reset'));
    if (i % 2 === 0) await station.settle();
    reader.restart();
    await station.until(() => reader.ended, 'the end of the receive');
    assert.equal(errnoName(reader.operation.result), 'ECONNRESET');
    await station.done(station.close(server));
  }
}

async function heldBack(station: Station): Promise<void> {
  const { driver } = station;
  const [client, server] = await station.pair(station.listen());
  const reader = new Reader(station, server, { onBytes: () => undefined });
  await pause(station, reader);
  const block = 1 << 20;
  const count = 16;
  const sends = Array.from({ length: count }, () =>
    station.submit((token) => driver.send(client, token, station.memory.offset, block)),
  );
  const left = (): number => sends.filter((send) => !send.done).length;
  // Its writes stop: what it could send is settled, and less than all.
  let before = -1;
  while (before !== left()) {
    before = left();
    await station.settle();
  }
  assert.ok(before > 0, 'the kernel does not hold 16 MiB');
  assert.equal(reader.length, 0);
  assert.equal(driver.usage().buffersHeld, 0);
  reader.restart();
  await station.done(...sends);
  await station.until(() => reader.length === count * block, 'all bytes');
}

async function freeBuffers(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  const paused: Reader[] = [];
  for (let i = 0; i < 6; i++) {
    const [client, server] = await station.pair(listening);
    const reader = new Reader(station, server);
    await pause(station, reader);
    await station.done(station.send(client, pattern(5000, i)));
    paused.push(reader);
  }
  await station.settle();
  assert.equal(driver.usage().buffersHeld, 0);
  const [client, server] = await station.pair(listening);
  const reader = new Reader(station, server, { hold: true });
  await station.done(station.send(client, pattern(5000)));
  await station.until(() => driver.usage().buffersHeld === 2, 'all buffers for one');
  while (reader.length < 5000) {
    await station.until(() => reader.held.length > 0 || reader.length === 5000, 'a buffer');
    reader.releaseHeld();
  }
  assert.ok(reader.bytes().equals(pattern(5000)));
  reader.releaseHeld();
  for (const one of paused) one.restart();
  await station.until(() => paused.every((one) => one.length === 5000), 'the paused ones');
  for (const [i, one] of paused.entries()) assert.ok(one.bytes().equals(pattern(5000, i)));
}

async function inLine(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  const readers: Reader[] = [];
  for (let i = 0; i < 6; i++) {
    const [client, server] = await station.pair(listening);
    readers.push(new Reader(station, server, { hold: true }));
    await station.done(station.send(client, pattern(100, i)));
  }
  await station.until(() => driver.usage().buffersHeld === 2, 'an empty pool');
  await station.settle();
  const waiting = readers.filter((reader) => reader.length === 0);
  assert.equal(waiting.length, 4);
  const [first, second, ...others] = waiting;
  await pause(station, first!);
  await pause(station, second!);
  for (const reader of readers) reader.releaseHeld();
  await station.until(() => others.every((reader) => reader.length === 100), 'the others');
  for (const reader of readers) reader.releaseHeld();
  assert.equal(first!.length + second!.length, 0);
  first!.restart();
  second!.restart();
  await station.until(() => first!.length + second!.length === 200, 'those that waited');
  for (const reader of readers) reader.releaseHeld();
}

async function closeInPause(station: Station): Promise<void> {
  const listening = station.listen();
  for (let i = 0; i < 10; i++) {
    const [client, server] = await station.pair(listening);
    const reader = new Reader(station, server);
    await pause(station, reader);
    await station.done(station.send(client, pattern(10_000)));
    if (i % 2 === 0) await station.settle();
    const other = new Reader(station, client);
    await station.done(station.close(server, i % 3 === 0 ? 'reset' : 'finish'));
    await station.until(() => other.ended, 'the other side');
    await station.done(station.close(client));
  }
  assert.equal(station.driver.usage().connections, 0);
}
