/** Listening, connecting, sending and receiving, one operation after the other. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Errno, errnoName, SystemError } from '../../src/base/index.ts';
import { VECTOR_MAX, type Handle } from '../../src/driver/index.ts';
import type { Harness } from './harness.ts';
import { isReset, onStation, pattern, Reader, type Station } from './station.ts';

export function connections(harness: Harness): void {
  const on = (body: (station: Station) => Promise<void>, limits = {}) => {
    return () => onStation(harness, limits, body);
  };
  describe('connections', () => {
    test('listen chooses a free port and refuses a taken or wrong address', on(listenAddresses));
    test('listen on a Unix socket, connect and talk', on(unixSocket));
    test(
      'listen with reusePort twice on one port',
      { skip: harness.reusePort ? false : 'not supported by this driver' },
      on(reusePort),
    );
    test('accept hands over connections that came before it', on(acceptLater));
    test('accept and receive are taken once at a time', on(onceAtATime));
    test('connect can be cancelled', on(connectCancelled));
    test('receive after its cancel goes on where it was', on(receiveAgain));
    test('send carries one byte, a buffer and more than the kernel holds', on(sendSizes));
    test('sendVector sends up to 64 buffers as one', on(sendVector));
    test('sendMany reaches the living and counts them', on(sendMany));
    test('shutdown half-closes; the other side still sends', on(halfClose));
    test('shutdown of both sides one after the other ends both', on(halfCloseBoth));
    test('shutdown comes after the sends before it; sends after it fail', on(shutdownOrder));
    test('close delivers what was sent, then the end', on(closeFinish));
    test('close with reset fails the other side', on(closeReset));
    test('close of a listener ends those who wait in its queue', on(closeListener));
    test('a send to a connection whose peer is gone fails in the end', on(sendToGone));
  });
}

async function listenAddresses(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  const { address } = listening;
  assert.ok('port' in address && address.port > 0 && address.host === '127.0.0.1');
  assert.throws(
    () => driver.listen(address),
    (error: unknown) => error instanceof SystemError && error.errnoName === 'EADDRINUSE',
  );
  for (const wrong of [
    { host: 'localhost', port: 1 },
    { host: '127.0.0.1', port: 65536 },
    { path: '' },
    { path: 'x'.repeat(200) },
  ]) {
    const expected = { code: 'ERR_ADDRESS_INVALID', name: 'TypeError' };
    assert.throws(() => driver.listen(wrong), expected);
    assert.throws(() => driver.connect(wrong, 1), expected);
  }
  assert.equal(driver.usage().listeners, 1);
  await station.done(station.close(listening.handle));
  const again = station.listen({}, address);
  assert.deepEqual(again.address, address);
  await station.pair(again);
}

async function unixSocket(station: Station): Promise<void> {
  const address = { path: station.harness.path('socket') };
  const listening = station.listen({}, address);
  assert.deepEqual(listening.address, address);
  await talk(station, await station.pair(listening));
}

async function reusePort(station: Station): Promise<void> {
  const first = station.listen({ reusePort: true });
  const second = station.listen({ reusePort: true }, first.address);
  const count = 20;
  for (let i = 0; i < count; i++) await station.connect(first.address);
  await station.until(
    () => first.accepted.length + second.accepted.length === count,
    'all to be accepted by one of the two',
  );
}

async function acceptLater(station: Station): Promise<void> {
  const { driver } = station;
  const handle = driver.listen(station.harness.address());
  const clients = [];
  for (let i = 0; i < 5; i++) clients.push(await station.connect(driver.address(handle)));
  const accepted: Handle[] = [];
  const take = ({ result }: { result: number }): void => {
    if (result > 0) accepted.push(result);
  };
  const accepting = station.submit((token) => driver.accept(handle, token), take);
  await station.until(() => accepted.length === 5, 'five connections');
  assert.equal(new Set([...accepted, ...clients]).size, 10);
  driver.cancel(accepting.id);
  await station.done(accepting);
}

async function onceAtATime(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  station.refused(Errno.EALREADY, (token) => driver.accept(listening.handle, token));
  const [client] = await station.pair(listening);
  const receive = station.submit((token) => driver.receive(client, token));
  station.refused(Errno.EALREADY, (token) => driver.receive(client, token));
  driver.cancel(receive.id);
  await station.done(receive);
  const again = station.submit((token) => driver.receive(client, token));
  driver.cancel(again.id);
  await station.done(again);
}

async function connectCancelled(station: Station): Promise<void> {
  const { driver } = station;
  const { address, accepted } = station.listen();
  for (let i = 0; i < 50; i++) {
    const connecting = station.submit((token) => driver.connect(address, token));
    const cancelled = station.call(() => driver.cancel(connecting.id));
    assert.ok(cancelled === 0 || cancelled === -Errno.ENOENT);
    await station.done(connecting);
    if (connecting.result > 0) await station.done(station.close(connecting.result));
    else assert.equal(errnoName(connecting.result), 'ECANCELED');
    if (accepted.length > 0) await station.closeAll(accepted.splice(0));
  }
  await station.settle();
  await station.closeAll(accepted.splice(0));
  assert.equal(driver.usage().connections, 0);
}

async function receiveAgain(station: Station): Promise<void> {
  const { driver } = station;
  const [client, server] = await station.pair(station.listen());
  const reader = new Reader(station, server);
  await station.done(station.send(client, 'before'));
  await station.until(() => reader.length === 6, 'the first bytes');
  driver.cancel(reader.operation.id);
  await station.done(reader.operation);
  await station.done(station.send(client, ' between'));
  await station.settle();
  assert.equal(reader.length, 6, 'nothing comes without a receive');
  reader.restart();
  await station.done(station.send(client, ' after'));
  await station.until(() => reader.length === 20, 'all bytes');
  assert.equal(reader.bytes().toString(), 'before between after');
}

async function sendSizes(station: Station): Promise<void> {
  const listening = station.listen();
  const size = station.driver.limits.bufferSize;
  for (const length of [1, size - 1, size, size + 1, 65536, 3_000_000]) {
    const [client, server] = await station.pair(listening);
    const sent = pattern(length, length);
    const reader = new Reader(station, server);
    const operation = station.send(client, sent);
    await station.done(operation);
    assert.equal(operation.result, length);
    await station.done(station.close(client));
    assert.ok((await reader.all()).equals(sent), `${length} bytes`);
    await station.done(station.close(server));
  }
}

async function sendVector(station: Station): Promise<void> {
  const { arena, driver } = station;
  const [client, server] = await station.pair(station.listen());
  const reader = new Reader(station, server);
  const expected: Buffer[] = [];
  for (const count of [1, 2, 7, VECTOR_MAX]) {
    const parts = Array.from({ length: count }, (_, i) => pattern(1 + i * 37, i));
    const entries = parts.flatMap((part) => [station.put(part), part.length]);
    const vector = station.put(new Uint8Array(count * 8));
    arena.unsigned.set(entries, vector / 4);
    const total = Buffer.concat(parts);
    expected.push(total);
    const result = await station.result((token) => driver.sendVector(client, token, vector, count));
    assert.equal(result, total.length);
  }
  const all = Buffer.concat(expected);
  await station.until(() => reader.length === all.length, 'all bytes');
  assert.ok(reader.bytes().equals(all));
}

async function sendMany(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  const pairs = [];
  for (let i = 0; i < 50; i++) pairs.push(await station.pair(listening));
  const readers = pairs.map(([, server]) => new Reader(station, server));
  const clients = pairs.map(([client]) => client);
  const gone = clients.splice(0, 10);
  await station.closeAll(gone);
  const bytes = pattern(10_000);
  const offset = station.put(bytes);
  const list = Int32Array.from([...gone, ...clients]);
  const sending = station.submit((token) => {
    return driver.sendMany(list, list.length, token, offset, bytes.length);
  });
  // Read at once: what happens to the list afterwards does not matter.
  list.fill(0);
  await station.done(sending);
  assert.equal(sending.result, 40);
  const living = readers.slice(10);
  await station.until(() => living.every((reader) => reader.length === bytes.length), 'all bytes');
  assert.ok(living.every((reader) => reader.bytes().equals(bytes)));
  assert.ok(readers.slice(0, 10).every((reader) => reader.length === 0));
  for (const count of [0, 10]) {
    const none = await station.result((token) => driver.sendMany(gone, count, token, offset, 5));
    assert.equal(none, 0);
  }
}

async function halfClose(station: Station): Promise<void> {
  const { driver } = station;
  const [client, server] = await station.pair(station.listen());
  const atServer = new Reader(station, server);
  const atClient = new Reader(station, client);
  await station.done(station.send(client, 'question'));
  assert.equal(await station.result((token) => driver.shutdown(client, token)), 0);
  assert.equal((await atServer.all()).toString(), 'question');
  const answer = pattern(1_000_000);
  await station.done(station.send(server, answer));
  await station.until(() => atClient.length === answer.length, 'the answer');
  assert.equal(atClient.ended, false);
  await station.done(station.close(server));
  assert.ok((await atClient.all()).equals(answer));
}

async function halfCloseBoth(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  for (const first of [0, 1] as const) {
    const pair = await station.pair(listening);
    const [one, other] = [pair[first], pair[1 - first]!];
    const readers = [new Reader(station, one), new Reader(station, other)] as const;
    await station.result((token) => driver.shutdown(one, token));
    await readers[1].all();
    await station.done(station.send(other, 'still here'));
    await station.result((token) => driver.shutdown(other, token));
    assert.equal((await readers[0].all()).toString(), 'still here');
    readers[1].restart();
    await station.until(() => readers[1].ended, 'the end again');
    assert.equal(readers[1].operation.result, 0, 'the end stays the end');
    await station.closeAll(pair);
  }
}

async function shutdownOrder(station: Station): Promise<void> {
  const { driver } = station;
  const [client, server] = await station.pair(station.listen());
  const bytes = pattern(2_000_000);
  const before = [station.send(client, bytes), station.send(client, 'tail')];
  const shutdown = station.submit((token) => driver.shutdown(client, token));
  const late = station.send(client, 'late');
  const reader = new Reader(station, server);
  const all = await reader.all();
  assert.ok(all.equals(Buffer.concat([bytes, Buffer.from('tail')])));
  await station.done(...before, shutdown, late);
  assert.deepEqual(
    [...before, shutdown].map((operation) => operation.result),
    [bytes.length, 4, 0],
  );
  assert.equal(errnoName(late.result), 'EPIPE');
}

async function closeFinish(station: Station): Promise<void> {
  const listening = station.listen();
  for (let i = 0; i < 20; i++) {
    const [client, server] = await station.pair(listening);
    const bytes = pattern(1 + i * 2000, i);
    await station.done(station.send(client, bytes));
    await station.done(station.close(client));
    const reader = new Reader(station, server);
    assert.ok((await reader.all()).equals(bytes));
    await station.done(station.close(server));
  }
}

async function closeReset(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  for (const client of [0, 1] as const) {
    const pair = await station.pair(listening);
    const [one, other] = [pair[client], pair[1 - client]!];
    const reader = new Reader(station, other);
    await station.done(station.send(one, 'last words'));
    await station.until(() => reader.length === 10, 'the last words');
    await station.done(station.close(one, 'reset'));
    await station.until(() => reader.ended, 'the end of the receive');
    assert.equal(errnoName(reader.operation.result), 'ECONNRESET');
    const offset = station.put('answer');
    const failed = await station.result((token) => driver.send(other, token, offset, 6));
    assert.ok(isReset(failed), errnoName(failed));
    await station.done(station.close(other));
  }
}

async function closeListener(station: Station): Promise<void> {
  const { driver } = station;
  const handle = driver.listen(station.harness.address());
  const client = await station.connect(driver.address(handle));
  await station.done(station.close(handle));
  const reader = new Reader(station, client);
  await station.until(() => reader.ended, 'the end of a connection that nobody accepted');
  assert.ok(isReset(reader.operation.result) || reader.operation.result === 0);
  assert.equal(driver.usage().listeners, 0);
}

async function sendToGone(station: Station): Promise<void> {
  const { driver } = station;
  const [client, server] = await station.pair(station.listen());
  await station.done(station.close(server));
  const offset = station.put('nobody hears');
  let result = 0;
  for (let i = 0; i < 1000 && result >= 0; i++) {
    result = await station.result((token) => driver.send(client, token, offset, 12));
    await station.result((token) => driver.timeout(0, token));
  }
  assert.ok(isReset(result), errnoName(result));
}

async function talk(station: Station, [client, server]: [Handle, Handle]): Promise<void> {
  const readers = [new Reader(station, client), new Reader(station, server)] as const;
  await station.done(station.send(client, 'ping'), station.send(server, 'pong'));
  await station.until(() => readers[0].length === 4 && readers[1].length === 4, 'both ways');
  assert.equal(readers[0].bytes().toString(), 'pong');
  assert.equal(readers[1].bytes().toString(), 'ping');
}
