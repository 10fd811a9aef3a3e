import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { Segment } from '../../memory/index.ts';
import { loadNative } from '../../native/index.ts';
import { ownIdentity, Proc } from '../segment/identity.ts';
import { RingDirectory } from './directory.ts';
import { freshPath, namedSegment, nobody, plant, someId } from './fixture.test.helper.ts';
import { formatUnfinished } from './names.ts';

const unusable = { code: 'ERR_RING_DIRECTORY' };
const own = ownIdentity(false);

test('RingDirectory gives a segment a name, by which it is found until all let it go', () => {
  const directory = RingDirectory.open(freshPath());
  assert.deepEqual(directory.list(), { names: [], strays: [] });
  const made = namedSegment('prices');
  const holder = directory.create('prices', made.fd, made.id);
  const { mode } = fs.lstatSync(directory.path);
  assert.equal(mode & 0o777, 0o700);
  assert.equal(fs.lstatSync(join(directory.path, 'prices')).mode & 0o777, 0o700);
  const [file] = fs.readdirSync(join(directory.path, 'prices'));
  assert.equal(fs.lstatSync(join(directory.path, 'prices', file!)).mode & 0o777, 0o600);
  const expected = [made.id, own.pid, made.fd, own.startTime, own.namespace, own.bootId];
  assert.equal(file, expected.join('.'));

  const found = directory.attach('prices');
  assert.equal(found.id, made.id);
  assert.equal(found.kind, 'ring');
  assert.equal(fs.fstatSync(found.fd).ino, fs.fstatSync(made.fd).ino);
  fs.writeSync(found.fd, Buffer.from([1]), 0, 1, 5000);
  holder.release();
  holder.release();
  made.close();
  assert.equal(directory.list().names[0]?.holders.length, 1);
  const again = directory.attach('prices');
  const seen = directory.observe('prices');
  assert.equal(seen.id, made.id);
  assert.throws(() => fs.writeSync(seen.fd, Buffer.from([1]), 0, 1, 5000), { code: 'EBADF' });
  for (const { fd } of [found, again, seen]) fs.closeSync(fd);
  found.holder.release();
  again.holder.release();
  assert.deepEqual(fs.readdirSync(directory.path), []);
  assert.throws(() => directory.attach('prices'), { code: 'ERR_RING_NOT_FOUND' });
});

test('RingDirectory.create refuses a name that somebody holds, and takes one of the dead', () => {
  const directory = RingDirectory.open(freshPath());
  const made = namedSegment('prices');
  plant(directory.path, 'prices');
  plant(directory.path, 'others');
  const holder = directory.create('prices', made.fd, made.id);
  assert.deepEqual(fs.readdirSync(directory.path), ['prices']);
  assert.throws(() => directory.create('prices', made.fd, made.id), {
    code: 'ERR_RING_EXISTS',
    message: new RegExp(`"prices": process ${process.pid} holds one`),
  });
  assert.deepEqual(fs.readdirSync(directory.path), ['prices']);
  holder.release();
  made.close();
});

test('RingDirectory refuses names that no ring can have', () => {
  const directory = RingDirectory.open(freshPath());
  const names = ['', '.', '..', '.new.1.2.3', 'a/b', 'a\0b', 'é', 'a b', 'x'.repeat(64)];
  for (const name of [...names, 7 as unknown as string]) {
    const refusal = { name: 'TypeError', code: 'ERR_RING_NAME' };
    assert.throws(() => directory.create(name, 0, someId), refusal);
    assert.throws(() => directory.attach(name), refusal);
    assert.throws(() => directory.observe(name), refusal);
    if (name !== '') assert.throws(() => directory.clean(name), refusal);
  }
  assert.equal(fs.existsSync(directory.path), false);
});

