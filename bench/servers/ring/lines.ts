/**
 * What cache lines cost: the simplest queue of one producer and one consumer between two threads,
 * with head and tail a given number of bytes apart. No product code; nobody sleeps.
 *
 *     lines [--apart BYTES] [--cached] [--count N] [--cores A,B]
 *
 * Without `--cached` both sides read the other's position for every message, with it only when the
 * queue seems full or empty. Every message is published.
 */
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { loadAcquire, storeRelease } from '#atomics';
import { coresOf, now, pinThread, type Report, report } from './program.ts';

const SLOTS = 4096;
const WORDS = 8;
const STRETCH = 65_536;
/** Where the slots begin, in words: behind every place that a position may have. */
const FIRST = 256;

interface Task {
  readonly memory: SharedArrayBuffer;
  /** Index of the head; the tail is word 0. */
  readonly head: number;
  readonly isCached: boolean;
  readonly count: number;
  readonly core: number | undefined;
}

/** Pushes messages of eight words. */
function produce({ memory, head, isCached }: Task): (count: number) => void {
  const words = new Int32Array(memory);
  let tail = 0;
  let seen = 0;
  return (count) => {
    for (let left = count; left > 0; left--) {
      if (!isCached) seen = loadAcquire(words, head);
      while (((tail - seen) | 0) === SLOTS) seen = loadAcquire(words, head);
      const slot = FIRST + (tail & (SLOTS - 1)) * WORDS;
      for (let word = 0; word < WORDS; word++) words[slot + word] = tail;
      tail = (tail + 1) | 0;
      storeRelease(words, 0, tail);
    }
  };
}

/** Takes them, reading every word. */
function consume({ memory, head: headWord, isCached }: Task): (count: number) => number {
  const words = new Int32Array(memory);
  let head = 0;
  let seen = 0;
  return (count) => {
    let sum = 0;
    for (let left = count; left > 0; left--) {
      if (!isCached) seen = loadAcquire(words, 0);
      while (head === seen) seen = loadAcquire(words, 0);
      const slot = FIRST + (head & (SLOTS - 1)) * WORDS;
      for (let word = 0; word < WORDS; word++) sum = (sum + words[slot + word]!) | 0;
      head = (head + 1) | 0;
      storeRelease(words, headWord, head);
    }
    return sum;
  };
}

function consumeAll(task: Task): void {
  pinThread(task.core);
  const take = consume(task);
  let start = 0;
  let sum = 0;
  for (let taken = 0; taken < 2 * task.count; taken += STRETCH) {
    if (taken >= task.count && start === 0) start = now();
    sum |= take(STRETCH);
  }
  const nanoseconds = now() - start;
  if (Number.isNaN(sum)) throw new Error('Cannot use the figures: what was read is wrong');
  parentPort!.postMessage({ count: task.count, nanoseconds } satisfies Report);
}

async function measure(): Promise<void> {
  const { values } = parseArgs({
    options: {
      apart: { type: 'string', default: '128' },
      cached: { type: 'boolean', default: false },
      count: { type: 'string', default: '2000000' },
      cores: { type: 'string' },
    },
  });
  const cores = coresOf(values.cores);
  // The first half warms up; whole stretches, so that both sides agree.
  const count = Math.max(1, Math.round(Number(values.count) / STRETCH)) * STRETCH;
  const task: Task = {
    memory: new SharedArrayBuffer((FIRST + SLOTS * WORDS) * 4),
    head: Number(values.apart) / 4,
    isCached: values.cached,
    count,
    core: cores[1],
  };
  pinThread(cores[0]);
  const worker = new Worker(new URL(import.meta.url), { workerData: task });
  const taken = new Promise<Report>((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
  });
  // Before this thread is busy, the other has to be there.
  await new Promise((resolve) => worker.once('online', resolve));
  const push = produce(task);
  for (let pushed = 0; pushed < 2 * count; pushed += STRETCH) push(STRETCH);
  report(await taken);
}

if (isMainThread) await measure();
else consumeAll(workerData as Task);
