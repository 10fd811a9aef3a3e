import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PENDING } from '../future/index.ts';
import { rounds, until, useEventLoop } from './async.test.helper.ts';
import { pollStream, produce, toStream } from './index.ts';
import { Script } from './stream.test.helper.ts';

const executor = useEventLoop();

const quiet = (): Script<number> => {
  const script = new Script<number>([1, PENDING]);
  script.wakesItself = false;
  script.lasts = true;
  return script;
};

describe('for await', () => {
  test('gives the items in their order', async () => {
    const seen: number[] = [];
    for await (const item of new Script([1, PENDING, 2, 3])) seen.push(item);
    assert.deepEqual(seen, [1, 2, 3]);
  });

  test('asks for no item before the loop does', async () => {
    const source = new Script([1, 2, 3]);
    for await (const item of source) {
      await rounds();
      assert.equal(source.taken, item);
    }
  });

  test('left early, gives the stream up and waits for that', async () => {
    const source = new Script([1, 2, 3], 3);
    for await (const item of source) if (item === 2) break;
    assert.ok(source.isOver);
    assert.equal(source.taken, 2);
  });

  test('throws what the stream throws', async () => {
    const source = new Script<number>([1, new Error('broken')]);
    await assert.rejects(async () => {
      for await (const _item of source);
    }, /broken/);
  });

  test('leaves no task behind', async () => {
    for await (const item of toStream([1, 2, 3])) if (item === 2) break;
    await rounds();
    assert.equal(executor.living, 0);
  });
});

describe('the async iterator', () => {
  test('answers calls that do not wait for each other one after the other', async () => {
    const source = new Script([PENDING, 1, PENDING, 2]);
    const iterator = source[Symbol.asyncIterator]();
    const steps = await Promise.all([iterator.next(), iterator.next(), iterator.next()]);
    assert.deepEqual(
      steps.map((step) => step.value),
      [1, 2, undefined],
    );
    assert.deepEqual(await iterator.next(), { done: true, value: undefined });
  });

  test('after an error, calls that waited get the end', async () => {
    const iterator = new Script<number>([PENDING, new Error('broken')])[Symbol.asyncIterator]();
    const [first, second] = await Promise.allSettled([iterator.next(), iterator.next()]);
    assert.equal(first.status, 'rejected');
    assert.deepEqual(second, { status: 'fulfilled', value: { done: true, value: undefined } });
  });

  test('return ends a next that waits', async () => {
    const source = quiet();
    const iterator = source[Symbol.asyncIterator]();
    await iterator.next();
    const waiting = iterator.next();
    await until(() => source.isWaitedFor);
    assert.deepEqual(await iterator.return!(), { done: true, value: undefined });
    assert.deepEqual(await waiting, { done: true, value: undefined });
    assert.ok(source.isOver);
    assert.equal(executor.living, 0);
  });

  test('return before the first next gives the stream up', async () => {
    const source = quiet();
    await source[Symbol.asyncIterator]().return!();
    assert.ok(source.isOver);
    assert.equal(source.polls, 0);
  });

  test('return throws what giving up throws, once', async () => {
    const stream = produce<number>(function* (emit) {
      try {
        yield* emit(1);
      } finally {
        // oxlint-disable-next-line no-unsafe-finally -- What is tested.
        throw new Error('finally');
      }
    });
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    await assert.rejects(async () => iterator.return!(), /finally/);
  });
});

test('await using: gives the stream up', async () => {
  const source = quiet();
  {
    await using stream = source;
    await stream.next();
  }
  assert.ok(source.isOver);
});

test('for await over a stream that is always ready lets timers have their turn', async () => {
  let hasFired = false;
  setTimeout(() => (hasFired = true), 1);
  for await (const _item of pollStream(() => 1)) if (hasFired) break;
  assert.ok(hasFired);
});

test('for await over a stream that gives nothing for long has a budget', async () => {
  let looks = 0;
  let hasFired = false;
  setTimeout(() => (hasFired = true), 1);
  const stream = pollStream(() => looks++).filter(() => hasFired);
  for await (const _item of stream) break;
  assert.ok(looks > 128);
});

test('for await: an item that is there needs no task', async () => {
  const before = executor.living;
  const iterator = toStream([1])[Symbol.asyncIterator]();
  const next = iterator.next();
  assert.equal(executor.living, before);
  assert.deepEqual(await next, { done: false, value: 1 });
});
