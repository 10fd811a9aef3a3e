/** Open files: reading, writing, the cursor, and everything that is refused. */
import assert from 'node:assert/strict';
import { makeDirectory, open, writeFile, type File } from '../../src/fs/index.ts';
import { attempt, spawn, type Coroutine } from '../../src/task/index.ts';
import { fails, onEveryDriver, pattern, type Place } from './world.ts';

const MADE = { access: 'read-write', create: true } as const;

function* whole(file: File): Coroutine<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for (;;) {
    using chunk = yield* file.readAt(1000, length);
    if (chunk === undefined) return Buffer.concat(parts);
    parts.push(Buffer.from(chunk.bytes()));
    length += chunk.length;
  }
}

function* cursor({ path }: Place): Coroutine<void> {
  const file = yield* open(path('cursor'), 'w+');
  yield* file.writeAll('hello ');
  yield* file.writeAll(Buffer.from('world'));
  assert.equal(file.position, 11);
  file.position = 6;
  const target = new Uint8Array(5);
  let filled = 0;
  while (filled < 5) filled += yield* file.readInto(target.subarray(filled));
  assert.equal(Buffer.from(target).toString(), 'world');
  assert.equal(yield* file.readInto(target), 0, 'the end');
  assert.equal(yield* file.read(100), undefined, 'the end');
  file.position = 0;
  const count = yield* file.write('HELLO!');
  assert.ok(count >= 1 && count <= 6);
  assert.equal(file.position, count);
  assert.equal(
    (yield* whole(file)).toString(),
    'HELLO!'.slice(0, count) + 'hello world'.slice(count),
  );
  yield* file.close();
}

function* positions({ path }: Place): Coroutine<void> {
  const file = yield* open(path('positions'), 'w+');
  const bytes = pattern(300_000);
  yield* file.writeAllAt(bytes, 0);
  assert.equal(file.position, 0, 'the cursor has not moved');
  assert.ok((yield* whole(file)).equals(bytes));
  yield* file.writeAllAt('beyond', 400_000);
  const { size } = yield* file.stat();
  assert.equal(size, 400_006);
  using hole = yield* file.readAt(100, 350_000);
  assert.ok(hole!.bytes().every((byte) => byte === 0));
  assert.equal(yield* file.readAt(10, 2 ** 40), undefined);
  yield* file.close();
}

function* chunks({ path, reactor }: Place): Coroutine<void> {
  const file = yield* open(path('chunks'), 'w+');
  const chunk = yield* reactor.buffers.wait(5000);
  chunk.view().set(pattern(5000));
  const writing = file.writeAllAt(chunk, 100);
  yield* writing;
  assert.equal(chunk.released, false, "the caller's own stays the caller's");
  chunk.view().fill(0);
  let filled = 0;
  while (filled < 5000) {
    using rest = chunk.slice(filled);
    filled += yield* file.readIntoAt(rest, 100 + filled);
  }
  assert.ok(Buffer.from(chunk.bytes()).equals(pattern(5000)));
  chunk.release();
  yield* fails(file.readIntoAt(chunk, 0), 'ERR_LEASE_RELEASED');
  yield* file.close();
}

function* appended({ path }: Place): Coroutine<void> {
  const where = path('append');
  const file = yield* open(where, 'a+');
  yield* file.writeAll('one');
  yield* file.writeAll('two');
  yield* file.writeAllAt('three', 0);
  assert.equal((yield* whole(file)).toString(), 'onetwothree');
  yield* file.truncate(3);
  yield* file.writeAll('!');
  assert.equal((yield* whole(file)).toString(), 'one!');
  yield* file.close();
}

function* flags({ path }: Place): Coroutine<void> {
  const where = path('flags');
  yield* fails(open(where), 'ENOENT');
  yield* fails(open(where, 'r+'), 'ENOENT');
  const made = yield* open(where, 'wx');
  yield* fails(open(where, 'wx'), 'EEXIST');
  yield* fails(made.read(10), 'EBADF');
  yield* made.close();
  const reading = yield* open(where, { access: 'read' });
  yield* fails(reading.writeAll('no'), 'EBADF');
  yield* reading.writeAll('');
  yield* reading.close();
  yield* fails(open(`${where}/below`), 'ENOTDIR');
}

