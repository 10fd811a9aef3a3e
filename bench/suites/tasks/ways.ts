/** The workloads of tokio's benchmarks, and who runs them. */
import type { Bar } from '../../harness/bar.ts';
import type { Bench } from '../../harness/bench.ts';
import { fixed, table } from '../../harness/report.ts';
import { cellOf, figureOf, named, type Rounds, type Runner, takeTurns } from '../ring/part.ts';
import { Programs } from '../ring/programs.ts';
import type { Workload } from './programs/plan.ts';
import { cpu, nanoseconds, pick, roundsOf, run } from './runs.ts';

/** The workloads, and what they are called in tables. */
export const WORKLOADS: readonly (readonly [Workload, string])[] = [
  ['spawn', 'spawn'],
  ['joined', 'spawn, wait for each'],
  ['chained', 'chained spawn'],
  ['ping-pong', 'ping-pong'],
  ['yield', 'yield'],
];

/** Who runs them. */
export interface WayOf {
  readonly title: string;
  /** Its name in `programs/workloads.ts`; undefined for tokio, which is a program of its own. */
  readonly name?: string;
  /** The package of bench/peers that it needs. */
  readonly needs?: string;
  /** What it has. @default all workloads */
  readonly has?: readonly Workload[];
}

export const FUTURES: WayOf = { title: 'Rondo, hand-written futures', name: 'futures' };
export const COROUTINES: WayOf = { title: 'Rondo, coroutines', name: 'coroutines' };
export const ASYNC: WayOf = { title: 'Rondo, async functions', name: 'async' };
export const TOKIO: WayOf = { title: 'tokio, current thread' };
export const NATIVE: WayOf = { title: 'async functions', name: 'native' };
export const IMMEDIATE: WayOf = {
  title: 'async functions, setImmediate',
  name: 'immediate',
  has: ['yield'],
};
export const EFFECT: WayOf = { title: 'Effect', name: 'effect', needs: 'effect' };
export const P_QUEUE: WayOf = {
  title: 'p-queue',
  name: 'p-queue',
  needs: 'p-queue',
  has: ['spawn', 'joined', 'chained', 'yield'],
};

function runnerOf(bench: Bench, way: WayOf, workload: Workload): Runner {
  const programs = Programs.of(bench);
  const { title, name, needs } = way;
  const milliseconds = bench.options.quick ? 150 : 500;
  if (name === undefined) {
    return {
      name: title,
      refusal: programs.peerRefusal('tokio'),
      run: async () =>
        programs.run(programs.peer('tokio', workload, { milliseconds }), programs.cores.first),
    };
  }
  return {
    name: title,
    refusal: needs === undefined ? '' : programs.packageRefusal(needs),
    run: async () => run(bench, 'workloads', [name, workload], { milliseconds }),
  };
}

/** What was measured: by workload, in the order of the ways that have it. */
export type Found = ReadonlyMap<Workload, readonly Rounds[]>;

/** All workloads, written in all ways, in turns. */
export async function measureWays(bench: Bench, ways: readonly WayOf[]): Promise<Found> {
  const found = new Map<Workload, readonly Rounds[]>();
  for (const [workload, title] of WORKLOADS) {
    const those = ways.filter(({ has }) => has === undefined || has.includes(workload));
    const runners = those.map((way) => runnerOf(bench, way, workload));
    found.set(workload, await takeTurns(bench, title, runners, roundsOf(bench)));
  }
  return found;
}

/** What was measured of one way; `bar` makes a bar of it and of Rondo's. */
export function compareWays(
  found: Found,
  workload: Workload,
  [ours, theirs]: readonly [WayOf, WayOf],
  bar: (pair: readonly [Rounds, Rounds]) => Bar,
): Bar {
  const all = found.get(workload) ?? [];
  return bar([named(all, ours.title), named(all, theirs.title)]);
}

/** One row for each way, one column for each workload; CPU time, and the time that passed. */
export function waysTable(found: Found, ways: readonly WayOf[]): string {
  const cells = (show: (rounds: Rounds) => string): string[][] =>
    ways.map(({ title }) => [
      title,
      ...WORKLOADS.map(([workload]) => {
        const rounds = found.get(workload)?.find(({ name }) => name === title);
        return rounds === undefined ? '–' : show(rounds);
      }),
    ]);
  const head = WORKLOADS.map(([, title]) => title);
  const mean = pick('nanoseconds');
  return [
    table(
      ['CPU time of an operation', ...head],
      cells((rounds) => cellOf(rounds, cpu, nanoseconds)),
    ),
    table(
      ['time that passed, ns / CPU time, mean of all', ...head],
      cells(
        (rounds) =>
          `${fixed(figureOf(rounds, pick('wall')), 0)} / ` +
          fixed(
            figureOf(rounds, (report) => mean(report) / report.count),
            0,
          ),
      ),
    ),
  ].join('\n\n');
}
