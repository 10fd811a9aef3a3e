/**
 * The platform's own pipes with a stream as their source: what the streams standard asks of an
 * underlying source, by the names of its behaviours.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Executor, NodeHost, provideExecutor } from '../../../src/task/executor/index.ts';
import { produce, type BaseStream } from '../../../src/task/stream/index.ts';
import { yieldNow } from '../../../src/task/future/index.ts';

const host = new NodeHost();
const executor = new Executor(host);
host.attach(executor);
provideExecutor(() => executor);

/** Numbers from 0, and what became of their source. */
class Source {
  taken = 0;
  isOver = false;
  readonly stream: BaseStream<number>;

  constructor(count: number, error?: Error) {
    const emitAll = this.#emitAll.bind(this);
    this.stream = produce<number>((emit) => emitAll(emit, count, error));
  }

  *#emitAll(
    emit: Parameters<Parameters<typeof produce<number>>[0]>[0],
    count: number,
    error: Error | undefined,
  ): ReturnType<Parameters<typeof produce<number>>[0]> {
    try {
      while (this.taken < count) {
        yield* yieldNow();
        yield* emit(this.taken++);
      }
      if (error !== undefined) throw error;
    } finally {
      yield* yieldNow();
      this.isOver = true;
    }
  }

  readable(highWaterMark = 0): ReadableStream<number> {
    return this.stream.toReadableStream({ highWaterMark });
  }
}

async function rounds(count = 10): Promise<void> {
  for (let round = 0; round < count; round++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A writable that keeps what it is told. */
function recorder(highWaterMark = 1): { events: unknown[]; writable: WritableStream<number> } {
  const events: unknown[] = [];
  const writable = new WritableStream<number>(
    {
      write: (chunk) => void events.push(chunk),
      close: () => void events.push('close'),
      abort: (reason) => void events.push('abort', reason),
    },
    { highWaterMark },
  );
  return { events, writable };
}

describe('close propagation', () => {
  test('forward: the end closes the destination', async () => {
    const { events, writable } = recorder();
    const source = new Source(3);
    await source.readable().pipeTo(writable);
    assert.deepEqual(events, [0, 1, 2, 'close']);
    assert.ok(source.isOver);
  });

  test('forward: not with preventClose', async () => {
    const { events, writable } = recorder();
    await new Source(1).readable().pipeTo(writable, { preventClose: true });
    assert.deepEqual(events, [0]);
    assert.ok(!writable.locked);
  });

  test('backward: a destination that is closed gives the source up', async () => {
    const { writable } = recorder();
    await writable.close();
    const source = new Source(1000);
    await assert.rejects(source.readable().pipeTo(writable), TypeError);
    // Never begun: there was nothing to clean up.
    assert.equal(source.taken, 0);
  });
});

describe('error propagation', () => {
  const error = new Error('broken');

  test('forward: an error aborts the destination with it', async () => {
    const { events, writable } = recorder();
    await assert.rejects(new Source(2, error).readable().pipeTo(writable), error);
    assert.deepEqual(events, [0, 1, 'abort', error]);
  });

  test('forward: not with preventAbort', async () => {
    const { events, writable } = recorder();
    const pipe = new Source(1, error).readable().pipeTo(writable, { preventAbort: true });
    await assert.rejects(pipe, error);
    assert.deepEqual(events, [0]);
  });

  test('backward: an error of a write gives the source up, and waits for it', async () => {
    const source = new Source(1000);
    const writable = new WritableStream<number>({
      write: (chunk) => {
        if (chunk === 2) throw error;
      },
    });
    await assert.rejects(source.readable().pipeTo(writable), error);
    assert.ok(source.isOver);
    assert.ok(source.taken < 10);
  });

  test('backward: not with preventCancel; the rest can be read', async () => {
    const source = new Source(5);
    const readable = source.readable();
    const writable = new WritableStream<number>({
      write: () => {
        throw error;
      },
    });
    await assert.rejects(readable.pipeTo(writable, { preventCancel: true }), error);
    assert.ok(!source.isOver);
    const rest: number[] = [];
    for await (const item of readable) rest.push(item);
    assert.equal(rest.at(-1), 4);
    assert.ok(source.isOver);
  });
});

describe('flow control', () => {
  test('a destination that does not write stops the source', async () => {
    for (const [readableMark, writableMark, expected] of [
      [0, 1, 1],
      [0, 4, 4],
      [3, 1, 4],
    ] as const) {
      const source = new Source(1000);
      const writable = new WritableStream<number>(
        { write: () => new Promise(() => undefined) },
        { highWaterMark: writableMark },
      );
      const controller = new AbortController();
      const pipe = source.readable(readableMark).pipeTo(writable, { signal: controller.signal });
      await rounds(30);
      assert.equal(source.taken, expected);
      controller.abort();
      pipe.catch(() => undefined);
    }
  });

  test('pipeThrough: the marks of a transform add up', async () => {
    const source = new Source(1000);
    const transform = new TransformStream<number, number>(
      {},
      { highWaterMark: 2 },
      { highWaterMark: 3 },
    );
    const reader = source.readable().pipeThrough(transform).getReader();
    await rounds(30);
    const taken = source.taken;
    assert.ok(taken >= 3 && taken <= 6, `${taken} taken`);
    await reader.read();
    await rounds(30);
    assert.equal(source.taken, taken + 1);
    await reader.cancel();
    await rounds(30);
    assert.ok(source.isOver);
  });
});

describe('abort signal', () => {
  test('gives the source up, aborts the destination, with the reason', async () => {
    const { events, writable } = recorder();
    const source = new Source(1_000_000);
    const controller = new AbortController();
    const pipe = source.readable().pipeTo(writable, { signal: controller.signal });
    while (source.taken < 20) await rounds(1);
    const reason = new Error('stop');
    controller.abort(reason);
    await assert.rejects(pipe, reason);
    assert.ok(source.isOver);
    assert.deepEqual(events.slice(-2), ['abort', reason]);
    assert.equal(executor.living, 0);
  });

  test('an aborted one begins nothing', async () => {
    const { writable } = recorder();
    const source = new Source(10);
    const pipe = source.readable().pipeTo(writable, { signal: AbortSignal.abort() });
    await assert.rejects(pipe, { name: 'AbortError' });
    assert.equal(source.taken, 0);
  });
});

describe('tee', () => {
  test('both have all; the source is given up when both are cancelled', async () => {
    const all = new Source(3).readable().tee();
    const read = async (readable: ReadableStream<number>): Promise<number[]> => {
      const items: number[] = [];
      for await (const item of readable) items.push(item);
      return items;
    };
    assert.deepEqual(await Promise.all(all.map(read)), [
      [0, 1, 2],
      [0, 1, 2],
    ]);

    const source = new Source(1000);
    const [left, right] = source.readable().tee();
    const reader = left.getReader();
    await reader.read();
    const cancelled = reader.cancel('left');
    await rounds();
    assert.ok(!source.isOver);
    await right.cancel('right');
    await cancelled;
    assert.ok(source.isOver);
  });
});

test('the standard helpers: Response, TextDecoderStream, CompressionStream and back', async () => {
  const text = 'one two three '.repeat(1000);
  const encoder = new TextEncoder();
  const body = produce<Uint8Array<ArrayBuffer>>(function* (emit) {
    for (let at = 0; at < text.length; at += 100) {
      yield* emit(encoder.encode(text.slice(at, at + 100)));
    }
  })
    .toReadableStream()
    .pipeThrough(new CompressionStream('gzip'))
    .pipeThrough(new DecompressionStream('gzip'));
  assert.equal(await new Response(body).text(), text);
});
