// More threads than cores: pairs of threads that hand a number to and fro through two rings, and
// wait for it in three ways. What does a round trip cost, and how much of the machine is burnt?
//   node examples/experiments/crowded.js [milliseconds, 1000] [rounds, 3]
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { struct, u32 } from 'rondo/memory';
import { Ring } from 'rondo/ring';

const Ball = struct('experiment.Ball', { hits: u32 });
const GO = 0;
const STOP = 1;

/** Options of a ring's consumer, and how it takes the next message; null at the end. */
const WAYS = {
  'spins for ever': {
    options: {},
    take: (consumer) => {
      let ball;
      do ball = consumer.tryPop();
      while (ball === undefined);
      return ball;
    },
  },
  'spins, then sleeps': { options: {}, take: (consumer) => consumer.popBlocking() },
  'sleeps at once': {
    options: { spinMicroseconds: 0 },
    take: (consumer) => consumer.popBlocking(),
  },
};

function play({ serves, way, inbox, outbox, words }) {
  const { options, take } = WAYS[way];
  const consumer = Ring.attach(Ball, inbox).consumer(options);
  const producer = Ring.attach(Ball, outbox).producer();
  parentPort.postMessage('ready');
  Atomics.wait(words, GO, 0);
  let trips = 0;
  let hits = 0;
  if (serves) producer.tryPush({ hits: (hits = 1) });
  for (let ball; (ball = take(consumer)) !== null; trips++) {
    if (serves && ball.hits !== hits + 1) throw new Error(`lost a message: ${ball.hits}`);
    if (serves && Atomics.load(words, STOP) !== 0) break;
    hits = ball.hits + 1;
    producer.tryPush({ hits });
  }
  producer.close();
  parentPort.postMessage(trips);
}

async function row(pairs, way, milliseconds) {
  const words = new Int32Array(new SharedArrayBuffer(8));
  const rings = [];
  const workers = [];
  for (let i = 0; i < pairs; i++) {
    const [a, b] = [Ring.create(Ball, { slots: 4 }), Ring.create(Ball, { slots: 4 })];
    rings.push(a, b);
    const sides = [
      { serves: true, inbox: a.share(), outbox: b.share() },
      { serves: false, inbox: b.share(), outbox: a.share() },
    ];
    for (const side of sides) {
      const data = { ...side, way, words };
      workers.push(new Worker(fileURLToPath(import.meta.url), { workerData: data }));
    }
  }
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  const ends = workers.map((worker) => once(worker, 'message'));
  const [cpu, before, started] = [process.cpuUsage(), process.resourceUsage(), performance.now()];
  Atomics.store(words, GO, 1);
  Atomics.notify(words, GO);
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  Atomics.store(words, STOP, 1);
  const used = process.cpuUsage(cpu);
  const after = process.resourceUsage();
  const seconds = (performance.now() - started) / 1000;
  const counts = (await Promise.all(ends)).flat();
  await Promise.all(workers.map((worker) => worker.terminate()));
  for (const ring of rings) ring.close();
  const trips = counts.filter((_, i) => i % 2 === 0).reduce((sum, count) => sum + count, 0);
  const switches =
    after.voluntaryContextSwitches +
    after.involuntaryContextSwitches -
    before.voluntaryContextSwitches -
    before.involuntaryContextSwitches;
  const cpuMicroseconds = used.user + used.system;
  return {
    threads: pairs * 2,
    way,
    'trips/s': Math.round(trips / seconds),
    'CPUs busy': +(cpuMicroseconds / 1e6 / seconds).toFixed(2),
    'µs CPU/trip': +(cpuMicroseconds / trips).toFixed(2),
    'switches/trip': +(switches / trips).toFixed(2),
  };
}

/** The row of a few whose rate is the middle one. */
function middle(rows) {
  return rows.sort((a, b) => a['trips/s'] - b['trips/s'])[rows.length >> 1];
}

if (isMainThread) {
  const [milliseconds = 1000, rounds = 3] = process.argv.slice(2).map(Number);
  const cores = availableParallelism();
  const { node } = process.versions;
  console.log(`${cores} cores, Node ${node}, middle of ${rounds} rounds of ${milliseconds} ms`);
  const kinds = [1, cores * 2].flatMap((pairs) => Object.keys(WAYS).map((way) => ({ pairs, way })));
  const results = kinds.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, { pairs, way }] of kinds.entries()) {
      results[i].push(await row(pairs, way, milliseconds));
    }
  }
  console.table(results.map(middle));
} else {
  play(workerData);
}
