/** A million tasks that sleep: what they take, and how long it takes to start them. */
import type { Bar } from '../../harness/bar.ts';
import type { Bench } from '../../harness/bench.ts';
import { fixed, table } from '../../harness/report.ts';
import type { Part } from '../parts.ts';
import { cellOf, figureBar, named, type Runner, takeTurns } from '../ring/part.ts';
import { pick, roundsOf, run } from './runs.ts';

const MILLION = 1_000_000;
const LEAST_BYTES = 250;
const SECOND = 1000;

const SLEEP = 'Rondo, spawn(sleep(…))';
const WAYS = [
  { title: SLEEP, name: 'sleep' },
  { title: 'Rondo, coroutines', name: 'coroutine' },
  { title: 'async functions, setTimeout', name: 'native' },
];

const COLUMNS = [
  ['bytes of heap', 'heap', 0],
  ['bytes resident', 'resident', 0],
  ['start ms', 'start', 0],
  ['CPU ms', 'cpu', 0],
] as const;

function runnersOf(bench: Bench): Runner[] {
  return WAYS.map(({ title, name }) => ({
    name: title,
    run: async () => run(bench, 'million', [name], { count: MILLION }, ['--expose-gc']),
  }));
}

/** See the head of this file. */
export const millionPart: Part = {
  name: 'million',
  subject: 'a million tasks that sleep; each figure for one task, times for all',
  async run(bench) {
    const found = await takeTurns(bench, 'sleepers', runnersOf(bench), roundsOf(bench));
    const ours = named(found, SLEEP);
    const most = (what: string, key: string, target: number, unit: string): Bar =>
      figureBar(
        { name: `a million tasks asleep, ${what}`, target, direction: 'at most', unit },
        ours,
        pick(key),
      );
    const bars = [
      most('heap of one', 'heap', LEAST_BYTES, 'B'),
      most('resident memory of one', 'resident', LEAST_BYTES, 'B'),
      most('time to start all', 'start', SECOND, 'ms'),
    ];
    const rows = found.map((rounds) => [
      rounds.name,
      ...COLUMNS.map(([, key, digits]) =>
        cellOf(rounds, pick(key), (value) => fixed(value, digits)),
      ),
    ]);
    const head = ['tasks', ...COLUMNS.map(([title]) => title)];
    return { bars, figures: table(head, rows), data: found };
  },
};
