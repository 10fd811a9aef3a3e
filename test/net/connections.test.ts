import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { inspect } from 'node:util';
import { Chunk, connect, listen } from '../../src/net/index.ts';
import { attempt, END, join, spawn, yieldNow, type Coroutine } from '../../src/task/index.ts';
import {
  closePair,
  LOOPBACK,
  onAll,
  onReal,
  pair,
  pattern,
  portOf,
  readAll,
  readExactly,
} from './harness.ts';

onAll('bytes come as they were written, whatever wrote them', function* () {
  const ends = yield* pair();
  const { client, server } = ends;
  const chunk = yield* client.allocate(5);
  chunk.view().set(Buffer.from('chunk'));
  yield* client.writeAll('text ');
  yield* client.writeAll(Buffer.from('bytes '));
  yield* client.writeAll(chunk);
  chunk.release();
  yield* client.writeVector([' a', Buffer.from(' vector'), '']);
  assert.equal(yield* client.write(Buffer.from('!')), 1);
  yield* client.shutdown();
  assert.equal(String(yield* readAll(server)), 'text bytes chunk a vector!');
  assert.equal(client.bytesWritten, 26);
  assert.equal(server.bytesRead, 26);
  yield* closePair(ends);
});

onAll('large data pass both ways at once, through a small window', function* () {
  const ends = yield* pair({ writeBuffer: 4096, readAhead: 4096 });
  const data = pattern(300_000);
  const direction = function* (
    from: typeof ends.client,
    to: typeof ends.client,
  ): Coroutine<Buffer> {
    const [, got] = yield* join([
      (function* () {
        yield* from.writeAll(data);
        yield* from.shutdown();
      })(),
      readAll(to),
    ]);
    return got;
  };
  const [forth, back] = yield* join([
    direction(ends.client, ends.server),
    direction(ends.server, ends.client),
  ]);
  assert.ok(forth.equals(data) && back.equals(data));
  yield* closePair(ends);
});

onAll('a half-closed connection goes on in the other direction', function* () {
  const ends = yield* pair();
  yield* ends.client.writeAll('question');
  yield* ends.client.shutdown();
  yield* ends.client.shutdown();
  assert.equal(String(yield* readAll(ends.server)), 'question');
  assert.equal(yield* ends.server.read(), undefined, 'the end stays the end');
  const late = yield* attempt(ends.client.writeAll('too late'));
  assert.equal(!late.ok && late.error.code, 'ERR_STREAM_CLOSED');
  yield* ends.server.writeAll('answer');
  yield* ends.server.shutdown();
  assert.equal(String(yield* readAll(ends.client)), 'answer');
  yield* closePair(ends);
});

onAll('a connection shows what matters of it', function* () {
  const ends = yield* pair();
  yield* ends.client.writeAll('abc');
  yield* readExactly(ends.server, 3);
  const { peer } = ends.server;
  assert.ok('port' in peer);
  const shown = inspect(ends.server, { breakLength: Infinity });
  assert.match(shown, /^Connection \{ peer: \{.*\}, isOpen: true, bytesRead: 3, .*\}$/);
  yield* closePair(ends);
});

onAll('readInto gives parts of chunks, and read the rest', function* () {
  const ends = yield* pair();
  yield* ends.client.writeAll('abcdefgh');
  yield* ends.client.shutdown();
  assert.equal(String(yield* readExactly(ends.server, 3)), 'abc');
  assert.equal(String(yield* readAll(ends.server)), 'defgh');
  assert.equal(yield* ends.server.readInto(new Uint8Array(4)), 0);
  yield* closePair(ends);
});

onAll('the chunks of a connection are a stream', function* () {
  const ends = yield* pair();
  yield* ends.client.writeAll('a stream');
  yield* ends.client.shutdown();
  let text = '';
  const chunks = ends.server.chunks();
  for (let chunk; (chunk = yield* chunks.next()) !== END;) {
    assert.ok(chunk instanceof Chunk);
    text += chunk.text();
    chunk.release();
  }
  assert.equal(text, 'a stream');
  yield* closePair(ends);
});

onAll('what several write is not mixed', function* () {
  const ends = yield* pair({ writeBuffer: 2048 });
  const writers = ['a', 'b', 'c', 'd'].map((letter) =>
    spawn(() => ends.client.writeAll(letter.repeat(10_000))),
  );
  const got = String(yield* readExactly(ends.server, 40_000));
  for (const writer of writers) yield* writer;
  assert.equal(got.replace(/(.)\1*/g, '$1').length, 4, 'one run for each writer');
  yield* closePair(ends);
});

