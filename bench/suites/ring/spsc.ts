/** One producer, one consumer: messages of 32 bytes between processes, and between threads. */
import { perSecond } from '../../harness/bar.ts';
import type { Bench } from '../../harness/bench.ts';
import { fixed, table } from '../../harness/report.ts';
import type { Report } from '../../servers/ring/program.ts';
import {
  cellOf,
  figureBar,
  figureOf,
  named,
  type Part,
  ratioBar,
  type Rounds,
  type Runner,
  speed,
  takeTurns,
} from './part.ts';
import { Programs } from './programs.ts';

const BATCH = 64;
/** Promised for batches. */
const MILLIONS = 60;

/** Messages that are measured, and before. */
interface Load {
  readonly count: number;
  readonly warmup: number;
}

function loadOf({ options: { quick } }: Bench, publishEvery: number): Load {
  const count = (publishEvery === 1 ? 20e6 : 60e6) / (quick ? 10 : 1);
  return { count, warmup: quick ? 3e6 : 10e6 };
}

/** Rust's own end measures from the first message on, TypeScript's after the compiler has settled. */
export function fourDirections(bench: Bench, publishEvery: number): Runner[] {
  const programs = Programs.of(bench);
  const { count, warmup } = loadOf(bench, publishEvery);
  const refusal = programs.rustRefusal();
  const batch = { 'publish-every': publishEvery };
  const all = { count: count + warmup };
  return [
    {
      name: 'TypeScript → Rust',
      refusal,
      run: async () => {
        const [report] = await programs.pair((place) => [
          programs.script('end', 'produce', { ...place, ...batch, create: true, count, warmup }),
          programs.rust('consume', place),
        ]);
        return report;
      },
    },
    {
      name: 'Rust → TypeScript',
      refusal,
      run: async () => {
        const [report] = await programs.pair((place) => [
          programs.script('end', 'consume', { ...place, create: true, warmup }),
          programs.rust('produce', { ...place, ...batch, ...all }),
        ]);
        return report;
      },
    },
    {
      name: 'Rust → Rust',
      refusal,
      run: async () => {
        const [, report] = await programs.pair((place) => [
          programs.rust('produce', { ...place, ...batch, ...all, create: true }),
          programs.rust('consume', place),
        ]);
        return report;
      },
    },
    {
      name: 'TypeScript → TypeScript',
      run: async () => {
        const [report] = await programs.pair((place) => [
          programs.script('end', 'produce', { ...place, ...batch, create: true, count, warmup }),
          programs.script('end', 'consume', { ...place, warmup }),
        ]);
        return report;
      },
    },
    {
      name: 'TypeScript → TypeScript, threads',
      run: () =>
        programs.run(
          programs.script('threads', '', { ...batch, count, warmup, cores: programs.list }),
        ),
    },
  ];
}

const millions = (report: Report): number => speed(report) / 1e6;

function bars(rounds: readonly Rounds[], publishEvery: number) {
  const rust = named(rounds, 'Rust → Rust');
  const how = publishEvery === 1 ? 'publish each' : `publish every ${publishEvery}`;
  return ['TypeScript → Rust', 'Rust → TypeScript'].flatMap((direction) => {
    const ours = named(rounds, direction);
    const name = `${direction}, ${how}`;
    const target = publishEvery === 1 ? 0.5 : 0.4;
    const ratio = ratioBar(
      { name: `${name}, / Rust → Rust`, target, direction: 'at least' },
      [ours, rust],
      speed,
      perSecond,
    );
    if (publishEvery === 1) return [ratio];
    const promised = { name, target: MILLIONS, direction: 'at least', unit: 'M/s' } as const;
    return [figureBar(promised, ours, millions), ratio];
  });
}

/** See the head of this file. */
export const spscPart: Part = {
  name: 'spsc',
  subject: 'one producer, one consumer, messages of 32 bytes, every field written and read',
  async run(bench) {
    const { quick, rounds = quick ? 1 : 5 } = bench.options;
    const [batched, each] = [
      await takeTurns(bench, `spsc, publish every ${BATCH}`, fourDirections(bench, BATCH), rounds),
      await takeTurns(bench, 'spsc, publish each', fourDirections(bench, 1), rounds),
    ];
    const cpuOf = (found: Rounds): string =>
      fixed(
        figureOf(found, (report) => (report['cpu'] ?? Number.NaN) / report.count),
        1,
      );
    const rows = batched.map((found, index) => [
      found.name,
      ...[found, each[index]!].flatMap((one) => [cellOf(one, speed, perSecond), cpuOf(one)]),
    ]);
    const cpu = 'CPU ns of the TypeScript side';
    const head = ['ring', `publish every ${BATCH}`, cpu, 'publish each', cpu];
    return {
      bars: [...bars(batched, BATCH), ...bars(each, 1)],
      figures: table(head, rows),
      data: { batched, each },
    };
  },
};
