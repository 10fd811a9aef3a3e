import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../base/index.ts';
import { PENDING, pollFn, type Coroutine } from '../future/index.ts';
import { interval, sleep, sleepUntil } from '../time/index.ts';
import { TestTask } from './test-task.ts';
import { VirtualHost } from './virtual-host.ts';

/** Without a watchdog: a task that moves the clock seems to take so long. */
function paused(start = 0) {
  const host = new VirtualHost({ start, autoAdvance: false });
  return { host, executor: host.executor({ watchdog: { timing: 'off' } }) };
}

/** Polls a sleep by hand that ends after so many milliseconds. */
function sleeping(host: VirtualHost, ms: number): TestTask<void> {
  return host.enter(() => new TestTask(sleep(ms)));
}

test('VirtualHost.advance: moves the clock by exactly so much', () => {
  const { host } = paused();
  let expected = 0;
  for (const ms of [51.592, 0.001, 3141.592, 3123.456, 1, 1, 0]) {
    host.advance(ms);
    expected += ms;
    assert.equal(host.now(), expected);
  }
});

test('VirtualHost.advance: what has not come to its end sleeps on, polled before or not', () => {
  for (const polled of [true, false]) {
    const { host } = paused(1);
    const task = sleeping(host, 300);
    if (polled) assert.equal(task.poll(), PENDING);
    host.advance(100);
    assert.equal(host.now(), 101);
    assert.equal(task.poll(), PENDING);
  }
});

test('VirtualHost.advance: by fractions it ends a long sleep no sooner', () => {
  const { host } = paused();
  host.advance(1);
  const task = sleeping(host, 60_000);
  assert.equal(task.poll(), PENDING);
  host.advance(51.592);
  assert.equal(task.poll(), PENDING);
});

test('VirtualHost.advance: past a timer at once', () => {
  const { host } = paused();
  const task = sleeping(host, 1);
  assert.equal(task.poll(), PENDING);
  host.advance(0.25);
  assert.equal(task.poll(), PENDING);
  host.advance(1.5);
  assert.ok(task.isWoken);
  assert.equal(task.poll(), undefined);
});

test('VirtualHost.advance: up to a timer in steps', () => {
  const { host } = paused();
  const task = sleeping(host, 1);
  for (let step = 0; step < 4; step++) {
    assert.equal(task.poll(), PENDING);
    host.advance(0.25);
    assert.equal(task.isWoken, step === 3);
  }
  assert.equal(task.poll(), undefined);
});

test('VirtualHost.advance: inside of a task it moves the clock, the task goes on', () => {
  for (const polled of [true, false]) {
    const { host } = paused(1);
    const ran = host.run(
      pollFn((context) => {
        const sleep300 = sleepUntil(301);
        if (polled) assert.equal(sleep300.poll(context), PENDING);
        host.advance(100);
        assert.equal(host.now(), 101);
        assert.equal(sleep300.poll(context), PENDING);
        sleep300.cancel();
        return 'ran';
      }),
    );
    assert.equal(ran, 'ran');
  }
});

test('VirtualHost.advance: an interval has its ticks', () => {
  const { host } = paused();
  const ticks = new TestTask(host.enter(() => interval(300, { immediate: true }).tick()));
  assert.equal(ticks.poll(), 0);
  for (const [ms, ...times] of [[100], [200, 300], [400, 600], [500, 900, 1200]] as const) {
    assert.equal(ticks.poll(), PENDING);
    host.advance(ms);
    for (const time of times) assert.equal(ticks.poll(), time);
  }
});

/** Tasks that sleep for these times in a row, and write down when they woke. */
function sleepers(host: VirtualHost, times: readonly (readonly number[])[]) {
  const executor = host.executor();
  const log: string[] = [];
  for (const [index, row] of times.entries()) {
    executor.spawn(function* (): Coroutine<void> {
      for (const ms of row) {
        yield* sleep(ms);
        log.push(`${index}@${executor.now()}`);
      }
    });
  }
  return { executor, log };
}

test('VirtualHost.advance: who has slept is woken in order, and sees the later time', () => {
  const host = new VirtualHost({ autoAdvance: false });
  const { log } = sleepers(host, [[30, 10], [10], [20, 100]]);
  host.runUntilIdle();
  assert.deepEqual(log, []);
  host.advance(35);
  assert.equal(log.join(' '), '1@35 2@35 0@35');
  host.advance(10);
  assert.equal(log.join(' '), '1@35 2@35 0@35 0@45');
});

test('VirtualHost.runFor: everyone is woken at its time, exactly', () => {
  const host = new VirtualHost({ autoAdvance: false });
  const { log } = sleepers(host, [[30, 10], [10], [20, 100]]);
  host.runFor(119.5);
  assert.equal(log.join(' '), '1@10 2@20 0@30 0@40');
  assert.equal(host.now(), 119.5);
  assert.equal(host.nextDeadline, 120);
  host.runFor(0.5);
  assert.equal(log.at(-1), '2@120');
});

test('VirtualHost.runUntilIdle: skips all time that is slept', () => {
  const host = new VirtualHost();
  const { log } = sleepers(host, [[30, 10], [10], [20, 100_000_000]]);
  host.runUntilIdle();
  assert.equal(log.join(' '), '1@10 2@20 0@30 0@40 2@100000020');
});

test('VirtualHost: a run is the same every time', () => {
  const run = (): number[] => {
    const random = new SeededRandom(1);
    const host = new VirtualHost();
    host.executor();
    return host.run(function* (): Coroutine<number[]> {
      const times: number[] = [];
      for (let i = 0; i < 10_000; i++) {
        yield* sleep(random.below(1_000_000) / 1000);
        times.push(host.now());
      }
      return times;
    });
  };
  assert.deepEqual(run(), run());
});

test('VirtualHost.pause: time stands still until it is moved or goes on', () => {
  const host = new VirtualHost();
  const { log } = sleepers(host, [[10, 10, 10]]);
  host.pause();
  assert.ok(host.isPaused);
  host.runUntilIdle();
  assert.deepEqual(log, []);
  host.advance(10);
  assert.deepEqual(log, ['0@10']);
  host.resume();
  host.runUntilIdle();
  assert.deepEqual(log, ['0@10', '0@20', '0@30']);
});
