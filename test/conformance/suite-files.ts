/** Files. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Errno, errnoName } from '../../src/base/index.ts';
import { STAT_BYTES, type Handle, type OpenFlags } from '../../src/driver/index.ts';
import type { Harness } from './harness.ts';
import { onStation, pattern, type Operation, type Station } from './station.ts';

const CREATE: OpenFlags = { access: 'read-write', create: true };
const REGULAR_FILE = 0o100000;
const TYPE_MASK = 0o170000;

export function files(harness: Harness): void {
  const on = (body: (station: Station) => Promise<void>, limits = {}) => {
    return () => onStation(harness, limits, body);
  };
  describe('files', () => {
    test('openFile keeps to its flags', on(openFlags));
    test('writeFile and readFile carry a megabyte', on(megabyte));
    test('readFile gives 0 at the end, and what is there before it', on(readEnd));
    test('writeFile beyond the end leaves zeros', on(hole));
    test('statFile writes size, time and mode', on(stat));
    test('statFile any number of times at once, and cancelled', on(manyStats));
    test('access that was not asked for is EBADF', on(access));
    test('many operations on one file at once', on(manyAtOnce));
    test('close with operations in flight', on(closeInFlight));
    test('openFile that is cancelled leaks nothing', on(openCancelled));
    test('connections and files share the limit', on(limit, { connections: 4 }));
  });
}

function opening(station: Station, path: string, flags: OpenFlags): Promise<number> {
  return station.result((token) => station.driver.openFile(path, flags, token));
}

async function open(station: Station, path: string, flags: OpenFlags): Promise<Handle> {
  const result = await opening(station, path, flags);
  assert.ok(result > 0, errnoName(result));
  return result;
}

/** Writes all of it, however little is taken at a time. */
async function writeAll(
  station: Station,
  file: Handle,
  bytes: Buffer,
  position: number,
): Promise<void> {
  const { driver } = station;
  const offset = station.put(bytes);
  for (let done = 0; done < bytes.length;) {
    const left = bytes.length - done;
    const written = await station.result((token) =>
      driver.writeFile(file, token, offset + done, left, position + done),
    );
    assert.ok(written > 0 && written <= left, errnoName(written));
    done += written;
  }
}

/** Reads up to the end of the file. */
async function readAll(station: Station, file: Handle, position: number = 0): Promise<Buffer> {
  const { arena, driver } = station;
  const offset = station.put(new Uint8Array(100_000));
  const chunks: Buffer[] = [];
  for (let at = position; ;) {
    const count = await station.result((token) => {
      return driver.readFile(file, token, offset, 100_000, at);
    });
    assert.ok(count >= 0, errnoName(count));
    if (count === 0) return Buffer.concat(chunks);
    chunks.push(Buffer.from(arena.bytes.slice(offset, offset + count)));
    at += count;
  }
}

async function openFlags(station: Station): Promise<void> {
  const path = station.harness.path('flags');
  assert.equal(errnoName(await opening(station, path, { access: 'read' })), 'ENOENT');
  assert.equal(errnoName(await opening(station, path, { access: 'write' })), 'ENOENT');
  const first = await open(station, path, { ...CREATE, exclusive: true });
  await writeAll(station, first, Buffer.from('content'), 0);
  const exclusive = await opening(station, path, { ...CREATE, exclusive: true });
  assert.equal(errnoName(exclusive), 'EEXIST');
  const second = await open(station, path, CREATE);
  assert.equal((await readAll(station, second)).toString(), 'content');
  const third = await open(station, path, { access: 'write', truncate: true });
  assert.equal((await readAll(station, second)).length, 0);
  const below = await opening(station, `${path}/below`, { access: 'read' });
  assert.equal(errnoName(below), 'ENOTDIR');
  assert.equal(station.driver.usage().files, 3);
  await station.closeAll([first, second, third]);
  assert.equal(station.driver.usage().files, 0);
}

async function megabyte(station: Station): Promise<void> {
  const { driver } = station;
  const path = station.harness.path('megabyte');
  const file = await open(station, path, CREATE);
  const bytes = pattern(1 << 20);
  await writeAll(station, file, bytes, 0);
  assert.equal(await station.result((token) => driver.syncFile(file, token)), 0);
  await station.done(station.close(file));
  const again = await open(station, path, { access: 'read' });
  assert.ok((await readAll(station, again)).equals(bytes));
  assert.ok((await readAll(station, again, 999_999)).equals(bytes.subarray(999_999)));
}

async function readEnd(station: Station): Promise<void> {
  const { arena, driver } = station;
  const file = await open(station, station.harness.path('end'), CREATE);
  await writeAll(station, file, Buffer.from('0123456789'), 0);
  const offset = station.put(new Uint8Array(100).fill(7));
  for (const position of [10, 11, 2 ** 40]) {
    const end = await station.result((token) => {
      return driver.readFile(file, token, offset, 100, position);
    });
    assert.equal(end, 0, `at ${position}`);
  }
  const count = await station.result((token) => driver.readFile(file, token, offset, 100, 4));
  assert.ok(count >= 1 && count <= 6);
  const text = Buffer.from(arena.bytes.slice(offset, offset + count)).toString();
  assert.equal(text, '456789'.slice(0, count));
  assert.equal(arena.bytes[offset + count], 7, 'nothing is written behind what was read');
  for (const position of [-1, 0.5, NaN]) {
    station.refused(Errno.EINVAL, (token) => {
      return driver.readFile(file, token, offset, 100, position);
    });
  }
}

