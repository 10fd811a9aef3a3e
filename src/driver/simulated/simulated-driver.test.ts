import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Errno } from '../../base/index.ts';
import { CompletionFlag, type Handle } from '../driver.ts';
import { simulate, type SimulatedDriver, type SimulationOptions } from './index.ts';

type Options = Omit<SimulationOptions, 'handler'>;
type Seen = [token: number, result: number, flags: number];

const LIMITS = { connections: 64, buffers: 16, bufferSize: 512 } as const;

const FAULTS = {
  shortReads: 0.3,
  shortWrites: 0.3,
  resets: 0.01,
  acceptFailures: 0.2,
  emptyPool: 0.2,
  reordering: 0.5,
  delayedCancels: 0.5,
  cancelRaces: 0.5,
} as const;

/** A driver that records, and an echo of itself: what is received is released at once. */
function recording(options: Options): { driver: SimulatedDriver; seen: Seen[] } {
  const seen: Seen[] = [];
  const driver = simulate({
    ...LIMITS,
    ...options,
    handler: (token, result, flags, buffer) => {
      seen.push([token, result, flags]);
      if ((flags & CompletionFlag.BUFFER) !== 0) driver.release(buffer);
    },
  });
  return { driver, seen };
}

function run(driver: SimulatedDriver): void {
  while (!driver.idle) driver.turn();
}

/** A busy scene: twenty connections that talk, cancel and close. Returns all that completed. */
async function trace(options: Options): Promise<string> {
  const { driver, seen } = recording(options);
  const region = driver.arena.allocate('trace', 20_000);
  const listener = driver.listen({ host: '127.0.0.1', port: 0 });
  driver.accept(listener, 1);
  for (let i = 0; i < 20; i++) driver.connect(driver.address(listener), 100 + i);
  run(driver);
  const handles = seen.filter(([, result]) => result > 0).map(([, result]) => result);
  handles.forEach((handle, i) => {
    const receiving = driver.receive(handle, 200 + i);
    driver.send(handle, 300 + i, region.offset, 1 + i * 100);
    if (i % 4 === 0) driver.cancel(receiving);
    if (i % 5 === 0) driver.shutdown(handle, 400 + i);
  });
  driver.openFile('/file', { access: 'write', create: true }, 500);
  for (let i = 0; i < 5; i++) driver.turn();
  handles.forEach((handle, i) => driver.close(handle, 600 + i, i % 2 === 0 ? 'finish' : 'reset'));
  run(driver);
  const text = `${JSON.stringify(seen)} at ${driver.now()}`;
  await driver.destroy();
  region.release();
  return text;
}

test('simulate: the same seed and calls give the same completions, another seed others', async () => {
  const seeds = [1, 2, 3, 4, 5];
  const traces: string[] = [];
  for (const seed of seeds) {
    const first = await trace({ seed, faults: FAULTS });
    assert.equal(await trace({ seed, faults: FAULTS }), first, `seed ${seed}`);
    traces.push(first);
  }
  assert.equal(new Set(traces).size, seeds.length);
  const calm = await trace({ seed: 1 });
  assert.equal(await trace({ seed: 2 }), calm, 'without faults nothing is left to chance');
});

test('simulate: a turn moves the virtual clock to the next event and no further', async () => {
  const { driver, seen } = recording({});
  driver.timeout(86_400_000, 1);
  driver.timeout(1000, 2);
  assert.equal(driver.now(), 0);
  driver.turn();
  assert.deepEqual([driver.now(), seen.length], [1000, 1]);
  driver.turn();
  assert.deepEqual([driver.now(), seen.length], [86_400_000, 2]);
  assert.equal(driver.idle, true);
  driver.turn();
  assert.equal(driver.now(), 86_400_000);
  await driver.destroy();
});

