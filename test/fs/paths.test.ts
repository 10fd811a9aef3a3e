/** What is done with paths. */
import assert from 'node:assert/strict';
import { sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  copyFile,
  exists,
  listDirectory,
  makeDirectory,
  readDirectory,
  readFile,
  realPath,
  remove,
  rename,
  stat,
  symlink,
  temporaryDirectory,
  writeFile,
} from '../../src/fs/index.ts';
import { attempt, END, spawn, yieldNow, type Coroutine } from '../../src/task/index.ts';
import { fails, onEveryDriver, type Place } from './world.ts';

function* making({ path }: Place): Coroutine<void> {
  const where = path('made');
  yield* makeDirectory(where, { recursive: true });
  yield* makeDirectory(where, { recursive: true });
  yield* fails(makeDirectory(where), 'EEXIST');
  yield* fails(makeDirectory(`${where}/a/b`), 'ENOENT');
  yield* makeDirectory(`${where}/a/b`, { recursive: true });
  assert.equal((yield* stat(`${where}/a`)).kind, 'directory');
  yield* writeFile(`${where}/file`, '12345');
  const { kind, size } = yield* stat(`${where}/file`);
  assert.deepEqual([kind, size], ['file', 5]);
  yield* fails(makeDirectory(`${where}/file/below`), 'ENOTDIR');
  yield* fails(stat(`${where}/none`), 'ENOENT');
  assert.ok(yield* exists(`${where}/file`));
  assert.ok(!(yield* exists(`${where}/none`)));
}

function* listing({ path }: Place): Coroutine<void> {
  const where = path('list');
  yield* makeDirectory(`${where}/below`, { recursive: true });
  const names = Array.from({ length: 150 }, (_, i) => `file-${String(i).padStart(3, '0')}`);
  for (const name of names) yield* writeFile(`${where}/${name}`, name);
  const expected = [
    { name: 'below', kind: 'directory' },
    ...names.map((name) => ({ name, kind: 'file' })),
  ];
  assert.deepEqual(yield* listDirectory(where), expected);
  const streamed = yield* readDirectory(where).collect();
  assert.deepEqual(
    streamed.sort((a, b) => (a.name < b.name ? -1 : 1)),
    expected,
  );
  yield* fails(listDirectory(`${where}/none`), 'ENOENT');
  yield* fails(readDirectory(`${where}/file-000`).next(), 'ENOTDIR');
  for (const taken of [0, 1, 100]) {
    const stream = readDirectory(where);
    for (let i = 0; i < taken; i++) assert.ok((yield* stream.next()) !== END);
    yield* stream.giveUp();
    assert.equal(yield* stream.next(), END);
  }
  assert.deepEqual(yield* readDirectory(`${where}/below`).collect(), []);
}

function* moving({ path }: Place): Coroutine<void> {
  const where = path('move');
  yield* makeDirectory(`${where}/a`, { recursive: true });
  yield* writeFile(`${where}/a/file`, 'content');
  yield* rename(`${where}/a`, `${where}/b`);
  yield* rename(`${where}/b/file`, `${where}/b/other`);
  assert.equal(yield* readFile(`${where}/b/other`, { encoding: 'utf8' }), 'content');
  yield* fails(rename(`${where}/a`, `${where}/c`), 'ENOENT');
  yield* copyFile(`${where}/b/other`, `${where}/copy`);
  yield* fails(copyFile(`${where}/b/other`, `${where}/copy`, { exclusive: true }), 'EEXIST');
  yield* fails(copyFile(`${where}/none`, `${where}/copy`), 'ENOENT');
  yield* writeFile(`${where}/copy`, 'changed');
  assert.equal(yield* readFile(`${where}/b/other`, { encoding: 'utf8' }), 'content');
}

function* removing({ path }: Place): Coroutine<void> {
  const where = path('remove');
  yield* makeDirectory(`${where}/a/b/c`, { recursive: true });
  yield* writeFile(`${where}/a/b/file`, 'x');
  yield* fails(remove(`${where}/a`), 'ENOTEMPTY');
  yield* fails(remove(`${where}/none`), 'ENOENT');
  yield* fails(remove(`${where}/none`, { recursive: true }), 'ENOENT');
  yield* remove(`${where}/none`, { force: true });
  yield* remove(`${where}/none`, { force: true, recursive: true });
  yield* remove(`${where}/a/b/c`);
  yield* remove(`${where}/a/b/file`);
  yield* remove(`${where}/a`, { recursive: true });
  assert.ok(!(yield* exists(`${where}/a`)));
}

function* links({ path, real }: Place): Coroutine<void> {
  const where = path('links');
  yield* writeFile(where, 'x');
  if (!real) {
    yield* fails(symlink(where, path('link')), 'EOPNOTSUPP');
    return;
  }
  const link = path('link');
  yield* symlink(where, link);
  assert.equal((yield* stat(link)).kind, 'file');
  assert.equal((yield* stat(link, { followLinks: false })).kind, 'symlink');
  assert.equal(yield* realPath(link), yield* realPath(where));
  yield* remove(link);
  assert.ok(yield* exists(where), 'what it led to is still there');
  assert.equal(yield* readFile(pathToFileURL(where), { encoding: 'utf8' }), 'x');
  yield* fails(realPath(link), 'ENOENT');
}

function* temporary({ path }: Place): Coroutine<void> {
  const parent = path('temporary');
  yield* makeDirectory(parent, { recursive: true });
  const one = yield* temporaryDirectory({ parent, prefix: 'x-' });
  const other = yield* temporaryDirectory({ parent });
  assert.notEqual(one.path, other.path);
  assert.ok(one.path.startsWith(`${parent}${sep}x-`));
  yield* writeFile(`${one.path}/file`, 'x');
  yield* one.remove();
  yield* one.remove();
  yield* other.remove();
  for (let i = 0; i < 20; i++) {
    const task = spawn(temporaryDirectory({ parent }));
    for (let turn = 0; turn < i; turn++) yield* yieldNow();
    task.abort();
    const result = yield* attempt(task);
    if (result.ok) yield* result.value.remove();
  }
  assert.deepEqual(yield* listDirectory(parent), [], 'nothing is left');
  const elsewhere = yield* temporaryDirectory();
  assert.ok(yield* exists(elsewhere.path));
  yield* elsewhere.remove();
}

onEveryDriver('paths', {
  'directories are made': making,
  'directories are listed and streamed': listing,
  'rename and copy': moving,
  'remove takes what it is told to': removing,
  'links and URLs': links,
  'temporary directories go': temporary,
});