test('RingDirectory.open refuses a directory that is not the user’s alone', () => {
  const path = freshPath();
  fs.writeFileSync(path, '');
  assert.throws(() => RingDirectory.open(path), { ...unusable, message: /it is no directory/ });
  fs.rmSync(path);
  const target = `${path}.target`;
  fs.mkdirSync(target, { mode: 0o700 });
  fs.symlinkSync(target, path);
  for (const each of [path, `${path}/`]) {
    assert.throws(() => RingDirectory.open(each), { ...unusable, message: /it is no directory/ });
  }
  for (const mode of [0o755, 0o770, 0o701, 0o500]) {
    fs.chmodSync(target, mode);
    assert.throws(() => RingDirectory.open(target), { ...unusable, message: /must be 0700, got/ });
  }
  fs.chmodSync(target, 0o700);
  const directory = RingDirectory.open(target);
  fs.chmodSync(target, 0o777);
  assert.throws(() => directory.list(), unusable, 'every time');
  const stranger = { ...fs, lstatSync: () => ({ isDirectory: () => true, uid: 12345 }) };
  assert.throws(() => RingDirectory.open(target, stranger as unknown as typeof fs), {
    ...unusable,
    message: /belongs to the user with id 12345/,
  });
  const nowhere = join(path, 'a', 'b');
  assert.throws(() => RingDirectory.open(nowhere).create('x', 0, someId), unusable);
  const noProc = new Proc({
    read: () => '',
    link: () => '',
  });
  assert.throws(() => RingDirectory.open(target, fs, noProc), { message: /only on Linux/ });
});

test('RingDirectory leaves strays alone, says so, and does not go through links', () => {
  const path = freshPath();
  const directory = RingDirectory.open(path);
  const elsewhere = freshPath();
  const file = plant(elsewhere, 'real');
  fs.mkdirSync(path, { mode: 0o700 });
  fs.symlinkSync(join(elsewhere, 'real'), join(path, 'linked'));
  fs.writeFileSync(join(path, 'file'), '');
  fs.mkdirSync(join(path, '.hidden'));
  fs.mkdirSync(join(path, 'odd name'));
  fs.mkdirSync(join(path, 'prices', `${someId}.1.2`), { recursive: true });
  fs.writeFileSync(join(path, 'prices', 'notes'), '');
  fs.mkdirSync(join(path, 'prices', file));
  assert.deepEqual(directory.clean(), []);
  assert.deepEqual(directory.list().names, [{ name: 'prices', holders: [] }]);
  assert.deepEqual([...directory.list().strays].sort(), [
    '.hidden',
    'file',
    'linked',
    'odd name',
    `prices/${someId}.1.2`,
    `prices/${file}`,
    'prices/notes',
  ]);
  assert.throws(() => directory.attach('linked'), { code: 'ERR_RING_NOT_FOUND' });
  for (const name of ['linked', 'file']) {
    assert.throws(() => directory.create(name, 0, someId), {
      ...unusable,
      message: /is no directory/,
    });
  }
  assert.throws(() => directory.create('prices', 0, someId), {
    ...unusable,
    message: /is no file of a holder/,
  });
  assert.ok(fs.existsSync(join(elsewhere, 'real', file)));
  assert.deepEqual(directory.clean('nothing'), []);
});

test('RingDirectory.clean removes what is not open any more, and says what and why', () => {
  const directory = RingDirectory.open(freshPath());
  const { path } = directory;
  const made = namedSegment('prices');
  const other = namedSegment('others');
  const dead = plant(path, 'dead');
  const closed = plant(path, 'closed', own, { descriptor: 1 << 20 });
  const plain = plant(path, 'plain', own, { descriptor: fs.openSync('/dev/null', 'r') });
  const wrongId = plant(path, 'prices', own, { descriptor: made.fd });
  const wrongName = plant(path, 'wrong', own, { descriptor: other.fd, id: other.id });
  fs.mkdirSync(join(path, 'empty'));
  const expected = new Map([
    [`closed/${closed}`, 'its process has closed it'],
    ['closed', 'nobody holds it'],
    [`dead/${dead}`, 'its process has ended'],
    ['dead', 'nobody holds it'],
    ['empty', 'nobody holds it'],
    [`plain/${plain}`, 'its process has something else open there'],
    ['plain', 'nobody holds it'],
    [`prices/${wrongId}`, 'its process has another segment open there'],
    ['prices', 'nobody holds it'],
    [`wrong/${wrongName}`, 'its process has another segment open there'],
    ['wrong', 'nobody holds it'],
  ]);
  const asMap = (removals: readonly { path: string; why: string }[]): Map<string, string> =>
    new Map(removals.map((removal) => [removal.path, removal.why]));
  assert.deepEqual(asMap(directory.clean(undefined, true)), expected);
  assert.equal(fs.readdirSync(path).length, 6);
  assert.deepEqual(
    asMap(directory.clean('dead')),
    asMap([
      { path: `dead/${dead}`, why: 'its process has ended' },
      { path: 'dead', why: 'nobody holds it' },
    ]),
  );
  assert.equal(directory.clean().length, expected.size - 2);
  assert.deepEqual(fs.readdirSync(path), []);
  made.close();
  other.close();
});

