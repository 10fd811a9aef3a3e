/**
 * Tasks that sleep for hours.
 *
 *     million sleep|coroutine|native [--count N]      (node --expose-gc)
 *
 * `sleep` spawns the futures themselves, `coroutine` generators that wait for them, `native` are async
 * functions that wait for `setTimeout`. Prints bytes for one task: `resident` is the growth of the
 * process, `heap` that of JavaScript's heap and its buffers, both after everything was collected;
 * and the time until all of them sleep: `start` by the clock, `cpu` by the processor, in ms.
 */
import { parseArgs } from 'node:util';
import { now, report } from '../../../servers/ring/program.ts';
import { type Coroutine, currentExecutor, sleep, spawn } from './rondo.ts';
import { cpuTime } from './sample.ts';

const HOUR = 3_600_000;
/** So few are run first: what is compiled or grown for the first one is no task's. */
const WARMUP = 20_000;

const { gc } = globalThis;
if (gc === undefined) throw new Error('Cannot measure memory: node must be given --expose-gc');

const duration = (index: number): number => HOUR + (index & 0xffff) * 50;

function* sleeper(index: number): Coroutine<void> {
  yield* sleep(duration(index));
}

let asleep = 0;

async function native(index: number): Promise<void> {
  asleep += 1;
  await new Promise((resolve) => setTimeout(resolve, duration(index)));
}

const STARTERS: Readonly<Record<string, (index: number) => unknown>> = {
  sleep: (index) => spawn(sleep(duration(index))),
  coroutine: (index) => spawn(sleeper(index)),
  native,
};

/** How many sleep. */
function sleeping(): number {
  return asleep > 0 ? asleep : currentExecutor().timers.size;
}

async function startAll(start: (index: number) => unknown, count: number): Promise<void> {
  const wanted = sleeping() + count;
  for (let index = 0; index < count; index++) void start(index);
  while (sleeping() < wanted) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Lets the young generation grow to the size that it has in a process that works: some 40 MB, which
 * belong to no task.
 */
function growYoung(): void {
  for (let round = 0; round < 40; round++) {
    const kept = [];
    for (let index = 0; index < 100_000; index++) kept.push({ round, index });
  }
}

interface Memory {
  readonly resident: number;
  readonly heap: number;
}

function memory(collect: () => void): Memory {
  for (let times = 3; times > 0; times--) collect();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { resident: rss, heap: heapUsed + external };
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string', default: '1000000' } },
});
const count = Number(values.count);
const start = STARTERS[positionals[0] ?? ''];
if (start === undefined) throw new RangeError(`Cannot start ${positionals[0]}: there is no such`);
const collect = (): void => {
  gc();
};
await startAll(start, WARMUP);
growYoung();
const before = memory(collect);
const clock = now();
const cpu = cpuTime();
await startAll(start, count);
const nanoseconds = now() - clock;
const used = cpuTime() - cpu;
const after = memory(collect);
report({
  count,
  nanoseconds,
  start: nanoseconds / 1e6,
  cpu: used / 1e6,
  resident: (after.resident - before.resident) / count,
  heap: (after.heap - before.heap) / count,
});
// They would sleep on for hours.
process.exit(0);
