// The other thread of the watch's tests.
import { parentPort, workerData } from 'node:worker_threads';
import { storeRelease } from '#atomics';
import { Arena, type WasmMemory } from '../../src/memory/index.ts';
import { loadNative } from '../../src/native/index.ts';
import { turns, Watcher } from './watcher.ts';

/** What the worker is given. */
export interface WatchTask {
  readonly memory: WasmMemory;
  /**
   * `wake` stores and wakes as messages say, `sleep` sleeps on the word, `echo` answers `rounds`
   * changes of the word by a change of the next, `arm` arms slots on the word and never ends.
   */
  readonly mode: 'wake' | 'sleep' | 'echo' | 'arm';
  readonly word: number;
  readonly rounds?: number;
  readonly backend?: number;
}

/** A message to a `wake` worker. Without a value the words stay as they are. */
export interface WakeOrder {
  readonly words: readonly number[];
  readonly value?: number;
}

const task = workerData as WatchTask;
const arena = Arena.attach(task.memory);
const native = loadNative();
native.attachArena(arena.bytes);

function obey({ words, value }: WakeOrder): void {
  for (const word of words) {
    if (value !== undefined) storeRelease(arena.words, word >>> 2, value);
    native.futexWake(word, 2 ** 31 - 1);
  }
}

function echo(word: number, rounds: number): void {
  for (let round = 1; round <= rounds; round++) {
    while (arena.words[word >>> 2] !== round) native.futexWaitBlocking(word, round - 1, 1000);
    storeRelease(arena.words, (word >>> 2) + 1, round);
    native.futexWake(word + 4, 1);
  }
}

async function arm(): Promise<void> {
  const watcher = new Watcher(arena, task.backend!);
  for (let slot = 0; slot < 256; slot++) watcher.arm(slot, task.word, 0);
  await turns();
  parentPort!.postMessage('armed');
  await watcher.next();
}

switch (task.mode) {
  case 'wake':
    parentPort!.on('message', obey);
    break;
  case 'sleep':
    parentPort!.postMessage(native.threadId());
    parentPort!.postMessage(native.futexWaitBlocking(task.word, 0, -1));
    break;
  case 'echo':
    echo(task.word, task.rounds!);
    break;
  case 'arm':
    void arm();
    break;
}
