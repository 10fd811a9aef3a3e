import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PENDING, type Context, type Poll } from '../future/index.ts';
import { END } from '../stream/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { VirtualHost } from '../testing/virtual-host.ts';
import { Delayed, DelayQueue, type DelayQueueOptions } from './index.ts';
import { assertPending, Clock } from './time.test.helper.ts';

type Name = string | typeof END;

/** A queue of names that is polled by hand, on a clock that stands still. */
class Queue {
  readonly clock: Clock;
  readonly queue: DelayQueue<string>;
  readonly task: TestTask<Name>;

  constructor(start = 0, options?: DelayQueueOptions) {
    this.clock = new Clock(start);
    this.queue = this.clock.host.enter(() => new DelayQueue<string>(options));
    const { queue } = this;
    this.task = new TestTask<Name>({
      poll(context: Context): Poll<Name> {
        const item = queue.pollNext(context);
        return item instanceof Delayed ? item.value : item;
      },
      cancel: (context: Context) => queue.cancel(context),
    });
  }

  /** All that comes until it waits; at most `most`. */
  take(most = 100): Name[] {
    const names: Name[] = [];
    while (names.length < most) {
      const name = this.task.poll();
      if (name === PENDING) break;
      names.push(name);
      if (name === END) break;
    }
    return names;
  }

  pending(): void {
    assertPending(this.task);
    assert.equal(this.task.isWoken, false);
  }

  /** Moves the clock to a time, at which the waiting task is woken, but not before. */
  wokenAt(time: number): void {
    this.clock.advanceTo(time - 1);
    assert.equal(this.task.isWoken, false, 'woken too soon');
    this.clock.advance(1);
    assert.ok(this.task.isWoken, 'not woken');
  }
}

function start(...items: readonly (readonly [name: string, ms: number])[]) {
  const own = new Queue();
  const keys = items.map(([name, ms]) => own.queue.insert(name, ms));
  return { own, queue: own.queue, clock: own.clock, keys };
}

test('DelayQueue: an item without delay comes at once, then the queue ends', () => {
  const { own } = start(['foo', 0]);
  assert.deepEqual(own.take(), ['foo', END]);
  assert.deepEqual(own.take(), [END]);
});

test('DelayQueue: items of one time come in the order of insertion', () => {
  const { own, clock } = start(['1', 5], ['2', 5], ['3', 5]);
  own.pending();
  clock.advance(6);
  assert.deepEqual(own.take(), ['1', '2', '3', END]);
});

test('DelayQueue: one item wakes who waits when its time has come', () => {
  const { own } = start(['foo', 5]);
  own.pending();
  own.wokenAt(5);
  assert.deepEqual(own.take(), ['foo', END]);
});

test('DelayQueue: many delays come each in its time, on all levels', () => {
  const long = 262_144 + 9 * 4096;
  const delays = [1000, 2, 234, long, 60, 10];
  const { own, clock } = start(...delays.map((ms) => [String(ms), ms] as const));
  own.pending();
  for (let now = 1; now <= 1200; now++) {
    clock.advance(1);
    assert.equal(own.task.isWoken, delays.includes(now), `at ${now}`);
    if (own.task.isWoken) assert.deepEqual(own.take(), [String(now)]);
  }
  own.wokenAt(long);
  assert.deepEqual(own.take(), [String(long), END]);
});

test('DelayQueue: what is inserted for the past comes at once', () => {
  const own = new Queue(1000);
  own.queue.insertAt('foo', 100);
  assert.deepEqual(own.take(), ['foo', END]);
  own.queue.insertAt('later', 1200);
  own.pending();
  own.clock.advance(80);
  assert.equal(own.task.isWoken, false);
  own.queue.insertAt('past', 1040);
  assert.ok(own.task.isWoken);
  assert.deepEqual(own.take(), ['past']);
});

test('DelayQueue.insert: before the first one wakes who waits sooner', () => {
  const { own, queue } = start(['one', 200]);
  own.pending();
  queue.insert('two', 100);
  own.wokenAt(100);
  assert.deepEqual(own.take(), ['two']);
});

test('DelayQueue.insert: the last inserted may be the first to come', () => {
  const { own, queue } = start(['foo', 10_000]);
  own.pending();
  queue.insert('bar', 600);
  own.pending();
  own.wokenAt(600);
  assert.deepEqual(own.take(), ['bar']);
  own.wokenAt(10_000);
});

test('DelayQueue.insert: between two polls of what is due', () => {
  const { own, queue } = start(['1', 100], ['2', 100], ['3', 100]);
  own.pending();
  own.wokenAt(100);
  const names: Name[] = [];
  for (let i = 0; i < 3; i++) {
    names.push(...own.take(1));
    queue.insertAt('foo', 500);
  }
  assert.deepEqual(names, ['1', '2', '3']);
  own.pending();
  own.wokenAt(500);
  assert.deepEqual(own.take(), ['foo', 'foo', 'foo', END]);
});

