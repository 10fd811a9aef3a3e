/** The rules at the head of `driver.ts`, each by its number. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Errno, errnoName } from '../../src/base/index.ts';
import { CompletionFlag, VECTOR_MAX, type Handle } from '../../src/driver/index.ts';
import type { Harness } from './harness.ts';
import { onStation, pattern, Reader, type Operation, type Station } from './station.ts';

/** Handles that no driver has given out. */
const FOREIGN = [0, 1, 12345, 0x7fffffff];

export function rules(harness: Harness): void {
  describe('rules', () => {
    test('rule 1: the handler runs only in turns, and is not re-entered', () =>
      onStation(harness, {}, rule1));
    test('rule 2: what is not taken is refused by errno and never completes', () =>
      onStation(harness, {}, rule2Refused));
    test('rule 2: a full operation table refuses with ENOBUFS, and takes again later', () =>
      onStation(harness, { operations: 16 }, rule2Full));
    test('rule 3: multishot operations complete with MORE until their last', () =>
      onStation(harness, {}, rule3));
    test('rule 4: a received buffer is not touched before its release', () =>
      onStation(harness, { buffers: 64, bufferSize: 256 }, rule4Receive));
    test('rule 4: memory of a send may be reused at its completion', () =>
      onStation(harness, {}, rule4Send));
    test('rule 5: failures are negative Linux errno values', () => onStation(harness, {}, rule5));
    test('rule 6: an old handle is EBADF while its slot lives again', () =>
      onStation(harness, { connections: 4 }, rule6));
    test('rule 7: close ends everything in flight on the handle first', () =>
      onStation(harness, {}, rule7));
    test('rule 7: nothing is taken on a closing handle', () =>
      onStation(harness, {}, rule7Refuses));
    test('rule 8: bytes that race the cancel of their receive are not lost', () =>
      onStation(harness, {}, rule8));
    test('rule 8: an accepted connection that races the cancel is handed over or closed', () =>
      onStation(harness, {}, rule8Accept));
    test('rule 9: bytes leave in the order of the calls and arrive in order', () =>
      onStation(harness, {}, rule9));
    test('rule 10: connections, operations and buffers stay within their limits', () =>
      onStation(harness, { connections: 8, buffers: 4, operations: 64, bufferSize: 256 }, rule10));
  });
}

async function rule1(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  const [client, server] = await station.pair(listening);
  const reader = new Reader(station, server);
  let left = 100;
  const again = (): void => {
    // Everything that a handler may do inside a completion.
    left -= 1;
    station.send(client, 'again');
    const other = station.submit((token) => driver.timeout(1_000_000, token));
    station.call(() => driver.cancel(other.id));
    if (left > 0) station.submit((token) => driver.timeout(0, token), again);
    else station.submit((token) => driver.shutdown(client, token));
  };
  station.submit((token) => driver.timeout(0, token), again);
  assert.equal((await reader.all()).toString(), 'again'.repeat(100));
  await station.until(() => station.inFlight === 1, 'everything but the accept');
}

async function rule2Refused(station: Station): Promise<void> {
  const { driver, arena } = station;
  const listening = station.listen();
  const [client] = await station.pair(listening);
  const offset = station.put('bytes');
  const notConnections = [...FOREIGN, listening.handle];
  for (const handle of notConnections) {
    station.refused(Errno.EBADF, (token) => driver.receive(handle, token));
    station.refused(Errno.EBADF, (token) => driver.send(handle, token, offset, 5));
    station.refused(Errno.EBADF, (token) => driver.sendVector(handle, token, offset, 1));
    station.refused(Errno.EBADF, (token) => driver.shutdown(handle, token));
  }
  for (const handle of [...FOREIGN, client]) {
    station.refused(Errno.EBADF, (token) => driver.accept(handle, token));
    station.refused(Errno.EBADF, (token) => driver.statFile(handle, token, offset));
    station.refused(Errno.EBADF, (token) => driver.readFile(handle, token, offset, 5, 0));
    station.refused(Errno.EBADF, (token) => driver.writeFile(handle, token, offset, 5, 0));
    station.refused(Errno.EBADF, (token) => driver.syncFile(handle, token));
  }
  for (const handle of FOREIGN)
    station.refused(Errno.EBADF, (token) => driver.close(handle, token));
  for (const [at, length] of [
    [0, 5],
    [offset, 0],
    [offset, -1],
    [arena.size - 4, 5],
    [offset, arena.size],
  ] as const) {
    station.refused(Errno.EINVAL, (token) => driver.send(client, token, at, length));
    station.refused(Errno.EINVAL, (token) => driver.sendMany([client], 1, token, at, length));
  }
  const vector = station.put(new Uint8Array(new Uint32Array([offset, 0]).buffer));
  station.refused(Errno.EINVAL, (token) => driver.sendVector(client, token, vector, 1));
  station.refused(Errno.EINVAL, (token) => driver.sendVector(client, token, vector, 0));
  station.refused(Errno.EINVAL, (token) => driver.sendVector(client, token, vector + 1, 1));
  const many = VECTOR_MAX + 1;
  station.refused(Errno.EINVAL, (token) => driver.sendVector(client, token, vector, many));
  for (const time of [-1, NaN, 2 ** 31]) {
    station.refused(Errno.EINVAL, (token) => driver.timeout(time, token));
  }
  for (const path of ['', 'a\0b']) {
    station.refused(Errno.EINVAL, (token) => driver.openFile(path, { access: 'read' }, token));
  }
  await station.settle();
  assert.equal(driver.usage().connections, 2);
}

