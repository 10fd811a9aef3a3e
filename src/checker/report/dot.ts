/** The graph of an execution in the language of Graphviz. */
import type { CheckResult } from '../check/check.ts';
import { arrowsOf } from './arrows.ts';
import { reportOf } from './report.ts';

const STYLES = {
  rf: 'color="#1a7f37" fontcolor="#1a7f37"',
  co: 'color="#0550ae" fontcolor="#0550ae" style=dashed',
  fr: 'color="#cf222e" fontcolor="#cf222e" style=dotted',
  join: 'color="#57606a" fontcolor="#57606a"',
} as const;

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

/**
 * The execution in which a test failed, for `dot -Tsvg`; undefined when there is none. `folder` is
 * what names of files are relative to.
 */
export function dotText(result: CheckResult, folder?: string): string | undefined {
  const { failure } = result;
  if (failure?.trace === undefined) return undefined;
  const report = reportOf(result, failure, { found: [], tried: 0 }, folder);
  const lines = report.threads.map((name, thread) => {
    const rows = report.rows.flatMap((row, index) => {
      if (row.thread !== thread || row.events.length === 0) return [];
      const label = quoted(`${index + 1}: ${row.text}\n${row.short}`.trimEnd());
      return [`    r${index} [label=${label}${row.isOdd ? ' color="#cf222e"' : ''}];`];
    });
    const order = rows.map((row) => row.trim().split(' ')[0]!).join(' -> ');
    return [
      `  subgraph cluster_${thread} {`,
      `    label=${quoted(name)};`,
      ...rows,
      ...(rows.length > 1 ? [`    ${order} [color="#8c959f"];`] : []),
      '  }',
    ].join('\n');
  });
  const arrows = arrowsOf(report.story!).map(({ relation, from, to }) => {
    const start = from < 0 ? 'initial' : `r${from}`;
    return `  ${start} -> r${to} [label=${relation} ${STYLES[relation]} constraint=false];`;
  });
  const initial = arrows.some((arrow) => arrow.startsWith('  initial'))
    ? ['  initial [label="initial values" shape=plaintext];']
    : [];
  return [
    'digraph execution {',
    `  label=${quoted(report.title)};`,
    '  labelloc=t;',
    '  node [shape=box fontname=monospace];',
    '  edge [fontname=monospace];',
    ...initial,
    ...lines,
    ...arrows,
    '}',
    '',
  ].join('\n');
}
