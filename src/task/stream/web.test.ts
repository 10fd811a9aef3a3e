import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PENDING } from '../future/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { rounds, until, useEventLoop } from './async.test.helper.ts';
import { END, toStream } from './index.ts';
import { Script } from './stream.test.helper.ts';

const executor = useEventLoop();

const quiet = (...steps: (number | typeof PENDING)[]): Script<number> => {
  const script = new Script<number>(steps);
  script.wakesItself = false;
  script.lasts = true;
  return script;
};

describe('toReadableStream', () => {
  test('gives the items and closes', async () => {
    const readable = new Script([1, PENDING, 2]).toReadableStream();
    const seen: number[] = [];
    for await (const item of readable) seen.push(item);
    assert.deepEqual(seen, [1, 2]);
  });

  test('asks for nothing that is not read', async () => {
    const source = new Script([1, 2, 3, 4]);
    const reader = source.toReadableStream().getReader();
    await rounds();
    assert.equal(source.taken, 0);
    assert.deepEqual(await reader.read(), { done: false, value: 1 });
    await rounds();
    assert.equal(source.taken, 1);
  });

  test('asks for as much ahead as its high-water mark says', async () => {
    const source = new Script([1, 2, 3, 4, 5]);
    const reader = source.toReadableStream({ highWaterMark: 3 }).getReader();
    await rounds(10);
    assert.equal(source.taken, 3);
    await reader.read();
    await rounds(10);
    assert.equal(source.taken, 4);
  });

  test('an error of the stream is its error', async () => {
    const error = new Error('broken');
    const reader = new Script<number>([1, error]).toReadableStream().getReader();
    await reader.read();
    await assert.rejects(reader.read(), error);
    await assert.rejects(reader.closed, error);
  });

  test('cancelled, gives the stream up and waits for it', async () => {
    const source = new Script([1, 2], 3);
    const readable = source.toReadableStream();
    const reader = readable.getReader();
    await reader.read();
    await reader.cancel('enough');
    assert.ok(source.isOver);
    assert.equal(source.cancels, 4);
  });

  test('cancelled while it waits, ends the wait', async () => {
    const source = quiet(PENDING);
    const reader = source.toReadableStream().getReader();
    const read = reader.read();
    await until(() => source.isWaitedFor);
    await reader.cancel();
    assert.deepEqual(await read, { done: true, value: undefined });
    assert.ok(source.isOver);
    assert.equal(executor.living, 0);
  });

  test('is a body of a Response', async () => {
    const encoder = new TextEncoder();
    const body = toStream(['a', 'b', 'c'])
      .map((text) => encoder.encode(text))
      .toReadableStream();
    assert.equal(await new Response(body).text(), 'abc');
  });
});

describe('toStream of a ReadableStream', () => {
  test('gives its chunks, asks for none ahead, and gives the lock back', async () => {
    let pulls = 0;
    const readable = new ReadableStream<number>(
      {
        pull(controller) {
          if (++pulls > 2) controller.close();
          else controller.enqueue(pulls);
        },
      },
      { highWaterMark: 0 },
    );
    const stream = toStream(readable);
    await rounds();
    assert.ok(!readable.locked);
    assert.equal(await stream.next(), 1);
    await rounds();
    assert.equal(pulls, 1);
    assert.ok(readable.locked);
    assert.deepEqual(await stream.collect(), [2]);
    assert.ok(!readable.locked);
  });

  test('its error is the error of the stream', async () => {
    const error = new Error('broken');
    const readable = new ReadableStream<number>({ start: (controller) => controller.error(error) });
    const stream = toStream(readable);
    await assert.rejects(async () => void (await stream.next()), error);
    assert.equal(await stream.next(), END);
    assert.ok(!readable.locked);
  });

  test('given up, cancels it with a reason and waits for it', async () => {
    const reasons: unknown[] = [];
    let isCancelled = false;
    const readable = new ReadableStream<number>({
      pull: (controller) => controller.enqueue(1),
      async cancel(reason) {
        reasons.push(reason);
        await rounds();
        isCancelled = true;
      },
    });
    const stream = toStream(readable);
    await stream.next();
    await stream.giveUp();
    assert.ok(isCancelled);
    assert.equal((reasons[0] as { code: string }).code, 'ERR_TASK_CANCELLED');
    assert.ok(!readable.locked);
  });

  test('given up while it waits, and before it was asked', async () => {
    const waiting = new ReadableStream<number>({});
    const stream = toStream(waiting);
    const task = new TestTask(stream.next());
    assert.equal(task.poll(), PENDING);
    await stream.giveUp();
    assert.ok(!waiting.locked);
    let isCancelled = false;
    await toStream(
      new ReadableStream<number>({ cancel: () => void (isCancelled = true) }),
    ).giveUp();
    assert.ok(isCancelled);
  });

  test('one that somebody else reads cannot be read, and is not cancelled', async () => {
    let isCancelled = false;
    const readable = new ReadableStream<number>({ cancel: () => void (isCancelled = true) });
    readable.getReader();
    await toStream(readable).giveUp();
    assert.ok(!isCancelled);
    await assert.rejects(async () => void (await toStream(readable).next()), TypeError);
  });

  test('there and back again', async () => {
    const items = Array.from({ length: 100 }, (_, index) => index);
    const there = toStream(items).toReadableStream({ highWaterMark: 4 });
    assert.deepEqual(await toStream(there).collect(), items);
  });
});
