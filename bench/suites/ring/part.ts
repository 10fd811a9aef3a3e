/** What the parts of the suite have in common: rounds of contenders, and bars made of them. */
import type { Bar } from '../../harness/bar.ts';
import type { Bench } from '../../harness/bench.ts';
import { fixed } from '../../harness/report.ts';
import { median, ratioPerRound } from '../../harness/statistics.ts';
import type { Report } from '../../servers/ring/program.ts';

export type { Part } from '../parts.ts';

/** Something that is measured once in each round. */
export interface Runner {
  readonly name: string;
  /** Why it cannot be measured here. @default it can */
  readonly refusal?: string | undefined;
  readonly run: () => Promise<Report>;
}

/** What was measured of a runner; undefined where a round failed. */
export interface Rounds {
  readonly name: string;
  readonly rounds: readonly (Report | undefined)[];
  readonly refusal?: string;
}

/** Messages a second. */
export const speed = ({ count, nanoseconds }: Report): number => (count * 1e9) / nanoseconds;
/** The median round trip, in ns. */
export const p50 = (report: Report): number => report['p50'] ?? Number.NaN;

/** Takes turns (A B C, A B C, …); a round that fails is noted, and the others go on. */
export async function takeTurns(
  bench: Bench,
  what: string,
  runners: readonly Runner[],
  rounds: number,
): Promise<Rounds[]> {
  const found = runners.map((): (Report | undefined)[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, { name, refusal = '', run }] of runners.entries()) {
      if (refusal !== '') continue;
      bench.options.say(`round ${round + 1}/${rounds}: ${what}, ${name}`);
      const report = await run().catch((error: unknown) => {
        bench.failed(`${what}, ${name}`, error);
        return undefined;
      });
      if (report?.['waiting'] !== undefined) bench.waits.push(report['waiting']);
      found[index]!.push(report);
    }
  }
  return runners.map(({ name, refusal = '' }, index) => ({
    name,
    rounds: found[index]!,
    ...(refusal === '' ? {} : { refusal }),
  }));
}

/** The median of a figure; NaN when there is none. */
export function figureOf(rounds: Rounds | undefined, pick: (report: Report) => number): number {
  return median((rounds?.rounds ?? []).flatMap((report) => (report ? [pick(report)] : [])));
}

/** @throws {RangeError} when there is none of this name */
export function named(all: readonly Rounds[], name: string): Rounds {
  const found = all.find((rounds) => rounds.name === name);
  if (!found) throw new RangeError(`Cannot compare ${name}: it was not measured`);
  return found;
}

/** The figure, or why there is none. */
export function cellOf(
  rounds: Rounds,
  pick: (report: Report) => number,
  show: (value: number) => string,
): string {
  if (rounds.refusal !== undefined) return `not there: ${rounds.refusal}`;
  const value = figureOf(rounds, pick);
  return Number.isNaN(value) ? 'failed' : show(value);
}

type Promised = Pick<Bar, 'name' | 'target' | 'direction'>;

/** A bar on the median of a figure, scaled to the bar's unit. */
export function figureBar(
  promised: Promised & Pick<Bar, 'unit'>,
  rounds: Rounds,
  pick: (report: Report) => number,
): Bar {
  const values = rounds.rounds.flatMap((report) => (report ? [pick(report)] : []));
  if (values.length === 0) {
    return { ...promised, measured: undefined, detail: rounds.refusal ?? 'failed' };
  }
  const digits = promised.unit === 'ns' ? 0 : 1;
  const spread = `${fixed(Math.min(...values), digits)}–${fixed(Math.max(...values), digits)}`;
  return { ...promised, measured: median(values), detail: spread };
}

/** A bar on the ratio of two: the median of the ratios inside each round. */
export function ratioBar(
  promised: Promised,
  [ours, theirs]: readonly [Rounds, Rounds],
  pick: (report: Report) => number,
  show: (value: number) => string,
): Bar {
  const pickAll = ({ rounds }: Rounds): (number | undefined)[] =>
    rounds.map((report) => report && pick(report));
  const ratio = ratioPerRound(pickAll(ours), pickAll(theirs));
  const figures = [ours, theirs].map((rounds) => cellOf(rounds, pick, show)).join(' against ');
  const isKnown = !Number.isNaN(ratio.median);
  return {
    ...promised,
    unit: '×',
    measured: isKnown ? ratio.median : undefined,
    detail: `${isKnown ? `${fixed(ratio.least, 2)}–${fixed(ratio.most, 2)}; ` : ''}${figures}`,
  };
}
