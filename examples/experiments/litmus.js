// Litmus tests: two threads, two words, and what each thread may see of what the other wrote. Plain
// accesses to shared memory against Atomics. Ends with 1 when Atomics let through what they must
// not.
//   node examples/experiments/litmus.js [milliseconds of each row, 1000]
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

/** Pairs of words that a round uses. Each word has a cache line of its own: 16 words. */
const CASES = 512;
const LINE = 16;
const FLAG = CASES * LINE;

/**
 * What the threads do with each pair, x at `i` and y at `i + FLAG`; `saw` takes what was read, and
 * `own` is a word that nobody else uses.
 */
const TESTS = {
  // Each says something, then looks whether the other has. Both look past each other?
  'store buffering, plain': [
    (m, i, saw, at) => {
      m[i] = 1;
      saw[at] = m[i + FLAG];
    },
    (m, i, saw, at) => {
      m[i + FLAG] = 1;
      saw[at] = m[i];
    },
  ],
  'store buffering, Atomics': [
    (m, i, saw, at) => {
      Atomics.store(m, i, 1);
      saw[at] = Atomics.load(m, i + FLAG);
    },
    (m, i, saw, at) => {
      Atomics.store(m, i + FLAG, 1);
      saw[at] = Atomics.load(m, i);
    },
  ],
  'store buffering, plain with fences': [
    (m, i, saw, at, own) => {
      m[i] = 1;
      Atomics.add(own, 0, 0);
      saw[at] = m[i + FLAG];
    },
    (m, i, saw, at, own) => {
      m[i + FLAG] = 1;
      Atomics.add(own, 0, 0);
      saw[at] = m[i];
    },
  ],
  // One writes data, then a flag; the other reads the flag, then the data. A flag without data?
  'message passing, plain': [
    (m, i) => {
      m[i] = 1;
      m[i + FLAG] = 1;
    },
    (m, i, saw, at) => {
      const flag = m[i + FLAG];
      saw[at] = flag * 2 + m[i];
    },
  ],
  'message passing, release and acquire': [
    (m, i) => {
      m[i] = 1;
      Atomics.store(m, i + FLAG, 1);
    },
    (m, i, saw, at) => {
      const flag = Atomics.load(m, i + FLAG);
      saw[at] = flag * 2 + m[i];
    },
  ],
};

/** Where the two meet are words of their own; this one says that it is over. */
const OVER = 2 * LINE;

function take({ name, side, memory, saw, meeting, milliseconds }) {
  const run = TESTS[name][side];
  const own = new Int32Array(new SharedArrayBuffer(4));
  const end = performance.now() + milliseconds;
  let step = 0;
  let rounds = 0;
  for (let isOver = false; !isOver; rounds++) {
    if (side === 0) {
      if (rounds > 0) count(name, saw);
      memory.fill(0);
      if (performance.now() > end) Atomics.store(meeting, OVER, 1);
    }
    meet(meeting, side, ++step);
    isOver = Atomics.load(meeting, OVER) !== 0;
    for (let i = 0; i < CASES && !isOver; i++) {
      meet(meeting, side, ++step);
      run(memory, i * LINE, saw[side], i, own);
    }
    meet(meeting, side, ++step);
  }
  if (side === 0) parentPort.postMessage(seen);
}

/** Waits until the other one is there too, so that both do the next thing at the same time. */
function meet(meeting, side, step) {
  const theirs = (1 - side) * LINE;
  Atomics.store(meeting, side * LINE, step);
  for (let looks = 0; Atomics.load(meeting, theirs) - step < 0; looks++) {
    // It is not running: its turn comes sooner when this thread lets go of the core.
    if (looks > 20_000) Atomics.wait(meeting, OVER, 0, 1);
  }
}

const seen = { '00': 0, '01': 0, 10: 0, 11: 0 };

function count(name, saw) {
  const passes = name.startsWith('message');
  for (let i = 0; i < CASES; i++) {
    const both = passes ? saw[1][i] : saw[0][i] * 2 + saw[1][i];
    seen[`${both >> 1}${both & 1}`] += 1;
  }
}

async function row(name, milliseconds) {
  const words = (count) => new Int32Array(new SharedArrayBuffer(count * 4));
  const shared = {
    memory: words(2 * CASES * LINE),
    saw: [words(CASES), words(CASES)],
    meeting: words(4 * LINE),
  };
  const workers = [0, 1].map((side) => {
    const data = { ...shared, name, side, milliseconds };
    return new Worker(fileURLToPath(import.meta.url), { workerData: data });
  });
  const [outcomes] = await once(workers[0], 'message');
  await Promise.all(workers.map((worker) => worker.terminate()));
  return {
    test: name,
    runs: Object.values(outcomes).reduce((sum, runs) => sum + runs),
    'saw 0,0': outcomes['00'],
    'saw 0,1': outcomes['01'],
    'saw 1,0': outcomes[10],
    'saw 1,1': outcomes[11],
    wrong: name.startsWith('message') ? outcomes[10] : outcomes['00'],
  };
}

if (isMainThread) {
  const milliseconds = Number(process.argv[2] ?? 1000);
  console.log(`${process.arch}, Node ${process.versions.node}, ${CASES} cases a round`);
  const rows = [];
  for (const name of Object.keys(TESTS)) rows.push(await row(name, milliseconds));
  console.table(rows);
  const plain = /, plain$/;
  if (rows.some(({ test, wrong }) => wrong > 0 && !plain.test(test))) process.exitCode = 1;
} else {
  take(workerData);
}
