/** Counts a word up and wakes after each step. Alone in the bundle of a worker. */
import { workerData } from 'node:worker_threads';
import { Arena, type WasmMemory } from '../../../src/memory/index.ts';
import { wakeRemote, type RemoteWaker } from '../../../src/task/index.ts';

/** What the worker is told. */
export interface Counting {
  readonly memory: WasmMemory;
  readonly waker: RemoteWaker;
  /** Arena offset. */
  readonly word: number;
  readonly times: number;
}

function count({ memory, waker, word, times }: Counting): void {
  const arena = Arena.attach(memory);
  for (let i = 1; i <= times; i++) {
    // Plain: the wake makes it visible.
    arena.words[word / 4] = i;
    wakeRemote(arena, waker);
  }
}

if (workerData !== null) count(workerData as Counting);
