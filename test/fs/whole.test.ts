/** Files as a whole, and what becomes of them when that goes wrong. */
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { test } from 'node:test';
import {
  appendFile,
  listDirectory,
  makeDirectory,
  open,
  readFile,
  remove,
  stat,
  symlink,
  writeFile,
} from '../../src/fs/index.ts';
import { attempt, spawn, yieldNow, type Coroutine } from '../../src/task/index.ts';
import { fails, onEveryDriver, pattern, simulatedWorld, type Place } from './world.ts';

const SIZES = [0, 1, 511, 512, 4096, 65_536, 262_144, 262_145, 1_500_000];

function* sizes({ path }: Place): Coroutine<void> {
  for (const size of SIZES) {
    for (const atomic of [false, true]) {
      const where = path(`size-${size}`);
      yield* writeFile(where, 'something that was longer before', { mode: 0o640 });
      yield* writeFile(where, pattern(size, size), { atomic });
      assert.ok((yield* readFile(where)).equals(pattern(size, size)), `${size} bytes`);
      assert.equal((yield* stat(where)).mode, 0o640, 'it keeps its permissions');
    }
  }
}

function* text({ path }: Place): Coroutine<void> {
  const where = path('text');
  yield* writeFile(where, 'Grüße, 世界');
  assert.equal(yield* readFile(where, { encoding: 'utf8' }), 'Grüße, 世界');
  yield* appendFile(where, '!');
  yield* appendFile(where, Buffer.from('?'));
  assert.equal(yield* readFile(where, { encoding: 'utf8' }), 'Grüße, 世界!?');
  yield* appendFile(path('new'), 'made');
  assert.throws(() => readFile(where, { encoding: 'klingon' as 'utf8' }), {
    code: 'ERR_OPTION_TYPE',
  });
  assert.throws(() => writeFile(where, 'x', { mode: 0o10000 }), { code: 'ERR_OPTION_RANGE' });
  assert.throws(() => writeFile('a\0', 'x'), { code: 'ERR_FILE_PATH' });
}

function* missing({ path, real }: Place): Coroutine<void> {
  yield* fails(readFile(path('missing')), 'ENOENT');
  const directory = path('directory');
  yield* makeDirectory(directory, { recursive: true });
  yield* fails(readFile(directory), 'EISDIR');
  yield* fails(writeFile(directory, 'x'), 'EISDIR');
  if (!real) return;
  yield* fails(writeFile(`${directory}/not/there`, 'x'), 'ENOENT');
  yield* fails(writeFile(`${directory}/not/there`, 'x', { atomic: true }), 'ENOENT');
  const version = yield* readFile('/proc/version', { encoding: 'utf8' });
  assert.match(version, /Linux/, 'a file that says to be empty');
}

function* links({ path, real }: Place): Coroutine<void> {
  if (!real) return;
  const [target, link] = [path('target'), path('link')];
  yield* writeFile(target, 'before');
  yield* symlink(target, link);
  yield* writeFile(link, 'after', { atomic: true });
  assert.equal((yield* stat(link, { followLinks: false })).kind, 'symlink', 'it is still a link');
  assert.equal(yield* readFile(target, { encoding: 'utf8' }), 'after');
}

/** Links to nothing, links in a circle, and what is no file. */
function* strange({ path, real }: Place): Coroutine<void> {
  if (!real) return;
  const [later, link, circle] = [path('later'), path('dangling'), path('circle')];
  yield* symlink(later, link);
  yield* writeFile(link, 'made', { atomic: true });
  assert.equal((yield* stat(link, { followLinks: false })).kind, 'symlink', 'it is still a link');
  assert.equal(yield* readFile(later, { encoding: 'utf8' }), 'made');
  yield* symlink(circle, circle);
  yield* fails(writeFile(circle, 'x', { atomic: true }), 'ELOOP');
  yield* fails(writeFile('/tmp', 'x', { atomic: true }), 'EISDIR');
  yield* writeFile('/dev/null', 'x', { atomic: true, sync: false });
  assert.equal((yield* stat('/dev/null')).kind, 'other', 'it is still a device');
}

