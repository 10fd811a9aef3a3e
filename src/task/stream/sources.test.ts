import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { PENDING } from '../future/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { rounds, until, useEventLoop } from './async.test.helper.ts';
import { END, toStream, type Stream } from './index.ts';
import { collect, follow, giveUp } from './stream.test.helper.ts';

useEventLoop();

test('toStream: a stream of the library is itself', () => {
  const stream = toStream([1]);
  assert.equal(toStream(stream), stream);
});

test('toStream: a stream written by hand, with or without cancel', () => {
  let left = 3;
  const bare: Stream<number> = { pollNext: () => (left > 0 ? left-- : END) };
  assert.deepEqual(collect(toStream(bare).map((item) => item * 2)), [6, 4, 2]);
  giveUp(follow(toStream(bare)));
});

test('toStream: an iterable is asked one item at a time, one unit of budget each', () => {
  let taken = 0;
  function* endless(): Generator<number> {
    for (;;) yield taken++;
  }
  const task = follow(toStream(endless()));
  task.budget = 2;
  assert.deepEqual([task.poll(), task.poll(), task.poll()], [0, 1, PENDING]);
  assert.ok(task.isWoken);
  assert.equal(taken, 2);
});

test('toStream: a generator that is given up runs its finally', () => {
  let isClosed = false;
  function* numbers(): Generator<number> {
    try {
      yield 1;
    } finally {
      isClosed = true;
    }
  }
  const task = follow(toStream(numbers()));
  task.poll();
  giveUp(task);
  assert.ok(isClosed);
});

test('toStream: what an iterable throws ends it', () => {
  function* broken(): Generator<number> {
    yield 1;
    throw new Error('broken');
  }
  const task = follow(toStream(broken()));
  assert.equal(task.poll(), 1);
  assert.throws(() => task.poll(), /broken/);
  assert.equal(task.poll(), END);
});

test('toStream: rejects what has no items', () => {
  for (const wrong of [undefined, null, 5, {}, () => 1]) {
    assert.throws(() => toStream(wrong as number[]), {
      name: 'TypeError',
      code: 'ERR_STREAM_KIND',
    });
  }
});

describe('toStream of an async iterable', () => {
  test('gives its items, and asks for none ahead', async () => {
    let asked = 0;
    async function* numbers(): AsyncGenerator<number> {
      for (; asked < 3; asked++) yield asked;
    }
    const stream = toStream(numbers());
    await rounds();
    assert.equal(asked, 0);
    assert.equal(await stream.next(), 0);
    await rounds();
    assert.equal(asked, 0);
    assert.deepEqual(await stream.collect(), [1, 2]);
    assert.equal(await stream.next(), END);
  });

  test('keeps the item that was asked for when its asker stops waiting', async () => {
    async function* numbers(): AsyncGenerator<number> {
      yield 1;
      yield 2;
    }
    const stream = toStream(numbers());
    const gone = new TestTask(stream.next());
    assert.equal(gone.poll(), PENDING);
    gone.cancel();
    await until(() => gone.isWoken);
    assert.deepEqual(await stream.collect(), [1, 2]);
  });

  test('throws its error once', async () => {
    async function* broken(): AsyncGenerator<number> {
      yield* [];
      throw new Error('broken');
    }
    const stream = toStream(broken());
    await assert.rejects(async () => void (await stream.next()), /broken/);
    assert.equal(await stream.next(), END);
  });

  test('given up, runs its finally and waits for it', async () => {
    let isClosed = false;
    async function* numbers(): AsyncGenerator<number> {
      try {
        yield 1;
      } finally {
        await rounds();
        isClosed = true;
      }
    }
    const stream = toStream(numbers());
    await stream.next();
    await stream.giveUp();
    assert.ok(isClosed);
    assert.equal(await stream.next(), END);
  });

  test('what its return throws is thrown by giving up', async () => {
    const iterable: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false, value: 1 }),
        return: async () => {
          throw new Error('return');
        },
      }),
    };
    const stream = toStream(iterable);
    await stream.next();
    await assert.rejects(async () => stream.giveUp(), /^Error: return$/);
  });
});

describe('toStream of a Readable', () => {
  test('gives its chunks', async () => {
    const chunks = await toStream(Readable.from(['a', 'b']))
      .map(String)
      .collect();
    assert.deepEqual(chunks, ['a', 'b']);
  });

  test('given up, also while it waits, destroys it', async () => {
    const readable = new Readable({ read: () => undefined });
    const stream = toStream(readable);
    const waiting = new TestTask(stream.next());
    assert.equal(waiting.poll(), PENDING);
    await stream.giveUp();
    assert.ok(readable.destroyed);
  });

  test('given up before it was asked, destroys it', async () => {
    const readable = Readable.from(['a']);
    await toStream(readable).giveUp();
    assert.ok(readable.destroyed);
  });

  test('what destroys it is thrown', async () => {
    const readable = new Readable({ read: () => undefined });
    const stream = toStream(readable);
    const next = Promise.resolve(stream.next());
    readable.destroy(new Error('gone'));
    await assert.rejects(next, /gone/);
  });

  test('Readable.from takes a stream', async () => {
    const readable = Readable.from(toStream([1, 2, 3]).map((item) => item * 2));
    assert.deepEqual(await readable.toArray(), [2, 4, 6]);
  });
});
