import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BaseFuture, PENDING, type Context, type Poll } from '../future/index.ts';
import { END } from '../stream/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { VirtualHost } from '../testing/virtual-host.ts';
import { interval, LONGEST_WAIT, type Interval, type IntervalOptions } from './index.ts';
import { assertPending, Clock } from './time.test.helper.ts';

/** An interval of 300 ms from time 0 on, and what it gives until it waits. */
class Ticking {
  readonly clock = new Clock();
  readonly ticks: Interval;
  readonly task: TestTask<number>;

  constructor(options: IntervalOptions = { immediate: true }) {
    this.ticks = this.clock.host.enter(() => interval(300, options));
    this.task = new TestTask(this.ticks.tick());
  }

  /** What comes after so many milliseconds, until it waits. */
  after(ms: number): number[] {
    this.clock.advance(ms);
    const times: number[] = [];
    for (let time: Poll<number>; (time = this.task.poll()) !== PENDING;) times.push(time);
    return times;
  }

  /** The same, several times. */
  expect(steps: readonly (readonly [ms: number, ...times: number[]])[]): void {
    for (const [ms, ...times] of steps) {
      assert.deepEqual(this.after(ms), times, `after another ${ms} ms at ${this.clock.now}`);
    }
  }
}

test('interval: the first tick comes after one period, or at once', () => {
  const late = new Ticking({});
  late.expect([[0], [299], [1, 300], [300, 600]]);
  const early = new Ticking({ immediate: true });
  early.expect([[0, 0], [299], [1, 300]]);
});

test('interval: burst gives what was missed one after the other', () => {
  new Ticking().expect([
    [0, 0],
    [100],
    [200, 300],
    [650, 600, 900],
    [200],
    [100, 1200],
    [250, 1500],
    [300, 1800],
  ]);
});

test('interval: delay shifts all that comes after a missed tick', () => {
  const ticking = new Ticking({ immediate: true, missed: 'delay' });
  ticking.expect([[0, 0], [100], [200, 300], [650, 600], [100], [199], [1, 1250], [300, 1550]]);
});

test('interval: skip goes on with the next planned time', () => {
  const ticking = new Ticking({ immediate: true, missed: 'skip' });
  ticking.expect([[0, 0], [100], [200, 300], [650, 600], [249], [1, 1200], [300, 1500]]);
});

test('interval: a little late is not missed', () => {
  for (const missed of ['delay', 'skip'] as const) {
    const ticking = new Ticking({ immediate: true, missed });
    ticking.expect([[0, 0], [305, 300], [294], [1, 600]]);
  }
});

test('Interval.reset: the next tick comes a period from now', () => {
  const ticking = new Ticking();
  ticking.expect([[0, 0], [100], [200, 300], [100]]);
  ticking.ticks.reset();
  ticking.expect([[250], [49], [1, 700], [300, 1000]]);
});

test('Interval.resetImmediately: the next tick comes at once', () => {
  const ticking = new Ticking();
  ticking.expect([[0, 0], [100], [200, 300], [100]]);
  ticking.ticks.resetImmediately();
  assert.ok(ticking.task.isWoken);
  ticking.expect([[0, 400], [100], [199], [1, 700]]);
});

test('Interval.resetAfter: the next tick comes after that', () => {
  const ticking = new Ticking();
  ticking.expect([[0, 0], [100], [200, 300], [100]]);
  ticking.ticks.resetAfter(20);
  ticking.expect([[19], [1, 420], [100], [199], [1, 720]]);
});

test('Interval.resetAt: the next tick comes then, sooner or later than a period', () => {
  for (const wait of [40, 1000]) {
    const ticking = new Ticking();
    ticking.expect([[0, 0], [100], [200, 300], [100]]);
    ticking.ticks.resetAt(400 + wait);
    ticking.expect([[wait - 1], [1, 400 + wait], [299], [1, 700 + wait]]);
  }
});

test('interval: periods with fractions do not drift', () => {
  const host = new VirtualHost();
  const times: number[] = [];
  host.executor();
  host.run(function* () {
    const ticks = interval(1000 / 60);
    for (let i = 0; i < 600; i++) {
      yield* ticks.tick();
      times.push(host.now());
    }
  });
  const late = times.map((time, i) => time - ((i + 1) * 1000) / 60);
  assert.ok(late.every((ms) => ms > -0.001 && ms < 1.001));
});

test('interval: periods that cannot be are refused', () => {
  const clock = new Clock();
  for (const ms of [0, -1, 0.09, Number.NaN, Infinity]) {
    assert.throws(() => clock.host.enter(() => interval(ms)), { code: 'ERR_OPTION_RANGE' });
  }
  const ticks = clock.host.enter(() => interval(1));
  assert.throws(() => ticks.resetAfter(-1), { code: 'ERR_OPTION_RANGE' });
  assert.throws(() => ticks.resetAt(Number.NaN), { code: 'ERR_OPTION_RANGE' });
  assert.throws(() => interval(5, { missed: 'none' as 'skip' }), { code: 'ERR_OPTION_TYPE' });
});

test('interval: the longest period there is', () => {
  const clock = new Clock(5);
  const ticks = clock.host.enter(() => interval(LONGEST_WAIT, { immediate: true }));
  const task = new TestTask(ticks.tick());
  assert.equal(task.poll(), 5);
  assertPending(task);
});

test('interval: a tick that was given up is not lost', () => {
  const ticking = new Ticking({});
  assertPending(ticking.task);
  assert.ok(ticking.task.cancel());
  assert.equal(ticking.clock.executor.timers.size, 0);
  ticking.expect([[1000, 300, 600, 900]]);
});

/** Gives every fourth tick; wakes itself after the others, or does not. */
class EveryFourth extends BaseFuture<number, never> {
  readonly #ticks: Interval;
  readonly #wakes: boolean;
  counter = 0;

  constructor(wakes: boolean) {
    super();
    this.#ticks = interval(10);
    this.#wakes = wakes;
  }

  poll(context: Context): Poll<number> {
    const time = this.#ticks.pollNext(context);
    if (time === PENDING) return PENDING;
    assert.notEqual(time, END);
    this.counter += 1;
    if (this.counter % 4 === 0) return this.counter;
    if (this.#wakes) context.waker.wakeByRef();
    return PENDING;
  }
}

test('interval: a poll that is ready registers nobody, one that is pending does', () => {
  for (const wakes of [true, false]) {
    const host = new VirtualHost();
    const executor = host.executor();
    const task = executor.spawn(function* () {
      const items = new EveryFourth(wakes);
      return [yield* items, yield* items, yield* items];
    });
    host.runFor(150);
    assert.equal(task.isFinished, wakes);
  }
});

test('interval: a next() that is given up is not waited for any more', () => {
  const { clock, ticks } = new Ticking({});
  const next = new TestTask(ticks.next());
  assertPending(next);
  assert.equal(clock.executor.timers.held, 1);
  next.cancel();
  assert.equal(clock.executor.timers.held, 0);
  assert.equal(next.wakers, 0);
});
