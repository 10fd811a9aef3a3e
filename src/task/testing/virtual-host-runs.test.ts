import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pollFn, PENDING, yieldNow, type Coroutine } from '../future/index.ts';
import { interval, sleep } from '../time/index.ts';
import { VirtualHost } from './virtual-host.ts';

test('VirtualHost.runUntilIdle: ends where the process would, and goes with what holds it', () => {
  const host = new VirtualHost();
  const executor = host.executor();
  const ticks: number[] = [];
  executor.spawn(function* (): Coroutine<void> {
    const sampling = interval(10, { hold: false });
    for (;;) ticks.push(yield* sampling.tick());
  });
  host.runUntilIdle();
  assert.deepEqual(ticks, []);
  executor.spawn(function* (): Coroutine<void> {
    yield* sleep(35);
  });
  host.runUntilIdle();
  assert.deepEqual(ticks, [10, 20, 30]);
  host.runFor(10);
  assert.deepEqual(ticks, [10, 20, 30, 40]);
});

test('VirtualHost.runUntilIdle: tasks that never stop are found', () => {
  const host = new VirtualHost({ turns: 1000 });
  const executor = host.executor();
  executor.spawn(function* (): Coroutine<void> {
    const ticks = interval(10);
    for (;;) yield* ticks.tick();
  });
  assert.throws(() => host.runUntilIdle(), { code: 'ERR_VIRTUAL_CLOCK' });
  assert.throws(() => host.runFor(100_000), { code: 'ERR_VIRTUAL_CLOCK' });
  const spinning = new VirtualHost({ turns: 1000 });
  spinning.executor().spawn(function* (): Coroutine<void> {
    for (;;) yield* yieldNow();
  });
  assert.throws(() => spinning.advance(1), { code: 'ERR_VIRTUAL_CLOCK' });
});

test('VirtualHost.run: gives the value, or throws the error', () => {
  const host = new VirtualHost();
  host.executor();
  const value = host.run(function* (): Coroutine<string> {
    yield* sleep(5);
    return 'value';
  });
  assert.equal(value, 'value');
  const error = new Error('expected');
  assert.throws(
    () =>
      host.run(function* (): Coroutine<void> {
        yield* sleep(5);
        throw error;
      }),
    error,
  );
  host.runUntilIdle();
  assert.deepEqual(host.reported, []);
  assert.equal(host.now(), 10);
});

test('VirtualHost.run: a task that waits for nothing any more is found', () => {
  const host = new VirtualHost();
  host.executor();
  const never = () => pollFn<never>(() => PENDING);
  assert.throws(() => host.run(never()), { code: 'ERR_VIRTUAL_CLOCK', message: /nothing is left/ });
  host.pause();
  assert.throws(() => host.run(sleepAll()), { message: /the clock is paused/ });
});

function* sleepAll(): Coroutine<void> {
  yield* sleep(5);
}

test('VirtualHost.settle: async functions and promises go on too', async () => {
  const host = new VirtualHost();
  const executor = host.executor();
  const log: string[] = [];
  const note = (what: string): unknown => log.push(`${what}@${host.now()}`);
  const task = executor.spawn(async () => {
    for (let i = 0; i < 3; i++) {
      await sleep(100);
      await Promise.resolve().then(() => note('async'));
    }
    return 'done';
  });
  executor.spawn(function* (): Coroutine<void> {
    yield* sleep(150);
    note('coroutine');
  });
  await host.settle();
  assert.equal(log.join(' '), 'async@100 coroutine@150 async@200 async@300');
  assert.equal(await task, 'done');
  host.pause();
  executor.spawn(sleepAll());
  await host.settle();
  assert.equal(host.now(), 300);
});

test('VirtualHost: errors that nobody receives are kept', () => {
  const host = new VirtualHost();
  const executor = host.executor();
  const error = new Error('nobody waits for it');
  executor.spawn(function* (): Coroutine<void> {
    yield* sleep(5);
    throw error;
  });
  host.runUntilIdle();
  assert.deepEqual(host.reported, [error]);
});

test('VirtualHost: what cannot be is refused', () => {
  const host = new VirtualHost();
  assert.throws(() => host.enter(() => 0), { code: 'ERR_VIRTUAL_CLOCK' });
  host.executor();
  for (const ms of [-1, Number.NaN, Infinity]) {
    assert.throws(() => host.advance(ms), { code: 'ERR_OPTION_RANGE' });
    assert.throws(() => host.runFor(ms), { code: 'ERR_OPTION_RANGE' });
  }
  assert.throws(() => new VirtualHost({ start: 0.5 }), { code: 'ERR_OPTION_TYPE' });
  assert.throws(() => new VirtualHost({ auto: true } as object), { code: 'ERR_OPTION_UNKNOWN' });
});

test('VirtualHost: thousands of sleepers wake in order, each at its time', () => {
  const host = new VirtualHost();
  const executor = host.executor();
  const sleepers = 20_000;
  const woken: number[] = [];
  for (let i = 0; i < sleepers; i++) {
    const ms = (i * 7919) % sleepers;
    executor.spawn(function* (): Coroutine<void> {
      yield* sleep(ms);
      assert.equal(host.now(), ms);
      woken.push(ms);
    });
  }
  host.runUntilIdle();
  assert.equal(woken.length, sleepers);
  assert.ok(woken.every((ms, i) => ms === i));
});
