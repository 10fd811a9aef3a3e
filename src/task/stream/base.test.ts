import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoroutineFuture, PENDING, type Coroutine } from '../future/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { END, pollStream, toStream, type BaseStream } from './index.ts';
import { collect, finish, giveUp, Manual, Script } from './stream.test.helper.ts';

test('next: gives the items and then END, in a coroutine', () => {
  function* sum(stream: BaseStream<number, Error>): Coroutine<number, Error> {
    let total = 0;
    for (let item; (item = yield* stream.next()) !== END;) total += item;
    return total;
  }
  assert.equal(finish(new CoroutineFuture(sum(new Script([1, PENDING, 2, 3])))), 6);
});

test('next: given up, loses no item', () => {
  const source = new Script([PENDING, 1]);
  source.wakesItself = false;
  const first = new TestTask(source.next());
  assert.equal(first.poll(), PENDING);
  assert.ok(first.cancel());
  assert.equal(source.cancels, 0);
  assert.equal(new TestTask(source.next()).poll(), 1);
});

test('giveUp: gives the stream up and waits for it', () => {
  const source = new Script([1], 2);
  const task = new TestTask(source.giveUp());
  assert.equal(task.poll(), PENDING);
  assert.equal(task.poll(), PENDING);
  assert.equal(task.poll(), undefined);
  assert.ok(source.isOver);
});

test('collect, fold, reduce, count: as on arrays', () => {
  const source = (): Script<number> => new Script([1, PENDING, 2, 3]);
  assert.deepEqual(finish(source().collect()), [1, 2, 3]);
  assert.equal(finish(source().fold('', (text, item) => text + item)), '123');
  assert.equal(finish(source().reduce((a, b) => a - b)), -4);
  assert.equal(finish(new Script<number>([]).reduce((a, b) => a - b)), undefined);
  assert.equal(finish(source().count()), 3);
});

test('first, find, some, every: give the rest up when they know', () => {
  const cases: [(source: Script<number>) => unknown, unknown, number][] = [
    [(source) => finish(source.first()), 1, 1],
    [(source) => finish(source.find((item) => item === 2)), 2, 2],
    [(source) => finish(source.some((item) => item === 2)), true, 2],
    [(source) => finish(source.every((item) => item < 2)), false, 2],
  ];
  for (const [run, expected, taken] of cases) {
    const source = new Script([1, PENDING, 2, 3], 1);
    assert.equal(run(source), expected);
    assert.equal(source.taken, taken);
    assert.ok(source.isOver);
  }
});

test('first, find, some, every: of a stream that does not have it', () => {
  const source = (): Script<number> => new Script<number>([]);
  assert.equal(finish(source().first()), undefined);
  assert.equal(finish(source().find(() => true)), undefined);
  assert.equal(finish(source().some(() => true)), false);
  assert.equal(finish(source().every(() => false)), true);
});

test('terminals: take budget for each item', () => {
  const source = new Script(Array.from({ length: 100 }, (_, index) => index));
  const task = new TestTask(source.count());
  task.budget = 10;
  assert.equal(task.poll(), PENDING);
  assert.ok(task.isWoken);
  assert.equal(source.taken, 11);
  task.budget = 1000;
  assert.equal(task.poll(), 100);
});

test('terminals: given up, give the source up', () => {
  const source = new Script([1, PENDING], 2);
  source.wakesItself = false;
  const task = new TestTask(source.collect());
  task.poll();
  assert.equal(giveUp(task), 2);
  assert.ok(source.isOver);
  assert.ok(task.cancel());
});

test('terminals: a function that throws gives the source up first', () => {
  const source = new Script([1, 2], 1);
  const task = new TestTask(
    source.find(() => {
      throw new Error('test');
    }),
  );
  assert.equal(task.poll(), PENDING);
  assert.throws(() => task.poll(), /^Error: test$/);
});

test('forEach: waits for what the function gives before it asks for more', () => {
  const visits: Manual<void>[] = [];
  const source = new Script([1, 2]);
  const task = new TestTask(
    source.forEach(() => {
      const visit = new Manual<void>();
      visits.push(visit);
      return visit;
    }),
  );
  assert.equal(task.poll(), PENDING);
  assert.equal(source.taken, 1);
  visits[0]!.resolve(undefined);
  assert.ok(task.isWoken);
  assert.equal(task.poll(), PENDING);
  assert.equal(source.taken, 2);
  visits[1]!.resolve(undefined);
  assert.equal(task.poll(), undefined);
});

test('forEach: runs plain functions and coroutines', () => {
  const seen: number[] = [];
  finish(new Script([1, PENDING, 2]).forEach((item) => seen.push(item)));
  finish(
    new Script([3, 4]).forEach(function* (item) {
      seen.push((yield* toStream([item]).first()) ?? -1);
    }),
  );
  assert.deepEqual(seen, [1, 2, 3, 4]);
});

test('forEach: given up, gives up the visit and the source', () => {
  const visit = new Manual<void>();
  visit.cancelPolls = 1;
  const source = new Script([1, 2]);
  const task = new TestTask(source.forEach(() => visit));
  task.poll();
  assert.equal(giveUp(task), 1);
  assert.equal(visit.cancels, 2);
  assert.ok(source.isOver);
});

test('pollStream: from a function, and one for giving up', () => {
  let left = 2;
  assert.deepEqual(collect(pollStream(() => (left-- > 0 ? left : END))), [1, 0]);
  let cancels = 0;
  const task = new TestTask(
    pollStream(
      () => PENDING,
      () => void (cancels += 1),
    ).giveUp(),
  );
  task.poll();
  assert.equal(cancels, 1);
});
