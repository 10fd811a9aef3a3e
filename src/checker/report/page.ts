/** The report of a failure as a page of its own: nothing outside of it is loaded. */
import type { CheckResult } from '../check/check.ts';
import { drawing } from './drawing.ts';
import { escaped } from './escape.ts';
import type { Repairs } from './repair.ts';
import { type Report, reportOf } from './report.ts';

/** How a page is made; all optional. */
export interface PageOptions {
  /** The folder that names of files are relative to. @default the current one */
  readonly folder?: string;
  /** What was tried, and found to help: see `findRepairs`. @default nothing was */
  readonly repairs?: Repairs;
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1f2328; --back: #ffffff; --faint: #59636e;
  --line: #d1d9e0; --box: #f6f8fa; --rf: #1a7f37; --co: #0550ae; --fr: #cf222e; --join: #8250df; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --back: #0d1117; --faint: #9198a1;
  --line: #3d444d; --box: #161b22; --rf: #3fb950; --co: #58a6ff; --fr: #ff7b72; --join: #bc8cff; } }
body { margin: 2rem auto; max-width: 80rem; padding: 0 1rem; color: var(--ink);
  background: var(--back); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.3rem; color: var(--fr); white-space: pre-wrap; } h2 { font-size: 1.05rem; }
.graph { overflow-x: auto; }
svg { font: 13px ui-monospace, monospace; }
svg text { fill: var(--ink); } svg .faint { fill: var(--faint); font-size: 11px; }
svg .box { fill: var(--box); stroke: var(--line); } svg .odd { stroke: var(--fr); stroke-width: 2; }
svg .po { stroke: var(--line); stroke-width: 2; } svg .arrow { fill: none; stroke-width: 1.6; }
svg .arrow:hover { stroke-width: 4; } svg .end { fill: var(--fr); }
.rf { stroke: var(--rf); color: var(--rf); } .co { stroke: var(--co); color: var(--co); }
.fr { stroke: var(--fr); color: var(--fr); } .join { stroke: var(--join); color: var(--join); }
svg .co { stroke-dasharray: 7 4; } svg .fr { stroke-dasharray: 2 3; }
marker path { fill: context-stroke; }
label { margin-right: 1.2rem; } label span { font-weight: 600; }
body:has(#show-rf:not(:checked)) svg .rf, body:has(#show-co:not(:checked)) svg .co,
body:has(#show-fr:not(:checked)) svg .fr { display: none; }
.faint { color: var(--faint); } pre { white-space: pre-wrap; } li { margin: 0.3rem 0; }
`;

const LEGEND = [
  ['rf', 'reads from', 'a read, from the write that it sees'],
  ['co', 'coherence', 'a write, to the next one of its location'],
  ['fr', 'from read', 'a read, to the first write that it does not see'],
] as const;

/** The page of a result; undefined when nothing has failed. `name` is that of the test. */
export function pageText(
  result: CheckResult,
  name: string,
  { folder, repairs = { found: [], tried: 0 } }: PageOptions = {},
): string | undefined {
  const { failure } = result;
  if (failure === undefined) return undefined;
  const report = reportOf(result, failure, repairs, folder);
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width">',
    `<title>${escaped(`${name}: ${report.title}`)}</title>`,
    `<style>${STYLE}</style>`,
    `<p class="faint">${escaped(name)}</p>`,
    `<h1>${escaped([report.title, ...report.more].join('\n'))}</h1>`,
    `<p>${escaped(report.kind)}; ${escaped(report.coverage)}</p>`,
    ...(report.story === undefined ? [] : [graphOf(report)]),
    ...report.notes.map((note) => `<p>${escaped(note)}</p>`),
    reasonsOf(report),
    ...(report.plain === '' ? [] : [`<p>${escaped(report.plain)}</p>`]),
    repairsOf(report),
    `<p class="faint">Token of this execution: <code>${escaped(report.token)}</code></p>`,
    '</html>',
    '',
  ]
    .filter((part, index, parts) => part !== '' || index === parts.length - 1)
    .join('\n');
}

function graphOf(report: Report): string {
  const legend = LEGEND.map(([relation, title, text]) => {
    const box = `<input type="checkbox" id="show-${relation}" checked>`;
    return `<label title="${text}">${box} <span class="${relation}">${title}</span></label>`;
  });
  return `<p>${legend.join('\n')}</p>\n<div class="graph">\n${drawing(report)}\n</div>`;
}

function reasonsOf({ reasons }: Report): string {
  if (reasons.length === 0) return '';
  const items = reasons.map(({ what, because }) => {
    const why = because.map((each) => `<li>${escaped(each)}</li>`).join('');
    return `<li>${escaped(what)}<ul>${why}</ul></li>`;
  });
  return `<h2>Why that is allowed</h2>\n<ul>${items.join('\n')}</ul>`;
}

function repairsOf({ repairs }: Report): string {
  if (repairs.length === 0) return '';
  const items = repairs.map((repair) => `<li>${escaped(repair)}</li>`);
  return `<h2>What would help</h2>\n<ul>${items.join('\n')}</ul>`;
}
