/** Connections as streams of Node's, with `net` as the peer. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import type { RealDriverKind } from '../../src/driver/index.ts';
import { connect, listen, toDuplex, type ConnectionDuplex } from '../../src/net/index.ts';
import { Runtime } from '../../src/runtime/index.ts';
import { nothingHeld, LOOPBACK, pattern, portOf, REAL } from './harness.ts';

interface Ends {
  readonly runtime: Runtime;
  readonly duplex: ConnectionDuplex;
  readonly peer: net.Socket;
}

/** A duplex of ours whose peer is a socket of Node's. */
async function ends(kind: RealDriverKind, allowHalfOpen = false): Promise<Ends> {
  const runtime = new Runtime({ driver: { kind, connections: 64, buffers: 16 } });
  const listener = runtime.enter(() => listen(LOOPBACK));
  const peer = net.connect({ port: portOf(listener), host: '127.0.0.1', allowHalfOpen: true });
  const connection = await runtime.run(() => listener.accept());
  await runtime.run(() => listener.close());
  return { runtime, peer, duplex: toDuplex(connection, { allowHalfOpen }) };
}

async function gone({ runtime, duplex }: Ends): Promise<void> {
  if (!duplex.closed) await once(duplex, 'close');
  await nothingHeld(runtime);
  await runtime.close();
}

function onEach(name: string, body: (kind: RealDriverKind) => Promise<void>): void {
  for (const kind of REAL) test(`toDuplex ${name} (${kind})`, () => body(kind));
}

onEach('passes bytes both ways, and the end of both', async (kind) => {
  const all = await ends(kind);
  const { duplex, peer } = all;
  const data = pattern(700_000);
  const { localPort } = peer;
  const sending = pipeline(Readable.from([data]), peer, { end: true });
  const echoing = pipeline(duplex, duplex);
  const got = await buffer(peer);
  await Promise.all([sending, echoing]);
  assert.ok(got.equals(data));
  assert.equal(duplex.bytesRead, data.length);
  assert.equal(duplex.bytesWritten, data.length);
  assert.equal(duplex.remoteAddress, '127.0.0.1');
  assert.equal(duplex.remoteFamily, 'IPv4');
  assert.equal(duplex.remotePort, localPort);
  await gone(all);
});

onEach('ends itself when the peer does, unless half-open', async (kind) => {
  for (const allowHalfOpen of [false, true]) {
    const all = await ends(kind, allowHalfOpen);
    const { duplex, peer } = all;
    peer.end();
    duplex.resume();
    await once(duplex, 'end');
    if (allowHalfOpen) {
      assert.equal(duplex.writable, true);
      duplex.end('still here');
    }
    assert.equal(String(await buffer(peer)), allowHalfOpen ? 'still here' : '');
    await gone(all);
  }
});

onEach('holds the peer back while nobody reads', async (kind) => {
  const all = await ends(kind);
  const { duplex, peer } = all;
  const data = pattern(1 << 24);
  let written = false;
  peer.end(data, () => (written = true));
  duplex.once('readable', () => undefined);
  await once(duplex, 'readable');
  const { bytesRead } = duplex;
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
  assert.ok(!written && duplex.bytesRead < bytesRead + (1 << 22));
  assert.ok((await buffer(duplex)).equals(data));
  await gone(all);
});

onEach('holds the writer back while the peer does not read', async (kind) => {
  const all = await ends(kind);
  const { duplex, peer } = all;
  let received = 0;
  peer.on('data', (bytes) => (received += bytes.length));
  peer.pause();
  const chunk = pattern(65536);
  let written = 0;
  // What the system takes is some megabytes at most.
  while (duplex.writableLength < 1 << 20) {
    duplex.write(chunk);
    written += 1;
    await new Promise(setImmediate);
  }
  const drained = once(duplex, 'drain');
  peer.resume();
  await drained;
  duplex.resume().end(chunk);
  written += 1;
  await once(peer, 'end');
  assert.equal(received, written * chunk.length);
  peer.end();
  await gone(all);
});

onEach('has the errors of Node', async (kind) => {
  const all = await ends(kind);
  const { duplex, peer } = all;
  duplex.resume();
  await new Promise<void>((resolve) => duplex.write('x', () => resolve()));
  peer.resetAndDestroy();
  const [error] = (await once(duplex, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNRESET');
  assert.equal(error.errno, -104);
  assert.equal(error.syscall, 'read');
  assert.equal((error.cause as { code?: string }).code, 'ERR_SYSTEM');
  await gone(all);
});

onEach('can be destroyed at any time', async (kind) => {
  const all = await ends(kind);
  const { duplex, peer } = all;
  peer.on('error', () => undefined);
  duplex.write(pattern(1 << 20));
  duplex.read();
  const failed = once(duplex, 'error');
  duplex.destroy(new Error('enough'));
  assert.equal(((await failed) as [Error])[0].message, 'enough');
  await gone(all);
  peer.destroy();
});

onEach('resets when it is asked to', async (kind) => {
  const all = await ends(kind);
  const { duplex, peer } = all;
  const failed = once(peer, 'error');
  duplex.resetAndDestroy();
  assert.equal(((await failed) as [NodeJS.ErrnoException])[0].code, 'ECONNRESET');
  await gone(all);
});

onEach('says when nothing moves', async (kind) => {
  const all = await ends(kind);
  const { duplex, peer } = all;
  assert.equal(duplex.setTimeout(5), duplex);
  assert.equal(duplex.timeout, 5);
  await once(duplex, 'timeout');
  duplex.setTimeout(0);
  assert.equal(duplex.timeout, undefined);
  assert.equal(duplex.setNoDelay().setKeepAlive().unref().ref(), duplex);
  duplex.resume();
  peer.resume().end();
  await gone(all);
});

onEach('works for a connection that was made here', async (kind) => {
  const server = net.createServer((socket) => socket.end('hello')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const runtime = new Runtime({ driver: { kind, connections: 64, buffers: 16 } });
  const duplex = toDuplex(await runtime.run(() => connect({ port })));
  assert.equal(String(await buffer(duplex)), 'hello');
  await gone({ runtime, duplex, peer: new net.Socket() });
  server.close();
});