/** What replaces a secret is never open to more people, and the new mode is for new files. */
function* secret({ path, real }: Place): Coroutine<void> {
  if (!real) return;
  const directory = path('secret');
  yield* makeDirectory(directory);
  const where = `${directory}/file`;
  yield* writeFile(where, 'secret', { mode: 0o600 });
  const options = { atomic: true, sync: false, mode: 0o666 };
  const task = spawn(writeFile(where, pattern(2_000_000), options));
  while (!task.isFinished) {
    for (const name of readdirSync(directory)) {
      const mode = statSync(`${directory}/${name}`, { throwIfNoEntry: false })?.mode ?? 0o600;
      assert.equal(mode & 0o777, 0o600, name);
    }
    yield* yieldNow();
  }
  yield* task;
  assert.equal((yield* stat(where)).mode, 0o600);
}

/** The file beside it is there, and whoever opened it has not been told. */
function* abandonedOpen({ path, real }: Place): Coroutine<void> {
  if (!real) return;
  const directory = path('opening');
  yield* makeDirectory(directory);
  for (let run = 0; run < 20; run++) {
    const task = spawn(writeFile(`${directory}/file`, 'x', { atomic: true, sync: false }));
    while (readdirSync(directory).length === 0) yield* yieldNow();
    task.abort();
    yield* attempt(task);
    for (const { name } of yield* listDirectory(directory)) {
      assert.equal(name, 'file');
      yield* remove(`${directory}/${name}`);
    }
  }
}

/** Whenever it is given up, there is the old content or the new one, and nothing beside it. */
function* abandoned({ path }: Place): Coroutine<void> {
  const directory = path('abandoned');
  yield* makeDirectory(directory, { recursive: true });
  const where = `${directory}/file`;
  let [olds, news] = [0, 0];
  for (let moment = 0; moment < 60; moment++) {
    yield* writeFile(where, pattern(2000, 1));
    const task = spawn(writeFile(where, pattern(600_000, 2), { atomic: true, sync: false }));
    for (let i = 0; i < (moment < 20 ? moment : moment * 4); i++) yield* yieldNow();
    task.abort();
    yield* attempt(task);
    const found = yield* readFile(where);
    if (found.length === 2000) olds += 1;
    else news += 1;
    assert.ok(found.equals(found.length === 2000 ? pattern(2000, 1) : pattern(600_000, 2)));
    const names = (yield* listDirectory(directory)).map(({ name }) => name);
    assert.deepEqual(names, ['file'], `given up after ${moment}`);
  }
  assert.equal(olds + news, 60);
  assert.ok(olds > 0);
}

function* many({ path }: Place): Coroutine<void> {
  const tasks = [];
  for (let i = 0; i < 40; i++) {
    const where = path(`many-${i}`);
    tasks.push(
      spawn(function* () {
        yield* writeFile(where, pattern(i * 5000, i), { atomic: i % 2 === 0, sync: false });
        assert.ok((yield* readFile(where)).equals(pattern(i * 5000, i)));
      }),
    );
  }
  for (const task of tasks) yield* task;
}

onEveryDriver('whole files', {
  'what was written is read, whatever its size': sizes,
  'text, appending and options': text,
  'what is not there, and what is a directory': missing,
  'an atomic write follows links': links,
  'an atomic write to what is no file': strange,
  'an atomic write keeps permissions at all times': secret,
  'an atomic write that is given up while it opens': abandonedOpen,
  'an atomic write that is given up leaves the old content and nothing else': abandoned,
  'many at once': many,
});

test('a full disk: ENOSPC, and an atomic write leaves the old content', async () => {
  const world = simulatedWorld('full', { shortWrites: 0.2 }, { fileBytes: 100_000 });
  for (let run = 0; run < 20; run++) {
    await world.run(function* ({ path }) {
      const where = path('file');
      yield* writeFile(where, pattern(40_000, 1));
      yield* fails(writeFile(where, pattern(70_000, 2), { atomic: true }), 'ENOSPC');
      assert.ok((yield* readFile(where)).equals(pattern(40_000, 1)));
      assert.equal((yield* listDirectory('/somewhere')).length, 1, 'nothing beside it');
      yield* writeFile(where, pattern(60_000, 3), { atomic: true });
      yield* fails(writeFile(where, pattern(400_000, 4)), 'ENOSPC');
      const file = yield* open(where, 'w');
      const writer = file.writer({ chunkBytes: 4096 });
      yield* fails(writer.send(pattern(400_000)), 'ENOSPC');
      yield* fails(writer.close(), 'ENOSPC');
      yield* file.close();
    });
  }
});