test('RingDirectory.attach refuses a segment that can still shrink, or is none', () => {
  const directory = RingDirectory.open(freshPath());
  const native = loadNative();
  const unsealed = native.memfdCreate('prices');
  native.fileTruncate(unsealed, 16_384);
  const file = plant(directory.path, 'prices', own, { descriptor: unsealed });
  const [info] = directory.list().names[0]!.holders;
  assert.equal(info?.standing, 'unusable');
  assert.throws(() => directory.attach('prices'), {
    code: 'ERR_RING_NOT_FOUND',
    message: new RegExp(`process ${process.pid} has it, but it is not sealed`),
  });
  assert.throws(() => directory.create('prices', unsealed, someId), { code: 'ERR_RING_EXISTS' });
  assert.deepEqual(directory.clean(), []);
  fs.rmSync(join(directory.path, 'prices', file));

  const empty = Segment.create('prices', 16_384);
  plant(directory.path, 'prices', own, { descriptor: empty.fd });
  assert.equal(directory.list().names[0]!.holders[0]!.standing, 'stale');
  assert.throws(() => directory.attach('prices'), { message: /there is none/ });
  empty.close();
  native.closeDescriptor(unsealed);
});

test('RingDirectory says nothing of who is in another pid namespace', () => {
  const directory = RingDirectory.open(freshPath());
  const foreign = { ...nobody, namespace: 1n };
  plant(directory.path, 'prices', foreign);
  assert.deepEqual(directory.clean(), []);
  assert.throws(() => directory.create('prices', 0, someId), {
    code: 'ERR_RING_EXISTS',
    message: /another pid namespace/,
  });
  assert.throws(() => directory.attach('prices'), {
    code: 'ERR_RING_NOT_FOUND',
    message: /another pid namespace/,
  });
});

test('RingDirectory.clean removes what dead creators did not finish, and nothing of the living', () => {
  const directory = RingDirectory.open(freshPath());
  const { path } = directory;
  const random = 'abcdef';
  const dead = formatUnfinished(nobody, `${random}1`);
  const deadEmpty = formatUnfinished(nobody, `${random}2`);
  plant(path, dead);
  fs.mkdirSync(join(path, deadEmpty));
  const living = formatUnfinished(own, random);
  fs.mkdirSync(join(path, living));
  // Its name alone would say that it is dead here.
  const foreign = formatUnfinished(nobody, `${random}3`);
  plant(path, foreign, { ...nobody, namespace: 1n });
  const odd = '.new.1.2';
  fs.mkdirSync(join(path, odd));
  const removed = directory.clean().map((removal) => removal.path);
  assert.deepEqual(removed.sort(), [dead, deadEmpty].sort());
  assert.deepEqual(fs.readdirSync(path).sort(), [odd, living, foreign].sort());
  assert.deepEqual(directory.list().strays, [odd]);
});

test('RingDirectory.attach takes over a file that a thread of its process left behind', () => {
  const directory = RingDirectory.open(freshPath());
  const made = namedSegment('prices');
  directory.create('prices', made.fd, made.id);
  const lost = directory.attach('prices');
  fs.closeSync(lost.fd);
  const found = directory.attach('prices');
  assert.equal(found.fd, lost.fd);
  assert.equal(fs.readdirSync(join(directory.path, 'prices')).length, 2);
  fs.closeSync(found.fd);
  made.close();
  assert.equal(directory.clean().length, 3);
});

test('RingDirectory.open is in /dev/shm without a path', () => {
  assert.equal(basename(RingDirectory.open().path), `rondo-${process.getuid?.()}`);
});
