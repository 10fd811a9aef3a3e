import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, test } from 'node:test';
import type { Driver, Handle } from '../driver.ts';
import { createPortableDriver } from './index.ts';

/** Looks again until it holds; the test runner's own limit ends what never does. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

function client(driver: Driver, listener: Handle): Socket {
  const address = driver.address(listener);
  assert.ok('port' in address);
  const socket = connect(address.port, address.host);
  after(() => socket.destroy());
  socket.on('error', () => undefined);
  return socket;
}

test('PortableDriver: holds as many connections as the backlog, and resets the others', async () => {
  const accepted: Handle[] = [];
  const driver = createPortableDriver({
    handler: (_token, result) => {
      if (result > 0) accepted.push(result);
    },
  });
  const listener = driver.listen({ host: '127.0.0.1', port: 0 }, { backlog: 2 });
  const sockets: Socket[] = [];
  for (let i = 0; i < 6; i++) sockets.push(client(driver, listener));
  await until(() => driver.counters().acceptBackoffs === 4);
  await until(() => sockets.filter((socket) => socket.destroyed).length === 4);
  assert.equal(driver.usage().connections, 0);
  driver.accept(listener, 1);
  await until(() => accepted.length === 2);
  await driver.destroy();
  await until(() => sockets.every((socket) => socket.destroyed || socket.readableEnded));
});

test('PortableDriver: what Node received ahead is bounded while nobody receives', async () => {
  const accepted: Handle[] = [];
  let received = 0;
  const driver = createPortableDriver({
    buffers: 2,
    bufferSize: 1024,
    handler: (token, result, _flags, buffer) => {
      if (token === 1 && result > 0) accepted.push(result);
      if (token === 2 && result > 0) received += result;
      if (token === 2 && buffer > 0) held.push(buffer);
    },
  });
  const held: number[] = [];
  const listener = driver.listen({ host: '127.0.0.1', port: 0 });
  driver.accept(listener, 1);
  const socket = client(driver, listener);
  await until(() => accepted.length === 1);
  driver.receive(accepted[0]!, 2);
  // More than the kernel's buffers of both sides, Node's and ours hold.
  const total = 64 << 20;
  let written = false;
  socket.write(Buffer.alloc(total), () => (written = true));
  await until(() => held.length === 2);
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(written, false, 'the sender is held back');
  assert.equal(received, 2048);
  while (received < total) {
    for (const buffer of held.splice(0)) driver.release(buffer);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => written);
  await driver.destroy();
});