async function rule2Full(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  const [client, server] = await station.pair(listening);
  const extra = await station.pair(listening);
  const taken: Operation[] = [];
  for (;;) {
    const operation = station.attempt((token) => driver.timeout(1_000_000, token));
    if (typeof operation === 'number') break;
    taken.push(operation);
    assert.ok(taken.length <= 16, 'the table has 16 places');
  }
  assert.equal(driver.usage().operations, 16);
  const { ENOBUFS } = Errno;
  const offset = station.put('bytes');
  station.refused(ENOBUFS, (token) => driver.timeout(0, token));
  station.refused(ENOBUFS, (token) => driver.connect(listening.address, token));
  station.refused(ENOBUFS, (token) => driver.receive(server, token));
  station.refused(ENOBUFS, (token) => driver.send(client, token, offset, 5));
  station.refused(ENOBUFS, (token) => driver.sendMany([client], 1, token, offset, 5));
  station.refused(ENOBUFS, (token) => driver.shutdown(client, token));
  station.refused(ENOBUFS, (token) => driver.openFile('x', { access: 'read' }, token));
  // Closes have places of their own: a full table can always be emptied.
  const [one, other] = extra;
  await station.closeAll([one, other]);
  for (const operation of taken) assert.equal(driver.cancel(operation.id), 0);
  await station.done(...taken);
  const reader = new Reader(station, server);
  await station.done(station.send(client, 'taken'));
  await station.done(station.close(client));
  assert.equal((await reader.all()).toString(), 'taken');
}

async function rule3(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  for (let i = 0; i < 3; i++) {
    const [client, server] = await station.pair(listening);
    const reader = new Reader(station, server);
    await station.done(station.send(client, 'one'));
    await station.until(() => reader.length === 3, 'the first bytes');
    await station.done(station.send(client, 'two'));
    await station.done(station.close(client));
    await reader.all();
    const flags = reader.operation.completions.map((completion) => completion.flags);
    assert.equal(flags.at(-1), 0, 'the last has neither MORE nor BUFFER');
    const going = CompletionFlag.MORE | CompletionFlag.BUFFER;
    assert.ok(flags.slice(0, -1).every((flag) => flag === going));
  }
  assert.equal(listening.accepting.completions.length, 3);
  assert.ok(listening.accepting.completions.every(({ flags }) => flags === CompletionFlag.MORE));
  assert.equal(driver.cancel(listening.accepting.id), 0);
  await station.done(listening.accepting);
  assert.equal(listening.accepting.completions.at(-1)!.flags, 0);
  assert.equal(listening.accepting.result, -Errno.ECANCELED);
}

async function rule4Receive(station: Station): Promise<void> {
  const { arena } = station;
  const [client, server] = await station.pair(station.listen());
  const reader = new Reader(station, server, { hold: true });
  const sent = pattern(4000);
  await station.done(station.send(client, sent));
  await station.until(() => reader.length === sent.length, 'the first bytes');
  const first = reader.held.splice(0);
  const other = new Reader(station, client);
  for (let i = 0; i < 20; i++) await station.done(station.send(server, pattern(2000, i + 1)));
  await station.until(() => other.length === 40_000, 'traffic the other way');
  const kept = first.map(({ offset, length }) => arena.bytes.slice(offset, offset + length));
  assert.deepEqual(Buffer.concat(kept), sent);
  for (const { offset, length } of first) station.driver.release(offset + length - 1);
}