test('simulate: a socket buffer that is full holds the sender back until somebody reads', async () => {
  const { driver, seen } = recording({ socketBuffer: 1000 });
  const [client, server] = connected(driver, seen);
  const region = driver.arena.allocate('test', 5000);
  driver.send(client, 7, region.offset, 5000);
  run(driver);
  assert.equal(seen.length, 0, 'the send waits');
  assert.equal(driver.counters().partialSends, 1);
  driver.receive(server, 8);
  run(driver);
  assert.deepEqual(
    seen.filter(([token]) => token === 7),
    [[7, 5000, 0]],
  );
  assert.equal(driver.counters().bytesReceived, 5000);
  await driver.destroy();
  region.release();
});

test('simulate: a full backlog delays a connect as a lost SYN does, and gives up in the end', async () => {
  const { driver, seen } = recording({});
  const listener = driver.listen({ host: '127.0.0.1', port: 0 }, { backlog: 1 });
  const address = driver.address(listener);
  driver.connect(address, 1);
  driver.connect(address, 2);
  driver.connect(address, 3);
  while (driver.now() < 500) driver.turn();
  assert.equal(seen.length, 1);
  run(driver);
  assert.deepEqual(
    seen.slice(1).map(([, result]) => result),
    [-Errno.ETIMEDOUT, -Errno.ETIMEDOUT],
  );
  await driver.destroy();
});

test('simulate: injected resets fail both ends', async () => {
  const { driver, seen } = recording({ faults: { resets: 1 } });
  const [client, server] = connected(driver, seen);
  const region = driver.arena.allocate('test', 10);
  driver.receive(client, 1);
  driver.receive(server, 2);
  driver.send(client, 3, region.offset, 10);
  run(driver);
  const results = seen.map(([token, result]) => `${token}:${result}`).sort();
  assert.deepEqual(results, [`1:${-104}`, `2:${-104}`, `3:${-104}`]);
  await driver.destroy();
  region.release();
});

test('simulate: a cancel that races gives what was achieved', async () => {
  const { driver, seen } = recording({ faults: { cancelRaces: 1 } });
  driver.cancel(driver.timeout(1000, 1));
  driver.cancel(driver.openFile('/new', { access: 'write', create: true }, 2));
  run(driver);
  assert.deepEqual(seen[0], [1, 0, 0]);
  assert.ok(seen[1]![1] > 0, 'the file is handed over');
  assert.ok(driver.now() < 1000);
  await driver.destroy();
});

test('simulate: files are bounded', async () => {
  const { driver, seen } = recording({ fileBytes: 100 });
  driver.openFile('/small', { access: 'write', create: true }, 1);
  run(driver);
  const file = seen[0]![1];
  const region = driver.arena.allocate('test', 200);
  driver.writeFile(file, 2, region.offset, 100, 0);
  driver.writeFile(file, 3, region.offset, 1, 100);
  run(driver);
  assert.deepEqual(seen.slice(1), [
    [2, 100, 0],
    [3, -Errno.ENOSPC, 0],
  ]);
  await driver.destroy();
  region.release();
});

test('simulate: refuses options that are wrong', () => {
  const handler = (): void => undefined;
  assert.throws(() => simulate({ handler, seed: -1 }), { code: 'ERR_OPTION_RANGE' });
  assert.throws(() => simulate({ handler, socketBuffer: 0 }), { code: 'ERR_OPTION_RANGE' });
  assert.throws(() => simulate({ handler, faults: { resets: 2 } }), { code: 'ERR_OPTION_RANGE' });
  const misspelt = { handler, faults: { reset: 1 } };
  assert.throws(() => simulate(misspelt as unknown as SimulationOptions), {
    code: 'ERR_OPTION_UNKNOWN',
  });
  assert.throws(() => simulate({ handler, latencyy: 1 } as unknown as SimulationOptions), {
    code: 'ERR_OPTION_UNKNOWN',
    message: /did you mean "latency"/,
  });
});

/** Two ends of a connection; `seen` is empty afterwards. */
function connected(driver: SimulatedDriver, seen: Seen[]): [Handle, Handle] {
  const listener = driver.listen({ host: '127.0.0.1', port: 0 });
  driver.accept(listener, 900);
  driver.connect(driver.address(listener), 901);
  run(driver);
  const client = seen.find(([token]) => token === 901)![1];
  const server = seen.find(([token]) => token === 900)![1];
  seen.length = 0;
  return [client, server];
}
