// One suite for both backends of the futex watch. The wakers are other threads of this process;
// test/native/segment.test.ts has other processes.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { storeRelease } from '#atomics';
import { Arena } from '../../src/memory/index.ts';
import { loadNative } from '../../src/native/index.ts';
import { BACKENDS, skipped, turns, until, Watcher } from './watcher.ts';
import type { WakeOrder, WatchTask } from './watch.worker.ts';

const EBADF = -9;
const EBUSY = -16;
const EALREADY = -114;
const ENOENT = -2;
const timeout = 30_000;
const native = loadNative();
const arena = Arena.create({ size: 4 << 20 });
const region = arena.allocate('words', 256 * 128);
const word = region.offset;
const ALL = Array.from({ length: 256 }, (_, slot) => slot);

function start(task: Omit<WatchTask, 'memory' | 'word'>): Worker {
  const workerData: WatchTask = { memory: arena.memory, word, ...task };
  return new Worker(new URL('./watch.worker.js', import.meta.url), { workerData });
}

async function end(worker: Worker): Promise<void> {
  const { threadId } = worker;
  await worker.terminate();
  arena.releaseThread(threadId);
}

/** A watch with words that are 0, and a thread that wakes. */
async function withWaker(
  backend: number,
  use: (watcher: Watcher, order: (order: WakeOrder) => void) => Promise<void>,
): Promise<void> {
  arena.bytes.fill(0, region.offset, region.offset + region.size);
  const worker = start({ mode: 'wake' });
  const watcher = new Watcher(arena, backend);
  try {
    await use(watcher, (order) => worker.postMessage(order));
  } finally {
    watcher.close();
    await end(worker);
  }
}

/** Whether a thread of this process sleeps in a futex wait as `futexWaitBlocking` makes it. */
function sleepsOnFutex(thread: number): boolean {
  const [, , operation] = readFileSync(`/proc/self/task/${thread}/syscall`, 'latin1').split(' ');
  return operation === '0x9';
}

function knowsSyscalls(): boolean {
  try {
    readFileSync('/proc/self/syscall');
    return true;
  } catch {
    return false;
  }
}

for (const [name, backend] of BACKENDS) {
  const reason = skipped(arena, backend);
  const skip = reason && `${name} cannot be used: ${reason}`;
  describe(`futex watch by ${name}`, { skip, timeout }, () => {
    firing(backend);
    firingOften(backend);
  });
  describe(`futex watch by ${name}, the rules`, { skip, timeout }, () => {
    rules(backend);
    callbacks(backend);
  });
  describe(`futex watch by ${name}, wakes`, { skip, timeout }, () => passing(backend));
}

function firing(backend: number): void {
  test('a slot fires when another thread changes the word and wakes', async () => {
    await withWaker(backend, async (watcher, order) => {
      watcher.arm(7, word, 0);
      order({ words: [word], value: 1 });
      assert.deepEqual(await watcher.next(), [7]);
    });
  });

  test('a slot fires when its word differs already, without a wake', async () => {
    await withWaker(backend, async (watcher) => {
      watcher.arm(255, word, 0xffffffff);
      watcher.arm(0, word + 128, -1);
      assert.deepEqual(await watcher.next(), [0, 255]);
      arena.words[word >>> 2] = -1;
      watcher.arm(1, word, 0xffffffff);
      watcher.arm(2, word, -1);
      await turns();
      assert.deepEqual(watcher.taken(), [], 'both ways to write the word are the same');
    });
  });

  test('a slot fires when its word is woken and stays as it is', async () => {
    await withWaker(backend, async (watcher, order) => {
      for (const slot of ALL) watcher.arm(slot, word + slot * 128, 0);
      const left = new Set(ALL);
      while (left.size > 0) {
        // Such a wake is for those who sleep at that moment.
        order({ words: [...left].map((slot) => word + slot * 128) });
        await turns(20);
        for (const slot of watcher.taken())
          assert.ok(left.delete(slot), `slot ${slot} fired twice`);
      }
    });
  });
}

function firingOften(backend: number): void {
  test('every slot fires once for an arming', async () => {
    await withWaker(backend, async (watcher, order) => {
      for (let round = 0; round < 20; round++) {
        for (const slot of ALL) watcher.arm(slot, word + slot * 128, round);
        if (round % 2 === 1) await turns();
        order({ words: ALL.map((slot) => word + slot * 128), value: round + 1 });
        const fired: number[] = [];
        while (fired.length < ALL.length) fired.push(...(await watcher.next()));
        assert.deepEqual(
          fired.toSorted((a, b) => a - b),
          ALL,
        );
      }
    });
  });

  test('several slots can wait on one word', async () => {
    await withWaker(backend, async (watcher, order) => {
      for (const slot of [3, 130, 200]) watcher.arm(slot, word, 0);
      await turns();
      order({ words: [word], value: 1 });
      const fired: number[] = [];
      while (fired.length < 3) fired.push(...(await watcher.next()));
      assert.deepEqual(
        fired.toSorted((a, b) => a - b),
        [3, 130, 200],
      );
    });
  });

  test('no change is missed in thousands of round trips', async () => {
    const rounds = 5000;
    arena.bytes.fill(0, region.offset, region.offset + region.size);
    const worker = start({ mode: 'echo', rounds });
    const watcher = new Watcher(arena, backend);
    try {
      for (let round = 1; round <= rounds; round++) {
        storeRelease(arena.words, word >>> 2, round);
        native.futexWake(word, 1);
        // It may fire without cause: the word decides.
        while (arena.words[(word >>> 2) + 1] !== round) {
          watcher.arm(round % 256, word + 4, round - 1);
          assert.deepEqual(await watcher.next(), [round % 256]);
        }
      }
    } finally {
      watcher.close();
      await end(worker);
    }
  });
}