function* refused({ path }: Place): Coroutine<void> {
  for (const wrong of ['', 'a\0b', new URL('http://localhost/x')]) {
    assert.throws(() => open(wrong), { name: 'TypeError', code: 'ERR_FILE_PATH' });
  }
  assert.throws(() => open(7 as unknown as string), { code: 'ERR_FILE_PATH' });
  assert.throws(() => open('x', 'rw' as 'r'), { code: 'ERR_OPTION_TYPE' });
  assert.throws(() => open('x', { access: 'read', foo: 1 } as never), {
    code: 'ERR_OPTION_UNKNOWN',
  });
  const file = yield* open(path('refused'), 'w+');
  for (const position of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
    const range = { name: 'RangeError', code: 'ERR_OPTION_RANGE' };
    assert.throws(() => file.readAt(10, position), range);
    assert.throws(() => file.readIntoAt(new Uint8Array(1), position), range);
    assert.throws(() => file.writeAllAt('x', position), range);
    assert.throws(() => file.truncate(position), range);
    assert.throws(() => (file.position = position), range);
  }
  for (const length of [0, -1, 0.5, NaN]) {
    assert.throws(() => file.read(length), { code: 'ERR_OPTION_RANGE' });
  }
  assert.throws(() => file.writeAll(5 as unknown as string), { code: 'ERR_OPTION_TYPE' });
  yield* fails(file.writeAllAt('x', 2 ** 53 - 10), 'EFBIG');
  yield* file.close();
}

function* closed({ path }: Place): Coroutine<void> {
  const file = yield* open(path('closed'), 'w+');
  yield* file.writeAll('bytes');
  assert.ok(file.isOpen);
  yield* file.close();
  assert.ok(!file.isOpen);
  yield* file.close();
  assert.throws(() => file.read(1), { code: 'ERR_STREAM_CLOSED' });
  assert.throws(() => file.writeAll('x'), { code: 'ERR_STREAM_CLOSED' });
  assert.throws(() => file.stream(), { code: 'ERR_STREAM_CLOSED' });
  assert.throws(() => file.sync(), { code: 'ERR_STREAM_CLOSED' });
  const early = yield* open(path('early'), 'w+');
  const reading = early.readAt(10, 0);
  yield* early.close();
  yield* fails(reading, 'ERR_STREAM_CLOSED');
}

function* directories({ path, real }: Place): Coroutine<void> {
  const where = path('directory');
  yield* writeFile(`${where}.file`, 'x');
  if (!real) return;
  yield* makeDirectory(where);
  const directory = yield* open(where);
  yield* fails(directory.read(10), 'EISDIR');
  assert.equal((yield* directory.stat()).kind, 'directory');
  yield* directory.close();
  yield* fails(open(where, 'w'), 'EISDIR');
}

function* syncing({ path }: Place): Coroutine<void> {
  const file = yield* open(path('sync'), { access: 'write', create: true, dataSync: true });
  yield* file.writeAll(pattern(10_000));
  yield* file.sync();
  yield* file.datasync();
  yield* file.truncate(100);
  const { kind, size, mode } = yield* file.stat();
  assert.deepEqual([kind, size], ['file', 100]);
  assert.ok(mode > 0 && mode <= 0o777);
  yield* file.close();
}

/** One operation at a time is at the cursor; others are refused, and it is free afterwards. */
function* busy({ path }: Place): Coroutine<void> {
  const file = yield* open(path('busy'), 'w+');
  yield* file.writeAll('0123456789');
  file.position = 0;
  const first = spawn(attempt(file.read(4)));
  const second = spawn(attempt(file.read(4)));
  const [one, other] = [yield* first, yield* second];
  assert.ok(one.ok && !other.ok);
  assert.equal((other.error as { code?: string }).code, 'ERR_STREAM_BUSY');
  assert.equal(file.position, one.value!.length);
  one.value!.release();
  using next = yield* file.read(4);
  assert.equal(next!.text(), '0123456789'.slice(one.value!.length).slice(0, next!.length));
  yield* file.close();
}

function* direct({ path, reactor }: Place): Coroutine<void> {
  const opened = yield* attempt(open(path('direct'), { ...MADE, direct: true }));
  // The file system may have no such thing.
  if (!opened.ok) return;
  const file = opened.value;
  const range = { name: 'RangeError', code: 'ERR_FILE_ALIGNMENT', message: /512/ };
  assert.throws(() => file.readAt(100, 0), range);
  assert.throws(() => file.readAt(4096, 100), range);
  assert.throws(() => file.writeAllAt('text', 0), range);
  const chunk = yield* reactor.buffers.wait(8192);
  chunk.view().set(pattern(8192));
  const written = yield* attempt(file.writeAllAt(chunk, 0));
  // Short writes that are simulated end where no direct write can go on.
  if (written.ok) {
    using found = yield* file.readAt(8192, 0);
    assert.ok(pattern(8192).subarray(0, found!.length).equals(found!.bytes()));
  } else {
    assert.equal((written.error as { code?: string }).code, 'ERR_FILE_ALIGNMENT');
  }
  chunk.release();
  yield* file.close();
}

onEveryDriver('files', {
  'read and write go on at the cursor': cursor,
  'reads and writes at positions, holes and the end': positions,
  'chunks are read into and written from where they lie': chunks,
  'append writes to the end': appended,
  'open keeps to its flags': flags,
  'what is wrong is refused': refused,
  'a closed file is closed': closed,
  'a directory is no file': directories,
  'sync, datasync, truncate and stat': syncing,
  'one task at a time is at the cursor': busy,
  'direct files take whole blocks and say so': direct,
});
