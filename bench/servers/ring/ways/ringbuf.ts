/**
 * ringbuf.js between two threads. A message is five numbers of 64 bits, because the queue is one of
 * numbers of one kind. It has no way to wait: who finds nothing looks again.
 */
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { Meter, now, pinThread, type Report } from '../program.ts';
import { peer, type Plan, type Way } from './plan.ts';

const FIELDS = 5;
const SLOTS = 4096;
/** Messages between two looks at the clock. */
const STRETCH = 1024;

interface Queue {
  push(elements: Float64Array, length?: number): number;
  pop(elements: Float64Array, length?: number): number;
  available_write(): number;
}

interface Package {
  readonly RingBuffer: {
    new (memory: SharedArrayBuffer, type: Float64ArrayConstructor): Queue;
    getStorageForCapacity(capacity: number, type: Float64ArrayConstructor): SharedArrayBuffer;
  };
}

interface Task {
  readonly plan: Plan;
  readonly memory: SharedArrayBuffer;
}

function send(queue: Queue, { batch, milliseconds }: Plan): void {
  const numbers = new Float64Array(FIELDS * batch);
  const end = now() + milliseconds * 1e6;
  const stretch = (from: number): number => {
    let id = from;
    for (let push = 0; push < STRETCH / batch; push++) {
      for (let at = 0; at < numbers.length; at += FIELDS, id++) {
        numbers[at] = id;
        numbers[at + 1] = id;
        numbers[at + 2] = id >>> 0;
        numbers[at + 3] = id & 7;
        numbers[at + 4] = 0.5;
      }
      while (queue.available_write() < numbers.length);
      queue.push(numbers, numbers.length);
    }
    return id;
  };
  for (let id = 0; now() < end; id = stretch(id));
  // Nothing else is negative: the end.
  while (queue.available_write() < FIELDS);
  queue.push(numbers.fill(-1), FIELDS);
}

function receive({ plan, memory }: Task): void {
  pinThread(plan.cores[1]);
  const { RingBuffer } = peer('ringbuf.js') as Package;
  const queue = new RingBuffer(memory, Float64Array);
  const numbers = new Float64Array(FIELDS * plan.batch);
  const meter = new Meter(plan.warmup * 1e6);
  let total = 0;
  /** How many of `wanted` messages came before the end. */
  const stretch = (wanted: number): number => {
    let count = 0;
    while (count < wanted) {
      const length = queue.pop(numbers, numbers.length);
      for (let at = 0; at < length; at += FIELDS) {
        if (numbers[at]! < 0) return count;
        total +=
          numbers[at]! + numbers[at + 1]! + numbers[at + 2]! + numbers[at + 3]! + numbers[at + 4]!;
      }
      count += length / FIELDS;
    }
    return count;
  };
  for (let count = STRETCH; count >= STRETCH;) {
    count = stretch(STRETCH);
    meter.took(count);
  }
  if (Number.isNaN(total)) throw new Error('Cannot use the figures: what was read is wrong');
  parentPort!.postMessage(meter.report);
}

/** See the head of this file. */
export const ringbuf: Way = async (plan) => {
  const { RingBuffer } = peer('ringbuf.js') as Package;
  const memory = RingBuffer.getStorageForCapacity(SLOTS * FIELDS, Float64Array);
  const queue = new RingBuffer(memory, Float64Array);
  pinThread(plan.cores[0]);
  const task: Task = { plan, memory };
  const worker = new Worker(new URL(import.meta.url), { workerData: task });
  const report = new Promise<Report>((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
  });
  send(queue, plan);
  return report;
};

if (parentPort) receive(workerData as Task);
