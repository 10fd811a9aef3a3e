import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PENDING } from '../future/index.ts';
import { END } from '../stream/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { Delayed, DelayQueue } from './index.ts';
import { assertPending, Clock } from './time.test.helper.ts';

/** A queue of names at 1000 ms, polled by hand. */
class Queue {
  readonly clock = new Clock(1000);
  readonly queue = this.clock.host.enter(() => new DelayQueue<string>());
  readonly task = new TestTask(this.queue.next());

  /** The names that come until it waits or ends. */
  take(): string {
    let names = '';
    for (;;) {
      const item = this.task.poll();
      if (item === PENDING) return names;
      names += item instanceof Delayed ? `${item.value} ` : 'END';
      if (item === END) return names;
    }
  }

  pending(): void {
    assertPending(this.task);
    assert.equal(this.task.isWoken, false);
  }

  woken(expected: boolean): void {
    assert.equal(this.task.isWoken, expected);
  }
}

test('DelayQueue.reset: to later, while somebody waits', () => {
  const own = new Queue();
  const key = own.queue.insert('foo', 5);
  own.pending();
  own.clock.advance(1);
  own.queue.resetAt(key, 1010);
  assert.equal(key.deadline, 1010);
  own.pending();
  own.clock.advanceTo(1009);
  own.woken(false);
  own.clock.advance(1);
  own.woken(true);
  assert.equal(own.take(), 'foo END');
});

test('DelayQueue.reset: to the past wakes who waits', () => {
  const own = new Queue();
  const key = own.queue.insert('foo', 10_000);
  own.pending();
  own.queue.resetAt(key, 900);
  own.woken(true);
  assert.equal(own.take(), 'foo END');
});

test('DelayQueue.reset: much earlier than it was, once or twice', () => {
  for (const deadlines of [[1010], [1050, 1040]]) {
    const own = new Queue();
    own.clock.advance(1);
    const key = own.queue.insertAt('foo', 1200);
    own.pending();
    own.clock.advance(3);
    for (const deadline of deadlines) own.queue.resetAt(key, deadline);
    own.clock.advanceTo(deadlines.at(-1)! - 1);
    own.woken(false);
    own.clock.advance(1);
    own.woken(true);
    assert.equal(own.take(), 'foo END');
  }
});

test('DelayQueue.reset: of an item that was due when it was inserted', () => {
  for (const deadlines of [[1100], [1100, 1050]]) {
    const own = new Queue();
    const key = own.queue.insertAt('foo', 900);
    for (const deadline of deadlines) own.queue.resetAt(key, deadline);
    assert.equal(own.queue.length, 1);
    own.pending();
    own.clock.advanceTo(deadlines.at(-1)!);
    own.woken(true);
    assert.equal(own.take(), 'foo END');
    assert.equal(own.queue.length, 0);
  }
});

test('DelayQueue.reset: of two items, one of them twice', () => {
  const own = new Queue();
  const one = own.queue.insertAt('one', 1200);
  const two = own.queue.insertAt('two', 1250);
  own.pending();
  own.queue.resetAt(one, 1300);
  own.queue.resetAt(two, 1350);
  own.queue.resetAt(one, 1400);
  own.clock.advanceTo(1310);
  assert.equal(own.take(), '');
  own.clock.advanceTo(1360);
  assert.equal(own.take(), 'two ');
  own.clock.advanceTo(1410);
  assert.equal(own.take(), 'one END');
});

test('DelayQueue.reset: of the first or the second item to before all', () => {
  for (const name of ['one', 'two']) {
    const own = new Queue();
    const keys = [own.queue.insertAt('one', 1200), own.queue.insertAt('two', 1250)];
    own.pending();
    own.queue.resetAt(keys[name === 'one' ? 0 : 1]!, 1100);
    own.clock.advanceTo(1100);
    own.woken(true);
    assert.equal(own.take(), `${name} `);
  }
});

test('DelayQueue.reset: of the first item to behind the second', () => {
  const own = new Queue();
  const one = own.queue.insertAt('one', 1200);
  own.queue.insertAt('two', 1250);
  own.pending();
  own.queue.resetAt(one, 1300);
  own.clock.advanceTo(1250);
  own.woken(true);
  assert.equal(own.take(), 'two ');
});

