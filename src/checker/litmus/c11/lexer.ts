/** Words, numbers and signs of the C in litmus tests, one after the other. */
import type { Value } from '../contract.ts';
import { parseInteger } from '../format/values.ts';

/** A piece of the text; `end` has an empty text. */
export interface Token {
  readonly kind: 'word' | 'integer' | 'sign' | 'end';
  readonly text: string;
  /** Of an integer; 0 for others. */
  readonly value: Value;
  /** Where it begins in the text. */
  readonly place: number;
}

/** Ends the reading with an error about a place in the text. */
export type Fail = (message: string, place: number) => never;

const BLANK = /(?:\s|\/\/[^\n]*|\/\*[^]*?\*\/)+/y;
// A `%` before a name is how generated tests mark their parameters.
const WORD = /%?[A-Za-z_]\w*/y;
const INTEGER = /(0[xX][0-9a-fA-F]+|\d+)[uUlL]*/y;
const SIGN = /<<=|>>=|\+\+|--|&&|\|\||[-+*/%&|^=!<>]=|<<|>>|[-+*/%&|^~!<>=()[\]{};,?:]/y;

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function tokenAt(text: string, place: number): Token | undefined {
  const word = match(WORD, text, place);
  if (word !== undefined) return { kind: 'word', text: word, value: 0, place };
  const integer = match(INTEGER, text, place);
  if (integer !== undefined) {
    const value = parseInteger(integer.replace(/[uUlL]+$/, '')) ?? 0;
    return { kind: 'integer', text: integer, value, place };
  }
  const sign = match(SIGN, text, place);
  return sign === undefined ? undefined : { kind: 'sign', text: sign, value: 0, place };
}

/** Cuts a text into tokens, the last of them `end`. */
function tokenize(text: string, fail: Fail): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    at += (match(BLANK, text, at) ?? '').length;
    if (at >= text.length) break;
    const token = tokenAt(text, at);
    if (token === undefined) return fail(`unexpected character "${text[at] ?? ''}"`, at);
    tokens.push(token);
    at += token.text.length;
  }
  tokens.push({ kind: 'end', text: '', value: 0, place: at });
  return tokens;
}

/** A place in a list of tokens. */
export class Cursor {
  readonly #tokens: readonly Token[];
  readonly #fail: Fail;
  #at = 0;

  constructor(text: string, fail: Fail) {
    this.#tokens = tokenize(text, fail);
    this.#fail = fail;
  }

  /** The token that is `ahead` places further on; the end when there are not so many. */
  peek(ahead = 0): Token {
    const last = this.#tokens.length - 1;
    return this.#tokens[Math.min(this.#at + ahead, last)] as Token;
  }

  /** The next token, and on to the one behind it. */
  take(): Token {
    const token = this.peek();
    if (token.kind !== 'end') this.#at += 1;
    return token;
  }

  /** Whether the next token is that sign or word. */
  at(text: string): boolean {
    return this.peek().text === text;
  }

  /** Goes on behind the next token when it is that sign or word. */
  accept(text: string): boolean {
    if (!this.at(text)) return false;
    this.#at += 1;
    return true;
  }

  /** The next token must be that sign or word. */
  expect(text: string): void {
    if (!this.accept(text)) this.fail(`expected "${text}"`);
  }

  /** The next token must be a name. */
  name(): string {
    if (this.peek().kind !== 'word') this.fail('expected a name');
    return this.take().text.replace(/^%/, '');
  }

  /** Cannot be understood at the next token. */
  fail(message: string): never {
    const { text, place } = this.peek();
    return this.#fail(`${message}, found ${text === '' ? 'the end' : `"${text}"`}`, place);
  }
}
