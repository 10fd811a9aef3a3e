/** Streams inside of tasks: what giving up, aborting and selecting do to the items. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { select } from '../../../src/task/combine/index.ts';
import { yieldNow, type Coroutine } from '../../../src/task/future/index.ts';
import { END, produce, toStream, type BaseStream } from '../../../src/task/stream/index.ts';
import { mpsc } from '../../../src/task/sync/index.ts';
import { VirtualHost } from '../../../src/task/testing/virtual-host.ts';
import { interval, sleep } from '../../../src/task/time/index.ts';

/** Numbers that take their time, and whether their source was closed. */
function slow(count: number, milliseconds: number, closed: string[] = []): BaseStream<number> {
  return produce<number>(function* (emit) {
    try {
      for (let item = 0; item < count; item++) {
        yield* sleep(milliseconds);
        yield* emit(item);
      }
    } finally {
      yield* sleep(1);
      closed.push('closed');
    }
  });
}

test('a next that loses in select loses no item', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 40 }), (patience) => {
      const host = new VirtualHost();
      const executor = host.executor();
      const seen = host.run(function* (): Coroutine<number[]> {
        const stream = slow(10, 7)
          .map((item) => item)
          .chunks(1)
          .flatten();
        const items: number[] = [];
        for (const ms of patience) {
          const first = yield* select({ item: stream.next(), late: sleep(ms) });
          if (first.key === 'item' && first.value !== END) items.push(first.value);
        }
        items.push(...(yield* stream.collect()));
        return items;
      });
      assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      assert.equal(executor.living, 0);
    }),
    { numRuns: 100 },
  );
});

test('a task that is aborted inside forEach has given its stream up when it ends', () => {
  const host = new VirtualHost();
  const executor = host.executor();
  const log: string[] = [];
  const task = executor.spawn(function* (): Coroutine<void> {
    yield* slow(100, 10, log).forEach(function* (item) {
      try {
        yield* sleep(5);
      } finally {
        log.push(`visited ${item}`);
      }
    });
  });
  host.runFor(12);
  task.abort();
  host.runUntilIdle();
  assert.deepEqual(log, ['visited 0', 'closed']);
  assert.equal(executor.living, 0);
  assert.equal(executor.timers.size, 0);
});

test('the pipeline of a job runner: bounded, in order of finishing, all closed after an error', () => {
  const host = new VirtualHost();
  const executor = host.executor();
  const log: string[] = [];
  let running = 0;
  let most = 0;
  function* job(item: number): Coroutine<number> {
    running += 1;
    most = Math.max(most, running);
    try {
      yield* sleep(100 - item * 10);
      if (item === 7) throw new Error('job 7');
      return item;
    } finally {
      running -= 1;
    }
  }
  const done: number[] = [];
  const outcome = executor.spawn(function* (): Coroutine<string> {
    const results = slow(20, 1, log).map(job).bufferedUnordered(4);
    try {
      yield* results.forEach((item) => done.push(item));
      return 'ended';
    } catch (error) {
      return String(error);
    }
  });
  const ended = host.run(outcome);
  assert.equal(ended, 'Error: job 7');
  assert.equal(most, 4);
  assert.equal(running, 0);
  assert.deepEqual(log, ['closed']);
  assert.deepEqual(done, [3, 2, 1, 0]);
  assert.equal(executor.timers.size, 0);
});

test('stages of tasks with channels between them keep the order and the bound', () => {
  const host = new VirtualHost();
  const executor = host.executor();
  const { sender, receiver } = mpsc<number>(2);
  let taken = 0;
  executor.spawn(
    toStream(Array.from({ length: 50 }, (_, index) => index))
      .inspect(() => (taken += 1))
      .forward(sender),
  );
  const received: number[] = [];
  host.run(function* (): Coroutine<void> {
    yield* receiver.forEach(function* (item) {
      assert.ok(taken - received.length <= 5);
      received.push(item);
      yield* sleep(1);
    });
  });
  assert.deepEqual(
    received,
    Array.from({ length: 50 }, (_, index) => index),
  );
});

test('throttle, chunksTimeout, timeout and takeUntil on a virtual clock', () => {
  const host = new VirtualHost();
  const executor = host.executor();
  const timesOf = (make: () => BaseStream<unknown>): [unknown, number][] =>
    host.run(function* (): Coroutine<[unknown, number][]> {
      const start = executor.now();
      const times: [unknown, number][] = [];
      yield* make().forEach((item) => times.push([item, executor.now() - start]));
      return times;
    });
  assert.deepEqual(
    timesOf(() => toStream(['a', 'b', 'c']).throttle(50)),
    [
      ['a', 0],
      ['b', 50],
      ['c', 100],
    ],
  );
  assert.deepEqual(
    timesOf(() => slow(5, 40).chunksTimeout(10, 100)),
    [
      [[0, 1, 2], 140],
      [[3, 4], 201],
    ],
  );
  assert.deepEqual(
    timesOf(() => slow(5, 40).takeUntil(sleep(100))),
    [
      [0, 40],
      [1, 80],
    ],
  );
  assert.throws(() => timesOf(() => slow(5, 40).timeout(30)), { code: 'ERR_TASK_TIMEOUT' });
  assert.equal(executor.timers.size, 0);
});

test('a stream that is always ready lets other tasks have their turn', () => {
  const host = new VirtualHost();
  const executor = host.executor();
  let counted = 0;
  function* endless(): Generator<number> {
    for (;;) yield 1;
  }
  const counter = executor.spawn(
    toStream(endless())
      .filter(() => false)
      .merge(toStream(endless()))
      .forEach(() => {
        counted += 1;
      }),
  );
  executor.spawn(function* (): Coroutine<void> {
    while (counted < 1000) yield* yieldNow();
    counter.abort();
  });
  host.runUntilIdle();
  assert.ok(counted >= 1000);
  assert.equal(executor.living, 0);
});

test('interval is a stream', () => {
  const host = new VirtualHost();
  const executor = host.executor();
  const ticks = host.run(host.enter(() => interval(10).take(3).count()));
  assert.equal(ticks, 3);
  assert.equal(executor.timers.size, 0);
});
