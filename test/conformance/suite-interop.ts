/** Real drivers against Node's own `net`: both must speak the same TCP. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { errnoName } from '../../src/base/index.ts';
import type { Handle, SocketAddress } from '../../src/driver/index.ts';
import { loadNative } from '../../src/native/index.ts';
import type { Harness } from './harness.ts';
import {
  isReset,
  onStation,
  pattern,
  Reader,
  Station,
  type Listening,
  type Operation,
} from './station.ts';

export function interoperability(harness: Harness): void {
  const on = (body: (station: Station) => Promise<void>, limits = {}) => {
    return () => onStation(harness, limits, body);
  };
  describe("with Node's net at the other end", () => {
    test('echo of a client of net', on(echo));
    test('echo of a server of net', on(echoFromServer));
    test('over a Unix socket', on(overUnixSocket));
    test('a client of net half-closes, the driver answers', on(netHalfCloses));
    test('the driver half-closes, net answers', on(driverHalfCloses));
    test('a client of net resets after every count of bytes', on(netResets));
    test('the driver resets under a client of net', on(driverResets));
    test('a slow reader of net holds a large send back', on(slowReader));
    test(
      'accept at the descriptor limit of the process backs off, rests and recovers',
      { skip: harness.name === 'portable' ? 'libuv answers EMFILE by itself' : false },
      on(descriptorLimit),
    );
    test('two drivers of one thread talk to each other', on(twoDrivers));
  });
}

interface Client {
  readonly socket: Socket;
  readonly connection: Handle;
}

/** A client of net and its end in the driver. */
async function netClient(station: Station, listening: Listening): Promise<Client> {
  const { address } = listening;
  const socket = 'path' in address ? connect(address.path) : connect(address.port, address.host);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  await station.until(() => listening.accepted.length > 0, 'a connection to accept');
  return { socket, connection: listening.accepted.shift()! };
}

/** Sends back what comes, out of the receive buffer itself, and ends when the other side does. */
function echoing(station: Station, connection: Handle): { ended: () => boolean } {
  const { driver } = station;
  let close: Operation | undefined;
  station.submit(
    (token) => driver.receive(connection, token),
    ({ result, buffer }) => {
      if (buffer === 0) {
        const closeNow = (): void => {
          close = station.close(connection);
        };
        station.submit((token) => driver.shutdown(connection, token), closeNow);
        return;
      }
      station.submit(
        (token) => driver.send(connection, token, buffer, result),
        () => driver.release(buffer),
      );
    },
  );
  return { ended: () => close?.done === true };
}

function collect(socket: Socket): { bytes: () => Buffer; closed: () => boolean } {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  return { bytes: () => Buffer.concat(chunks), closed: () => socket.closed };
}

async function netServer(onSocket: (socket: Socket) => void): Promise<[Server, SocketAddress]> {
  const server = createServer({ allowHalfOpen: true }, onSocket);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return [server, { host: '127.0.0.1', port: (server.address() as AddressInfo).port }];
}

async function echo(station: Station): Promise<void> {
  const listening = station.listen();
  for (const size of [1, 4096, 100_000]) {
    const { socket, connection } = await netClient(station, listening);
    const { ended } = echoing(station, connection);
    const { bytes } = collect(socket);
    const sent = pattern(size);
    socket.write(sent);
    await station.until(() => bytes().length === size, 'the echo');
    assert.ok(bytes().equals(sent));
    socket.end();
    await station.until(ended, 'the end of the driver');
  }
}

