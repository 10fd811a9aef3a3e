// A window that an ended thread left open never becomes part of a fresh region.
//
// What happened: `releaseThread` gave the range of such a window back as it was, mapped to the
// segment. The next region there showed bytes of another process, wrote to it, or (when the window
// was read-only) ended the process with SIGSEGV at the first store.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, readSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Arena, Segment, type PageReleaser } from '../../src/memory/index.ts';
import { loadNative, nativeStatus } from '../../src/native/index.ts';
import type { WindowTask } from './window-thread.worker.ts';

const SIZE = 1 << 16;
const SECRET = "another process's bytes";
const status = nativeStatus();
const skip = status.available ? false : `no native addon: ${status.reason}`;
// One arena: the addon knows one arena a thread.
const arena = Arena.create({ size: 4 << 20 });

/** Opens a window in a worker, ends that, and releases what it held. Returns its offset. */
async function leaveOpen(segment: Segment, writable: boolean): Promise<number> {
  const task: WindowTask = { memory: arena.memory, fd: segment.fd, writable };
  const worker = new Worker(new URL('./window-thread.worker.js', import.meta.url), {
    workerData: task,
  });
  const { threadId } = worker;
  const [offset] = (await once(worker, 'message')) as [number];
  await worker.terminate();
  assert.equal(arena.releaseThread(threadId), 1);
  return offset;
}

/** As drivers plug it, or as it is without one. */
const RELEASERS: readonly [string, PageReleaser | undefined][] = [
  ['gives pages back', (offset, length) => loadNative().releasePages(offset, length) === 0],
  ['keeps pages', undefined],
];

for (const [what, releaser] of RELEASERS) {
  for (const writable of [true, false]) {
    const kind = writable ? 'writable' : 'read-only';
    const name = `releaseThread unmaps a ${kind} window of an arena that ${what}`;
    test(name, { skip }, async () => {
      loadNative().attachArena(arena.bytes);
      arena.setPageReleaser(releaser);
      const segment = Segment.create('left-open', SIZE);
      writeSync(segment.fd, SECRET, 0);
      const offset = await leaveOpen(segment, writable);
      assert.doesNotMatch(readFileSync('/proc/self/maps', 'utf8'), /memfd:left-open/);
      const fresh = arena.allocate('fresh', SIZE, { alignment: 4096 });
      assert.equal(fresh.offset, offset, 'it lies where the window was');
      const bytes = arena.bytes.slice(fresh.offset, fresh.offset + SIZE);
      assert.ok(
        bytes.every((byte) => byte === 0),
        'nothing of the segment is seen',
      );
      arena.bytes.fill(0x5a, fresh.offset, fresh.offset + SIZE);
      const stored = Buffer.alloc(SIZE);
      readSync(segment.fd, stored, 0, SIZE, 0);
      assert.equal(stored.toString('latin1', 0, SECRET.length), SECRET);
      assert.ok(
        stored.subarray(SECRET.length).every((byte) => byte === 0),
        'nothing was stored to the segment',
      );
      fresh.release();
      segment.close();
      assert.equal(arena.usage().held, 0);
    });
  }
}
