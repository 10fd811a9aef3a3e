/** The graph of an execution as SVG: a column for each thread, and arrows between accesses. */
import { type Arrow, arrowsOf } from './arrows.ts';
import { escaped } from './escape.ts';
import type { Report, ReportRow } from './report.ts';
import { wrap } from './table.ts';

/** Sizes in pixels: of a character of the font, boxes, and the space around them. */
const CHARACTER = 7.9;
const LINE = 17;
const PAD = 8;
const GAP_X = 96;
const GAP_Y = 26;
const MARGIN = 24;
const HEAD = 34;
const COLUMN_MIN = 160;
/** Characters of a line in a box. */
const TEXT_MAX = 42;

/** How far arrows of a relation bow out, so that they do not lie on each other. */
const BOW = { rf: 34, co: 50, fr: 66, join: 42 } as const;

interface Box {
  readonly row: ReportRow;
  readonly lines: readonly string[];
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

interface Layout {
  readonly boxes: readonly Box[];
  /** By thread: the left edge and the width of its column. */
  readonly columns: readonly { readonly x: number; readonly width: number }[];
  readonly width: number;
  readonly height: number;
}

function linesOf({ text, short }: ReportRow, index: number): string[] {
  const lines = wrap(`${index + 1}  ${text}`, TEXT_MAX);
  return short === '' ? lines : [...lines, short];
}

function layoutOf({ threads, rows, ends }: Report): Layout {
  const texts = rows.map(linesOf);
  const columns: { x: number; width: number }[] = [];
  let x = MARGIN;
  for (const [thread, name] of threads.entries()) {
    const own = texts.filter((_, index) => rows[index]!.thread === thread).flat();
    const longest = Math.max(...[name, ends[thread] ?? '', ...own].map(({ length }) => length));
    const width = Math.max(COLUMN_MIN, Math.ceil(longest * CHARACTER) + 2 * PAD);
    columns.push({ x, width });
    x += width + GAP_X;
  }
  let y = MARGIN + HEAD;
  const boxes = rows.map((row, index): Box => {
    const lines = texts[index]!;
    const height = lines.length * LINE + PAD;
    const column = columns[row.thread]!;
    const box = { row, lines, ...column, y, height };
    y += height + GAP_Y;
    return box;
  });
  const width = x - GAP_X + BOW.fr + MARGIN;
  return { boxes, columns, width, height: y + HEAD };
}

function boxText({ row, lines, x, y, width, height }: Box): string {
  const faint = row.short === '' ? -1 : lines.length - 1;
  const texts = lines.map((line, index) => {
    const kind = index === faint ? ' class="faint"' : '';
    return `<text x="${x + PAD}" y="${y + 16 + index * LINE}"${kind}>${escaped(line)}</text>`;
  });
  const title = `${row.text}\n${row.place}  ${row.source}`.trim();
  return [
    `<g><title>${escaped(title)}</title>`,
    `<rect class="box${row.isOdd ? ' odd' : ''}" x="${x}" y="${y}" width="${width}" height="${height}" rx="5"/>`,
    ...texts,
    '</g>',
  ].join('');
}

/** Program order: a line from each box of a thread to the next one. */
function programOrder(boxes: readonly Box[], thread: number): string[] {
  const own = boxes.filter(({ row }) => row.thread === thread);
  return own.slice(1).map((box, index) => {
    const above = own[index]!;
    const x = box.x + 18;
    return `<line class="po" x1="${x}" y1="${above.y + above.height}" x2="${x}" y2="${box.y}"/>`;
  });
}

function arrowText({ relation, from, to, text }: Arrow, { boxes }: Layout): string {
  const target = boxes[to]!;
  const path = from < 0 ? initialPath(target) : pathOf(boxes[from]!, target, relation);
  return (
    `<path class="arrow ${relation}" d="${path}" marker-end="url(#tip)">` +
    `<title>${escaped(text)}</title></path>`
  );
}

/** From above: the initial values. */
function initialPath({ x, y, width }: Box): string {
  const at = x + width - 16;
  return `M ${at + 14} ${y - 18} Q ${at + 14} ${y - 6} ${at} ${y}`;
}

function pathOf(start: Box, end: Box, relation: Arrow['relation']): string {
  const shift = relation === 'fr' ? 6 : relation === 'co' ? -6 : 0;
  const startY = start.y + start.height / 2 + shift;
  const endY = end.y + end.height / 2 + shift;
  if (start.x === end.x) {
    const x = start.x + start.width;
    const bow = x + BOW[relation];
    return `M ${x} ${startY} C ${bow} ${startY}, ${bow} ${endY}, ${x} ${endY}`;
  }
  const isRight = start.x < end.x;
  const startX = isRight ? start.x + start.width : start.x;
  const endX = isRight ? end.x : end.x + end.width;
  const bow = isRight ? BOW[relation] : -BOW[relation];
  return `M ${startX} ${startY} C ${startX + bow} ${startY}, ${endX - bow} ${endY}, ${endX} ${endY}`;
}

function endTexts({ ends, rows }: Report, { boxes, columns, height }: Layout): string[] {
  return ends.flatMap((text, thread) => {
    if (text === '') return [];
    const last = rows.findLastIndex((row) => row.thread === thread);
    const below = last < 0 ? MARGIN + HEAD : boxes[last]!.y + boxes[last]!.height + 18;
    const y = Math.min(below, height - 8);
    return [`<text class="end" x="${columns[thread]!.x}" y="${y}">${escaped(text)}</text>`];
  });
}

/** The picture of a report that has an execution. */
export function drawing(report: Report): string {
  const layout = layoutOf(report);
  const { boxes, columns, width, height } = layout;
  const heads = report.threads.map((name, thread) => {
    const { x } = columns[thread]!;
    return `<text x="${x}" y="${MARGIN + 14}" font-weight="bold">${escaped(name)}</text>`;
  });
  const arrows = arrowsOf(report.story!);
  const initial = new Set(arrows.filter(({ from }) => from < 0).map(({ to }) => to));
  const sources = [...initial].map((to) => {
    const { x, y, width: own } = boxes[to]!;
    return `<text class="faint" x="${x + own - 28}" y="${y - 20}">initial</text>`;
  });
  return [
    `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" ' +
      'orient="auto-start-reverse"><path d="M 0 0 L 8 4 L 0 8 z"/></marker></defs>',
    ...heads,
    ...report.threads.flatMap((_, thread) => programOrder(boxes, thread)),
    ...boxes.map(boxText),
    ...sources,
    ...arrows.map((arrow) => arrowText(arrow, layout)),
    ...endTexts(report, layout),
    '</svg>',
  ].join('\n');
}
