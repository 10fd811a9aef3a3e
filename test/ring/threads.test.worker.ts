/** One side of a ring in a thread of its own; what it saw goes back as a message. */
import { parentPort, workerData } from 'node:worker_threads';
import { Ring, type SharedRings } from '../../src/ring/index.ts';
import { Sequence } from './sequence.test.helper.ts';

/** What the thread is told to be. */
export interface Role {
  readonly shared: SharedRings;
  readonly role: 'producer' | 'consumer';
  readonly id: number;
  readonly count: number;
  readonly waiting: 'loop' | 'spin' | 'sleep';
  readonly publishEvery: number;
}

/** What a consumer saw. */
export interface Seen {
  readonly received: number;
  /** Per producer: how many. */
  readonly counts: readonly number[];
  readonly problems: readonly string[];
}

const { shared, role, id, count, waiting, publishEvery } = workerData as Role;
const port = parentPort!;
const ring = Ring.attach(Sequence, shared);
const spinMicroseconds = waiting === 'sleep' ? 0 : 50;

async function produce(): Promise<void> {
  const producer = ring.producer({ publishEvery, spinMicroseconds });
  for (let sequence = 0; sequence < count; sequence++) {
    const message = { producer: id, sequence, check: sequence * 3 + id, text: `${id}:${sequence}` };
    if (waiting === 'loop') await producer.push(message);
    else if (producer.pushBlocking(message) !== 'pushed') throw new Error('not pushed');
  }
  producer.close();
  port.postMessage('done');
}

async function consume(): Promise<void> {
  const consumer = ring.consumer({ spinMicroseconds });
  port.postMessage('joined');
  const last: number[] = [];
  const counts: number[] = [];
  const problems: string[] = [];
  const check = (message: { producer: number; sequence: number; check: number; text: string }) => {
    const { producer, sequence } = message;
    const isWhole =
      message.check === sequence * 3 + producer && message.text === `${producer}:${sequence}`;
    if (!isWhole) problems.push(`torn: ${JSON.stringify(message)}`);
    const previous = last[producer] ?? -1;
    const isNext =
      ring.shape.topology === 'mpmc' || ring.shape.lossy
        ? sequence > previous
        : sequence === previous + 1;
    if (!isNext) problems.push(`${sequence} of ${producer} after ${previous}`);
    last[producer] = sequence;
    counts[producer] = (counts[producer] ?? 0) + 1;
  };
  if (waiting === 'loop') await consumer.run(check);
  else while (consumer.waitBlocking() === 'ready') consumer.forEach(64, check);
  consumer.close();
  const received = counts.reduce((sum, each) => sum + each, 0);
  port.postMessage({ received, counts, problems } satisfies Seen);
}

await (role === 'producer' ? produce() : consume());
ring.close();
