/** The text of a litmus test: comments blanked, places kept, so that errors name the line. */
import { RondoError } from '../../../base/index.ts';
import type { ErrorCode } from '../../../base/index.ts';

/** Longest text that is looked at; those that people write have a few hundred bytes. */
const MAX_TEXT = 1 << 20;

/** Characters of a line that a message quotes at most. */
const MAX_QUOTE = 100;

/** A text with the errors about its places. */
export class TestText {
  readonly original: string;
  /** The original with comments as blanks: every character stands where it stood. */
  readonly text: string;

  constructor(original: string, text: string = original) {
    this.original = original;
    this.text = text;
    if (original.length > MAX_TEXT) {
      throw new RondoError(
        'ERR_LITMUS_SIZE',
        `Cannot read a litmus test of ${original.length} characters: at most ${MAX_TEXT} are looked at`,
      );
    }
  }

  /** Cannot be understood at that place. */
  fail(message: string, offset: number): never {
    throw this.#error('ERR_LITMUS_SYNTAX', message, offset);
  }

  /** Is understood at that place, but not there. */
  unsupported(message: string, offset: number): never {
    throw this.#error('ERR_LITMUS_UNSUPPORTED', message, offset);
  }

  /** Is beyond a limit at that place. */
  tooLarge(message: string, offset: number): never {
    throw this.#error('ERR_LITMUS_SIZE', message, offset);
  }

  #error(code: ErrorCode, message: string, offset: number): RondoError {
    const at = Math.min(offset, this.original.length);
    const start = this.original.lastIndexOf('\n', at - 1) + 1;
    const end = this.original.indexOf('\n', start);
    const number = this.original.slice(0, start).split('\n').length;
    const column = at - start + 1;
    const line = this.original.slice(start, end === -1 ? undefined : end).trim();
    const quote = line.length > MAX_QUOTE ? `${line.slice(0, MAX_QUOTE)}…` : line;
    return new RondoError(
      code,
      `Cannot read the litmus test: ${message}, in line ${number}, column ${column}: "${quote}"`,
    );
  }
}

/** What comments look like: `(* … *)`, nested, and `//`; or those of C. */
export type CommentStyle = 'nested' | 'c';

/** The same text with the comments in a range as blanks; line ends and strings stay. */
export function blankComments(
  source: TestText,
  style: CommentStyle,
  from = 0,
  to: number = source.text.length,
): TestText {
  const { text } = source;
  const pieces = [text.slice(0, from)];
  let at = from;
  while (at < to) {
    const start = nextComment(text, at, to, style);
    const end = start < to ? endOfComment(source, start, to, style) : to;
    pieces.push(text.slice(at, start), text.slice(start, end).replace(/[^\n]/g, ' '));
    at = end;
  }
  pieces.push(text.slice(to));
  return new TestText(source.original, pieces.join(''));
}

function nextComment(text: string, from: number, to: number, style: CommentStyle): number {
  const opening = style === 'nested' ? /"[^"\n]*["\n]|\(\*|\/\//g : /"[^"\n]*["\n]|\/\*|\/\//g;
  opening.lastIndex = from;
  for (let match = opening.exec(text); match !== null; match = opening.exec(text)) {
    if (match.index >= to) break;
    if (!match[0].startsWith('"')) return match.index;
  }
  return to;
}

function endOfComment(source: TestText, start: number, to: number, style: CommentStyle): number {
  const { text } = source;
  if (text.startsWith('//', start)) {
    const end = text.indexOf('\n', start);
    return end === -1 || end > to ? to : end;
  }
  if (style === 'c') {
    const end = text.indexOf('*/', start + 2);
    if (end === -1) source.fail('a comment does not end', start);
    return end + 2;
  }
  const marks = /\(\*|\*\)/g;
  marks.lastIndex = start;
  let depth = 0;
  for (let match = marks.exec(text); match !== null; match = marks.exec(text)) {
    depth += match[0] === '(*' ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return source.fail('a comment does not end', start);
}
