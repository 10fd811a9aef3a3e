/** Who stands in a queue, and leaves it, must not keep the others waiting. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, listen, type Connection } from '../../src/net/index.ts';
import { currentReactor, type Chunk } from '../../src/runtime/index.ts';
import { attempt, join, sleep, spawn, yieldNow, type Coroutine } from '../../src/task/index.ts';
import { closePair, LOOPBACK, onAll, onReal, pair, portOf, readExactly } from './harness.ts';

/** Takes all memory for what is sent. */
function allMemory(): Chunk[] {
  const { buffers } = currentReactor();
  const held: Chunk[] = [];
  for (let chunk; (chunk = buffers.acquire(512)) !== undefined;) held.push(chunk);
  return held;
}

onAll(
  'a writer that gives up leaves the memory that another waits for alone',
  function* () {
    const ends = yield* pair();
    const { client, server } = ends;
    const held = allMemory();
    const first = spawn(client.writeAll('first'));
    yield* sleep(1);
    const second = spawn(client.writeAll('second'));
    const third = spawn(client.writeAll('third'));
    yield* sleep(1);
    second.abort();
    yield* attempt(second);
    for (const chunk of held) chunk.release();
    yield* join([first, third]);
    assert.equal((yield* readExactly(server, 10)).toString(), 'firstthird');
    yield* closePair(ends);
  },
  { memory: 1 << 20 },
);

onAll('nobody waits behind a chunk that was released too early', function* () {
  const ends = yield* pair({ writeBuffer: 1024 });
  const { client, server } = ends;
  const long = spawn(client.writeAll(Buffer.alloc(3_000_000)));
  yield* sleep(1);
  const chunk = yield* client.allocate(10);
  const early = spawn(attempt(client.writeAll(chunk)));
  yield* yieldNow();
  const behind = spawn(client.writeAll('behind'));
  yield* yieldNow();
  chunk.release();
  yield* readExactly(server, 3_000_000);
  yield* long;
  const result = yield* early;
  assert.equal((result as { error?: { code?: string } }).error?.code, 'ERR_LEASE_RELEASED');
  yield* behind;
  assert.equal((yield* readExactly(server, 6)).toString(), 'behind');
  yield* closePair(ends);
});

/** Connections, both ends, all of one listener. */
function* crowd(count: number): Coroutine<Connection[]> {
  const listener = listen(LOOPBACK);
  const all: Connection[] = [];
  for (let i = 0; i < count; i++) {
    all.push(...(yield* join([connect({ port: portOf(listener) }), listener.accept()])));
  }
  yield* listener.close();
  return all;
}

const FEW = { connections: 512, operations: 64, buffers: 16 };

onReal(
  'closing goes on while the table is full of what never ends',
  function* ({ reactor }) {
    const all = yield* crowd(150);
    const readers = all.slice(0, 100).map((connection) => spawn(attempt(connection.read())));
    while (reactor.driver.usage().operations < FEW.operations) yield* sleep(1);
    yield* join(all.slice(100).map((connection) => spawn(connection.close())));
    for (const connection of all.slice(0, 100)) connection.reset();
    yield* join(readers);
  },
  { driver: FEW },
);

test('connect and listen refuse what is no address', () => {
  const wrong = [undefined, null, 'localhost:80', 80];
  for (const address of wrong as unknown as { port: number }[]) {
    assert.throws(() => connect(address), { name: 'TypeError', code: 'ERR_ADDRESS_INVALID' });
    assert.throws(() => listen(address), { name: 'TypeError', code: 'ERR_ADDRESS_INVALID' });
  }
  const typo = { hostname: 'example.org', port: 80 };
  assert.throws(() => connect(typo), { code: 'ERR_OPTION_UNKNOWN' });
  assert.throws(() => listen(typo), { code: 'ERR_OPTION_UNKNOWN' });
  assert.throws(() => listen({ path: 5 as never }), { code: 'ERR_ADDRESS_INVALID' });
});

onReal('write and readInto refuse what are no bytes', function* () {
  const ends = yield* pair();
  const { client, server } = ends;
  using chunk = yield* client.allocate(5);
  assert.throws(() => client.write('text' as never), { code: 'ERR_OPTION_TYPE' });
  assert.throws(() => client.write(chunk as never), { code: 'ERR_OPTION_TYPE' });
  assert.throws(() => server.readInto([0, 0] as never), { code: 'ERR_OPTION_TYPE' });
  yield* closePair(ends);
});
