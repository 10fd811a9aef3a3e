import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { spawn } from '../executor/index.ts';
import { PENDING, type Future } from '../future/index.ts';
import { mpsc } from '../sync/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { rounds, until, useEventLoop } from './async.test.helper.ts';
import { toStream, type Sink } from './index.ts';
import { finish, giveUp, Manual, Script } from './stream.test.helper.ts';

useEventLoop();

/** A sink whose every step is the test's. */
class ManualSink implements Sink<number, Error> {
  readonly sent: number[] = [];
  readonly sends: Manual<void>[] = [];
  readonly gone = new Manual<void>();
  readonly calls: string[] = [];

  send(item: number): Future<void, Error> {
    this.sent.push(item);
    const send = new Manual<void>();
    this.sends.push(send);
    return send;
  }

  closed(): Future<void, Error> {
    return this.gone;
  }

  close(): void {
    this.calls.push('close');
  }

  abort(reason: unknown): void {
    this.calls.push(`abort ${(reason as { code?: string }).code ?? String(reason)}`);
  }

  release(): void {
    this.calls.push('release');
  }
}

describe('forward', () => {
  test('sends one item after the other, each when there is room, then closes', () => {
    const sink = new ManualSink();
    const source = new Script([1, 2]);
    const task = new TestTask(source.forward(sink));
    assert.equal(task.poll(), PENDING);
    assert.deepEqual(sink.sent, [1]);
    assert.equal(source.taken, 1);
    sink.sends[0]!.resolve(undefined);
    assert.equal(task.poll(), PENDING);
    sink.sends[1]!.resolve(undefined);
    assert.equal(task.poll(), undefined);
    assert.deepEqual(sink.calls, ['close']);
    assert.equal(sink.gone.cancels, 1);
    assert.equal(task.wakers, 0);
  });

  test('an error of the source aborts the sink', () => {
    const sink = new ManualSink();
    const task = new TestTask(new Script<number>([new Error('broken')]).forward(sink));
    assert.throws(() => task.poll(), /broken/);
    assert.deepEqual(sink.calls, ['abort Error: broken']);
  });

  test('an error of the sink gives the source up', () => {
    const sink = new ManualSink();
    const source = new Script([1, 2], 1);
    const task = new TestTask(source.forward(sink));
    task.poll();
    sink.sends[0]!.reject(new Error('full'));
    assert.equal(task.poll(), PENDING);
    assert.throws(() => task.poll(), /^Error: full$/);
    assert.ok(source.isOver);
  });

  test('a sink that takes no more is noticed while the source is waited for', () => {
    const sink = new ManualSink();
    const source = new Script<number>([PENDING]);
    source.wakesItself = false;
    const task = new TestTask(source.forward(sink));
    task.poll();
    sink.gone.resolve(undefined);
    assert.ok(task.isWoken);
    assert.throws(() => task.poll(), { code: 'ERR_STREAM_CLOSED' });
    assert.ok(source.isOver);
  });

  test('given up, takes the item back, gives the source up and aborts', () => {
    const sink = new ManualSink();
    const source = new Script([1, 2], 1);
    const task = new TestTask(source.forward(sink));
    task.poll();
    giveUp(task);
    assert.equal(sink.sends[0]!.cancels, 1);
    assert.ok(source.isOver);
    assert.deepEqual(sink.calls, ['abort ERR_TASK_CANCELLED']);
  });

  test('with keepOpen the sink is neither closed nor aborted', () => {
    const sink = new ManualSink();
    finish(new Script<number>([]).forward(sink, { keepOpen: true }));
    const task = new TestTask(
      new Script<number>([new Error('broken')]).forward(sink, { keepOpen: true }),
    );
    assert.throws(() => task.poll(), /broken/);
    assert.deepEqual(sink.calls, ['release', 'release']);
  });

  test('into a channel, with its back-pressure, closing it at the end', async () => {
    const { sender, receiver } = mpsc<number>(2);
    const source = new Script([1, 2, 3, 4]);
    const forwarded = Promise.resolve(source.forward(sender));
    await rounds();
    assert.equal(source.taken, 3);
    assert.deepEqual(await receiver.collect(), [1, 2, 3, 4]);
    await forwarded;
  });

  test('into a channel whose receiver goes away', async () => {
    const { sender, receiver } = mpsc<number>(1);
    const source = new Script<number>([1, PENDING]);
    source.wakesItself = false;
    source.lasts = true;
    const forwarded = Promise.resolve(source.forward(sender));
    await until(() => source.isWaitedFor);
    await receiver.giveUp();
    await assert.rejects(forwarded, { code: 'ERR_STREAM_CLOSED' });
    assert.ok(source.isOver);
  });
});

