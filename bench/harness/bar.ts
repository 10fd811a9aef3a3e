/** Promises and what was measured of them, as rows of a table. */
import { type Comparison, compareRounds, figure } from './bench.ts';
import type { Contender } from './contenders.ts';
import type { LoadResult } from './load.ts';
import { fixed, rate, table } from './report.ts';

/** One promise and what was measured. */
export interface Bar {
  readonly name: string;
  readonly target: number;
  /** Whether the measured value must not be above the target, or not below it. */
  readonly direction: 'at most' | 'at least';
  readonly unit: string;
  /** Undefined when it could not be measured. */
  readonly measured: number | undefined;
  /** Least and most over the rounds, and the figures behind a ratio. */
  readonly detail: string;
}

/** A bar that is a ratio of two servers' figures in one comparison, ours first. */
export interface RatioBar {
  readonly name: string;
  readonly servers: readonly [Contender, Contender];
  readonly pick: (result: LoadResult) => number;
  /** How a figure is written. */
  readonly show: (value: number) => string;
  readonly direction: Bar['direction'];
  readonly target: number;
}

/** CPU time of the server per message, nanoseconds. */
export const cpu = (result: LoadResult): number => result.cpu_ns.total;
/** Messages a second. */
export const speed = (result: LoadResult): number => result.rate;

/** Nanoseconds, written as microseconds. */
export function microseconds(nanoseconds: number): string {
  return `${fixed(nanoseconds / 1000, 2)} µs`;
}

/** Messages a second, with the unit. */
export function perSecond(value: number): string {
  return `${rate(value)}/s`;
}

/** The bar as the comparison has it: the median of the ratios inside each round. */
export function ratioBar(comparison: Comparison, bar: RatioBar): Bar {
  const [server, reference] = bar.servers;
  const ratio = compareRounds(comparison, server.name, reference.name, bar.pick);
  const value = ({ name }: Contender): string => {
    const measured = comparison.measured.find(({ contender }) => contender === name);
    return measured ? bar.show(figure(measured, bar.pick)) : 'not measured';
  };
  const spread = ratio ? `${fixed(ratio.least, 2)}–${fixed(ratio.most, 2)}; ` : '';
  return {
    name: bar.name,
    target: bar.target,
    direction: bar.direction,
    unit: '×',
    measured: ratio?.median,
    detail: `${spread}${value(server)} against ${value(reference)}`,
  };
}

/** Whether a bar is met; undefined when it was not measured. */
export function isMet({ measured, direction, target }: Bar): boolean | undefined {
  if (measured === undefined || Number.isNaN(measured)) return undefined;
  return direction === 'at most' ? measured <= target : measured >= target;
}

function verdict(bar: Bar): string {
  const met = isMet(bar);
  return met === undefined ? 'not measured' : met ? 'met' : 'MISSED';
}

/** One row per bar. */
export function barTable(bars: readonly Bar[]): string {
  const digits = ({ unit, measured = 0 }: Bar): number =>
    unit === '×' || unit === '%' || (unit === 'B' && measured < 100) ? 2 : 0;
  const rows = bars.map((bar) => [
    bar.name,
    `${bar.direction === 'at most' ? '≤' : '≥'} ${bar.target} ${bar.unit}`,
    `${fixed(bar.measured, digits(bar))} ${bar.unit}`,
    verdict(bar),
    bar.detail,
  ]);
  return table(['bar', 'target', 'measured', '', 'detail'], rows);
}

/** How many bars are met, in a sentence. */
export function countBars(bars: readonly Bar[]): string {
  const count = (wanted: boolean | undefined): number =>
    bars.filter((bar) => isMet(bar) === wanted).length;
  return `${count(true)} met, ${count(false)} missed, ${count(undefined)} not measured.`;
}
