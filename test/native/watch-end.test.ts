// The end of a thread or process whose slots are armed: nothing is left behind, nothing crashes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Arena } from '../../src/memory/index.ts';
import { loadNative } from '../../src/native/index.ts';
import { BACKENDS, skipped, turns, until, Watcher } from './watcher.ts';
import type { WatchTask } from './watch.worker.ts';

const ROUNDS = 20;
const timeout = 60_000;
const native = loadNative();
const arena = Arena.create({ size: 4 << 20 });
const word = arena.allocate('words', 4096).offset;

/** Rings, eventfds and epoll instances: what a watch has. Others come and go with the reporter. */
function descriptors(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('anon_inode:');
    } catch {
      return false;
    }
  }).length;
}

/** The threads of watches, by their name. */
function lanes(): number {
  return readdirSync('/proc/self/task').filter((thread) => {
    try {
      return readFileSync(`/proc/self/task/${thread}/comm`, 'latin1') === 'rondo-watch\n';
    } catch {
      return false;
    }
  }).length;
}

async function armedWorker(backend: number): Promise<Worker> {
  const workerData: WatchTask = { memory: arena.memory, mode: 'arm', word, backend };
  const worker = new Worker(new URL('./watch.worker.js', import.meta.url), { workerData });
  await once(worker, 'message');
  return worker;
}

async function end(worker: Worker): Promise<void> {
  const { threadId } = worker;
  await worker.terminate();
  arena.releaseThread(threadId);
}

/** Runs watch.child.ts to its end. */
async function run(mode: string, backend: number): Promise<{ code: unknown; text: string }> {
  const script = fileURLToPath(new URL('./watch.child.js', import.meta.url));
  const child = spawn(process.execPath, [script, mode, String(backend)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code: signal ?? code, text };
}

for (const [name, backend] of BACKENDS) {
  const reason = skipped(arena, backend);
  const skip = reason && `${name} cannot be used: ${reason}`;
  describe(`futex watch by ${name}, the end`, { skip, timeout }, () => endings(backend));
}

function endings(backend: number): void {
  test('a watch that is closed leaves no descriptor and no thread', async () => {
    const open = descriptors();
    for (let round = 0; round < ROUNDS; round++) {
      const watcher = new Watcher(arena, backend);
      for (let slot = 0; slot < 256; slot++) watcher.arm(slot, word, 0);
      await turns(round % 4);
      watcher.close();
    }
    await turns();
    await until(() => descriptors() === open);
    await until(() => lanes() === 0);
  });

  test('worker.terminate() while slots are armed', async () => {
    const first = await armedWorker(backend);
    await end(first);
    const open = descriptors();
    for (let round = 0; round < ROUNDS / 4; round++) {
      const workers = await Promise.all([armedWorker(backend), armedWorker(backend)]);
      if (backend === 2) assert.equal(lanes(), 6, 'three for 256 slots');
      if (round % 2 === 1) native.futexWake(word, 100);
      await Promise.all(workers.map(end));
      assert.equal(native.futexWake(word, 1000), 0, 'nobody waits any more');
    }
    await until(() => descriptors() === open);
    await until(() => lanes() === 0);
  });

  test('worker.terminate() while another thread wakes without pause', async () => {
    for (let round = 0; round < ROUNDS / 4; round++) {
      const worker = await armedWorker(backend);
      let over = false;
      const ended = end(worker).then(() => (over = true));
      while (!over) {
        native.futexWake(word, 1);
        await turns(1);
      }
      await ended;
    }
    await until(() => lanes() === 0);
  });

  for (const [mode, code, says] of [
    ['end', 0, /^$/],
    ['exit', 3, /^$/],
    ['throw', 1, /thrown in the callback/],
    ['reject', 1, /rejected beside it/],
    ['term', 'SIGTERM', /^$/],
  ] as const) {
    test(`a process with armed slots that ends by ${mode}`, async () => {
      const ended = await run(mode, backend);
      assert.equal(ended.code, code, ended.text);
      assert.match(ended.text, says);
    });
  }
}
