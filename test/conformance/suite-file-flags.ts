/** How files are opened, what a file is cut to, and what is pushed to the device. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Errno, errnoName } from '../../src/base/index.ts';
import { STAT_BYTES, type Handle, type OpenFlags } from '../../src/driver/index.ts';
import type { Harness } from './harness.ts';
import { onStation, pattern, type Station } from './station.ts';

const CREATE: OpenFlags = { access: 'read-write', create: true };
const BLOCK = 4096;

export function fileFlags(harness: Harness): void {
  const on = (body: (station: Station) => Promise<void>) => () => onStation(harness, {}, body);
  describe('files: flags and sizes', () => {
    test('append writes to the end, whatever the position', on(append));
    test('direct reads and writes whole blocks, and refuses others', on(direct));
    test('dataSync and syncFile of the data alone', on(dataSync));
    test('resizeFile cuts and lengthens with zeros', on(resize));
    test('resizeFile refuses what cannot be', on(resizeRefused));
  });
}

async function open(station: Station, path: string, flags: OpenFlags): Promise<Handle> {
  const result = await station.result((token) => station.driver.openFile(path, flags, token));
  assert.ok(result > 0, errnoName(result));
  return result;
}

/** One write, again where it was short. */
async function write(
  station: Station,
  file: Handle,
  bytes: Uint8Array | string,
  position: number,
): Promise<void> {
  const offset = station.put(bytes);
  const length = Buffer.byteLength(bytes);
  for (let done = 0; done < length;) {
    const count = await station.result((token) => {
      const from = offset + done;
      return station.driver.writeFile(file, token, from, length - done, position + done);
    });
    assert.ok(count > 0, errnoName(count));
    done += count;
  }
}

async function read(station: Station, file: Handle, length: number): Promise<Buffer> {
  const { arena, driver } = station;
  const offset = station.put(new Uint8Array(length + 1));
  let done = 0;
  for (;;) {
    const count = await station.result((token) => {
      return driver.readFile(file, token, offset + done, length + 1 - done, done);
    });
    assert.ok(count >= 0, errnoName(count));
    if (count === 0) return Buffer.from(arena.bytes.slice(offset, offset + done));
    done += count;
  }
}

async function size(station: Station, file: Handle): Promise<number> {
  const offset = station.put(new Uint8Array(STAT_BYTES));
  const result = await station.result((token) => station.driver.statFile(file, token, offset));
  assert.equal(result, 0);
  return station.arena.doubles[offset / 8]!;
}

async function append(station: Station): Promise<void> {
  const path = station.harness.path('append');
  const file = await open(station, path, { ...CREATE, append: true });
  await write(station, file, 'one ', 0);
  await write(station, file, 'two ', 0);
  await write(station, file, 'three', 1000);
  assert.equal((await read(station, file, 100)).toString(), 'one two three');
  const plain = await open(station, path, { access: 'read-write' });
  await write(station, plain, 'ONE', 0);
  assert.equal((await read(station, plain, 100)).toString(), 'ONE two three');
}

async function direct(station: Station): Promise<void> {
  const { arena, driver, harness, memory } = station;
  const flags = { ...CREATE, direct: true };
  const opened = await station.result((token) => {
    return driver.openFile(harness.path('direct'), flags, token);
  });
  // The file system may have no such thing: then it says so when the file is opened.
  if (opened === -Errno.EINVAL || opened === -Errno.EOPNOTSUPP) return;
  assert.ok(opened > 0, errnoName(opened));
  const aligned = Math.ceil(memory.offset / BLOCK) * BLOCK;
  const bytes = pattern(2 * BLOCK);
  arena.bytes.set(bytes, aligned);
  const length = 2 * BLOCK;
  const written = await station.result((token) => {
    return driver.writeFile(opened, token, aligned, length, 0);
  });
  if (harness.real) assert.equal(written, length, errnoName(written));
  if (written !== length) return;
  arena.bytes.fill(0, aligned, aligned + length);
  const count = await station.result((token) => driver.readFile(opened, token, aligned, length, 0));
  assert.ok(count > 0, errnoName(count));
  const found = Buffer.from(arena.bytes.slice(aligned, aligned + count));
  assert.ok(found.equals(bytes.subarray(0, count)));
  const odd = await station.result((token) => driver.readFile(opened, token, aligned, length, 1));
  // tmpfs and some others take O_DIRECT and do not mean it.
  assert.ok(odd === -Errno.EINVAL || (harness.real && odd > 0), errnoName(odd));
}

async function dataSync(station: Station): Promise<void> {
  const { driver } = station;
  const path = station.harness.path('sync');
  const file = await open(station, path, { ...CREATE, dataSync: true });
  await write(station, file, pattern(5000), 0);
  assert.equal(await station.result((token) => driver.syncFile(file, token, true)), 0);
  assert.equal(await station.result((token) => driver.syncFile(file, token, false)), 0);
  assert.ok((await read(station, file, 5000)).equals(pattern(5000)));
}

async function resize(station: Station): Promise<void> {
  const { driver } = station;
  const file = await open(station, station.harness.path('resize'), CREATE);
  await write(station, file, pattern(5000), 0);
  const to = (bytes: number): Promise<number> =>
    station.result((token) => driver.resizeFile(file, token, bytes));
  assert.equal(await to(3000), 0);
  assert.equal(await size(station, file), 3000);
  assert.ok((await read(station, file, 5000)).equals(pattern(5000).subarray(0, 3000)));
  assert.equal(await to(6000), 0);
  const expected = Buffer.concat([pattern(5000).subarray(0, 3000), Buffer.alloc(3000)]);
  assert.ok((await read(station, file, 6000)).equals(expected), 'zeros, not what was there before');
  assert.equal(await to(0), 0);
  assert.equal(await size(station, file), 0);
}

async function resizeRefused(station: Station): Promise<void> {
  const { driver } = station;
  const path = station.harness.path('refused');
  const file = await open(station, path, CREATE);
  for (const bytes of [-1, 0.5, NaN, 2 ** 53]) {
    station.refused(Errno.EINVAL, (token) => driver.resizeFile(file, token, bytes));
  }
  const large = await station.result((token) => driver.resizeFile(file, token, 2 ** 53 - 1));
  assert.equal(errnoName(large), 'EFBIG');
  const reading = await open(station, path, { access: 'read' });
  const result = await station.result((token) => driver.resizeFile(reading, token, 10));
  assert.ok(result === -Errno.EINVAL || result === -Errno.EBADF, errnoName(result));
  await station.closeAll([file]);
  station.refused(Errno.EBADF, (token) => driver.resizeFile(file, token, 0));
}
