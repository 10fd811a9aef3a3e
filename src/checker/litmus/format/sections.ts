/** The parts of a litmus test: its first line, the initial state, the threads, the question. */
import { blankComments } from './text.ts';
import type { TestText } from './text.ts';

/** Most threads that a test may have. */
const MAX_THREADS = 16;

/** A range of the text. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** What begins the question; a row of instructions never does. */
const QUESTION =
  /(?:(?:locations|filter|exists|forall|final|observed|Observed)\b|(?:~|not\b)\s*exists\b)/y;

/** The first line: the architecture and the name. */
export interface Header {
  readonly architecture: string;
  readonly name: string;
  readonly end: number;
}

export function readHeader(source: TestText): Header {
  const start = source.text.search(/\S/);
  if (start === -1) source.fail('there is nothing', 0);
  const line = /[^\n]*/y;
  line.lastIndex = start;
  const text = line.exec(source.text)?.[0] ?? '';
  const words = text.trim().split(/\s+/);
  const [architecture, name] = words;
  if (architecture === undefined || name === undefined) {
    return source.fail('expected the architecture and the name of the test', start);
  }
  // Behind the name may stand the initial state already.
  const end = text.indexOf(name, text.indexOf(architecture) + architecture.length) + name.length;
  return { architecture, name, end: start + end };
}

/**
 * The range between the braces of the initial state. Before them stand a description in quotes and
 * lines `key=value`, which say nothing about the meaning.
 */
export function findInitial(source: TestText, from: number): Range {
  const { text } = source;
  const skipped = /"[^"\n]*["\n]|^[ \t]*[A-Za-z][\w-]*[ \t]*=[^\n]*|\{/gm;
  skipped.lastIndex = from;
  let open = -1;
  for (let match = skipped.exec(text); match !== null && open === -1; match = skipped.exec(text)) {
    if (match[0] === '{') open = match.index;
  }
  if (open === -1) source.fail('expected "{" and the initial state', from);
  return { from: open + 1, to: matching(source, open, '{', '}') };
}

/** Where the bracket that opens at `open` closes. */
function matching(source: TestText, open: number, left: string, right: string): number {
  let depth = 0;
  for (let at = open; at < source.text.length; at++) {
    const character = source.text.charAt(at);
    if (character === left) depth++;
    else if (character === right && --depth === 0) return at;
  }
  return source.fail(`"${left}" without "${right}"`, open);
}

/** One instruction or label of a column. */
export interface Cell {
  readonly text: string;
  readonly offset: number;
}

/** The columns of a test in assembly. */
export interface Columns {
  /** A column for each thread, all of the same length. */
  readonly threads: readonly (readonly Cell[])[];
  /** Where the question begins. */
  readonly end: number;
}

/** Reads rows of cells, the first of which numbers the threads, up to the question. */
export function readColumns(source: TestText, from: number): Columns {
  const threads: Cell[][] = [];
  let at = skipEmpty(source, from);
  const first = readRow(source, at) ?? source.fail('expected the row of the threads', at);
  if (first.cells.length > MAX_THREADS) source.tooLarge(`more than ${MAX_THREADS} threads`, at);
  for (const [index, cell] of first.cells.entries()) {
    if (/^P\d+\.F$/.test(cell.text)) source.unsupported('handlers of faults', cell.offset);
    const number = /^P(\d+)(?:\s*:\s*\w+)?$/.exec(cell.text)?.[1];
    if (number !== String(index)) source.fail(`expected P${index}`, cell.offset);
    threads.push([]);
  }
  at = first.end;
  for (let row = readRow(source, at); row !== undefined; row = readRow(source, at)) {
    addRow(source, threads, row);
    at = row.end;
  }
  return { threads, end: skipBlank(source, at) };
}

interface Row {
  readonly cells: readonly Cell[];
  readonly end: number;
}

function addRow(source: TestText, threads: Cell[][], row: Row): void {
  for (const cell of row.cells.slice(threads.length)) {
    if (cell.text !== '') source.fail('a column without a thread', cell.offset);
  }
  for (const [index, thread] of threads.entries()) {
    thread.push(row.cells[index] ?? { text: '', offset: row.end - 1 });
  }
}

/** The row that begins there and ends with `;`; undefined at the question or the end. */
function readRow(source: TestText, from: number): Row | undefined {
  const start = skipBlank(source, from);
  QUESTION.lastIndex = start;
  if (start >= source.text.length || QUESTION.test(source.text)) return undefined;
  const end = source.text.indexOf(';', start);
  if (end === -1) return source.fail('expected ";" at the end of a row', start);
  const cells: Cell[] = [];
  let offset = start;
  for (const piece of source.text.slice(start, end).split('|')) {
    const text = piece.trim().replace(/\s+/g, ' ');
    cells.push({ text, offset: offset + (piece.length - piece.trimStart().length) });
    offset += piece.length + 1;
  }
  return { cells, end: end + 1 };
}

function skipBlank(source: TestText, from: number): number {
  const blank = /\s*/y;
  blank.lastIndex = from;
  return from + (blank.exec(source.text)?.[0].length ?? 0);
}

function skipEmpty(source: TestText, from: number): number {
  const empty = /[\s;]*/y;
  empty.lastIndex = from;
  return from + (empty.exec(source.text)?.[0].length ?? 0);
}

/** A thread of a test in C. */
export interface FunctionText {
  readonly parameters: Range;
  readonly body: Range;
}

/** The threads of a test in C, and where the question begins. */
export interface Functions {
  readonly threads: readonly FunctionText[];
  /** The text with C's comments blanked up to `end`. */
  readonly source: TestText;
  readonly end: number;
}

/** Reads `P0 (…) { … }` and those after it. */
export function readFunctions(source: TestText, from: number): Functions {
  const blanked = blankComments(source, 'c', from);
  const threads: FunctionText[] = [];
  const start = /[\s;]*(?:(?:static|void|int)\s+)*P(\d+)\s*\(/y;
  let at = from;
  for (;;) {
    start.lastIndex = at;
    const match = start.exec(blanked.text);
    if (match === null) break;
    const open = start.lastIndex - 1;
    if (match[1] !== String(threads.length)) blanked.fail(`expected P${threads.length}`, open);
    const close = matching(blanked, open, '(', ')');
    const brace = skipBlank(blanked, close + 1);
    if (blanked.text.charAt(brace) !== '{') blanked.fail('expected "{"', brace);
    const end = matching(blanked, brace, '{', '}');
    threads.push({
      parameters: { from: open + 1, to: close },
      body: { from: brace + 1, to: end },
    });
    at = end + 1;
  }
  if (threads.length === 0)
    blanked.fail('expected P0 and its parameters', skipBlank(blanked, from));
  if (threads.length > MAX_THREADS) blanked.tooLarge(`more than ${MAX_THREADS} threads`, from);
  return { threads, source: blanked, end: at };
}
