import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from '../combine/index.ts';
import { PENDING, yieldNow, type Coroutine } from '../future/index.ts';
import { END, produce, type BaseStream } from './index.ts';
import { collect, follow, giveUp, Manual } from './stream.test.helper.ts';

test('produce: gives what is emitted, over waits, to the end of the generator', () => {
  const stream = produce<number>(function* (emit) {
    yield* emit(1);
    yield* yieldNow();
    yield* emit(2);
    yield* emit(3);
    yield* yieldNow();
  });
  assert.deepEqual(collect(stream), [1, 2, 3]);
});

test('produce: runs only while an item is asked for', () => {
  const steps: string[] = [];
  const stream = produce<number>(function* (emit) {
    steps.push('start');
    yield* emit(1);
    steps.push('after 1');
  });
  const task = follow(stream);
  assert.deepEqual(steps, []);
  assert.equal(task.poll(), 1);
  assert.deepEqual(steps, ['start']);
  assert.ok(!task.isWoken);
  assert.equal(task.poll(), END);
  assert.deepEqual(steps, ['start', 'after 1']);
  assert.equal(task.poll(), END);
  assert.equal(task.wakers, 0);
});

test('produce: what the generator throws ends it', () => {
  const task = follow(
    produce<number>(function* (emit) {
      yield* emit(1);
      throw new Error('broken');
    }),
  );
  assert.equal(task.poll(), 1);
  assert.throws(() => task.poll(), /broken/);
  assert.equal(task.poll(), END);
});

test('produce: given up, runs finally, which may wait; what it emits is dropped', () => {
  const steps: string[] = [];
  const task = follow(
    produce<number>(function* (emit) {
      try {
        yield* emit(1);
      } finally {
        yield* yieldNow();
        yield* emit(2);
        steps.push('closed');
      }
    }),
  );
  task.poll();
  assert.equal(giveUp(task), 1);
  assert.deepEqual(steps, ['closed']);
  assert.equal(task.poll(), END);
});

test('produce: given up before it began, does not begin', () => {
  let hasBegun = false;
  const task = follow(
    produce<number>(function* (emit) {
      hasBegun = true;
      yield* emit(1);
    }),
  );
  giveUp(task);
  assert.ok(!hasBegun);
});

test('produce: given up while it waits, gives up what it waits for', () => {
  const wait = new Manual<number>();
  const task = follow(
    produce<number>(function* (emit) {
      yield* emit(yield* wait);
    }),
  );
  assert.equal(task.poll(), PENDING);
  giveUp(task);
  assert.equal(wait.cancels, 1);
});

test('produce: emits that are joined come in turns', () => {
  function* twice(emit: (item: string) => Iterable<never>, name: string): Coroutine<void> {
    yield* emit(`${name}1`);
    yield* emit(`${name}2`);
  }
  const stream: BaseStream<string> = produce<string>(function* (emit) {
    yield* join([twice(emit as never, 'a'), twice(emit as never, 'b')]);
  });
  assert.deepEqual(collect(stream), ['a1', 'b1', 'a2', 'b2']);
});

test('produce: reads another stream and gives it up', () => {
  let isClosed = false;
  const inner = produce<number>(function* (emit) {
    try {
      for (let item = 0; ; item++) yield* emit(item);
    } finally {
      isClosed = true;
    }
  });
  const task = follow(
    produce<number>(function* (emit) {
      yield* inner.forEach((item) => emit(item * 10));
    }),
  );
  assert.deepEqual([task.poll(), task.poll(), task.poll()], [0, 10, 20]);
  giveUp(task);
  assert.ok(isClosed);
});
