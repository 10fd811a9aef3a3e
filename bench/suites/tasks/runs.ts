/** What the parts of the suite have in common: programs, rounds, and how figures are written. */
import { join } from 'node:path';
import type { Bench } from '../../harness/bench.ts';
import { flags } from '../../harness/load.ts';
import type { Command } from '../../harness/process.ts';
import { fixed } from '../../harness/report.ts';
import type { Report } from '../../servers/ring/program.ts';
import { Programs } from '../ring/programs.ts';

/** A figure of a report by its name; NaN when it is not in there. */
export const pick =
  (name: string) =>
  (report: Report): number =>
    report[name] ?? Number.NaN;

/** CPU time of an operation, in ns: the median of a program's samples. */
export const cpu: (report: Report) => number = pick('cpu');
/** Its inverse, for ratios of which more is better. */
export const speed = (report: Report): number => 1 / cpu(report);

/** Nanoseconds with their unit. */
export const nanoseconds = (value: number): string => `${fixed(value, 1)} ns`;
/** The same for what is written in operations per nanosecond. */
export const perOperation = (value: number): string => nanoseconds(1 / value);

/** A run of a program of this suite, on the first core. `node` are flags of Node itself. */
export async function run(
  bench: Bench,
  name: string,
  words: readonly string[],
  options: Readonly<Record<string, string | number | undefined>> = {},
  node: readonly string[] = [],
): Promise<Report> {
  const programs = Programs.of(bench);
  return programs.run(script(bench, name, words, options, node), programs.cores.first);
}

/** A program of this suite. */
export function script(
  bench: Bench,
  name: string,
  words: readonly string[],
  options: Readonly<Record<string, string | number | undefined>> = {},
  node: readonly string[] = [],
): Command {
  const folder = join(bench.options.root, 'dist', 'bench', 'suites', 'tasks', 'programs');
  const file = join(folder, `${name}.js`);
  return { file: process.execPath, arguments: [...node, file, ...words, ...flags(options)] };
}

/** Rounds of a part: `usual`, or one for an order of magnitude. */
export function roundsOf({ options: { quick, rounds } }: Bench, usual: number = 3): number {
  return rounds ?? (quick ? 1 : usual);
}
