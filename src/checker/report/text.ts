/** What a check found, for the terminal: the failing execution in columns, and why it can be. */
import type { CheckResult } from '../check/check.ts';
import type { Repairs } from './repair.ts';
import { coverageText, type Report, reportOf, type ReportRow } from './report.ts';
import { type Cell, type Line, styled, tableText, wrap } from './table.ts';

/** How a result is told; all optional. */
export interface TextOptions {
  /** Columns of the terminal, 40 or more. @default 100 */
  readonly width?: number;
  /** Whether there are colours. @default false */
  readonly colors?: boolean;
  /** The folder that names of files are relative to. @default the current one */
  readonly folder?: string;
  /** Rows that are shown, 1 or more: the last ones. @default 80 */
  readonly rows?: number;
  /** What was tried, and found to help: see `findRepairs`. @default nothing was */
  readonly repairs?: Repairs;
}

const WIDTH_MIN = 40;

/** The whole result; of a failure with its execution. */
export function resultText(result: CheckResult, options: TextOptions = {}): string {
  const { failure, model } = result;
  if (failure === undefined) return `${model}: ${coverageText(result)}`;
  const { colors = false, rows = 80, repairs = { found: [], tried: 0 } } = options;
  const width = Math.max(WIDTH_MIN, options.width ?? 100);
  const report = reportOf(result, failure, repairs, options.folder);
  const sentences = (texts: readonly string[]): string =>
    texts.flatMap((text) => wrap(text, width)).join('\n');
  const parts = [
    headText(report, width, colors),
    tableOf(report, width, colors, rows),
    sentences(report.notes),
    reasonsText(report, width),
    sentences([report.plain]),
    sentences(report.repairs),
    `Token of this execution: ${report.token}`,
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

function headText({ title, more, kind, coverage }: Report, width: number, colors: boolean): string {
  return [
    styled(title, 'alarming', colors),
    ...more.map((line) => `  ${line}`.trimEnd()),
    ...wrap(`${kind}; ${coverage}`, width - 2).map((line) => `  ${line}`),
  ].join('\n');
}

function tableOf(report: Report, width: number, colors: boolean, shown: number): string {
  const { threads, rows, ends } = report;
  if (threads.length === 0) return '';
  const first = Math.max(0, rows.length - shown);
  const cells = rows.slice(first).map((row, index) => cellOf(row, first + index));
  for (const [column, text] of ends.entries()) {
    if (text === '') continue;
    cells.push({ column, label: '', lines: [{ text, style: 'alarming' }] });
  }
  const note = first === 0 ? '' : `(${first} rows before these are not shown)\n`;
  return note + tableText(threads, cells, width, colors);
}

function cellOf({ thread, text, short, source, isOdd }: ReportRow, index: number): Cell {
  const lines: Line[] = [{ text, style: isOdd ? 'alarming' : 'plain' }];
  if (short !== '') {
    lines.push({ text: `${short}  ${source}`.trimEnd(), style: 'faint', indent: 2 });
  }
  return { column: thread, label: String(index + 1), lines };
}

function reasonsText({ reasons }: Report, width: number): string {
  if (reasons.length === 0) return '';
  const lines = reasons.flatMap(({ what, because }) => [
    ...wrap(`${what}:`, width - 2).map((line) => `  ${line}`),
    ...because.flatMap((each) => {
      return wrap(each, width - 6).map((line, index) => `    ${index === 0 ? '-' : ' '} ${line}`);
    }),
  ]);
  return ['Why that is allowed:', ...lines].join('\n');
}