test('DelayQueue.reset: into a slot that has begun, from earlier or later', () => {
  for (const before of [1100, 1200]) {
    const own = new Queue();
    const key = own.queue.insertAt('foo', before);
    own.pending();
    own.clock.advanceTo(1080);
    own.woken(false);
    own.queue.resetAt(key, 1120);
    assertPending(own.task);
    own.clock.advanceTo(1119);
    own.woken(false);
    own.clock.advanceTo(1120);
    own.woken(true);
    assert.equal(own.take(), 'foo END');
  }
});

test('DelayQueue.reset: of an item that is not there is refused', () => {
  const own = new Queue();
  const key = own.queue.insert('foo', 5);
  own.queue.remove(key);
  assert.throws(() => own.queue.reset(key, 5), { code: 'ERR_DELAY_ITEM' });
  assert.throws(() => own.queue.reset(key, -5), { code: 'ERR_OPTION_RANGE' });
});

test('DelayQueue.compact: gives memory back when nothing is left', () => {
  const own = new Queue();
  const keys = ['foo1', 'foo2'].map((name) => own.queue.insert(name, 10));
  own.clock.advance(10);
  assert.equal(own.take(), 'foo1 foo2 END');
  own.queue.compact();
  assert.equal(own.queue.length, 0);
  assert.equal(own.queue.capacity, 0);
  assert.equal(own.queue.tryRemove(keys[0]!), false);
  const more = ['foo3', 'foo4'].map((name) => own.queue.insert(name, 10));
  for (const key of more) own.queue.remove(key);
  own.queue.compact();
  assert.equal(own.queue.capacity, 0);
});

test('DelayQueue.compact: items keep their keys', () => {
  const own = new Queue();
  for (const name of ['foo1', 'foo2']) own.queue.insert(name, 10);
  const [key3, key4] = ['foo3', 'foo4'].map((name) => own.queue.insert(name, 20));
  own.clock.advance(10);
  assert.equal(own.take(), 'foo1 foo2 ');
  own.queue.compact();
  own.queue.insert('foo5', 10);
  assert.equal(own.queue.remove(key3!), 'foo3');
  assert.equal(own.queue.remove(key4!), 'foo4');
  assert.throws(() => own.queue.remove(key3!), { code: 'ERR_DELAY_ITEM' });
  own.queue.compact();
  assert.equal(own.queue.length, 1);
  assert.equal(own.queue.capacity, 1);
});

test('DelayQueue.compact: items keep their times, and who waits is woken', () => {
  const own = new Queue();
  for (const name of ['foo1', 'foo2']) own.queue.insert(name, 10);
  const [, key4] = ['foo3', 'foo4'].map((name) => own.queue.insert(name, 20));
  own.clock.advance(10);
  assert.equal(own.take(), 'foo1 foo2 ');
  own.queue.compact();
  const [, key6] = ['foo5', 'foo6'].map((name) => own.queue.insert(name, 10));
  own.queue.reset(key4!, 20);
  own.queue.reset(key6!, 20);
  own.queue.compact();
  own.clock.advance(10);
  own.woken(true);
  assert.equal(own.take(), 'foo3 foo5 ');
  own.clock.advance(10);
  own.woken(true);
  assert.equal(own.take(), 'foo4 foo6 END');
});

test('DelayQueue.compact: what had come out is not in the queue afterwards', () => {
  const own = new Queue();
  const foo = own.queue.insert('foo', 10);
  own.queue.insert('bar', 20);
  own.clock.advance(10);
  assert.equal(own.take(), 'foo ');
  own.queue.compact();
  assert.throws(() => own.queue.remove(foo), { code: 'ERR_DELAY_ITEM' });
});

test('DelayQueue.peek: is what comes next', () => {
  const own = new Queue();
  const foo = own.queue.insert('foo', 5);
  const bar = own.queue.insert('bar', 0);
  const baz = own.queue.insert('baz', 10_000);
  assert.equal(own.queue.peek(), bar);
  own.clock.advance(6);
  assert.equal(own.queue.peek(), bar);
  assert.equal(own.task.poll(), bar);
  assert.equal(own.queue.peek(), foo);
  assert.equal(own.task.poll(), foo);
  assert.equal(own.queue.peek(), baz);
  own.pending();
  own.clock.advance(20_000);
  assert.equal(own.queue.peek(), baz);
  assert.equal(own.task.poll(), baz);
  assert.equal(own.queue.peek(), undefined);
});
