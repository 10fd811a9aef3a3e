import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { loadNative, nativeStatus } from '../native/index.ts';
import { Arena } from './arena.ts';
import { Segment, Window } from './window.ts';

const SIZE = 3 * 4096;
const status = nativeStatus();
const skip = status.available ? false : `no native addon: ${status.reason}`;

/** Bytes of the segment as another process would read them. */
function fileBytes(fd: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  readSync(fd, bytes, 0, length, position);
  return bytes;
}

describe('Window', { skip }, () => {
  // One arena: the addon knows one arena a thread.
  const arena = Arena.create({ size: 1 << 20 });
  const free = arena.usage().largest;

  test('Window.open shows a segment in the arena, and release takes it out', () => {
    const segment = Segment.create('segment', SIZE);
    assert.equal(segment.size, SIZE);
    writeSync(segment.fd, 'from outside', 4090);
    const window = Window.open(arena, segment.fd, { name: 'w', owner: 'test', writable: true });
    assert.equal(window.length, SIZE);
    assert.equal(window.offset % 4096, 0);
    assert.equal(arena.regionAt(window.offset).kind, 'window');
    const { bytes } = arena;
    const at = window.offset + 4090;
    assert.equal(Buffer.from(bytes.slice(at, at + 12)).toString(), 'from outside');
    bytes.set(Buffer.from('from within!'), at);
    assert.equal(fileBytes(segment.fd, 4090, 12).toString(), 'from within!');
    const stale = bytes.subarray(window.offset, window.offset + SIZE);
    window.release();
    assert.ok(stale.every((byte) => byte === 0));
    stale.fill(9);
    assert.equal(fileBytes(segment.fd, 4090, 12).toString(), 'from within!');
    assert.throws(() => window.release(), { code: 'ERR_REGION_RELEASED' });
    stale.fill(0);
    segment.close();
    segment.close();
    assert.equal(arena.usage().largest, free);
  });

  test('Window.open can begin inside the file and end inside a page', () => {
    const segment = Segment.create('segment', SIZE - 10);
    writeSync(segment.fd, 'here', 4096);
    const window = Window.open(arena, segment.fd, { name: 'w', fileOffset: 4096, length: 5000 });
    segment.close();
    assert.equal(window.length, 5000);
    const { offset } = window;
    assert.equal(Buffer.from(arena.bytes.slice(offset, offset + 4)).toString(), 'here');
    window.release();
  });

  test('Window.open sees what a second window writes', () => {
    const segment = Segment.create('segment', 4096);
    const one = Window.open(arena, segment.fd, { name: 'one', writable: true });
    const two = Window.open(arena, segment.fd, { name: 'two' });
    arena.words[one.offset / 4] = 42;
    assert.equal(arena.words[two.offset / 4], 42);
    one.release();
    assert.equal(arena.words[two.offset / 4], 42);
    two.release();
    segment.close();
  });

  test('Window is visible to other threads at the same offset', async () => {
    const segment = Segment.create('segment', 4096);
    const window = Window.open(arena, segment.fd, { name: 'w', writable: true });
    const code = `const { workerData } = require('node:worker_threads');
      new Int32Array(workerData.memory.buffer)[workerData.word]++;`;
    const workerData = { memory: arena.memory, word: window.offset / 4 };
    arena.words[window.offset / 4] = 6;
    const worker = new Worker(code, { eval: true, workerData });
    await new Promise((resolve) => worker.once('exit', resolve));
    assert.equal(fileBytes(segment.fd, 0, 1)[0], 7);
    window.release();
    segment.close();
  });

  test('Window.open refuses to reach behind the end of the file', () => {
    const segment = Segment.create('segment', SIZE);
    const range = { code: 'ERR_OPTION_RANGE' };
    const open = (options: object): Window =>
      Window.open(arena, segment.fd, { name: 'w', ...options });
    assert.throws(() => open({ length: SIZE + 1 }), range);
    assert.throws(() => open({ length: 0 }), range);
    assert.throws(() => open({ fileOffset: 4096, length: SIZE }), range);
    assert.throws(() => open({ fileOffset: SIZE }), range);
    assert.throws(() => open({ fileOffset: 100 }), range);
    assert.throws(() => open({ lenght: 1 }), { code: 'ERR_OPTION_UNKNOWN' });
    segment.close();
  });

  test('Window.open refuses a file that can shrink, unless it is trusted', () => {
    const native = loadNative();
    const fd = native.memfdCreate('unsealed');
    assert.equal(native.fileTruncate(fd, 4096), 0);
    const unsealed = { code: 'ERR_WINDOW_UNSEALED' };
    assert.throws(() => Window.open(arena, fd, { name: 'w' }), unsealed);
    Window.open(arena, fd, { name: 'w', trustUnsealed: true }).release();
    // F_SEAL_SHRINK alone will do.
    assert.equal(native.addSeals(fd, 2), 0);
    Window.open(arena, fd, { name: 'w' }).release();
    native.closeDescriptor(fd);

    const path = join(tmpdir(), `rondo-window-${process.pid}`);
    const file = openSync(path, 'w+');
    unlinkSync(path);
    ftruncateSync(file, 4096);
    assert.throws(() => Window.open(arena, file, { name: 'w' }), unsealed);
    closeSync(file);
  });

  test('Region.release gives physical pages back when the thread knows how', () => {
    const native = loadNative();
    native.attachArena(arena.bytes);
    let results: number[] = [];
    arena.setPageReleaser((offset, length) => {
      results.push(native.releasePages(offset, length));
      return results.at(-1) === 0;
    });
    const region = arena.allocate('used', 50_000);
    arena.bytes.fill(1, region.offset, region.offset + region.size);
    region.release();
    assert.deepEqual(results, [0]);
    // Read in place: nothing was allocated, so nothing filled it.
    const left = arena.bytes.subarray(region.offset, region.offset + region.size);
    assert.ok(left.every((byte) => byte === 0));
    const segment = Segment.create('segment', 4096);
    const window = Window.open(arena, segment.fd, { name: 'w', writable: true });
    arena.bytes[window.offset] = 5;
    results = [];
    window.release();
    assert.deepEqual(results, [0]);
    assert.equal(fileBytes(segment.fd, 0, 1)[0], 5);
    segment.close();
    arena.setPageReleaser(undefined);
  });

  test('Segment cannot be resized by anybody', () => {
    const segment = Segment.create('segment', SIZE);
    assert.throws(() => ftruncateSync(segment.fd, 0), { code: 'EPERM' });
    assert.throws(() => ftruncateSync(segment.fd, 2 * SIZE), { code: 'EPERM' });
    segment.close();
  });

  test('Window.open gives the region back when the system refuses', () => {
    assert.throws(() => Window.open(arena, 1_000_000, { name: 'w' }), {
      code: 'ERR_SYSTEM',
      errnoName: 'EBADF',
    });
    // A descriptor without the right to write cannot be mapped for it.
    const segment = Segment.create('segment', 4096);
    const reader = openSync(`/proc/self/fd/${segment.fd}`, 'r');
    assert.throws(() => Window.open(arena, reader, { name: 'w', writable: true }), {
      code: 'ERR_SYSTEM',
      errnoName: 'EACCES',
    });
    closeSync(reader);
    segment.close();
    assert.equal(arena.usage().largest, free);
    assert.deepEqual(arena.regions(), []);
  });
});
