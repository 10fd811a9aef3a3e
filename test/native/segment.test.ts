// Segments between processes: allocated at once, found through /proc or inherited, and words in
// them on which one process sleeps and another wakes it.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { storeRelease } from '#atomics';
import { Arena, Segment, Window } from '../../src/memory/index.ts';
import { loadNative } from '../../src/native/index.ts';
import { BACKENDS, skipped, turns, Watcher } from './watcher.ts';

const timeout = 60_000;
const SIZE = 8192;
const EPERM = -1;
const EBADF = -9;
const SEALS = 1 | 2 | 4;
const ROUNDS = 200;
const native = loadNative();
const arena = Arena.create({ size: 4 << 20 });
native.attachArena(arena.bytes);

/** Starts segment.child.ts with the segment as descriptor 3. */
function start(segment: Segment, ...args: readonly string[]): ChildProcess {
  const script = fileURLToPath(new URL('./segment.child.js', import.meta.url));
  return spawn(process.execPath, [script, ...args], {
    stdio: ['ignore', 'inherit', 'inherit', segment.fd],
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  assert.equal(child.signalCode ?? child.exitCode, 0);
}

async function withSegment(
  use: (segment: Segment, window: Window) => Promise<void>,
): Promise<void> {
  const segment = Segment.create('shared', SIZE);
  const window = Window.open(arena, segment.fd, { name: 'shared', writable: true });
  try {
    await use(segment, window);
  } finally {
    window.release();
    segment.close();
  }
}

describe('Segment', { timeout }, () => {
  test('Segment.create takes all memory at once, and seals as ever', () => {
    const segment = Segment.create('allocated', (9 << 20) + 1);
    const { size, blocks } = fstatSync(segment.fd);
    assert.equal(size, (9 << 20) + 1);
    assert.ok(blocks * 512 >= size, 'every page is there');
    assert.equal(native.fileSeals(segment.fd), SEALS);
    assert.equal(native.fileAllocate(segment.fd, size + 4096), EPERM);
    assert.equal(native.fileTruncate(segment.fd, 0), EPERM);
    segment.close();
  });

  test('Segment.create leaves some memory to others', (context) => {
    context.mock.method(process, 'availableMemory', () => 16 * 4096);
    Segment.create('fits', 14 * 4096).close();
    const memory = { code: 'ERR_SYSTEM', errno: 12, syscall: 'fallocate' };
    assert.throws(() => Segment.create('too large', 15 * 4096), memory);
  });

  test('fileAllocate keeps what is there, and reports what fails', () => {
    const fd = native.memfdCreate('kept');
    writeSync(fd, 'kept');
    assert.equal(native.fileAllocate(fd, 4096), 0);
    assert.equal(native.fileAllocate(fd, 100), 0);
    assert.equal(native.fileSize(fd), 4096);
    assert.equal(native.fileAllocate(-1, 4096), EBADF);
    const bad = { code: 'ERR_NATIVE_ARGUMENT' };
    assert.throws(() => native.fileAllocate(-1, 2 ** 32 + 1), bad, 'no arena is larger');
    native.closeDescriptor(fd);
  });

  test('a descriptor of fs.openSync on /proc/<pid>/fd maps as any other', async () => {
    await withSegment(async (segment, window) => {
      const fd = openSync(`/proc/${process.pid}/fd/${segment.fd}`, 'r+');
      const second = Window.open(arena, fd, { name: 'second', writable: true });
      closeSync(fd);
      arena.words[second.offset >>> 2] = 42;
      assert.equal(arena.words[window.offset >>> 2], 42);
      second.release();
      const child = start(segment, 'none');
      await once(child, 'spawn');
      // The other way: the descriptor that the child has inherited, seen from here.
      const theirs = openSync(`/proc/${child.pid!}/fd/3`, 'r+');
      assert.equal(fstatSync(theirs).ino, fstatSync(segment.fd).ino);
      closeSync(theirs);
      storeRelease(arena.words, window.offset >>> 2, 1);
      native.futexWake(window.offset, 1);
      await ended(child);
    });
  });
});

for (const [name, backend] of BACKENDS) {
  const reason = skipped(arena, backend);
  const skip = reason && `${name} cannot be used: ${reason}`;
  describe(`futex watch by ${name}, between processes`, { skip, timeout }, () => between(backend));
}

function between(backend: number): void {
  for (const theirs of ['blocking', String(backend)]) {
    test(`a watch and a process that waits by ${theirs} answer each other`, async () => {
      await withSegment(async (segment, window) => {
        const [ours, word] = [window.offset >>> 2, window.offset + 128];
        const child = start(segment, theirs, String(ROUNDS));
        const watcher = new Watcher(arena, backend);
        for (let round = 1; round <= ROUNDS; round++) {
          storeRelease(arena.words, ours, round);
          native.futexWake(window.offset, 1);
          while (arena.words[word >>> 2] !== round) {
            watcher.arm(0, word, round - 1);
            await watcher.next();
          }
        }
        watcher.close();
        await ended(child);
      });
    });
  }

  test('a window that is released while a word of it is armed', async () => {
    await withSegment(async (segment) => {
      const window = Window.open(arena, segment.fd, { name: 'short', writable: true });
      const watcher = new Watcher(arena, backend);
      const at = window.offset;
      arena.words[at >>> 2] = 7;
      watcher.arm(0, at, 7);
      watcher.arm(1, at + 4096, 0);
      await turns(10);
      window.release();
      assert.equal(native.futexWatchDisarm(1), 0);
      watcher.arm(2, at, 1);
      assert.ok((await watcher.next()).includes(2));
      watcher.close();
    });
  });

  test('words of a window that cannot be written can be watched', async () => {
    await withSegment(async (segment, window) => {
      const readable = Window.open(arena, segment.fd, { name: 'readable' });
      const watcher = new Watcher(arena, backend);
      watcher.arm(9, readable.offset, 0);
      await turns();
      storeRelease(arena.words, window.offset >>> 2, 1);
      native.futexWake(window.offset, 1);
      assert.deepEqual(await watcher.next(), [9]);
      watcher.close();
      readable.release();
    });
  });
}
