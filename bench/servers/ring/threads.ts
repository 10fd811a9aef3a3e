/**
 * A ring between the threads of one process, every side a thread of its own.
 *
 *     threads [--topology T] [--producers P] [--consumers C] [--count N] [--warmup N]
 *         [--publish-every B] [--slots S] [--cores A,B]
 *
 * `count` are messages of all producers together. Threads are spread over the cores in turn,
 * consumers from the last one on. What is reported are messages taken by all consumers.
 */
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Ring, type SharedRings, type Topology } from '../../../src/ring/index.ts';
import { coresOf, now, pinThread, report } from './program.ts';
import { fill, sum, Tick, type TickFields } from './tick.ts';

const BATCH = 1024;
const STRETCH = 65_536;

/** What a thread is to do. */
interface Task {
  readonly shared: SharedRings;
  readonly role: 'producer' | 'consumer';
  readonly core: number | undefined;
  readonly publishEvery: number;
  /** Producers: how many they push. Consumers: how many they take before they measure. */
  readonly messages: number;
}

/** What a consumer measured; times of `now`. */
interface Taken {
  readonly count: number;
  readonly start: number;
  readonly end: number;
}

function produce(ring: Ring<TickFields, never>, { messages, publishEvery }: Task): void {
  const producer = ring.producer({ publishEvery });
  parentPort!.postMessage('ready');
  parentPort!.once('message', () => {
    const push = (from: number, to: number): void => {
      for (let id = from; id < to; id++) {
        let message = producer.claim();
        while (message === undefined) {
          producer.waitBlocking();
          message = producer.claim();
        }
        fill(message, id);
        producer.commit();
      }
    };
    let first = 0;
    const fillNext = (message: TickFields, index: number): void => fill(message, first + index);
    // In runs, as one does who publishes in batches.
    const pushRuns = (from: number, to: number): void => {
      for (first = from; first < to;) {
        const written = producer.writeMany(to - first, fillNext);
        first += written;
        if (written === 0) producer.waitBlocking();
      }
    };
    const pushSome = publishEvery > 1 ? pushRuns : push;
    for (let id = 0; id < messages; id += STRETCH) pushSome(id, Math.min(messages, id + STRETCH));
    producer.close();
    parentPort!.close();
  });
}

function consume(ring: Ring<TickFields, never>, { messages }: Task): void {
  const consumer = ring.consumer();
  parentPort!.postMessage('ready');
  // A property: a captured variable is made anew whenever it gets a fraction.
  const reading = { total: 0 };
  let count = 0;
  let skipped = 0;
  let start = 0;
  let end = 0;
  const handle = (message: TickFields): void => {
    reading.total += sum(message);
  };
  const pull = (wanted: number): boolean => {
    for (let taken = 0; taken < wanted;) {
      const found = consumer.forEach(BATCH, handle);
      taken += found;
      count += found;
      if (found === 0 && consumer.waitBlocking() === 'ended') return false;
    }
    return true;
  };
  let goesOn = true;
  while (goesOn) {
    goesOn = pull(STRETCH);
    end = now();
    if (start > 0 || count < messages) continue;
    start = end;
    skipped = count;
  }
  if (Number.isNaN(reading.total))
    throw new Error('Cannot use the figures: what was read is wrong');
  const taken: Taken = { count: count - skipped, start, end };
  parentPort!.postMessage(taken);
  consumer.close();
}

function work(task: Task): void {
  pinThread(task.core);
  const ring = Ring.attach(Tick, task.shared);
  if (task.role === 'producer') produce(ring, task);
  else consume(ring, task);
}

const message = (worker: Worker): Promise<unknown> =>
  new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));

/** Starts a thread and waits until it has its role. */
async function start(task: Task): Promise<Worker> {
  const worker = new Worker(new URL(import.meta.url), { workerData: task });
  await message(worker);
  return worker;
}

/** Consumers of gated broadcast rings have joined when a producer let them in. */
async function measure(): Promise<void> {
  const { values } = parseArgs({
    options: {
      topology: { type: 'string', default: 'spsc' },
      producers: { type: 'string', default: '1' },
      consumers: { type: 'string', default: '1' },
      count: { type: 'string', default: '10000000' },
      warmup: { type: 'string', default: '1000000' },
      'publish-every': { type: 'string', default: '1' },
      slots: { type: 'string', default: '4096' },
      cores: { type: 'string' },
    },
  });
  const [producers, consumers] = [Number(values.producers), Number(values.consumers)];
  const cores = coresOf(values.cores);
  const topology = values.topology as Topology;
  const slots = Number(values.slots);
  const ring = Ring.create(Tick, { topology, slots, producers, consumers });
  const warmup = Number(values.warmup);
  const count = Number(values.count) + warmup;
  const shared = ring.share();
  const publishEvery = Number(values['publish-every']);
  const task = { shared, publishEvery };
  const core = (index: number): number | undefined => cores.at(index % (cores.length || 1));
  const takers: Worker[] = [];
  const pushers: Worker[] = [];
  // Each consumer of a broadcast gets all messages, otherwise they share them.
  const ownWarmup = topology === 'broadcast' ? warmup : Math.floor(warmup / consumers);
  for (let index = 0; index < consumers; index++) {
    const role = 'consumer';
    takers.push(await start({ ...task, role, messages: ownWarmup, core: core(-1 - index) }));
  }
  const messages = Math.floor(count / producers);
  for (let index = 0; index < producers; index++) {
    pushers.push(await start({ ...task, role: 'producer', messages, core: core(index) }));
  }
  const answers = takers.map(message);
  for (const pusher of pushers) pusher.postMessage('go');
  const taken = (await Promise.all(answers)) as Taken[];
  const measured = taken.filter(({ start }) => start > 0);
  const first = Math.min(...measured.map(({ start }) => start));
  const last = Math.max(...taken.map(({ end }) => end));
  const total = measured.reduce((sum, { count }) => sum + count, 0);
  report({ count: total, nanoseconds: last - first });
  ring.close();
}

if (isMainThread) await measure();
else work(workerData as Task);