describe('forward to a WritableStream', () => {
  test('writes all and closes it', async () => {
    const written: unknown[] = [];
    const writable = new WritableStream<number>({
      write: (chunk) => void written.push(chunk),
      close: () => void written.push('closed'),
    });
    await toStream([1, 2, 3]).forward(writable);
    assert.deepEqual(written, [1, 2, 3, 'closed']);
    assert.ok(!writable.locked);
  });

  test('takes no more than the high-water mark allows', async () => {
    const source = new Script([1, 2, 3, 4, 5, 6]);
    let go: () => void = () => undefined;
    const writable = new WritableStream<number>(
      { write: () => new Promise((resolve) => (go = resolve)) },
      { highWaterMark: 2 },
    );
    const forwarded = Promise.resolve(source.forward(writable));
    await rounds();
    // Two are in its queue, the third is held until there is room.
    assert.equal(source.taken, 3);
    go();
    await rounds();
    assert.equal(source.taken, 4);
    const timer = setInterval(() => go(), 0);
    await forwarded;
    clearInterval(timer);
    assert.equal(source.taken, 6);
  });

  test('an error of the source aborts it with that error', async () => {
    const reasons: unknown[] = [];
    const error = new Error('broken');
    const writable = new WritableStream<number>({ abort: (reason) => void reasons.push(reason) });
    const source = new Script<number>([1, error]);
    await assert.rejects(async () => source.forward(writable), error);
    assert.deepEqual(reasons, [error]);
    assert.ok(!writable.locked);
  });

  test('an error of its own gives the source up, also while that is waited for', async () => {
    const error = new Error('disk full');
    let controller: WritableStreamDefaultController | undefined;
    const writable = new WritableStream<number>({ start: (given) => void (controller = given) });
    const source = new Script<number>([PENDING]);
    source.wakesItself = false;
    const forwarded = Promise.resolve(source.forward(writable));
    await until(() => source.isWaitedFor);
    controller!.error(error);
    await assert.rejects(forwarded, error);
    assert.ok(source.isOver);
    assert.ok(!writable.locked);
  });

  test('an error of a write gives the source up', async () => {
    const error = new Error('write');
    const writable = new WritableStream<number>({
      write: () => {
        throw error;
      },
    });
    const source = new Script([1, 2, 3, 4, 5, 6]);
    await assert.rejects(async () => source.forward(writable), error);
    assert.ok(source.isOver);
    assert.ok(source.taken < 6);
  });

  test('one that is closed already is not written to', async () => {
    const writable = new WritableStream<number>();
    await writable.close();
    const source = new Script([1]);
    await assert.rejects(async () => source.forward(writable), { code: 'ERR_STREAM_CLOSED' });
    assert.ok(source.isOver);
  });

  test('with keepOpen it can be written to afterwards', async () => {
    const written: number[] = [];
    const writable = new WritableStream<number>({ write: (chunk) => void written.push(chunk) });
    await toStream([1, 2]).forward(writable, { keepOpen: true });
    await toStream([3]).forward(writable);
    assert.deepEqual(written, [1, 2, 3]);
  });
});

test('forward: the reason of an aborted task goes both ways', async () => {
  const reasons: unknown[] = [];
  const readable = new ReadableStream<number>({ cancel: (reason) => void reasons.push(reason) });
  const writable = new WritableStream<number>({ abort: (reason) => void reasons.push(reason) });
  const reason = new Error('stop');
  const task = spawn(toStream(readable).forward(writable));
  await rounds();
  task.abort(reason);
  await assert.rejects(async () => task, { code: 'ERR_TASK_CANCELLED' });
  assert.deepEqual(reasons, [reason, reason]);
});