function rules(backend: number): void {
  test('a thread has one watch, and slots are armed once', async () => {
    assert.equal(native.futexWatchArm(0, word, 0), EBADF);
    assert.equal(native.futexWatchDisarm(0), EBADF);
    await withWaker(backend, async (watcher) => {
      const again = native.futexWatchAttach(backend, word, word, () => undefined);
      assert.equal(again, EALREADY);
      assert.equal(native.futexWatchDisarm(4), ENOENT);
      watcher.arm(4, word, 0);
      assert.equal(native.futexWatchArm(4, word, 0), EBUSY);
      assert.equal(native.futexWatchDisarm(4), 0);
      assert.equal(native.futexWatchDisarm(4), ENOENT);
      watcher.arm(4, word, 1);
      assert.deepEqual(await watcher.next(), [4]);
      assert.equal(native.futexWatchDisarm(4), ENOENT, 'it has fired');
    });
    const bad = { code: 'ERR_NATIVE_ARGUMENT' };
    assert.throws(() => native.futexWatchAttach(3, word, word, () => undefined), bad);
    assert.throws(() => native.futexWatchAttach(backend, word, word, {} as never), bad);
    assert.throws(() => native.futexWatchArm(256, word, 0), bad);
    assert.throws(() => native.futexWatchArm(0, word, 2 ** 32), bad);
    assert.throws(() => native.futexWatchArm(0, word + 2, 0), { code: 'ERR_NATIVE_BOUNDS' });
  });

  test('a slot that was disarmed does not fire, and can be armed for another word', async () => {
    await withWaker(backend, async (watcher, order) => {
      for (let round = 0; round < 50; round++) {
        watcher.arm(1, word, 0);
        watcher.arm(2, word + 128, round);
        if (round % 3 > 0) await turns();
        assert.equal(native.futexWatchDisarm(1), 0);
        if (round % 3 > 1) await turns();
        watcher.arm(1, word + 256, round);
        order({ words: [word] });
        order({ words: [word + 256, word + 128], value: round + 1 });
        const fired: number[] = [];
        while (fired.length < 2) fired.push(...(await watcher.next()));
        assert.deepEqual(
          fired.toSorted((a, b) => a - b),
          [1, 2],
        );
      }
    });
  });
}

function callbacks(backend: number): void {
  test('arming inside the callback counts', async () => {
    await withWaker(backend, async (watcher) => {
      let left = 100;
      watcher.also = () => {
        if (left-- > 0) watcher.arm(left, word, 1);
      };
      watcher.arm(200, word, 1);
      while (left >= 0) await watcher.next();
    });
  });

  test('closing inside the callback is possible, and ends it', async () => {
    arena.bytes.fill(0, region.offset, region.offset + region.size);
    const watcher = new Watcher(arena, backend);
    watcher.also = () => watcher.close();
    watcher.arm(0, word, 1);
    watcher.arm(1, word, 0);
    await until(() => watcher.taken().length > 0);
    assert.equal(native.futexWatchArm(0, word, 0), EBADF);
    assert.equal(native.futexWake(word, 100), 0, 'nobody waits any more');
  });

  test('the callback gets 0 when the dirty word is set', async () => {
    let zeros = 0;
    const dirty = word + 4096;
    const handle = native.futexWatchAttach(backend, word, dirty, (count) => {
      assert.equal(count, 0);
      zeros += 1;
      arena.words[dirty >>> 2] = 0;
    });
    arena.words[dirty >>> 2] = 1;
    await until(() => zeros > 0);
    native.loopDetach(handle);
    assert.equal(zeros, 1);
  });
}

function passing(backend: number): void {
  const skip = knowsSyscalls() ? false : 'there is no /proc/self/syscall';

  test('a wake that a disarmed slot gets is passed on to another sleeper', { skip }, async () => {
    await withWaker(backend, async (watcher) => {
      watcher.arm(0, word, 0);
      // A lane of the threads is asleep when it can be woken by a second word.
      await turns(20);
      const worker = start({ mode: 'sleep' });
      const [thread] = (await once(worker, 'message')) as [number];
      const woken = once(worker, 'message');
      await until(() => sleepsOnFutex(thread));
      assert.equal(native.futexWatchDisarm(0), 0);
      // The slot waited first: the one wake is its own, until the loop has gone round.
      assert.equal(native.futexWake(word, 1), 1);
      assert.deepEqual(await woken, [0]);
      assert.deepEqual(watcher.taken(), []);
      await end(worker);
    });
  });

  test('when a watch is closed nothing waits any more', async () => {
    arena.bytes.fill(0, region.offset, region.offset + region.size);
    for (let round = 0; round < 20; round++) {
      const watcher = new Watcher(arena, backend);
      for (const slot of ALL) watcher.arm(slot, word, 0);
      await turns(round);
      if (round % 2 === 1) native.futexWake(word, 100);
      watcher.close();
      assert.equal(native.futexWake(word, 1000), 0);
    }
  });
}
