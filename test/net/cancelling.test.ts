/** What is given up gives back what it held, and loses nothing. */
import assert from 'node:assert/strict';
import { currentReactor } from '../../src/runtime/index.ts';
import { connect, listen, type Connection } from '../../src/net/index.ts';
import {
  attempt,
  join,
  select,
  sleep,
  spawn,
  timeout,
  yieldNow,
  type Coroutine,
} from '../../src/task/index.ts';
import {
  closePair,
  LOOPBACK,
  onAll,
  pair,
  pattern,
  portOf,
  readAll,
  readExactly,
} from './harness.ts';

onAll('a read that is given up again and again loses no byte', function* () {
  const ends = yield* pair({ readAhead: 4096 });
  const data = pattern(100_000);
  const writing = spawn(() => ends.client.writeAll(data));
  const parts: Buffer[] = [];
  let length = 0;
  while (length < data.length) {
    const won = yield* select({ read: ends.server.read(), other: yieldNow() });
    if (won.key !== 'read') continue;
    using chunk = won.value!;
    length += chunk.length;
    parts.push(Buffer.from(chunk.bytes()));
  }
  yield* writing;
  assert.ok(Buffer.concat(parts).equals(data));
  yield* closePair(ends);
});

onAll('connections that are accepted while accept is given up go to the next', function* () {
  const listener = listen(LOOPBACK, { acceptAhead: 2 });
  const port = portOf(listener);
  const clients: Connection[] = [];
  const connecting = spawn(function* () {
    for (let i = 0; i < 40; i++) clients.push(yield* connect({ port }));
  });
  const accepted: Connection[] = [];
  while (accepted.length < 40) {
    const won = yield* select({ accept: listener.accept(), other: yieldNow() });
    if (won.key === 'accept') accepted.push(won.value);
  }
  yield* connecting;
  yield* join([...clients, ...accepted].map((connection) => connection.close()));
  yield* listener.close();
});

onAll('accept serves those who wait in their order, and the next when one gives up', function* () {
  const listener = listen(LOOPBACK);
  const order: number[] = [];
  const tasks = [1, 2, 3].map((number) =>
    spawn(function* () {
      const connection = yield* listener.accept();
      order.push(number);
      return connection;
    }),
  );
  yield* yieldNow();
  tasks[0]!.abort();
  const ends: Connection[] = [];
  for (let i = 0; i < 2; i++) ends.push(yield* connect({ port: portOf(listener) }));
  ends.push(yield* tasks[1]!, yield* tasks[2]!);
  assert.deepEqual(order, [2, 3]);
  yield* join(ends.map((end) => end.close()));
  yield* listener.close();
});

onAll('connections that nobody took are closed with their listener', function* () {
  const listener = listen(LOOPBACK);
  const waiting = spawn(() => attempt(listener.accept()));
  const [first, second] = yield* join([
    connect({ port: portOf(listener) }),
    connect({ port: portOf(listener) }),
  ]);
  const server = yield* waiting;
  while (listener.waiting === 0) yield* sleep(1);
  yield* listener.close();
  const late = yield* attempt(listener.accept());
  assert.equal(!late.ok && late.error.code, 'ERR_STREAM_CLOSED');
  assert.ok(server.ok);
  yield* join([first.close(), second.close(), server.value.close()]);
});

onAll('a connect that is given up at any time leaves no connection', function* () {
  const listener = listen(LOOPBACK);
  const port = portOf(listener);
  const accepting = spawn(function* (): Coroutine<void> {
    for (;;) (yield* listener.accept()).reset();
  });
  for (let yields = 0; yields < 60; yields++) {
    const won = yield* select({
      connected: attempt(connect({ port })),
      other: (function* () {
        for (let i = 0; i < yields % 6; i++) yield* yieldNow();
        if (yields % 3 === 0) yield* sleep(1);
      })(),
    });
    if (won.key === 'connected' && won.value.ok) yield* won.value.value.close();
  }
  accepting.abort();
  yield* attempt(accepting);
  yield* listener.close();
});

onAll('what a write that is given up has accepted is sent, and no more', function* () {
  const ends = yield* pair({ writeBuffer: 4096 });
  const data = pattern(1 << 24);
  const writing = spawn(() => ends.client.writeAll(data));
  yield* yieldNow();
  writing.abort();
  yield* attempt(writing);
  const [, got] = yield* join([ends.client.shutdown(), readAll(ends.server)]);
  assert.equal(got.length, ends.client.bytesWritten);
  assert.ok(got.equals(data.subarray(0, got.length)), 'a beginning, in order');
  assert.ok(got.length < data.length);
  yield* closePair(ends);
});

onAll('a write that is given up lets the next one go on', function* () {
  const ends = yield* pair({ writeBuffer: 4096 });
  const blocked = spawn(() => ends.client.writeAll(pattern(1 << 24)));
  yield* yieldNow();
  const next = spawn(() => ends.client.writeAll('the next'));
  yield* yieldNow();
  blocked.abort();
  yield* attempt(blocked);
  const [, , got] = yield* join([
    next,
    (function* () {
      yield* next;
      yield* ends.client.shutdown();
    })(),
    readAll(ends.server),
  ]);
  assert.equal(String(got.subarray(-8)), 'the next');
  yield* closePair(ends);
});

onAll('giving a close up resets', function* () {
  const ends = yield* pair({ writeBuffer: 1 << 20 });
  const data = pattern(1 << 16);
  // Until the system takes no more.
  for (let full = 0; full < 5; full = ends.client.bytesPending > 1 << 18 ? full + 1 : 0) {
    if (ends.client.bytesPending <= 1 << 18) yield* ends.client.writeAll(data);
    else yield* sleep(1);
  }
  const closed = yield* attempt(timeout(20, ends.client.close()));
  assert.equal(!closed.ok && closed.error.code, 'ERR_TASK_TIMEOUT');
  const read = yield* attempt(readAll(ends.server));
  // Node's own sockets, before Node 24, end by FIN where writes are under way (`resetAndDestroy`).
  const major = Number(process.versions.node.split('.')[0]);
  if (currentReactor().driver.kind !== 'portable' || major >= 24) {
    assert.equal(read.ok, false, 'the peer is told that the rest is missing');
  }
  yield* closePair(ends);
});

onAll('a chunk may be released while it is sent', function* () {
  const ends = yield* pair({ writeBuffer: 1 << 20 });
  const data = pattern(60_000);
  for (let i = 0; i < 3; i++) {
    using chunk = yield* ends.client.allocate(data.length);
    chunk.view().set(data);
    yield* ends.client.writeAll(chunk);
  }
  const got = yield* readExactly(ends.server, 180_000);
  assert.ok(got.equals(Buffer.concat([data, data, data])));
  yield* closePair(ends);
});
