/** Round trips with one message in flight: both sides spinning, asleep, or in an event loop. */
import type { Bar } from '../../harness/bar.ts';
import { microseconds } from '../../harness/bar.ts';
import type { Bench } from '../../harness/bench.ts';
import { table } from '../../harness/report.ts';
import type { Report } from '../../servers/ring/program.ts';
import {
  cellOf,
  figureBar,
  named,
  p50,
  type Part,
  ratioBar,
  type Runner,
  takeTurns,
} from './part.ts';
import { type Cores, type Options, Programs } from './programs.ts';

const SPINNING = 'TypeScript ↔ Rust, spinning';
const ASLEEP = 'TypeScript ↔ Rust, asleep';
const FUTEX = 'futex in C, asleep';
const ONE_CORE = ', one core';

/** How each side waits; see `servers/ring/end.ts`. */
interface Trip {
  readonly name: string;
  readonly sides: readonly ['TypeScript' | 'Rust', 'TypeScript' | 'Rust'];
  readonly waits: readonly [string, string];
  readonly isSlow?: boolean;
  readonly onOneCore?: boolean;
}

const TRIPS: readonly Trip[] = [
  { name: SPINNING, sides: ['TypeScript', 'Rust'], waits: ['spin', 'spin'] },
  { name: 'TypeScript ↔ Rust, polling', sides: ['TypeScript', 'Rust'], waits: ['poll', 'spin'] },
  { name: 'Rust ↔ Rust, spinning', sides: ['Rust', 'Rust'], waits: ['spin', 'spin'] },
  {
    name: 'TypeScript ↔ TypeScript, spinning',
    sides: ['TypeScript', 'TypeScript'],
    waits: ['spin', 'spin'],
  },
  { name: ASLEEP, sides: ['TypeScript', 'Rust'], waits: ['sleep', 'sleep'], isSlow: true },
  { name: 'Rust ↔ Rust, asleep', sides: ['Rust', 'Rust'], waits: ['sleep', 'sleep'], isSlow: true },
  {
    name: `${ASLEEP}${ONE_CORE}`,
    sides: ['TypeScript', 'Rust'],
    waits: ['sleep', 'sleep'],
    isSlow: true,
    onOneCore: true,
  },
  {
    name: 'TypeScript in its event loop ↔ Rust',
    sides: ['TypeScript', 'Rust'],
    waits: ['loop', 'both'],
    isSlow: true,
  },
  {
    name: 'TypeScript ↔ TypeScript, both in their event loops',
    sides: ['TypeScript', 'TypeScript'],
    waits: ['loop', 'loop'],
    isSlow: true,
  },
];

function tripRunner(bench: Bench, trip: Trip): Runner {
  const programs = Programs.of(bench);
  const { sides, waits, isSlow = false, onOneCore = false } = trip;
  const count = (isSlow ? 20_000 : 200_000) / (bench.options.quick ? 4 : 1);
  const warmup = count / 5;
  const end = (index: 0 | 1, mode: string, options: Options) =>
    sides[index] === 'Rust'
      ? programs.rust(mode, { ...options, wait: waits[index] })
      : programs.script('end', mode, { ...options, wait: waits[index] });
  const { first } = programs.cores;
  const cores: Cores = onOneCore ? { first, second: first } : programs.cores;
  return {
    name: trip.name,
    refusal: sides.includes('Rust') ? programs.rustRefusal() : '',
    run: async (): Promise<Report> => {
      // Rust has nothing to warm up.
      const own = sides[0] === 'Rust' ? { count } : { count, warmup };
      const [report] = await programs.pair(
        (place) => [end(0, 'ping', { ...place, ...own, create: true }), end(1, 'pong', place)],
        cores,
      );
      return report;
    },
  };
}

/** What rings that sleep cannot be faster than, and what those that spin are compared with. */
function yardsticks(bench: Bench): Runner[] {
  const programs = Programs.of(bench);
  const { first = -1, second = -1 } = programs.cores;
  const { quick } = bench.options;
  const futex = (other: number): Promise<Report> =>
    programs.run(programs.built('futex-trips', [quick ? 5000 : 20_000, first, other]));
  return [
    { name: FUTEX, run: () => futex(second) },
    { name: `${FUTEX}${ONE_CORE}`, run: () => futex(first) },
    {
      name: 'iceoryx2, Rust ↔ Rust, spinning',
      refusal: programs.peerRefusal('iceoryx2'),
      run: () => {
        const count = quick ? 50_000 : 200_000;
        const cores = first < 0 ? {} : { first, second };
        return programs.run(programs.peer('iceoryx2', 'latency', { count, ...cores }));
      },
    },
  ];
}

/** See the head of this file. */
export const tripsPart: Part = {
  name: 'trips',
  subject: 'round trips, one message in flight',
  async run(bench) {
    const { quick, rounds = quick ? 1 : 5 } = bench.options;
    const runners = [...TRIPS.map((trip) => tripRunner(bench, trip)), ...yardsticks(bench)];
    const data = await takeTurns(bench, 'round trips', runners, rounds);
    const spinning = {
      name: `round trip ${SPINNING}, p50`,
      target: 1000,
      direction: 'at most',
      unit: 'ns',
    } as const;
    const bars: Bar[] = [
      figureBar(spinning, named(data, SPINNING), p50),
      ...['', ONE_CORE].map((where) =>
        ratioBar(
          {
            name: `round trip ${ASLEEP}${where || ', two cores'}, p50, / futex in C`,
            target: 1.5,
            direction: 'at most',
          },
          [named(data, `${ASLEEP}${where}`), named(data, `${FUTEX}${where}`)],
          p50,
          microseconds,
        ),
      ),
    ];
    const at = (name: string) => (report: Report) => report[name] ?? Number.NaN;
    const rows = data.map((found) => [
      found.name,
      ...['p50', 'p90', 'p99'].map((name) => cellOf(found, at(name), microseconds)),
    ]);
    return { bars, figures: table(['round trip', 'p50', 'p90', 'p99'], rows), data };
  },
};
