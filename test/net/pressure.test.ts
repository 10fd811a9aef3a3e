/** Everything that waits has a bound. */
import assert from 'node:assert/strict';
import { currentReactor } from '../../src/runtime/index.ts';
import { connect, copyBidirectional, listen, type Connection } from '../../src/net/index.ts';
import { attempt, join, sleep, spawn, type Coroutine } from '../../src/task/index.ts';
import {
  closePair,
  LOOPBACK,
  onAll,
  pair,
  pattern,
  portOf,
  readAll,
  readExactly,
  type Pair,
} from './harness.ts';

/** Waits until something has not changed for a while. */
function* settled(value: () => number): Coroutine<number> {
  let last = -1;
  let same = 0;
  while (same < 5) {
    yield* sleep(2);
    const now = value();
    same = now === last ? same + 1 : 0;
    last = now;
  }
  return last;
}

onAll('a reader that does not read stops the writer', function* () {
  const ends = yield* pair({ readAhead: 8192, writeBuffer: 8192, receiveBuffer: 16384 });
  const data = pattern(1 << 23);
  // The first read begins the receiving.
  const writing = spawn(() => ends.client.writeAll(data));
  const first = yield* readExactly(ends.server, 1);
  yield* settled(() => ends.server.bytesRead + ends.client.bytesWritten);
  const { bufferSize } = currentReactor().driver.limits;
  assert.ok(ends.server.inbox.waiting <= 8192 + 16 * bufferSize, 'received and not read');
  assert.ok(ends.client.bytesPending <= 8192, 'accepted and not sent');
  assert.ok(!writing.isFinished);
  const rest = yield* readExactly(ends.server, data.length - 1);
  assert.ok(Buffer.concat([first, rest]).equals(data));
  yield* writing;
  yield* closePair(ends);
});

onAll(
  'connections that are not read do not starve the others of buffers',
  function* () {
    const listener = listen(LOOPBACK);
    const stalled: Pair[] = [];
    for (let i = 0; i < 40; i++) {
      const [client, server] = yield* join([
        connect({ port: portOf(listener) }),
        listener.accept(),
      ]);
      stalled.push({ listener, client, server });
      yield* client.writeAll('x');
      yield* readExactly(server, 1);
      yield* client.writeAll('kept waiting');
    }
    const [client, server] = yield* join([connect({ port: portOf(listener) }), listener.accept()]);
    const data = pattern(100_000);
    const [got] = yield* join([readExactly(server, data.length), client.writeAll(data)]);
    assert.ok(got.equals(data));
    for (const pending of stalled) {
      assert.equal(String(yield* readExactly(pending.server, 12)), 'kept waiting');
    }
    stalled.push({ listener, client, server });
    yield* join(stalled.flatMap((ends) => [ends.client.close(), ends.server.close()]));
    yield* listener.close();
  },
  { driver: { buffers: 8, bufferSize: 1024 } },
);

onAll(
  'writers wait for memory, and get it in turn',
  function* () {
    const pairs: Pair[] = [];
    for (let i = 0; i < 24; i++) pairs.push(yield* pair({ writeBuffer: 1 << 20 }));
    const data = pattern(300_000);
    const writers = pairs.map(({ client }) => spawn(() => client.writeAll(data)));
    const all = yield* join(pairs.map(({ server }) => readExactly(server, data.length)));
    for (const got of all) assert.ok(got.equals(data));
    for (const writer of writers) yield* writer;
    for (const ends of pairs) yield* closePair(ends);
  },
  { memory: 1 << 20 },
);

/** A proxy between two pairs: what enters at one client leaves at the other's server. */
function* proxied(options: Parameters<typeof pair>[0] = {}): Coroutine<[Pair, Pair]> {
  return [yield* pair(options), yield* pair(options)];
}

onAll('a proxy passes everything, and the ends of both streams', function* () {
  const [a, b] = yield* proxied();
  const proxy = spawn(() => copyBidirectional(a.server, b.client));
  const data = pattern(400_000);
  const send = function* (to: Connection): Coroutine<void> {
    yield* to.writeAll(data);
    yield* to.shutdown();
  };
  const [, forth, , back] = yield* join([
    send(a.client),
    readAll(b.server),
    send(b.server),
    readAll(a.client),
  ]);
  assert.ok(forth.equals(data) && back.equals(data));
  assert.deepEqual(yield* proxy, { forth: data.length, back: data.length });
  yield* join([closePair(a), closePair(b)]);
});

onAll('a proxy that is given up leaves what it has not sent to be read', function* () {
  const [a, b] = yield* proxied({ writeBuffer: 1024, readAhead: 1024 });
  const data = pattern(200_000);
  const writing = spawn(() => a.client.writeAll(data));
  const proxy = spawn(() => copyBidirectional(a.server, b.client));
  const first = yield* readExactly(b.server, 1000);
  proxy.abort();
  yield* attempt(proxy);
  yield* b.client.shutdown();
  const rest = yield* readAll(b.server);
  const left = yield* readExactly(a.server, data.length - 1000 - rest.length);
  assert.ok(Buffer.concat([first, rest, left]).equals(data), 'no byte is lost or doubled');
  yield* writing;
  yield* join([closePair(a), closePair(b)]);
});

onAll('a proxy ends when one side is reset', function* () {
  const [a, b] = yield* proxied();
  const proxy = spawn(() => attempt(copyBidirectional(a.server, b.client)));
  yield* a.client.writeAll('x');
  yield* readExactly(b.server, 1);
  b.server.reset();
  assert.equal((yield* proxy).ok, false);
  yield* join([closePair(a), closePair(b)]);
});

onAll('close resets when the peer does not read for as long as closeTimeout', function* () {
  const ends = yield* pair({ closeTimeout: 30, readAhead: 4096, receiveBuffer: 8192 });
  const writing = spawn(() => attempt(ends.client.writeAll(pattern(1 << 23))));
  yield* settled(() => ends.client.bytesWritten);
  // Without the limit this would never end.
  yield* ends.client.close();
  const written = yield* writing;
  assert.ok(!written.ok);
  assert.equal((written.error as { code: string }).code, 'ERR_STREAM_CLOSED');
  yield* closePair(ends);
});
