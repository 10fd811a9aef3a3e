/** Who is at the other end of a connection, from its first completion to its close. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { Errno, errnoName, SystemError } from '../../src/base/index.ts';
import type { Handle, SocketAddress } from '../../src/driver/index.ts';
import type { Harness } from './harness.ts';
import { onStation, Reader, type Listening, type Station } from './station.ts';

export function peers(harness: Harness): void {
  const on = (body: (station: Station) => Promise<void>, limits = {}) => {
    return () => onStation(harness, limits, body);
  };
  const real = { skip: harness.real && !harness.tls ? false : 'needs clients of net' };
  describe('peers', () => {
    test('both ends know each other, until they are closed', on(bothEnds));
    test('the peer is known in the completion of its accept', on(inCompletion));
    test('handles that are no connections have no peer', on(noConnections));
    test('an IPv6 peer', on(ipv6));
    test('a peer on a Unix socket has no address', on(unixSocket));
    test('many at once are not mistaken for each other', real, on(many));
    test('a slot that is used again has its new peer', real, on(reuse, { connections: 4 }));
    test('an IPv4 peer of an IPv6 listener is IPv4', real, on(mapped));
  });
}

const words = new Uint32Array(4);

function portOf(address: SocketAddress | undefined): number {
  assert.ok(address && 'port' in address);
  return address.port;
}

async function bothEnds(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  const [client, server] = await station.pair(listening);
  const [, other] = await station.pair(listening);
  assert.deepEqual(driver.peer(client), listening.address);
  const peer = driver.peer(server);
  assert.ok(peer && 'host' in peer);
  assert.equal(peer.host, '127.0.0.1');
  assert.ok(peer.port > 0);
  assert.notEqual(portOf(driver.peer(other)), peer.port);
  assert.equal(driver.peerWords(server, words), 4);
  assert.deepEqual([...words], [0, 0, 0xffff, 0x7f000001]);
  const reader = new Reader(station, server);
  await station.done(station.close(client, 'reset'));
  assert.equal(driver.peer(client), undefined);
  await station.until(() => reader.ended, 'the end of the other side');
  assert.deepEqual(driver.peer(server), peer, 'it stays known after the end');
  const close = station.close(server);
  assert.equal(driver.peer(server), undefined);
  assert.equal(driver.peerWords(server, words), -Errno.EBADF);
  await station.done(close);
}

async function inCompletion(station: Station): Promise<void> {
  const { driver } = station;
  const seen: (SocketAddress | undefined)[] = [];
  const handle = station.call(() => driver.listen(station.harness.address()));
  station.submit(
    (token) => driver.accept(handle, token),
    ({ result }) => {
      if (result > 0) seen.push(driver.peer(result));
    },
  );
  for (let i = 0; i < 5; i++) await station.connect(driver.address(handle));
  await station.until(() => seen.length === 5, 'five connections');
  assert.equal(new Set(seen.map(portOf)).size, 5);
}

async function noConnections(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  const path = station.harness.path('no-peer');
  const flags = { access: 'write', create: true } as const;
  const file = await station.result((token) => driver.openFile(path, flags, token));
  assert.ok(file > 0, errnoName(file));
  words.fill(7);
  for (const handle of [0, 1, 12345, 0x7fffffff, listening.handle, file]) {
    assert.equal(driver.peer(handle), undefined);
    assert.equal(driver.peerWords(handle, words), -Errno.EBADF);
  }
  assert.deepEqual([...words], [7, 7, 7, 7]);
}

/** Undefined where the machine has no IPv6. */
function listenIpv6(station: Station, host: string): Listening | undefined {
  try {
    return station.listen({}, { host, port: 0 });
  } catch (error) {
    assert.ok(error instanceof SystemError);
    return undefined;
  }
}

async function ipv6(station: Station): Promise<void> {
  const { driver } = station;
  const listening = listenIpv6(station, '::1');
  if (!listening) return;
  const [client, server] = await station.pair(listening);
  assert.deepEqual(driver.peer(client), listening.address);
  const peer = driver.peer(server);
  assert.ok(peer && 'host' in peer);
  assert.equal(peer.host, '::1');
  assert.equal(driver.peerWords(server, words), 6);
  assert.deepEqual([...words], [0, 0, 0, 1]);
}

async function unixSocket(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen({}, { path: station.harness.path('peer') });
  for (const connection of await station.pair(listening)) {
    assert.deepEqual(driver.peer(connection), { path: '' });
    words.fill(7);
    assert.equal(driver.peerWords(connection, words), 0);
    assert.deepEqual([...words], [0, 0, 0, 0]);
  }
}

async function netClients(address: SocketAddress, count: number): Promise<Socket[]> {
  assert.ok('port' in address);
  const sockets = Array.from({ length: count }, () => connect(address.port, '127.0.0.1'));
  for (const socket of sockets) socket.on('error', () => undefined);
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  return sockets;
}

async function many(station: Station): Promise<void> {
  const { driver } = station;
  const handle = station.call(() => driver.listen(station.harness.address()));
  const early = await netClients(driver.address(handle), 60);
  const peersOf = new Map<Handle, number>();
  station.submit(
    (token) => driver.accept(handle, token),
    ({ result }) => {
      if (result > 0) peersOf.set(result, portOf(driver.peer(result)));
    },
  );
  const late = await netClients(driver.address(handle), 60);
  await station.until(() => peersOf.size === 120, 'all connections');
  const local = [...early, ...late].map((socket) => socket.localPort!);
  assert.equal(peersOf.size, new Set(local).size);
  assert.deepEqual(new Set(peersOf.values()), new Set(local));
  for (const [connection, port] of peersOf) assert.equal(portOf(driver.peer(connection)), port);
  for (const socket of [...early, ...late]) socket.destroy();
}

async function reuse(station: Station): Promise<void> {
  const { driver } = station;
  const listening = station.listen();
  for (let i = 0; i < 20; i++) {
    const [socket] = await netClients(listening.address, 1);
    await station.until(() => listening.accepted.length > 0, 'a connection to accept');
    const server = listening.accepted.shift()!;
    assert.equal(portOf(driver.peer(server)), socket!.localPort);
    await station.done(station.close(server));
    socket!.destroy();
  }
}

async function mapped(station: Station): Promise<void> {
  const { driver } = station;
  const listening = listenIpv6(station, '::');
  if (!listening) return;
  const [socket] = await netClients(listening.address, 1);
  await station.until(() => listening.accepted.length > 0, 'a connection to accept');
  const server = listening.accepted.shift()!;
  assert.deepEqual(driver.peer(server), { host: '127.0.0.1', port: socket!.localPort });
  assert.equal(driver.peerWords(server, words), 4);
  assert.equal(words[3], 0x7f000001);
  socket!.destroy();
}
