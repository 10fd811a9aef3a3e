/** Markdown tables and files of results. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  type Bench,
  type Comparison,
  compareRounds,
  figure,
  type Machine,
  type Measured,
} from './bench.ts';
import type { LoadResult } from './load.ts';
import { median } from './statistics.ts';

/** A Markdown table, padded so that it can be read as text too. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) =>
    Math.max(name.length, 3, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** `digits` decimals, `–` for what is not known. */
export function fixed(value: number | undefined, digits: number): string {
  return value === undefined || !Number.isFinite(value) ? '–' : value.toFixed(digits);
}

/** A rate, as thousands or millions a second. */
export function rate(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return value >= 1e6 ? `${(value / 1e6).toFixed(2)} M` : `${(value / 1e3).toFixed(1)} k`;
}

/** Rounded down to whole thousands. */
export function wholeThousands(value: number): number {
  return Math.floor(value / 1000) * 1000;
}

/** Bytes, as the unit that fits. */
export function bytes(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) < 1024) return `${value.toFixed(0)} B`;
  const kibibytes = value / 1024;
  const large = Math.abs(kibibytes) >= 1024;
  return large ? `${(kibibytes / 1024).toFixed(1)} MiB` : `${kibibytes.toFixed(1)} KiB`;
}

/** The sentence that says where the figures come from. */
export function machineLine(machine: Machine): string {
  const { processor, cores, kernel, node, pinning } = machine;
  return `${processor}, ${cores} cores, Linux ${kernel}, Node ${node}; ${pinning}.`;
}

/** How undisturbed the figures are. */
export function disturbanceLine(waits: readonly number[]): string {
  const [middle, most] = [median(waits), Math.max(0, ...waits)];
  const percent = (share: number): string => `${fixed(share * 100, 1)} %`;
  const seen = `The servers waited for their core ${percent(middle)} of the time (median)`;
  const hint = middle > 0.05 ? ' Something else used the machine: do not trust these figures.' : '';
  return `${seen}, ${percent(most)} at most.${hint}`;
}

const COLUMNS = [
  'connections',
  'bytes',
  'server',
  'CPU µs/message',
  'ratio',
  'messages/s',
  'ratio',
  'p50 µs',
  'p99 µs',
  'p99.9 µs',
  'busy',
] as const;

/** The median of a figure over a contender's rounds, as text. */
export function cell(
  measured: Measured,
  digits: number,
  pick: (result: LoadResult) => number,
): string {
  return fixed(figure(measured, pick), digits);
}

/** One row per point and contender; the ratios are to `reference`, medians over the rounds. */
export function comparisonTable(comparisons: readonly Comparison[], reference: string): string {
  const rows = comparisons.flatMap((comparison) =>
    comparison.measured.map((measured) => {
      const { point } = comparison;
      const size = `${point.size}${point.deflate === true ? ' deflate' : ''}`;
      const start = [String(point.connections), size, measured.contender];
      if (measured.rounds.every((result) => result === undefined)) return [...start, 'failed'];
      const name = measured.contender;
      const cpu = compareRounds(comparison, name, reference, (result) => result.cpu_ns.total);
      const speed = compareRounds(comparison, name, reference, (result) => result.rate);
      return [
        ...start,
        cell(measured, 2, (result) => result.cpu_ns.total / 1000),
        fixed(cpu?.median, 2),
        rate(figure(measured, (result) => result.rate)),
        fixed(speed?.median, 2),
        cell(measured, 0, (result) => result.latency_us.p50),
        cell(measured, 0, (result) => result.latency_us.p99),
        cell(measured, 0, (result) => result.latency_us.p999),
        cell(measured, 2, (result) => result.server.busy),
      ];
    }),
  );
  return table(COLUMNS, rows);
}

/** Writes a suite's results, with the machine they belong to. */
export function writeResults(bench: Bench, suite: string, file: string, results: unknown): void {
  mkdirSync(dirname(file), { recursive: true });
  const { rounds, quick } = bench.options;
  const head = { suite, date: new Date().toISOString(), machine: bench.machine, quick, rounds };
  writeFileSync(file, `${JSON.stringify({ ...head, results }, undefined, 2)}\n`);
}
