// What holds for io_uring alone. The ordering and lifetime rules of its drivers, and where each is
// tested ("suite" is test/conformance/, which runs on every driver):
//
//  1. the record of an operation stands before its entry is visible: suite, every test (there a
//     completion that nobody waits for is a violation);
//  2. memory is the kernel's until the last completion and notification: here, suite rule 4;
//  3. a generation guards every completion: suite, descriptor reuse under load;
//  4. close: cancel, wait for what is in flight, then close: here, suite rule 7;
//  5. graceful close: suite, half-closed connections; test/gateway, closing;
//  6. an overflowing completion ring loses nothing: here, test/native/uring-entries, suite;
//  7. linked entries fit into one submission: none are used;
//  8. completions per turn are bounded, the event loop has its turn: here, suite;
//  9. a thread that ends cancels, drains, closes, only then frees: test/native/terminate, suite;
// 10. close-on-exec, no kernel thread (credentials): here;
// 11. worker.terminate() while the kernel owns memory: test/native/terminate, suite;
// 12. a multishot is one operation until a completion without MORE: here.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { createDriver, type DriverLimits } from '../../src/driver/index.ts';
import { createUringDriver } from '../../src/driver/uring/index.ts';
import { realHarness } from '../conformance/harness.ts';
import { reasonToSkip } from '../conformance/real.ts';
import { Reader, Station } from '../conformance/station.ts';

const reason = reasonToSkip('uring');
const skip = reason === '' ? false : reason;

function on(
  body: (station: Station, context: TestContext) => Promise<void>,
  limits: DriverLimits & Record<string, unknown> = {},
): (context: TestContext) => Promise<void> {
  return async (context) => {
    const harness = realHarness('uring', (options) => createUringDriver(options), true);
    const station = new Station(harness, limits);
    try {
      await body(station, context);
      await station.end();
    } catch (error) {
      await station.abandon();
      throw error;
    } finally {
      harness.dispose();
    }
  };
}

/** Descriptors of this process by what they are. */
function descriptors(what: RegExp): string[] {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return what.test(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      return false;
    }
  });
}

test('connections are direct descriptors: they cost none of the process', { skip }, (context) =>
  on(async (station) => {
    const listening = station.listen();
    const before = descriptors(/socket/).length;
    const pairs = [];
    for (let i = 0; i < 100; i++) pairs.push(await station.pair(listening));
    assert.equal(descriptors(/socket/).length, before);
    await station.closeAll(pairs.flat());
  })(context),
);

test('the ring is close-on-exec and has no kernel thread (rule 10)', { skip }, (context) =>
  on(() => {
    const rings = descriptors(/io_uring/);
    assert.ok(rings.length > 0);
    for (const fd of rings) {
      const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
      const flags = parseInt(/^flags:\s*(\d+)/m.exec(info)![1]!, 8);
      assert.notEqual(flags & 0o2000000, 0, 'O_CLOEXEC');
      assert.doesNotMatch(info, /^SqThread:\s+[0-9]+$/m);
    }
    return Promise.resolve();
  })(context),
);

test('a zero-copy send keeps its buffer until the notification (rule 2)', { skip }, (context) =>
  on(
    async (station) => {
      const [client, server] = await station.pair(station.listen());
      const reader = new Reader(station, server);
      const length = 100_000;
      for (let round = 0; round < 20; round++) {
        const offset = station.memory.offset;
        station.arena.bytes.fill(round, offset, offset + length);
        await station.result((token) => station.driver.send(client, token, offset, length));
        // The operation is over: from here on the memory is ours to write.
        station.arena.bytes.fill(0xff, offset, offset + length);
      }
      await station.until(() => reader.length === 20 * length, 'all bytes');
      const bytes = reader.bytes();
      for (let round = 0; round < 20; round++) {
        const part = bytes.subarray(round * length, (round + 1) * length);
        assert.ok(part.every((byte) => byte === round));
      }
      await station.closeAll([client, server]);
    },
    { zeroCopyFrom: 1 },
  )(context),
);

test('a completion ring that overflows loses nothing (rule 6)', { skip }, (context) =>
  on(
    async (station) => {
      const timeouts = Array.from({ length: 500 }, () =>
        station.submit((token) => station.driver.timeout(1, token)),
      );
      await station.done(...timeouts);
      assert.ok(timeouts.every((timeout) => timeout.result === 0));
    },
    { ringEntries: 8, completionEntries: 16 },
  )(context),
);

test('a receive is ended before its descriptor is closed (rule 4)', { skip }, (context) =>
  on(async (station) => {
    const listening = station.listen();
    for (let round = 0; round < 50; round++) {
      const [client, server] = await station.pair(listening);
      const reader = new Reader(station, server);
      const closing = station.close(server);
      station.send(client, 'too late or just in time');
      await station.done(closing, reader.operation);
      assert.ok(reader.operation.order < closing.order, 'the receive ended first');
      await station.closeAll([client]);
    }
  })(context),
);

test('a multishot receive counts as one operation until its end (rule 12)', { skip }, (context) =>
  on(async (station) => {
    const [client, server] = await station.pair(station.listen());
    const before = station.driver.usage().operations;
    const reader = new Reader(station, server);
    for (let i = 1; i <= 10; i++) {
      station.send(client, 'x');
      await station.until(() => reader.length === i, 'a byte');
    }
    assert.equal(station.driver.usage().operations, before + 1);
    assert.ok(reader.operation.completions.length >= 10);
    await station.closeAll([client, server]);
  })(context),
);

test('timers and immediates have their turn under full load (rule 8)', { skip }, async () => {
  let completions = 0;
  const driver = createDriver({
    kind: 'uring',
    connections: 64,
    handler(_token, result) {
      completions += 1;
      if (result === 0) driver.timeout(0, 1);
    },
  });
  for (let i = 0; i < 200; i++) driver.timeout(0, 1);
  for (let round = 0; round < 20; round++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(completions > 200, 'the load went on');
  await driver.destroy();
});

test('many drivers live beside each other in one thread', { skip }, async () => {
  const drivers = Array.from({ length: 8 }, () =>
    createDriver({ kind: 'uring', connections: 64, buffers: 16, handler: () => undefined }),
  );
  for (const driver of drivers) assert.ok(driver.timeout(1000, 1) > 0);
  await Promise.all(drivers.map((driver) => driver.destroy()));
  for (const driver of drivers) assert.equal(driver.usage().operations, 0);
});

test('a driver may be destroyed by its own handler', { skip }, async () => {
  await new Promise<void>((resolve, reject) => {
    const driver = createDriver({
      kind: 'uring',
      connections: 64,
      handler: () => void driver.destroy().then(resolve, reject),
    });
    driver.timeout(1, 1);
  });
});
