/** The three ways of writing a future: what each holds, allocates and costs. */
import type { Bench } from '../../harness/bench.ts';
import { fixed, table } from '../../harness/report.ts';
import type { Report } from '../../servers/ring/program.ts';
import { cellOf, type Runner, takeTurns } from '../ring/part.ts';
import type { Suite } from '../suite.ts';
import { cpu, pick, roundsOf, run } from './runs.ts';

const WAYS = [
  ['hand-written state machine', 'state'],
  ['generator', 'coroutine'],
  ['boxed interface', 'boxed'],
] as const;

/** In megabytes; so much is not collected while bytes are counted. */
const YOUNG = 512;
/** Of which these take most: what V8 counts by whole pages is little of it. */
const MANY = 100_000;
/** These stay in the cache while times are measured. */
const FEW = 1000;
const BYTES_FLAGS = [
  '--expose-gc',
  `--max-semi-space-size=${YOUNG}`,
  `--min-semi-space-size=${YOUNG}`,
];
const OBJECTS_FLAGS = [
  '--no-turbo-allocation-folding',
  '--sampling-heap-profiler-suppress-randomness',
];

const COLUMNS = [
  ['bytes while it waits', 'bytes', 0],
  ['bytes allocated until then', 'made', 0],
  ['objects', 'madeObjects', 1],
  ['bytes allocated a poll', 'each', 1],
  ['objects', 'eachObjects', 1],
  ['ns a poll', 'cpu', 1],
] as const;

function runnerOf(bench: Bench, [title, name]: (typeof WAYS)[number]): Runner {
  return {
    name: title,
    run: async (): Promise<Report> => {
      const bytes = await run(bench, 'layout', [name], { count: MANY }, BYTES_FLAGS);
      const objects = await run(bench, 'layout-objects', [name], {}, OBJECTS_FLAGS);
      const time = await run(bench, 'layout', [name], { count: FEW });
      return {
        ...bytes,
        cpu: cpu(time),
        madeObjects: objects['made'] ?? Number.NaN,
        eachObjects: objects['each'] ?? Number.NaN,
      };
    },
  };
}

/** See the head of this file. */
export const layoutSuite: Suite = {
  name: 'future-layout',
  question: 'What does a future take and cost, in each of the three ways of writing one?',
  async run(bench) {
    const runners = WAYS.map((way) => runnerOf(bench, way));
    const found = await takeTurns(bench, 'a future', runners, roundsOf(bench));
    const rows = found.map((rounds) => [
      rounds.name,
      ...COLUMNS.map(([, key, digits]) =>
        // What was not seen is nothing, with a sign or without.
        cellOf(rounds, pick(key), (value) => fixed(Math.abs(value), digits)),
      ),
    ]);
    const head = ['a future that waits 32 times', ...COLUMNS.map(([title]) => title)];
    return { markdown: table(head, rows), data: found };
  },
};