async function rule4Send(station: Station): Promise<void> {
  const { arena } = station;
  const [client, server] = await station.pair(station.listen());
  const reader = new Reader(station, server);
  const parts = Array.from({ length: 60 }, (_, i) => pattern(20_000, i));
  for (const part of parts) {
    const offset = station.put(part);
    station.submit(
      (token) => station.driver.send(client, token, offset, part.length),
      () => arena.bytes.fill(0xee, offset, offset + part.length),
    );
  }
  await station.until(() => reader.length === 1_200_000, 'all bytes');
  assert.ok(reader.bytes().equals(Buffer.concat(parts)));
}

async function rule5(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  await station.done(station.close(listening.handle));
  const refused = await station.result((token) => driver.connect(listening.address, token));
  assert.equal(errnoName(refused), 'ECONNREFUSED');
  const missing = station.harness.path('missing');
  const open = await station.result((token) => driver.openFile(missing, { access: 'read' }, token));
  assert.equal(errnoName(open), 'ENOENT');
  const nowhere = { path: station.harness.path('nobody') };
  const unix = await station.result((token) => driver.connect(nowhere, token));
  assert.ok(unix === -Errno.ENOENT || unix === -Errno.ECONNREFUSED, errnoName(unix));
  const timeout = station.submit((token) => driver.timeout(1_000_000, token));
  assert.equal(driver.cancel(timeout.id), 0);
  await station.done(timeout);
  assert.equal(errnoName(timeout.result), 'ECANCELED');
  assert.equal(errnoName(driver.cancel(timeout.id)), 'ENOENT');
}

async function rule6(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  const old: Handle[] = [];
  const offset = station.put('bytes');
  for (let i = 0; i < 30; i++) {
    const pair = await station.pair(listening);
    for (const handle of old) {
      station.refused(Errno.EBADF, (token) => driver.receive(handle, token));
      station.refused(Errno.EBADF, (token) => driver.send(handle, token, offset, 5));
      station.refused(Errno.EBADF, (token) => driver.shutdown(handle, token));
      station.refused(Errno.EBADF, (token) => driver.close(handle, token));
    }
    assert.equal(new Set([...old, ...pair]).size, old.length + 2, 'no handle comes twice');
    const reached = await station.result((token) =>
      driver.sendMany([...old, pair[0]], old.length + 1, token, offset, 5),
    );
    assert.equal(reached, 1);
    // 'reset' so that bytes which nobody reads do not matter.
    await station.closeAll(pair, 'reset');
    old.push(...pair);
  }
}

async function rule7(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  const [client, server] = await station.pair(listening);
  const big = station.memory.offset;
  const inFlight: Operation[] = [];
  inFlight.push(station.submit((token) => driver.receive(client, token)));
  for (let i = 0; i < 20; i++) {
    // The peer does not read: most of this cannot leave.
    inFlight.push(station.submit((token) => driver.send(client, token, big, 1 << 20)));
  }
  inFlight.push(station.submit((token) => driver.shutdown(client, token)));
  await station.settle();
  const close = station.close(client, 'reset');
  const closeListener = station.close(listening.handle);
  await station.done(close, closeListener, ...inFlight, listening.accepting);
  for (const operation of inFlight) assert.ok(operation.order < close.order, 'before the close');
  assert.ok(listening.accepting.order < closeListener.order, 'before the close');
  assert.equal(close.result, 0);
  assert.equal(errnoName(inFlight[0]!.result), 'ECANCELED');
  assert.equal(errnoName(inFlight.at(-1)!.result), 'ECANCELED');
  assert.equal(errnoName(listening.accepting.result), 'ECANCELED');
  assert.equal(driver.usage().listeners, 0);
  await station.closeAll([server]);
}

async function rule7Refuses(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  const [client, server] = await station.pair(listening);
  const offset = station.put('bytes');
  const receive = station.submit((token) => driver.receive(client, token));
  const closes = [station.close(client), station.close(server), station.close(listening.handle)];
  station.refused(Errno.EBADF, (token) => driver.send(client, token, offset, 5));
  station.refused(Errno.EBADF, (token) => driver.receive(client, token));
  station.refused(Errno.EBADF, (token) => driver.shutdown(client, token));
  station.refused(Errno.EBADF, (token) => driver.close(client, token));
  station.refused(Errno.EBADF, (token) => driver.accept(listening.handle, token));
  await station.done(receive, ...closes);
}

