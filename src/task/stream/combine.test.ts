import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PENDING } from '../future/index.ts';
import { END, produce, toStream } from './index.ts';
import { collect, follow, giveUp, Manual, Script } from './stream.test.helper.ts';

const quiet = <T>(script: Script<T>): Script<T> => {
  script.wakesItself = false;
  return script;
};

test('merge: takes turns between streams that have items ready', () => {
  const merged = toStream([1, 2, 3]).merge([10, 20], ['a']);
  assert.deepEqual(collect(merged), [1, 10, 'a', 2, 20, 3]);
});

test('merge: polls only the streams that were woken', () => {
  const sources = Array.from({ length: 50 }, () => quiet(new Script<number>([PENDING])));
  const task = follow(sources[0]!.merge(...sources.slice(1)));
  task.poll();
  const polls = (): number => sources.reduce((sum, source) => sum + source.polls, 0);
  assert.equal(polls(), 50);
  sources[20]!.push(7);
  sources[20]!.wake();
  assert.ok(task.isWoken);
  assert.equal(task.poll(), 7);
  assert.equal(polls(), 51);
});

test('merge: one that ended leaves the others; the last one ends it', () => {
  const slow = quiet(new Script([PENDING, 2]));
  const task = follow(toStream([1]).merge(slow));
  assert.equal(task.poll(), 1);
  assert.equal(task.poll(), PENDING);
  slow.wake();
  assert.equal(task.poll(), 2);
  assert.equal(task.poll(), END);
});

test('merge: an error gives up the others', () => {
  const other = quiet(new Script([PENDING, 2], 1));
  const task = follow(new Script<number>([1, new Error('broken')]).merge(other));
  assert.equal(task.poll(), 1);
  assert.equal(task.poll(), PENDING);
  assert.throws(() => task.poll(), /broken/);
  assert.ok(other.isOver);
});

test('merge: a stream that is always ready starves none', () => {
  const endless = produce<string>(function* (emit) {
    for (;;) yield* emit('endless');
  });
  const task = follow(endless.merge(toStream([1, 2, 3])));
  const first = Array.from({ length: 6 }, () => task.poll());
  assert.deepEqual(first, ['endless', 1, 'endless', 2, 'endless', 3]);
  giveUp(task);
});

test('chain: one stream after the other', () => {
  const second = new Script([3]);
  const task = follow(toStream([1, 2]).chain([], second));
  assert.equal(task.poll(), 1);
  assert.equal(task.poll(), 2);
  assert.equal(second.polls, 0);
  assert.equal(task.poll(), 3);
  assert.equal(task.poll(), END);
});

test('chain: given up, gives up those that were not reached, too', () => {
  const second = new Script([3]);
  const task = follow(toStream([1, 2]).chain(second));
  task.poll();
  giveUp(task);
  assert.ok(second.isOver);
});

test('zip: one of each, until the first ends; then the others are given up', () => {
  const long = new Script([1, PENDING, 2, 3, 4]);
  assert.deepEqual(collect(long.zip(['a', 'b'], [true, false, true])), [
    [1, 'a', true],
    [2, 'b', false],
  ]);
  assert.ok(long.isOver);
});

test('zip: keeps the item of the one that was faster', () => {
  const slow = quiet(new Script([PENDING, 'a']));
  const fast = new Script([1, 2]);
  const task = follow(fast.zip(slow));
  assert.equal(task.poll(), PENDING);
  assert.equal(fast.taken, 1);
  slow.wake();
  assert.deepEqual(task.poll(), [1, 'a']);
  assert.equal(fast.taken, 1);
});

test('flatten: one after the other, asking for the next when one has ended', () => {
  const source = new Script([[1, 2], [], [3]]);
  const task = follow(source.flatten());
  assert.equal(task.poll(), 1);
  assert.equal(source.taken, 1);
  assert.deepEqual([task.poll(), task.poll(), task.poll()], [2, 3, END]);
});

test('flatten: with a limit, as many are open at once and no more', () => {
  const inner = Array.from({ length: 4 }, () => quiet(new Script<number>([PENDING])));
  const source = new Script(inner);
  const task = follow(source.flatten(2));
  assert.equal(task.poll(), PENDING);
  assert.equal(source.taken, 2);
  inner[1]!.push(1);
  inner[1]!.wake();
  assert.equal(task.poll(), 1);
  assert.equal(task.poll(), PENDING);
  assert.equal(source.taken, 3);
  giveUp(task);
  assert.ok(inner[0]!.isOver && inner[2]!.isOver);
});

test('flatten: takes budget for streams that are empty', () => {
  const source = new Script(Array.from({ length: 100 }, () => new Script<number>([])));
  const task = follow(source.flatten());
  task.budget = 10;
  assert.equal(task.poll(), PENDING);
  assert.ok(task.isWoken);
  assert.ok(source.taken <= 11);
  task.budget = 1000;
  assert.equal(task.poll(), END);
});

test('flatMap: whatever has items', () => {
  const letters = toStream(['ab', 'c']).flatMap((word) => word);
  assert.deepEqual(collect(letters), ['a', 'b', 'c']);
  const task = follow(toStream([1]).flatMap(() => 5 as unknown as number[]));
  assert.throws(() => task.poll(), { code: 'ERR_STREAM_KIND' });
});

test('takeUntil: ends when the future does, and gives the source up', () => {
  const stop = new Manual<void>();
  const source = quiet(new Script([1, PENDING, 2], 1));
  const task = follow(source.takeUntil(stop));
  assert.equal(task.poll(), 1);
  assert.equal(task.poll(), PENDING);
  stop.resolve(undefined);
  assert.ok(task.isWoken);
  assert.equal(task.poll(), PENDING);
  assert.equal(task.poll(), END);
  assert.ok(source.isOver);
  assert.equal(task.wakers, 0);
});

test('takeUntil: of a source that ends gives the future up', () => {
  const stop = new Manual<void>();
  assert.deepEqual(collect(new Script([1, 2]).takeUntil(stop)), [1, 2]);
  assert.equal(stop.cancels, 1);
});

test('takeUntil: what the future throws ends it, too', () => {
  const stop = new Manual<void>();
  const source = new Script([1, PENDING]);
  const task = follow(source.takeUntil(stop));
  task.poll();
  stop.reject(new Error('stop'));
  assert.throws(() => task.poll(), /stop/);
  assert.ok(source.isOver);
});
