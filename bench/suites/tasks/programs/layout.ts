/**
 * What the three ways of writing a future cost: the same future, which waits several times for a
 * number and adds them up.
 *
 *     layout state|coroutine|boxed [--count N]    (node --expose-gc --max-semi-space-size=…)
 *
 * `state` is a state machine whose fields are everything it needs; `coroutine` a generator; `boxed`
 * keeps what it waits for behind the interface, an object of one of several classes for each wait.
 * Polled by hand, without an executor. Bytes are right with these flags, times without them: what
 * is collected or swept is work too. Prints, for one future: `bytes` that it holds while it waits,
 * `made` bytes that were allocated until then; for one poll: `each` bytes allocated and `cpu` time.
 * Objects are counted by `layout-objects.ts`.
 */
import { parseArgs } from 'node:util';
import { median } from '../../../harness/statistics.ts';
import { report } from '../../../servers/ring/program.ts';
import { makerOf, resume, WAITS } from './layout-futures.ts';
import { cpuTime } from './sample.ts';

/** At least; and as many as give so many polls, since the first ones run in code that is slow. */
const REPETITIONS = 9;
const POLLS = 2e7;

const { gc } = globalThis;
const collect = (): void => {
  gc?.();
};

const heap = (): number => process.memoryUsage().heapUsed;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string', default: '20000' } },
});
const count = Number(values.count);
const make = makerOf(positionals[0] ?? '');

interface Figures {
  readonly bytes: number;
  readonly made: number;
  readonly each: number;
  readonly cpu: number;
}

function repeat(): Figures {
  const futures = new Array<ReturnType<typeof make> | undefined>(count).fill(undefined);
  collect();
  const empty = heap();
  for (let index = 0; index < count; index++) resume((futures[index] = make()));
  const made = heap();
  collect();
  const held = heap();
  const cpu = cpuTime();
  for (let polls = 1; polls < WAITS; polls++) {
    for (let index = 0; index < count; index++) resume(futures[index]!);
  }
  const used = cpuTime() - cpu;
  const polled = heap();
  for (let index = 0; index < count; index++) {
    if (resume(futures[index]!) !== WAITS) throw new Error('Cannot use the figures: a wrong sum');
  }
  const polls = count * (WAITS - 1);
  return {
    bytes: (held - empty) / count,
    made: (made - empty) / count,
    each: (polled - held) / polls,
    cpu: used / polls,
  };
}

const length = Math.max(REPETITIONS, Math.ceil(POLLS / (count * WAITS)));
const found = Array.from({ length }, repeat).slice(length >> 1);
const figure = (pick: (figures: Figures) => number): number => median(found.map(pick));
report({
  count,
  nanoseconds: 0,
  bytes: figure(({ bytes }) => bytes),
  made: figure(({ made }) => made),
  each: figure(({ each }) => each),
  cpu: figure(({ cpu }) => cpu),
});
