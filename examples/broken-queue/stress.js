// What one does without a checker: a hundred thousand numbers between two threads. It passes.
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { Queue, wordsFor } from './queue.js';

const COUNT = Number(process.argv[2] ?? 100_000);

if (isMainThread) {
  const shared = new SharedArrayBuffer(4 * wordsFor(64));
  const worker = new Worker(new URL(import.meta.url), { workerData: { shared, count: COUNT } });
  worker.once('error', (error) => {
    throw error;
  });
  const queue = new Queue(new Int32Array(shared));
  worker.once('message', () => {
    for (let number = 0; number < COUNT; number++) while (!queue.push(number));
  });
  worker.once('exit', () => console.log(`${COUNT} numbers, all there and in order`));
} else {
  const { parentPort } = await import('node:worker_threads');
  const queue = new Queue(new Int32Array(workerData.shared));
  parentPort.postMessage('ready');
  for (let number = 0; number < workerData.count; number++) {
    const taken = queue.take();
    if (taken !== number) throw new Error(`${taken} instead of ${number}`);
  }
  parentPort.close();
}
