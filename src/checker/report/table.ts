/** Text in columns, one for each thread. */

/** A cell of one row: its lines, which are wrapped. */
export interface Cell {
  readonly column: number;
  /** What stands in front of the row. */
  readonly label: string;
  readonly lines: readonly Line[];
}

/** One line of a cell. */
export interface Line {
  readonly text: string;
  readonly style: Style;
  /** Columns that it stands to the right. */
  readonly indent?: number;
}

/** How a line stands out, where there are colours. */
export type Style = 'plain' | 'bold' | 'faint' | 'alarming';

const CODES: Readonly<Record<Style, readonly [string, string] | undefined>> = {
  plain: undefined,
  bold: ['\u001b[1m', '\u001b[22m'],
  faint: ['\u001b[2m', '\u001b[22m'],
  alarming: ['\u001b[31m', '\u001b[39m'],
};

/** Narrower columns are set below each other instead. */
const NARROWEST = 24;

/** Puts a text in a style. */
export function styled(text: string, style: Style, hasColors: boolean): string {
  const codes = hasColors ? CODES[style] : undefined;
  return codes === undefined || text === '' ? text : `${codes[0]}${text}${codes[1]}`;
}

/** Breaks a text into lines of at most `width` columns, between words where that can be. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    let rest = word;
    if (line !== '' && line.length + 1 + rest.length <= width) {
      line += ` ${rest}`;
      continue;
    }
    if (line !== '') lines.push(line);
    for (; rest.length > width; rest = rest.slice(width)) lines.push(rest.slice(0, width));
    line = rest;
  }
  if (line !== '') lines.push(line);
  return lines;
}

/** Lays cells out. `width` is that of the whole table. */
export function tableText(
  columns: readonly string[],
  cells: readonly Cell[],
  width: number,
  hasColors: boolean,
): string {
  const margin = Math.max(...cells.map(({ label }) => label.length), 1) + 2;
  const count = columns.length;
  const own = Math.floor((width - margin - 3 * (count - 1)) / count);
  const rows: string[] = [];
  const isNarrow = own < NARROWEST;
  const size = isNarrow ? width - margin : own;
  const put = (label: string, column: number, line: string, style: Style): void => {
    const before = isNarrow ? '' : `${' '.repeat(own)} │ `.repeat(column);
    const behind = isNarrow
      ? ''
      : `${' '.repeat(own - line.length)}${` │ ${' '.repeat(own)}`.repeat(count - 1 - column)}`;
    const start = label.padStart(margin - 2).padEnd(margin);
    rows.push(`${start}${before}${styled(line, style, hasColors)}${behind}`.trimEnd());
  };
  if (!isNarrow) {
    const heads = columns.map((name) => (wrap(name, own)[0] ?? '').padEnd(own));
    rows.push(`${' '.repeat(margin)}${styled(heads.join(' │ '), 'bold', hasColors)}`.trimEnd());
    rows.push(`${' '.repeat(margin)}${columns.map(() => '─'.repeat(own)).join('─┼─')}`);
  }
  for (const { column, label, lines } of cells) {
    let isFirst = true;
    const name: Line[] = isNarrow ? [{ text: `${columns[column]}:`, style: 'bold' }] : [];
    for (const { text, style, indent = 0 } of [...name, ...lines]) {
      for (const part of wrap(text, size - indent)) {
        put(isFirst ? label : '', column, `${' '.repeat(indent)}${part}`, style);
        isFirst = false;
      }
    }
  }
  return rows.join('\n');
}
