/** A picture of the states of lines over time: SVG that any browser shows. */
import { escaped } from '../../report/escape.ts';
import { accessText, hex, nameAt } from '../access.ts';
import { eventText, messageText } from '../events.ts';
import type { CacheReport, LineReport } from '../report.ts';
import type { State } from '../protocol.ts';
import type { LineStep, Step } from '../step.ts';
import { count } from './columns.ts';
import { machineText } from './text.ts';

/** How much of a report is drawn. */
export interface PictureOptions {
  /** Lines, from the one where cores were most in each other's way. @default 8 */
  readonly lines?: number;
  /** Steps that touch these lines, from the first on. @default 400 */
  readonly steps?: number;
}

/** States by how much they allow: what may be written is warm, what is shared is cool. */
const COLOURS: Readonly<Record<State, string>> = {
  M: '#d1495b',
  O: '#edae49',
  E: '#8d6a9f',
  F: '#30638e',
  S: '#8fc1d4',
  I: '#eceff1',
};

const MEANINGS: Readonly<Record<State, string>> = {
  M: 'modified',
  O: 'owned',
  E: 'exclusive',
  F: 'forward',
  S: 'shared',
  I: 'invalid',
};

const CELL = 18;
const LEFT = 150;
const TOP = 70;
/** Height of the line's title, and of the marks below its cores. */
const TITLE = 24;
const MARKS = 16;

interface Column {
  readonly step: Step;
  readonly happened: LineStep;
}

/** Draws a report. The text is a whole file. */
export function pictureOf(report: CacheReport, options: PictureOptions = {}): string {
  const lines = report.lines.slice(0, options.lines ?? 8);
  const wanted = new Set(lines.map(({ address }) => address / report.options.lineBytes));
  const steps = report.steps
    .filter((step) => step.lines.some(({ line }) => wanted.has(line)))
    .slice(0, options.steps ?? 400);
  const columns = steps.map((step, index) => ({ index, step }));
  const height = TITLE + report.cores.length * CELL + MARKS;
  const body = lines.map((line, index) => lineGroup(report, line, columns, TOP + index * height));
  const bottom = TOP + lines.length * height + 40;
  const width = LEFT + Math.max(columns.length, 30) * CELL + 20;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${bottom}" ` +
      `viewBox="0 0 ${width} ${bottom}" font-family="ui-monospace, monospace" font-size="11">`,
    `<rect width="${width}" height="${bottom}" fill="#ffffff"/>`,
    `<text x="10" y="22" font-size="14">${escaped(machineText(report.options))}</text>`,
    legend(report),
    ...body,
    `<text x="10" y="${bottom - 14}" fill="#607d8b">${escaped(shownText(report, steps.length, lines.length))}</text>`,
    '</svg>',
    '',
  ].join('\n');
}

function legend({ steps }: CacheReport): string {
  const used = new Set(steps.flatMap(({ lines }) => lines.flatMap(({ states }) => [...states])));
  const states = (Object.keys(COLOURS) as State[]).filter((state) => used.has(state));
  const cells = states.map((state, index) => {
    const x = 10 + index * 110;
    return (
      `<rect x="${x}" y="34" width="16" height="16" fill="${COLOURS[state]}"/>` +
      `<text x="${x + 22}" y="46">${state} ${MEANINGS[state]}</text>`
    );
  });
  const x = 10 + states.length * 110;
  return [
    ...cells,
    `<circle cx="${x + 6}" cy="42" r="4" fill="#d1495b"/>`,
    `<text x="${x + 16}" y="46">false sharing</text>`,
    `<circle cx="${x + 126}" cy="42" r="4" fill="#30638e"/>`,
    `<text x="${x + 136}" y="46">other miss</text>`,
  ].join('\n');
}

function lineGroup(
  report: CacheReport,
  { address, counters, offsets }: LineReport,
  columns: readonly { readonly index: number; readonly step: Step }[],
  top: number,
): string {
  const line = address / report.options.lineBytes;
  const names = [...new Set(offsets.map(({ name }) => name).filter((name) => name !== undefined))];
  const sharing = counters.misses['true sharing'] + counters.misses['false sharing'];
  const title =
    `${hex(address)} ${names.slice(0, 6).join(' ')}: ${count(sharing)} sharing misses, ` +
    `${count(counters.misses['false sharing'])} of them false`;
  const parts = [`<text x="10" y="${top + 16}" font-weight="bold">${escaped(title)}</text>`];
  report.threads.forEach((thread, core) => {
    const y = top + TITLE + core * CELL + 13;
    parts.push(`<text x="10" y="${y}">${escaped(thread.slice(0, 20))}</text>`);
  });
  let states = 'I'.repeat(report.cores.length);
  for (const { index, step } of columns) {
    const happened = step.lines.find((each) => each.line === line);
    states = happened?.states ?? states;
    const x = LEFT + index * CELL;
    parts.push(...cells(states, x, top + TITLE, happened === undefined ? -1 : step.core));
    if (happened !== undefined) parts.push(tooltip(report, { step, happened }, x, top + TITLE));
  }
  return parts.join('\n');
}

/** The states of a line at one moment; the core that did something has a frame. */
function cells(states: string, x: number, top: number, actor: number): string[] {
  return [...states].map((state, core) => {
    const y = top + core * CELL;
    const frame = core === actor ? ' stroke="#212121" stroke-width="1.5"' : '';
    const size = CELL - 2;
    const box = `<rect x="${x}" y="${y}" width="${size}" height="${size}" fill="${COLOURS[state as State]}"${frame}/>`;
    if (core !== actor) return box;
    return `${box}<text x="${x + size / 2}" y="${y + 12}" text-anchor="middle">${state}</text>`;
  });
}

/** What happened there, for who points at it, and a mark for a miss. */
function tooltip(report: CacheReport, { step, happened }: Column, x: number, top: number): string {
  const height = report.cores.length * CELL;
  const name = nameAt(report.names, step.address);
  const what = [...happened.events.map(eventText), ...happened.messages.map(messageText)];
  if (happened.miss !== undefined) what.push(happened.miss.cause);
  const text = `${step.index}: ${accessText(step)}${name === undefined ? '' : ` (${name})`}\n${what.join('\n')}`;
  const isFalse = happened.miss?.cause === 'false sharing';
  const colour = isFalse ? '#d1495b' : '#30638e';
  const y = top + height + 6;
  const mark =
    happened.miss === undefined
      ? ''
      : `<circle cx="${x + CELL / 2 - 1}" cy="${y}" r="4" fill="${colour}"/>`;
  const size = CELL - 2;
  return (
    `<g>${mark}<rect x="${x}" y="${top}" width="${size}" height="${height}" fill-opacity="0">` +
    `<title>${escaped(text)}</title></rect></g>`
  );
}

function shownText(report: CacheReport, steps: number, lines: number): string {
  const hidden = report.lines.length - lines;
  const others = hidden === 0 ? '' : `; ${count(hidden)} more lines are not drawn`;
  return `${count(steps)} of ${count(report.accesses)} accesses, those to these lines${others}`;
}