async function echoFromServer(station: Station): Promise<void> {
  const { driver } = station;
  const [server, address] = await netServer((socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  const client = await station.connect(address);
  const reader = new Reader(station, client);
  const sent = pattern(200_000);
  await station.done(station.send(client, sent));
  await station.result((token) => driver.shutdown(client, token));
  assert.ok((await reader.all()).equals(sent));
  await station.done(station.close(client));
  server.close();
}

async function overUnixSocket(station: Station): Promise<void> {
  const listening = station.listen({}, { path: station.harness.path('interop') });
  const { socket, connection } = await netClient(station, listening);
  const { ended } = echoing(station, connection);
  const { bytes, closed } = collect(socket);
  socket.end('through the file system');
  await station.until(closed, 'the end of the client');
  assert.equal(bytes().toString(), 'through the file system');
  await station.until(ended, 'the end of the driver');
}

async function netHalfCloses(station: Station): Promise<void> {
  const listening = station.listen();
  const { address } = listening;
  assert.ok('port' in address);
  const socket = connect({ port: address.port, host: address.host, allowHalfOpen: true });
  await once(socket, 'connect');
  await station.until(() => listening.accepted.length > 0, 'a connection to accept');
  const connection = listening.accepted.shift()!;
  const reader = new Reader(station, connection);
  const { bytes, closed } = collect(socket);
  socket.end('question');
  assert.equal((await reader.all()).toString(), 'question');
  const answer = pattern(500_000);
  await station.done(station.send(connection, answer));
  await station.done(station.close(connection));
  await station.until(closed, 'the end of the client');
  assert.ok(bytes().equals(answer));
}

async function driverHalfCloses(station: Station): Promise<void> {
  const { driver } = station;
  const [server, address] = await netServer((socket) => {
    socket.resume();
    socket.on('end', () => socket.end('answer after the end'));
  });
  const client = await station.connect(address);
  const reader = new Reader(station, client);
  await station.done(station.send(client, 'question'));
  await station.result((token) => driver.shutdown(client, token));
  assert.equal((await reader.all()).toString(), 'answer after the end');
  await station.done(station.close(client));
  server.close();
}

async function netResets(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  const message = 'a message of forty bytes, cut by a reset';
  for (let k = 0; k <= message.length; k++) {
    const { socket, connection } = await netClient(station, listening);
    const reader = new Reader(station, connection);
    if (k > 0) {
      socket.write(message.slice(0, k));
      await station.until(() => reader.length === k, 'the bytes');
    }
    socket.resetAndDestroy();
    await station.until(() => reader.ended, 'the end of the receive');
    assert.equal(errnoName(reader.operation.result), 'ECONNRESET', `after ${k} bytes`);
    assert.equal(reader.bytes().toString(), message.slice(0, k));
    const offset = station.put('too late');
    const send = await station.result((token) => driver.send(connection, token, offset, 8));
    assert.ok(isReset(send), errnoName(send));
    await station.done(station.close(connection));
  }
}

async function driverResets(station: Station): Promise<void> {
  const listening = station.listen();
  for (let i = 0; i < 10; i++) {
    const { socket, connection } = await netClient(station, listening);
    const { closed } = collect(socket);
    await station.done(station.close(connection, 'reset'));
    await station.until(closed, 'the end of the client');
    assert.equal((socket.errored as NodeJS.ErrnoException).code, 'ECONNRESET');
  }
}

async function slowReader(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  const { socket, connection } = await netClient(station, listening);
  socket.pause();
  const block = 1 << 20;
  station.arena.bytes.set(pattern(block), station.memory.offset);
  const sends = Array.from({ length: 16 }, () =>
    station.submit((token) => driver.send(connection, token, station.memory.offset, block)),
  );
  await station.settle();
  assert.ok(!sends.every((send) => send.done), 'the kernel does not hold 16 MiB');
  const { bytes, closed } = collect(socket);
  socket.resume();
  await station.done(...sends);
  await station.done(station.close(connection));
  await station.until(closed, 'the end of the client');
  const all = bytes();
  assert.equal(all.length, 16 * block);
  for (let i = 0; i < 16; i++) {
    assert.ok(all.subarray(i * block, (i + 1) * block).equals(pattern(block)), `block ${i}`);
  }
}

async function descriptorLimit(station: Station): Promise<void> {
  const { driver, harness } = station;
  const native = loadNative();
  const listener = driver.listen(harness.address());
  const clients = [];
  for (let i = 0; i < 5; i++) clients.push(await station.connect(driver.address(listener)));
  const soft = native.descriptorLimit(0);
  const accepted: Handle[] = [];
  // Descriptors are given out lowest first: with a limit below the lowest free one there is none.
  native.setDescriptorLimit(3);
  try {
    station.submit(
      (token) => driver.accept(listener, token),
      ({ result }) => accepted.push(result),
    );
    if (driver.kind === 'uring') {
      // Its connections are no descriptors of the process: the limit does not touch them.
      await station.until(() => accepted.length === 5, 'all to be accepted');
      return;
    }
    await station.until(() => driver.counters().acceptBackoffs > 0, 'accepting to back off');
    const before = driver.counters();
    await station.done(station.submit((token) => driver.timeout(200, token)));
    const after = driver.counters();
    for (const name of ['turns', 'systemCalls', 'acceptBackoffs'] as const) {
      assert.ok(after[name] - before[name] <= 120, `${name}: ${after[name] - before[name]}`);
    }
    assert.equal(accepted.length, 0);
  } finally {
    native.setDescriptorLimit(soft);
  }
  await station.until(() => accepted.length === 5, 'accepting to go on by itself');
}

async function twoDrivers(station: Station): Promise<void> {
  const { harness } = station;
  const limits = { connections: 64, buffers: 8, bufferSize: 1024 };
  const other = new Station(harness, limits);
  const listening = other.listen();
  const client = await station.connect(listening.address);
  await other.until(() => listening.accepted.length > 0, 'a connection to accept');
  const { ended } = echoing(other, listening.accepted.shift()!);
  const reader = new Reader(station, client);
  const sent = pattern(100_000);
  const send = station.send(client, sent);
  await station.until(() => reader.length === sent.length, 'the echo');
  assert.ok(reader.bytes().equals(sent));
  await station.done(send, station.close(client));
  await other.until(ended, 'the end');
  await other.end();
}
