/**
 * Wakes tasks of another thread and posts to its inbox, and writes down in shared memory how far
 * it came: it may be terminated at any instruction. Alone in the bundle of a worker.
 */
import { workerData } from 'node:worker_threads';
import { loadAcquire, storeRelease, waitBlocking } from '#atomics';
import { SeededRandom } from '../../../src/base/index.ts';
import { Arena, type WasmMemory } from '../../../src/memory/index.ts';
import {
  postToInbox,
  wakeRemote,
  type InboxAddress,
  type RemoteWaker,
} from '../../../src/task/executor/remote-waker.ts';

/** What the worker is told. */
export interface RemoteWork {
  readonly memory: WasmMemory;
  readonly index: number;
  readonly workers: number;
  readonly wakers: readonly RemoteWaker[];
  readonly address: InboxAddress;
  /** Arena offset of `Notes`. */
  readonly notes: number;
  readonly wakes: number;
  readonly messages: number;
}

/** Words that the threads share: all of them are written by one worker, or by the owner. */
export const Notes = {
  /** The owner lets everybody go. */
  GO: 0,
  /** Of each worker, from here: how many wakes and posts have returned, how many wakes began. */
  WORKERS: 32,
  WORKER_WORDS: 32,
  WAKES: 0,
  POSTS: 1,
  /** From here, for each worker and slot: the last of its wakes that was for the slot, plainly. */
  ASKED: 512,
} as const;

/** Where a worker writes that it asked for a slot. */
export function askedAt(notes: number, worker: number, slot: number, slots: number): number {
  return notes / 4 + Notes.ASKED + worker * slots + slot;
}

function run(work: RemoteWork): void {
  const { index, wakers, notes } = work;
  const arena = Arena.attach(work.memory);
  const { words } = arena;
  const mine = notes / 4 + Notes.WORKERS + index * Notes.WORKER_WORDS;
  const random = new SeededRandom(index + 1);
  while (loadAcquire(words, notes / 4 + Notes.GO) === 0) {
    waitBlocking(words, notes / 4 + Notes.GO, 0, 1000);
  }
  let wakes = 0;
  let posts = 0;
  while (wakes < work.wakes || posts < work.messages) {
    if (wakes < work.wakes) {
      const slot = random.below(wakers.length);
      wakes += 1;
      // A plain store: the wake itself must make it visible.
      words[askedAt(notes, index, slot, wakers.length)] = wakes;
      wakeRemote(arena, wakers[slot]!);
      storeRelease(words, mine + Notes.WAKES, wakes);
    }
    if (posts < work.messages && random.chance(1, 2)) {
      const posted = postToInbox(arena, work.address, index, posts);
      if (posted === 'closed') return;
      if (posted === 'full') {
        waitBlocking(words, mine + Notes.POSTS, posts, 1);
        continue;
      }
      posts += 1;
      storeRelease(words, mine + Notes.POSTS, posts);
    }
  }
}

if (workerData !== null) run(workerData as RemoteWork);
