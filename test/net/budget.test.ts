/** Waiting costs no budget; what is always ready leaves room for others. */
import assert from 'node:assert/strict';
import { connect, listen } from '../../src/net/index.ts';
import { currentReactor } from '../../src/runtime/index.ts';
import { PENDING, race, spawn, type BaseFuture, type Coroutine } from '../../src/task/index.ts';
import { TestTask } from '../../src/task/testing/test-task.ts';
import { closePair, onAll, pair, pattern, portOf } from './harness.ts';

onAll('operations that wait take nothing of the budget', function* (): Coroutine<void> {
  const ends = yield* pair({ writeBuffer: 1024 });
  const { buffers } = currentReactor();
  const blocked = spawn(() => ends.server.writeAll(pattern(1 << 23)));
  const waiting: BaseFuture<unknown>[] = [
    ends.server.read(),
    ends.listener.accept(),
    ends.client.readInto(new Uint8Array(1)),
  ];
  const held = buffers.acquire(buffers.maxBlock);
  const futures = [...waiting, buffers.wait(buffers.maxBlock)];
  // One that has begun asks no more; the first polls of operations of the driver may.
  const tasks = futures.map((future) => new TestTask(future));
  for (const task of tasks) {
    assert.equal(task.poll(), PENDING);
    task.budget = 0;
  }
  for (const task of tasks.filter(({ isWoken }) => !isWoken)) {
    assert.equal(task.poll(), PENDING);
    assert.equal(task.isWoken, false);
  }
  for (const task of tasks) task.cancel();
  held?.release();
  blocked.abort();
  ends.server.reset();
  yield* closePair(ends);
});

onAll('many that wait at once do not keep the task awake', function* (): Coroutine<void> {
  const ends = yield* pair();
  const accepts = Array.from({ length: 300 }, () => ends.listener.accept());
  const first = spawn(() => race(accepts));
  const client = yield* connect({ port: portOf(ends.listener) });
  const server = yield* first;
  yield* client.close();
  yield* server.close();
  yield* closePair(ends);
});

onAll('what can always go on leaves the others their turn', function* (): Coroutine<void> {
  const ends = yield* pair({ writeBuffer: 1 << 20 });
  let others = 0;
  const other = spawn(function* (): Coroutine<void> {
    for (;;) {
      others += 1;
      yield* ends.server.write(new Uint8Array(1));
    }
  });
  const bytes = new Uint8Array(1);
  for (let i = 0; i < 2000 || others < 2000; i++) {
    yield* ends.client.write(bytes);
    yield* ends.client.flush();
  }
  other.abort();
  ends.client.reset();
  yield* closePair(ends);
});

onAll('a listener without budget gives nothing yet', function* (): Coroutine<void> {
  const listener = listen({ port: 0, host: '127.0.0.1' });
  const accepting = new TestTask(listener.accept());
  assert.equal(accepting.poll(), PENDING);
  const client = yield* connect({ port: portOf(listener) });
  while (!accepting.isWoken) yield* spawn(() => undefined);
  accepting.budget = 0;
  assert.equal(accepting.poll(), PENDING);
  assert.ok(accepting.isWoken, 'it was woken again');
  accepting.budget = 1;
  const server = accepting.poll();
  assert.ok(server !== PENDING);
  yield* client.close();
  yield* server.close();
  yield* listener.close();
});
