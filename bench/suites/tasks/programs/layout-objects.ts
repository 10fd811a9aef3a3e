/**
 * How many objects the three ways of writing a future allocate; see `layout.ts`.
 *
 *     layout-objects state|coroutine|boxed
 *         (node --no-turbo-allocation-folding --sampling-heap-profiler-suppress-randomness)
 *
 * V8's own sampling profiler, at an interval of one byte, sees every allocation. Prints `made`, objects
 * until a future waits for the first time, and `each`, those of a poll, in code that is compiled.
 */
import { Session } from 'node:inspector';
import { report } from '../../../servers/ring/program.ts';
import { makerOf, resume, WAITS } from './layout-futures.ts';

const COUNT = 2000;
const WARMUP = 30;

/** Otherwise what is garbage is forgotten. */
const SAMPLING = {
  samplingInterval: 1,
  includeObjectsCollectedByMajorGC: true,
  includeObjectsCollectedByMinorGC: true,
};

const session = new Session();
session.connect();

/** Objects that `work` allocates. */
function objects(work: () => void): number {
  let count = 0;
  session.post('HeapProfiler.startSampling', SAMPLING);
  work();
  session.post('HeapProfiler.stopSampling', (error, result) => {
    if (error) throw error;
    // One for each allocation; the types of Node leave them out.
    const { samples } = result.profile as unknown as { readonly samples: readonly unknown[] };
    count = samples.length;
  });
  return count;
}

const make = makerOf(process.argv[2] ?? '');
const futures: ReturnType<typeof make>[] = new Array(COUNT);
function makeAll(): void {
  for (let index = 0; index < COUNT; index++) resume((futures[index] = make()));
}
function pollAll(): void {
  for (let polls = 1; polls < WAITS; polls++) {
    for (let index = 0; index < COUNT; index++) resume(futures[index]!);
  }
}

// Until everything is compiled.
for (let times = 0; times < WARMUP; times++) {
  makeAll();
  pollAll();
}
const none = objects(() => {});
const made = (objects(makeAll) - none) / COUNT;
const each = (objects(pollAll) - none) / (COUNT * (WAITS - 1));
report({ count: COUNT, nanoseconds: 0, made, each });