test('DelayQueue: goes on beyond the span of the wheel', () => {
  const own = new Queue();
  for (let i = 0; i < 2; i++) {
    own.clock.advance(2 ** 39);
    own.queue.insert(`${i}`, 0);
    assert.deepEqual(own.take(), [`${i}`, END]);
  }
  own.queue.insert('last', 1);
  own.pending();
  own.clock.advance(1);
  assert.deepEqual(own.take(), ['last', END]);
});

test('DelayQueue.remove: takes an item out, due or not, and once', () => {
  const { own, queue, clock, keys } = start(['foo', 5], ['bar', 1]);
  own.pending();
  assert.equal(queue.remove(keys[0]!), 'foo');
  assert.throws(() => queue.remove(keys[0]!), { code: 'ERR_DELAY_ITEM' });
  clock.advance(10);
  assert.equal(queue.remove(keys[1]!), 'bar');
  assert.deepEqual(own.take(), [END]);
});

test('DelayQueue.remove: of an item on the threshold of a level, while another is due', () => {
  const { own, queue, clock, keys } = start(['foo', 256], ['bar', 256]);
  clock.advance(280);
  assert.deepEqual(own.take(1), ['foo']);
  assert.equal(queue.remove(keys[1]!), 'bar');
  assert.equal(queue.length, 0);
});

test('DelayQueue.remove: of the last item ends the queue for who waits', () => {
  const { own, queue, keys } = start(['foo', 1000]);
  own.pending();
  queue.remove(keys[0]!);
  assert.ok(own.task.isWoken);
  assert.deepEqual(own.take(), [END]);
  assert.equal(own.clock.executor.timers.size, 0);
});

test('DelayQueue.tryRemove: says whether the item was there', () => {
  const { queue, clock, keys, own } = start(['foo', 5], ['bar', 6]);
  const other = start(['foo', 5]);
  assert.equal(queue.tryRemove(other.keys[0]!), false);
  assert.equal(queue.has(keys[0]!), true);
  assert.equal(queue.tryRemove(keys[0]!), true);
  assert.equal(queue.tryRemove(keys[0]!), false);
  clock.advance(6);
  assert.deepEqual(own.take(1), ['bar']);
  assert.equal(queue.tryRemove(keys[1]!), false);
});

test('DelayQueue.clear: takes all out and ends the queue for who waits', () => {
  const { own, queue, keys } = start(['foo', 1000], ['bar', 2000]);
  own.pending();
  queue.clear();
  assert.ok(own.task.isWoken);
  assert.equal(queue.length, 0);
  assert.equal(queue.tryRemove(keys[0]!), false);
  assert.deepEqual(own.take(), [END]);
  queue.insert('new', 5);
  own.pending();
  own.wokenAt(own.clock.now + 5);
});

test('DelayQueue: takes so many items and no more', () => {
  const own = new Queue(0, { limit: 2 });
  own.queue.insert('1', 5);
  const second = own.queue.insert('2', 5);
  assert.throws(() => own.queue.insert('3', 5), { code: 'ERR_TIMER_LIMIT' });
  own.queue.remove(second);
  own.queue.insert('3', 5);
  assert.equal(own.queue.length, 2);
  for (const ms of [-1, Number.NaN, Infinity]) {
    assert.throws(() => own.queue.insert('4', ms), { code: 'ERR_OPTION_RANGE' });
    assert.throws(() => own.queue.insertAt('4', ms), { code: 'ERR_OPTION_RANGE' });
  }
});

test('DelayQueue: as a stream, by next, and given up without losing anything', () => {
  const host = new VirtualHost();
  const executor = host.executor();
  const seen = host.run(function* () {
    const queue = new DelayQueue<string>();
    const names: string[] = [];
    for (const [name, ms] of [
      ['b', 20],
      ['a', 10],
      ['c', 30],
    ] as const) {
      queue.insert(name, ms);
    }
    for (let item; (item = yield* queue.next()) !== END;) {
      assert.equal(executor.now(), item.deadline);
      names.push(item.value);
    }
    return names.join('');
  });
  assert.equal(seen, 'abc');
  const { own, clock } = start(['foo', 5]);
  own.pending();
  assert.ok(own.task.cancel());
  assert.equal(clock.executor.timers.size, 0);
  clock.advance(10);
  assert.deepEqual(own.take(), ['foo', END]);
});

test('delay queue: a next() that is given up is not waited for any more, and loses nothing', () => {
  const { queue, clock } = start(['a', 10]);
  const next = new TestTask(queue.next());
  assertPending(next);
  assert.equal(clock.executor.timers.held, 1);
  next.cancel();
  assert.equal(clock.executor.timers.held, 0);
  clock.advance(10);
  const item = new TestTask(queue.next()).poll();
  assert.equal((item as Delayed<string>).value, 'a');
});
