/** Timers, promises and sockets of Node beside an executor that has always something to do. */
import type { Bench } from '../../harness/bench.ts';
import { fixed, table } from '../../harness/report.ts';
import type { Report } from '../../servers/ring/program.ts';
import type { Part } from '../parts.ts';
import { cellOf, type Runner, takeTurns } from '../ring/part.ts';
import { Programs } from '../ring/programs.ts';
import { pick, roundsOf, script } from './runs.ts';

const LOADS = [
  ['nothing', 'idle'],
  ['Rondo: 200 tasks that work and yield', 'rondo'],
  ['200 async functions, setImmediate', 'native'],
] as const;
const WATCHED = [
  ['setTimeout late', 'timer'],
  ['setImmediate', 'immediate'],
  ['promise', 'promise'],
  ['echo over net', 'echo'],
] as const;

function runnersOf(bench: Bench): Runner[] {
  const programs = Programs.of(bench);
  const seconds = bench.options.quick ? 1 : 3;
  return LOADS.map(([name, load]) => ({
    name,
    run: async () =>
      programs.run(
        programs.onBoth(script(bench, 'fairness', [load], { seconds, cores: programs.list })),
      ),
  }));
}

const inMicroseconds = (value: number): string => fixed(value / 1000, value < 10_000 ? 1 : 0);

/** See the head of this file. */
export const fairnessPart: Part = {
  name: 'fairness',
  subject: 'what runs beside tasks that never rest: p50 / p99, µs',
  async run(bench) {
    const found = await takeTurns(bench, 'beside', runnersOf(bench), roundsOf(bench));
    const rows = found.map((rounds) => [
      rounds.name,
      ...WATCHED.map(([, key]) => {
        const [middle, most] = ['50', '99'].map((part) =>
          cellOf(rounds, pick(`${key}${part}`), inMicroseconds),
        );
        return `${middle} / ${most}`;
      }),
      cellOf(
        rounds,
        ({ count, nanoseconds }: Report) => (count * 1e6) / nanoseconds,
        (value) => fixed(value, 0),
      ),
    ]);
    const head = ['load', ...WATCHED.map(([title]) => title), 'thousand steps a second'];
    return { bars: [], figures: table(head, rows), data: found };
  },
};