onAll('one task reads at a time', function* () {
  const ends = yield* pair();
  const first = spawn(() => ends.server.read());
  yield* yieldNow();
  const second = yield* attempt(ends.server.read());
  assert.equal(!second.ok && (second.error as { code?: string }).code, 'ERR_STREAM_BUSY');
  yield* ends.client.writeAll('x');
  (yield* first)?.release();
  yield* closePair(ends);
});

onAll('closing sends what was accepted first', function* () {
  const ends = yield* pair({ writeBuffer: 1 << 20 });
  const data = pattern(500_000);
  yield* ends.client.writeAll(data);
  assert.ok(ends.client.bytesPending > 0);
  const [, got] = yield* join([ends.client.close(), readAll(ends.server)]);
  assert.ok(got.equals(data));
  yield* closePair(ends);
});

onAll('a reset is an error on the other end, and of its writes', function* () {
  const ends = yield* pair();
  const reading = spawn(() => attempt(ends.server.read()));
  yield* ends.client.writeAll('x');
  const got = yield* reading;
  if (got.ok) got.value?.release();
  ends.client.reset();
  const read = yield* attempt(ends.server.read());
  assert.equal(!read.ok && (read.error as { errnoName?: string }).errnoName, 'ECONNRESET');
  let written = yield* attempt(ends.server.writeAll('y'));
  while (written.ok) written = yield* attempt(ends.server.writeAll('y'));
  assert.equal(written.error.code, 'ERR_SYSTEM');
  yield* closePair(ends);
});

onAll('closing ends the reads and writes that wait', function* () {
  const ends = yield* pair({ writeBuffer: 1024 });
  const reading = spawn(() => attempt(ends.client.read()));
  const writing = spawn(() => attempt(ends.client.writeAll(new Uint8Array(1 << 24))));
  yield* yieldNow();
  ends.client.reset();
  for (const ended of [yield* reading, yield* writing]) {
    assert.equal(!ended.ok && ended.error.code, 'ERR_STREAM_CLOSED');
  }
  const after = yield* attempt(ends.client.read());
  assert.equal(!after.ok && after.error.code, 'ERR_STREAM_CLOSED');
  yield* closePair(ends);
});

onAll('refused connections and wrong options are errors with codes', function* () {
  const listener = listen(LOOPBACK);
  const port = portOf(listener);
  yield* listener.close();
  const refused = yield* attempt(connect({ host: '127.0.0.1', port }));
  assert.equal(!refused.ok && (refused.error as { errnoName?: string }).errnoName, 'ECONNREFUSED');
  assert.throws(() => connect({ host: '', port }), { code: 'ERR_ADDRESS_INVALID' });
  assert.throws(() => connect({ port: 70_000 }), { code: 'ERR_OPTION_RANGE' });
  const wrong = yield* attempt(connect({ port }, { noDelay: 'yes' as never }));
  assert.equal(!wrong.ok && wrong.error.code, 'ERR_OPTION_TYPE');
});

onReal('names are resolved', function* () {
  const unknown = yield* attempt(connect({ host: 'no-such-name.invalid', port: 1 }));
  assert.equal(!unknown.ok && unknown.error.code, 'ERR_LOOKUP');
  const listener = listen(LOOPBACK);
  const [client, server] = yield* join([
    connect({ host: 'localhost', port: portOf(listener) }, { timeout: 60_000 }),
    listener.accept(),
  ]);
  assert.deepEqual(client.peer, { host: '127.0.0.1', port: portOf(listener) });
  assert.deepEqual(server.local, listener.address);
  yield* closePair({ listener, client, server });
  assert.deepEqual(client.peer, { host: '127.0.0.1', port: portOf(listener) });
});

onAll('Unix sockets are the same', function* () {
  const path = joinPath(tmpdir(), `rondo-net-${process.pid}.sock`);
  rmSync(path, { force: true });
  const listener = listen({ path });
  const [client, server] = yield* join([connect({ path }), listener.accept()]);
  yield* client.writeAll('through a path');
  yield* client.shutdown();
  assert.equal(String(yield* readAll(server)), 'through a path');
  assert.deepEqual(server.peer, { path: '' });
  yield* closePair({ listener, client, server });
});
