// False sharing: what two threads pay for a head and a tail on one cache line, simulated and
// measured. The simulator says what the caches do and why; the clock says what it costs here.
//   node examples/experiments/false-sharing.js [messages of each measurement, 200000] [rounds, 15]
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const SLOTS = 256;
/** Words of a message, and the first of the slots: behind every place that a head may have. */
const WORDS = 8;
const FIRST = 256;
const SIMULATED = 2000;

const QUEUES = [
  { kind: 'forgetful queue', apart: 0, title: 'looks each time, one line' },
  { kind: 'forgetful queue', apart: 64, title: 'looks each time, 64 apart' },
  { kind: 'forgetful queue', apart: 128, title: 'looks each time, 128 apart' },
  { kind: 'queue', apart: 0, title: 'remembers, one line' },
  { kind: 'queue', apart: 64, title: 'remembers, 64 apart' },
  { kind: 'queue', apart: 128, title: 'remembers, 128 apart' },
];

const RINGS = [
  { kind: 'ring', apart: 0, title: 'Rondo’s ring, one line' },
  { kind: 'ring', apart: 64, title: 'Rondo’s ring, 64 apart' },
  { kind: 'ring', apart: 128, title: 'Rondo’s ring, 128 apart' },
];

/** Waits until `word` is no longer `old`; lets go of the core when that takes long. */
function look(words, word, old) {
  for (let looks = 0; ; looks++) {
    const seen = Atomics.load(words, word);
    if (seen !== old) return seen;
    if (looks > 20_000) Atomics.wait(words, FIRST - 1, 0, 1);
  }
}

/** One side of the plainest queue there is. The tail is word 0, `head` says where the head is. */
function side({ words, head, isForgetful, isProducer, messages }) {
  const [own, theirs] = isProducer ? [0, head] : [head, 0];
  const distance = isProducer ? SLOTS : 0;
  let position = 0;
  let seen = 0;
  let sum = 0;
  let started = 0;
  // The first half is for the other thread to start, and for both to be compiled.
  for (; position < 2 * messages; position++) {
    if (position === messages) started = performance.now();
    if (isForgetful) seen = Atomics.load(words, theirs);
    if (position === seen + distance) seen = look(words, theirs, seen);
    const slot = FIRST + (position % SLOTS) * WORDS;
    for (let word = slot; word < slot + WORDS; word++) {
      if (isProducer) words[word] = position;
      else sum += words[word];
    }
    Atomics.store(words, own, position + 1);
  }
  const expected = (2 * messages - 1) * messages * WORDS;
  if (!isProducer && sum !== expected) throw new Error(`Read ${sum}, expected ${expected}`);
  return ((performance.now() - started) * 1e6) / messages;
}

/** Nanoseconds for a message between two threads. */
async function measure({ kind, apart }, messages) {
  const words = new Int32Array(new SharedArrayBuffer((FIRST + SLOTS * WORDS) * 4));
  const head = apart === 0 ? 1 : apart / 4;
  const shared = { words, head, isForgetful: kind === 'forgetful queue', messages };
  const [, consumer] = [true, false].map((isProducer) => {
    return new Worker(fileURLToPath(import.meta.url), { workerData: { ...shared, isProducer } });
  });
  const [nanoseconds] = await once(consumer, 'message');
  return nanoseconds;
}

/** What the caches do, with and without the neighbour of each missed line being fetched too. */
function simulate(simulateRing, { kind, apart, title }) {
  const pattern = { kind, apart, messages: SIMULATED, slots: SLOTS };
  // A second-level cache of 1 MiB; only what happens between the two cores is asked for.
  const machine = { sets: 1024, ways: 16 };
  const plain = simulateRing(pattern, machine);
  const paired = simulateRing(pattern, { ...machine, prefetch: 'adjacent' });
  const of = (report, count) => Number((count / SIMULATED).toFixed(2));
  const cycles = ({ elapsed }) => Math.round(elapsed / SIMULATED);
  const { misses, BusUpgr } = plain.totals;
  return {
    queue: title,
    true: of(plain, misses['true sharing']),
    false: of(plain, misses['false sharing']),
    upgrades: of(plain, BusUpgr),
    cycles: cycles(plain),
    'false, pairs': of(paired, paired.totals.misses['false sharing']),
    'upgrades, pairs': of(paired, paired.totals.BusUpgr),
    'cycles, pairs': cycles(paired),
  };
}

if (isMainThread) {
  const { simulateRing } = await import('rondo/checker');
  const messages = Number(process.argv[2] ?? 200_000);
  const rounds = Number(process.argv[3] ?? 15);
  console.log('Simulated, for each message (pairs: the other line of each pair is fetched too):');
  console.table([...QUEUES, ...RINGS].map((queue) => simulate(simulateRing, queue)));
  const measured = QUEUES.map(() => []);
  // By turns, so that what disturbs the machine disturbs all of them.
  for (let round = 0; round < rounds; round++) {
    for (const [index, queue] of QUEUES.entries()) {
      measured[index].push(await measure(queue, messages));
    }
  }
  console.log(
    `Measured: ${process.arch}, Node ${process.versions.node}, best of ${rounds} (others run, too):`,
  );
  console.table(
    QUEUES.map(({ title }, index) => ({
      queue: title,
      'ns a message': Number(Math.min(...measured[index]).toFixed(1)),
    })),
  );
} else {
  const nanoseconds = side(workerData);
  if (!workerData.isProducer) parentPort.postMessage(nanoseconds);
}