async function hole(station: Station): Promise<void> {
  const file = await open(station, station.harness.path('hole'), CREATE);
  await writeAll(station, file, Buffer.from('end'), 1000);
  const all = await readAll(station, file);
  assert.ok(all.equals(Buffer.concat([Buffer.alloc(1000), Buffer.from('end')])));
}

async function stat(station: Station): Promise<void> {
  const { arena, driver } = station;
  const path = station.harness.path('stat');
  const file = await open(station, path, { ...CREATE, mode: 0o600 });
  await writeAll(station, file, Buffer.alloc(12_345), 0);
  const offset = station.put(new Uint8Array(STAT_BYTES).fill(0xff));
  assert.equal(await station.result((token) => driver.statFile(file, token, offset)), 0);
  assert.equal(arena.doubles[offset / 8], 12_345);
  const mode = arena.unsigned[offset / 4 + 4]!;
  assert.equal(mode & TYPE_MASK, REGULAR_FILE);
  assert.equal(mode & 0o777, 0o600);
  assert.ok(arena.doubles[offset / 8 + 1]! >= 0);
  assert.deepEqual([...arena.unsigned.subarray(offset / 4 + 5, offset / 4 + 8)], [0, 0, 0]);
  station.refused(Errno.EINVAL, (token) => driver.statFile(file, token, offset + 4));
}

async function manyStats(station: Station): Promise<void> {
  const { arena, driver } = station;
  const file = await open(station, station.harness.path('stats'), CREATE);
  await writeAll(station, file, Buffer.alloc(777), 0);
  const offset = station.put(new Uint8Array(STAT_BYTES * 200));
  const stats: Operation[] = [];
  for (let i = 0; i < 200; i++) {
    stats.push(station.submit((token) => driver.statFile(file, token, offset + i * STAT_BYTES)));
  }
  for (let i = 3; i < 200; i += 7) station.call(() => driver.cancel(stats[i]!.id));
  await station.done(...stats);
  for (const [i, { result }] of stats.entries()) {
    if (i % 7 === 3 && result === -Errno.ECANCELED) continue;
    assert.equal(result, 0, errnoName(result));
    assert.equal(arena.doubles[(offset + i * STAT_BYTES) / 8], 777);
  }
}

async function access(station: Station): Promise<void> {
  const { driver } = station;
  const path = station.harness.path('access');
  const writing = await open(station, path, { access: 'write', create: true });
  const reading = await open(station, path, { access: 'read' });
  const offset = station.put('bytes');
  const read = await station.result((token) => driver.readFile(writing, token, offset, 5, 0));
  assert.equal(errnoName(read), 'EBADF');
  const write = await station.result((token) => driver.writeFile(reading, token, offset, 5, 0));
  assert.equal(errnoName(write), 'EBADF');
}

async function manyAtOnce(station: Station): Promise<void> {
  const { driver } = station;
  const file = await open(station, station.harness.path('many'), CREATE);
  const bytes = pattern(100 * 1000);
  const offset = station.put(bytes);
  const writes: Operation[] = [];
  for (let i = 0; i < 100; i++) {
    const at = i * 1000;
    writes.push(station.submit((token) => driver.writeFile(file, token, offset + at, 1000, at)));
  }
  await station.done(...writes);
  for (const [i, write] of writes.entries()) {
    assert.ok(write.result > 0, errnoName(write.result));
    const rest = bytes.subarray(i * 1000 + write.result, (i + 1) * 1000);
    if (rest.length > 0) await writeAll(station, file, rest, i * 1000 + write.result);
  }
  assert.ok((await readAll(station, file)).equals(bytes));
}

async function closeInFlight(station: Station): Promise<void> {
  const { driver } = station;
  for (let i = 0; i < 20; i++) {
    const file = await open(station, station.harness.path('closing'), CREATE);
    const offset = station.put(pattern(5000));
    const operations = [
      station.submit((token) => driver.writeFile(file, token, offset, 5000, 0)),
      station.submit((token) => driver.readFile(file, token, offset, 5000, 0)),
      station.submit((token) => driver.statFile(file, token, station.put(new Uint8Array(32)))),
      station.submit((token) => driver.syncFile(file, token)),
    ];
    const close = station.close(file);
    station.refused(Errno.EBADF, (token) => driver.syncFile(file, token));
    await station.done(close, ...operations);
    for (const operation of operations) {
      assert.ok(operation.order < close.order, 'before the close');
      const { result } = operation;
      assert.ok(result >= 0 || result === -Errno.ECANCELED, errnoName(result));
    }
    station.refused(Errno.EBADF, (token) => driver.syncFile(file, token));
  }
}

async function openCancelled(station: Station): Promise<void> {
  const { driver } = station;
  const path = station.harness.path('cancelled');
  for (let i = 0; i < 60; i++) {
    const operation = station.submit((token) => driver.openFile(path, CREATE, token));
    if (i % 3 === 1) driver.turn();
    const cancelled = station.call(() => driver.cancel(operation.id));
    assert.ok(cancelled === 0 || cancelled === -Errno.ENOENT);
    await station.done(operation);
    if (operation.result > 0) await station.done(station.close(operation.result));
    else assert.equal(errnoName(operation.result), 'ECANCELED');
  }
  await station.settle();
  assert.equal(driver.usage().files, 0);
}

async function limit(station: Station): Promise<void> {
  const opened: Handle[] = [];
  for (let i = 0; i < 4; i++) {
    opened.push(await open(station, station.harness.path('limit'), CREATE));
  }
  const beyond = await opening(station, station.harness.path('limit'), CREATE);
  assert.equal(errnoName(beyond), 'EMFILE');
  await station.done(station.close(opened.pop()!));
  await open(station, station.harness.path('limit'), CREATE);
}
