import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PENDING, ready, type Coroutine } from '../future/index.ts';
import { END, toStream, type BaseStream } from './index.ts';
import { collect, follow, giveUp, Manual, Script } from './stream.test.helper.ts';

type Apply = <T>(source: BaseStream<Manual<T>, Error>, limit: number) => BaseStream<T>;

const manuals = (count: number): Manual<number>[] =>
  Array.from({ length: count }, () => new Manual<number>());

const polls = (children: readonly Manual<unknown>[]): number =>
  children.reduce((sum, child) => sum + child.polls, 0);

for (const [name, apply] of Object.entries<Apply>({
  buffered: (source, limit) => source.buffered(limit),
  bufferedUnordered: (source, limit) => source.bufferedUnordered(limit),
})) {
  describe(name, () => both(apply));
}

function both(apply: Apply): void {
  test('takes no more of the source than the limit', () => {
    const children = manuals(10);
    const source = new Script(children);
    const task = follow(apply(source, 3));
    assert.equal(task.poll(), PENDING);
    assert.equal(source.taken, 3);
    children[0]!.resolve(0);
    assert.equal(task.poll(), 0);
    assert.equal(task.poll(), PENDING);
    assert.equal(source.taken, 4);
  });

  test('polls only the children that were woken', () => {
    const children = manuals(100);
    const task = follow(apply(new Script(children), 100));
    task.poll();
    assert.equal(polls(children), 100);
    children[0]!.resolve(0);
    assert.equal(task.poll(), 0);
    assert.equal(task.poll(), PENDING);
    assert.equal(polls(children), 101);
  });

  test('the first error gives up the others, waits for them, and the source', () => {
    const children = manuals(3);
    children[1]!.cancelPolls = 2;
    const source = new Script([...children, PENDING], 1);
    const task = follow(apply(source, 5));
    task.poll();
    children[0]!.reject(new Error('broken'));
    assert.equal(task.poll(), PENDING);
    assert.ok(task.isWoken);
    assert.equal(task.poll(), PENDING);
    assert.throws(() => task.poll(), /^Error: broken$/);
    assert.deepEqual(
      children.map((child) => child.cancels),
      [0, 3, 1],
    );
    assert.ok(source.isOver);
    assert.equal(task.wakers, 0);
    assert.equal(task.poll(), END);
  });

  test('given up, gives up what is under way', () => {
    const children = manuals(3);
    const task = follow(apply(new Script(children), 2));
    task.poll();
    giveUp(task);
    assert.deepEqual(
      children.map((child) => child.cancels),
      [1, 1, 0],
    );
  });

  test('what is no future ends it', () => {
    const task = follow(apply(new Script([3 as unknown as Manual<number>]), 2));
    assert.throws(() => task.poll(), { code: 'ERR_TASK_KIND' });
  });
}

test('buffered: gives the values in the order of the source', () => {
  const children = manuals(3);
  const task = follow(new Script(children).buffered(3));
  task.poll();
  children[2]!.resolve(2);
  children[1]!.resolve(1);
  assert.equal(task.poll(), PENDING);
  children[0]!.resolve(0);
  assert.deepEqual([task.poll(), task.poll(), task.poll(), task.poll()], [0, 1, 2, END]);
});

test('buffered: values that wait for their turn count for the limit', () => {
  const children = manuals(5);
  const source = new Script(children);
  const task = follow(source.buffered(2));
  task.poll();
  children[1]!.resolve(1);
  assert.equal(task.poll(), PENDING);
  assert.equal(source.taken, 2);
});

test('buffered: an error comes when it is its turn, the ones behind it are given up', () => {
  const children = manuals(3);
  const task = follow(new Script(children).buffered(3));
  task.poll();
  children[1]!.reject(new Error('broken'));
  assert.equal(task.poll(), PENDING);
  children[0]!.resolve(0);
  assert.equal(task.poll(), 0);
  assert.throws(() => task.poll(), /broken/);
  assert.equal(children[2]!.cancels, 1);
});

test('buffered: an error of the source comes after the values before it', () => {
  const children = manuals(2);
  const task = follow(new Script([...children, new Error('source')]).buffered(5));
  task.poll();
  children[0]!.resolve(0);
  assert.equal(task.poll(), 0);
  children[1]!.resolve(1);
  assert.equal(task.poll(), 1);
  assert.throws(() => task.poll(), /source/);
});

test('bufferedUnordered: gives the values as they come', () => {
  const children = manuals(3);
  const task = follow(new Script(children).bufferedUnordered(3));
  task.poll();
  children[2]!.resolve(2);
  assert.equal(task.poll(), 2);
  children[0]!.resolve(0);
  assert.equal(task.poll(), 0);
  children[1]!.resolve(1);
  assert.equal(task.poll(), 1);
  assert.equal(task.poll(), END);
  assert.equal(task.wakers, 0);
});

test('bufferedUnordered: an error of the source gives up what is under way', () => {
  const children = manuals(2);
  const task = follow(new Script([...children, PENDING, new Error('source')]).bufferedUnordered(5));
  assert.equal(task.poll(), PENDING);
  assert.throws(() => task.poll(), /source/);
  assert.deepEqual(
    children.map((child) => child.cancels),
    [1, 1],
  );
});

test('buffered: takes coroutines and futures', () => {
  function* double(item: number): Coroutine<number, never> {
    return (yield* ready(item)) * 2;
  }
  assert.deepEqual(collect(toStream([1, 2, 3]).map(double).buffered(2)), [2, 4, 6]);
});
