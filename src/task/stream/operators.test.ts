import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { PENDING, pollFn, ready } from '../future/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { END, pollStream, toStream, type BaseStream } from './index.ts';
import { collect, finish, follow, giveUp, Script, stopTime, timers } from './stream.test.helper.ts';

type Combinator = (source: BaseStream<number, Error>) => BaseStream<unknown>;

/** The first of two branches, after the second was given up. */
function alone<T, E>([kept, other]: [BaseStream<T, E>, BaseStream<T, E>]): BaseStream<T, E> {
  giveUp(follow(other));
  return kept;
}

/** Combinators as they give all of what [1, 2, 3] has, one for one, or are given up with it. */
const COMBINATORS: Readonly<Record<string, Combinator>> = {
  map: (source) => source.map((item) => item),
  filter: (source) => source.filter(() => true),
  filterMap: (source) => source.filterMap((item) => item),
  inspect: (source) => source.inspect(() => undefined),
  enumerate: (source) => source.enumerate(),
  scan: (source) => source.scan(0, (sum, item) => sum + item),
  dedupe: (source) => source.dedupe(),
  take: (source) => source.take(1000),
  skip: (source) => source.skip(0),
  takeWhile: (source) => source.takeWhile(() => true),
  skipWhile: (source) => source.skipWhile(() => false),
  takeUntil: (source) => source.takeUntil(pollFn(() => PENDING)),
  chunks: (source) => source.chunks(1),
  chunksTimeout: (source) => source.chunksTimeout(1, 1000),
  buffered: (source) => source.map(ready).buffered(1),
  bufferedUnordered: (source) => source.map(ready).bufferedUnordered(1),
  merge: (source) => source.merge([]),
  chain: (source) => source.chain([]),
  zip: (source) => source.zip([1, 2, 3, 4, 5, 6, 7]),
  flatten: (source) => source.map((item) => [item]).flatten(),
  flatMap: (source) => source.flatMap((item) => [item]),
  timeout: (source) => source.timeout(1000),
  tee: (source) => alone(source.tee()),
  split: (source) => alone(source.split(() => true)),
};

stopTime();
afterEach(() => assert.equal(timers(), 0));

for (const [name, apply] of Object.entries(COMBINATORS)) {
  describe(name, () => {
    behaves(apply);
    ends(apply);
  });
}

function behaves(apply: Combinator): void {
  test('does nothing before it is asked', () => {
    const source = new Script([1]);
    apply(source);
    assert.equal(source.polls, 0);
  });

  test('of an empty source is empty, and stays so', () => {
    const source = new Script<number>([]);
    const task = follow(apply(source));
    assert.equal(task.poll(), END);
    assert.equal(task.poll(), END);
    assert.ok(source.isOver);
    assert.ok(task.cancel());
  });

  test('gives an item for each of the source, over pending polls', () => {
    const source = new Script([PENDING, 1, PENDING, PENDING, 2, 3, PENDING]);
    assert.equal(collect(apply(source)).length, 3);
    assert.equal(source.cancels, 0);
  });

  test('is pending with the source, and woken by it', () => {
    const source = new Script([PENDING, 1]);
    source.wakesItself = false;
    const task = follow(apply(source));
    assert.equal(task.poll(), PENDING);
    assert.ok(source.isWaitedFor && !task.isWoken);
    source.wake();
    assert.ok(task.isWoken);
    assert.notEqual(task.poll(), PENDING);
  });

  test('gives to the next one who asks what was begun for one who stopped waiting', () => {
    const source = new Script([PENDING, 1]);
    source.wakesItself = false;
    const stream = apply(source);
    const gone = follow(stream);
    assert.equal(gone.poll(), PENDING);
    source.wake();
    const next = follow(stream);
    assert.notEqual(next.poll(), PENDING);
    assert.equal(next.poll(), END);
  });
}

function ends(apply: Combinator): void {
  test('throws what the source throws, once, and is over', () => {
    const source = new Script<number>([1, new Error('broken')]);
    const task = follow(apply(source));
    assert.notEqual(task.poll(), PENDING);
    assert.throws(() => task.poll(), /^Error: broken$/);
    assert.equal(task.poll(), END);
    assert.ok(task.cancel());
    assert.equal(source.cancels, 0);
  });

  test('given up in the middle, gives the source up and waits for it', () => {
    const source = new Script([1, PENDING, 2], 2);
    source.wakesItself = false;
    const task = follow(apply(source));
    task.poll();
    task.poll();
    assert.equal(giveUp(task), 2);
    assert.equal(source.cancels, 3);
    assert.equal(task.poll(), END);
    assert.ok(task.cancel());
    assert.equal(source.cancels, 3);
  });

  test('given up before the first poll, gives the source up', () => {
    const source = new Script([1]);
    giveUp(follow(apply(source)));
    assert.ok(source.isOver);
    assert.equal(source.polls, 0);
  });
}

/** Combinators with a function that throws at the second item. */
const fails = (item: number): never => {
  throw new Error(`function at ${item}`);
};
const FUNCTIONS: Readonly<Record<string, Combinator>> = {
  map: (source) => source.map(fails),
  filter: (source) => source.filter(fails),
  filterMap: (source) => source.filterMap(fails),
  inspect: (source) => source.inspect(fails),
  scan: (source) => source.scan(0, (_sum, item) => fails(item)),
  takeWhile: (source) => source.takeWhile(fails),
  skipWhile: (source) => source.skipWhile(fails),
  flatMap: (source) => source.flatMap(fails),
  split: (source) => alone(source.split(fails)),
  buffered: (source) =>
    source.map((item) => pollFn(() => (item === 1 ? fails(item) : PENDING))).buffered(2),
  bufferedUnordered: (source) =>
    source.map((item) => pollFn(() => fails(item))).bufferedUnordered(2),
  takeUntil: (source) => source.takeUntil(pollFn(() => fails(1))),
};

describe('a function that throws', () => {
  for (const [name, apply] of Object.entries(FUNCTIONS)) {
    test(`ends ${name}, when the source has been given up`, () => {
      const source = new Script([1, 2, 3], 2);
      const task = follow(apply(source));
      assert.equal(task.poll(), PENDING);
      assert.ok(task.isWoken);
      assert.equal(task.poll(), PENDING);
      assert.throws(() => task.poll(), /^Error: function at 1$/);
      assert.ok(source.isOver);
      assert.equal(task.poll(), END);
    });
  }

  test('ends buffered with the errors that had to wait for their turn, too', () => {
    const stream = toStream([1, 2, 3]).map((item) => pollFn(() => fails(item)));
    assert.throws(
      () => finish(stream.buffered(2).collect()),
      (error: AggregateError) =>
        error.errors.map(String).join() === 'Error: function at 1,Error: function at 2',
    );
  });

  test('an error that waits behind a chunk is thrown when the stream is given up', () => {
    let next = 0;
    const stream = pollStream<number>(() => {
      next += 1;
      if (next === 3) throw new Error('source');
      return next;
    }).chunks(10);
    const task = new TestTask(stream.next());
    assert.deepEqual(task.poll(), [1, 2]);
    assert.throws(() => new TestTask(stream.giveUp()).poll(), /^Error: source$/);
  });

  test('and a source that cannot be given up: both errors', () => {
    const stream = toStream({
      pollNext: () => 1,
      cancel: () => {
        throw new Error('stuck');
      },
    }).map(fails);
    assert.throws(
      () => finish(stream.collect()),
      (error: AggregateError) =>
        error.errors.map(String).join() === 'Error: function at 1,Error: stuck',
    );
  });
});
