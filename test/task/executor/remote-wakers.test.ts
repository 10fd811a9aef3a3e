/** Tasks that other threads wake, in the executor of a real runtime. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { processArena } from '../../../src/memory/index.ts';
import { Runtime } from '../../../src/runtime/index.ts';
import {
  currentContext,
  openRemoteWaker,
  PENDING,
  pollFn,
  spawn,
  wakeRemote,
  type BaseFuture,
  type Coroutine,
} from '../../../src/task/index.ts';
import type { Counting } from './remote-count.worker.ts';

const TIMES = 100_000;
const arena = processArena();

function start(workerData: Counting): Worker {
  return new Worker(new URL('./remote-count.worker.js', import.meta.url), { workerData });
}

/** Waits until the word is another than `seen`. */
function changed(word: number, seen: number): BaseFuture<number, never> {
  return pollFn<number, never>(() => {
    const now = arena.words[word / 4]!;
    return now === seen ? PENDING : now;
  });
}

/** Follows a word that a worker counts up; returns in how many steps it saw it. */
function* follow(word: number): Coroutine<number> {
  using waker = openRemoteWaker(currentContext().waker);
  const worker = start({ memory: arena.memory, waker: waker.data, word, times: TIMES });
  const exit = once(worker, 'exit');
  let steps = 0;
  for (let seen = 0; seen < TIMES; steps++) {
    const next = yield* changed(word, seen);
    assert.ok(next > seen);
    seen = next;
  }
  exit.catch(assert.fail);
  return steps;
}

test('a coroutine waits for a worker that wakes it 100,000 times', async () => {
  const region = arena.allocate('count', 4);
  const steps = await spawn(() => follow(region.offset));
  assert.ok(steps >= 1 && steps <= TIMES);
  region.release();
});

test('a runtime that blocks is woken by a worker, too', async () => {
  const region = arena.allocate('count', 4);
  await using runtime = new Runtime();
  const steps = await runtime.block(() => follow(region.offset));
  assert.ok(steps >= 1 && steps <= TIMES);
  region.release();
});

test('wakes of several tasks in one turn reach each', async () => {
  const region = arena.allocate('words', 400);
  const wakers: { readonly wake: () => void }[] = [];
  const tasks = Array.from({ length: 100 }, (_, i) =>
    spawn(function* () {
      using waker = openRemoteWaker(currentContext().waker);
      const word = region.offset + i * 4;
      wakers.push({
        wake() {
          arena.words[word / 4] = i + 1;
          wakeRemote(arena, waker.data);
        },
      });
      return yield* changed(word, 0);
    }),
  );
  while (wakers.length < 100) await new Promise(setImmediate);
  for (const { wake } of wakers.toReversed()) wake();
  assert.deepEqual(
    await Promise.all(tasks),
    tasks.map((_, i) => i + 1),
  );
  // Their tasks have ended.
  for (const { wake } of wakers) wake();
  region.release();
});

const doors = ['task', 'runtime', 'memory'].map(
  (name) => new URL(`../../../src/${name}/index.js`, import.meta.url).href,
);

/** Runs a module in a process of its own that has the doors; gives its output. */
async function run(source: string): Promise<string> {
  const imports = doors.map(
    (door) => `import * as ${/(\w+)\/index/.exec(door)![1]} from '${door}';`,
  );
  const code = `${imports.join('')}
    const waker = task.wakerFrom({ woken: 0 }, {
      clone: (data) => data, wake() {}, drop() {}, wakeByRef(data) { data.woken += 1; },
    });
    process.on('exit', () => console.log('exit'));
    const handle = task.openRemoteWaker(waker);
    ${source}`;
  const options = { timeout: 20_000 };
  const args = ['--input-type=module', '-e', code];
  return (await promisify(execFile)(process.execPath, args, options)).stdout;
}

test('a process whose last remote waker was closed exits', async () => {
  assert.equal(await run('handle.close(); handle.close();'), 'exit\n');
});

test('a process with an open remote waker stays alive', async () => {
  // The one thing that goes on beside it does not keep the process alive by itself.
  const source = `setTimeout(() => {
    console.log('alive');
    handle.close();
  }, 50).unref();`;
  assert.equal(await run(source), 'alive\nexit\n');
});
