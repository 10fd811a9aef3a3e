import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { Errno } from '../../base/index.ts';
import { processArena } from '../../memory/index.ts';
import { loadNative } from '../../native/index.ts';
import type { Handle } from '../driver.ts';
import { createEpollDriver, epollStatus } from './index.ts';

const skip: string | false = epollStatus() ?? false;

/** Looks again until it holds; the test runner's own limit ends what never does. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Runs with room for only `more` descriptors in this process. */
async function withFewDescriptors(more: number, body: () => Promise<void>): Promise<void> {
  const native = loadNative();
  const limit = native.descriptorLimit(0);
  // New descriptors take the lowest free numbers, and the limit is on the number.
  // The list has the descriptor by which it was read, which is free again.
  const listed = readdirSync('/proc/self/fd').filter((fd) => existsSync(`/proc/self/fd/${fd}`));
  const taken = new Set(listed.map(Number));
  let lowered = 0;
  for (let left = more; left > 0 || taken.has(lowered); lowered++) {
    if (!taken.has(lowered)) left -= 1;
  }
  native.setDescriptorLimit(lowered);
  try {
    await body();
  } finally {
    native.setDescriptorLimit(limit);
  }
}

test(
  'EpollDriver: accept at the limit of descriptors backs off and recovers',
  { skip },
  async () => {
    const accepted: Handle[] = [];
    const driver = createEpollDriver({
      handler: (token, result) => {
        if (token === 1 && result > 0) accepted.push(result);
      },
    });
    const listener = driver.listen({ host: '127.0.0.1', port: 0 });
    const address = driver.address(listener);
    assert.ok('port' in address);
    const sockets: Socket[] = [];
    after(() => sockets.forEach((socket) => socket.destroy()));
    for (let i = 0; i < 40; i++) {
      const socket = connect(address.port, address.host);
      sockets.push(socket);
      await once(socket, 'connect');
    }
    await withFewDescriptors(4, async () => {
      driver.accept(listener, 1);
      await until(() => driver.counters().acceptBackoffs > 0);
      const before = accepted.length;
      assert.ok(before < 40, 'not all could be accepted');
      // Looking again costs a call each time, and there are few times.
      const { systemCalls, acceptBackoffs } = driver.counters();
      await until(() => driver.counters().acceptBackoffs >= acceptBackoffs + 3);
      const calls = driver.counters().systemCalls - systemCalls;
      assert.ok(calls <= 40, `${calls} calls for three looks`);
      // A descriptor that comes back is used at once, without the timer.
      driver.close(accepted[0]!, 2);
      await until(() => accepted.length > before);
    });
    await until(() => accepted.length === 40);
    await driver.destroy();
  },
);

test('EpollDriver: connect without descriptors fails with EMFILE', { skip }, async () => {
  const results: number[] = [];
  const driver = createEpollDriver({ handler: (_token, result) => results.push(result) });
  const listener = driver.listen({ host: '127.0.0.1', port: 0 });
  const address = driver.address(listener);
  await withFewDescriptors(0, async () => {
    for (let i = 0; i < 5; i++) driver.connect(address, 1);
    await until(() => results.length === 5);
  });
  assert.ok(results.includes(-Errno.EMFILE));
  await driver.destroy();
  assert.equal(driver.usage().connections, 0);
});

test('EpollDriver: a start without descriptors leaves nothing behind', { skip }, async () => {
  const arena = processArena();
  const regions = arena.regions();
  await withFewDescriptors(0, async () => {
    assert.throws(() => createEpollDriver({ handler: () => undefined }), { code: 'ERR_SYSTEM' });
  });
  await withFewDescriptors(1, async () => {
    assert.throws(() => createEpollDriver({ handler: () => undefined }), { code: 'ERR_SYSTEM' });
  });
  assert.deepEqual(arena.regions(), regions);
});
