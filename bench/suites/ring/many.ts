/** One and several producers and consumers, on two cores; beside queues of Rust. */
import { perSecond } from '../../harness/bar.ts';
import type { Bench } from '../../harness/bench.ts';
import { table } from '../../harness/report.ts';
import { cellOf, type Part, type Rounds, type Runner, speed, takeTurns } from './part.ts';
import { Programs } from './programs.ts';

const THREADS = 4;
const BATCH = 64;

interface Shape {
  readonly topology: 'spsc' | 'mpsc' | 'mpmc' | 'broadcast';
  /** Its mode in the Rust peer's program. */
  readonly rust: string;
  readonly title: string;
  readonly producers: number;
  readonly consumers: number;
  /** The queue of Rust for this. */
  readonly queue: readonly [mode: string, name: string];
}

const SHAPES: readonly Shape[] = [
  {
    topology: 'spsc',
    rust: 'native',
    title: 'SPSC',
    producers: 1,
    consumers: 1,
    queue: ['rtrb', 'rtrb'],
  },
  {
    topology: 'mpsc',
    rust: 'mpsc',
    title: `MPSC, ${THREADS} producers`,
    producers: THREADS,
    consumers: 1,
    queue: ['array', 'crossbeam ArrayQueue'],
  },
  {
    topology: 'mpmc',
    rust: 'mpmc',
    title: `MPMC, ${THREADS} × ${THREADS}`,
    producers: THREADS,
    consumers: THREADS,
    queue: ['array', 'crossbeam ArrayQueue'],
  },
  {
    topology: 'broadcast',
    rust: 'broadcast',
    title: `broadcast to ${THREADS}`,
    producers: 1,
    consumers: THREADS,
    queue: ['bus', 'bus'],
  },
];

function runnersOf(bench: Bench, shape: Shape): Runner[] {
  const programs = Programs.of(bench);
  const { topology, rust, producers, consumers, queue } = shape;
  const count = bench.options.quick ? 2e6 : 20e6;
  const sides = { producers, consumers };
  const refusal = programs.rustRefusal();
  const ours = [BATCH, 1].flatMap((every): Runner[] => {
    const batch = { 'publish-every': every };
    const how = every === 1 ? 'each' : `every ${every}`;
    return [
      {
        name: `Rondo, TypeScript, ${how}`,
        run: () => {
          const own = { ...sides, ...batch, count, warmup: count / 4, cores: programs.list };
          return programs.run(programs.script('threads', '', { topology, ...own }));
        },
      },
      {
        name: `Rondo, Rust, ${how}`,
        refusal,
        run: () => {
          const options = { threads: THREADS, count, ...batch };
          return programs.run(programs.onBoth(programs.rust(rust, options)));
        },
      },
    ];
  });
  const [mode, name] = queue;
  return [
    ...ours,
    {
      name: `${name}, Rust`,
      refusal: programs.peerRefusal('queues'),
      run: () => programs.run(programs.onBoth(programs.peer('queues', mode, { count, ...sides }))),
    },
  ];
}

/** See the head of this file. */
export const manyPart: Part = {
  name: 'many',
  subject: 'threads of one process on two cores: messages taken, by all consumers together',
  async run(bench) {
    const { quick, rounds = quick ? 1 : 3 } = bench.options;
    const data: Record<string, Rounds[]> = {};
    for (const shape of SHAPES) {
      const runners = runnersOf(bench, shape);
      data[shape.topology] = await takeTurns(bench, shape.title, runners, rounds);
    }
    const rows = SHAPES.flatMap(({ topology, title }) =>
      data[topology]!.map((found) => [title, found.name, cellOf(found, speed, perSecond)]),
    );
    return { bars: [], figures: table(['shape', 'queue', 'messages'], rows), data };
  },
};