async function rule8(station: Station): Promise<void> {
  const { driver } = station;
  const [client, server] = await station.pair(station.listen());
  const reader = new Reader(station, server);
  const sent: Buffer[] = [];
  for (let i = 0; i < 300; i++) {
    const part = pattern(1 + (i % 50), i);
    sent.push(part);
    station.send(client, part);
    if (i % 3 === 0) await station.result((token) => driver.timeout(0, token));
    station.call(() => driver.cancel(reader.operation.id));
    await station.until(() => reader.ended, 'the end of the receive');
    assert.equal(errnoName(reader.operation.result), 'ECANCELED');
    reader.restart();
  }
  station.submit((token) => driver.shutdown(client, token));
  assert.ok((await reader.all()).equals(Buffer.concat(sent)));
}

async function rule8Accept(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  let accepting = listening.accepting;
  const { accepted } = listening;
  for (let i = 0; i < 100; i++) {
    const connecting = station.submit((token) => driver.connect(listening.address, token));
    if (i % 2 === 0) await station.done(connecting);
    station.call(() => driver.cancel(accepting.id));
    await station.done(connecting, accepting);
    accepting = station.submit(
      (token) => driver.accept(listening.handle, token),
      ({ result, flags }) => {
        if ((flags & CompletionFlag.MORE) !== 0) accepted.push(result);
      },
    );
    const client = connecting.result;
    assert.ok(client > 0, errnoName(client));
    // Every connection is accepted in the end, or was closed: then its client reads the end.
    const reader = new Reader(station, client);
    await station.until(() => accepted.length > 0 || reader.ended, 'an accept or an end');
    const server = accepted.shift();
    await station.closeAll(server === undefined ? [client] : [client, server]);
  }
  await station.until(() => driver.usage().connections === accepted.length, 'no stray connection');
}

async function rule9(station: Station): Promise<void> {
  const { driver, arena } = station;
  const listening = station.listen();
  const [client, server] = await station.pair(listening);
  const [otherClient, otherServer] = await station.pair(listening);
  const readers = [new Reader(station, server), new Reader(station, otherServer)];
  const expected: Buffer[] = [];
  const orders: Operation[] = [];
  for (let i = 0; i < 120; i++) {
    const part = pattern(100 + ((i * 997) % 9000), i);
    expected.push(part);
    if (i % 3 === 0) {
      const offset = station.put(part);
      const clients = [otherClient, client];
      orders.push(
        station.submit((token) => driver.sendMany(clients, 2, token, offset, part.length)),
      );
    } else if (i % 3 === 1) {
      orders.push(station.send(client, part));
      station.send(otherClient, part);
    } else {
      const [a, b] = [station.put(part.subarray(0, 50)), station.put(part.subarray(50))];
      const vector = station.put(new Uint8Array(16)) / 4;
      arena.unsigned.set([a, 50, b, part.length - 50], vector);
      orders.push(station.submit((token) => driver.sendVector(client, token, vector * 4, 2)));
      station.submit((token) => driver.sendVector(otherClient, token, vector * 4, 2));
      // Read at once: what happens to the list afterwards does not matter.
      arena.unsigned.fill(0, vector, vector + 4);
    }
  }
  const all = Buffer.concat(expected);
  await station.until(() => readers.every((reader) => reader.length === all.length), 'all bytes');
  for (const reader of readers) assert.ok(reader.bytes().equals(all), 'in order');
  await station.done(...orders);
  const singles = orders.filter((_, i) => i % 3 !== 0).map((operation) => operation.order);
  assert.deepEqual(
    singles,
    [...singles].sort((a, b) => a - b),
    'completions in order too',
  );
}

async function rule10(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  const pairs = [];
  for (let i = 0; i < 4; i++) pairs.push(await station.pair(listening));
  const beyond = await station.result((token) => driver.connect(listening.address, token));
  assert.equal(errnoName(beyond), 'EMFILE');
  const readers = pairs.map(([, server]) => new Reader(station, server, { hold: true }));
  for (const [client] of pairs) station.send(client, pattern(2000));
  await station.until(() => driver.usage().buffersHeld === 4, 'a pool that is empty');
  await station.settle();
  assert.equal(driver.usage().buffersHeld, 4);
  let released = 0;
  while (readers.some((reader) => reader.length < 2000)) {
    await station.until(() => readers.some((reader) => reader.held.length > 0), 'a buffer');
    assert.ok(driver.usage().buffersHeld <= 4);
    for (const reader of readers) released += reader.held.length;
    for (const reader of readers) reader.releaseHeld();
  }
  assert.ok(released >= 32 - 4, 'eight buffers for each');
  assert.ok(readers.every((reader) => reader.bytes().equals(pattern(2000))));
  for (const reader of readers) reader.releaseHeld();
}
