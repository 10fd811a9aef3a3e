/** Words and signs of initial states and conditions, one after the other. */
import type { TestText } from './text.ts';

/** A piece of the text; `end` has an empty text. */
export interface Token {
  readonly kind: 'word' | 'integer' | 'string' | 'sign' | 'end';
  readonly text: string;
  readonly offset: number;
}

const WORD = /[A-Za-z_%][\w.%$]*/y;
const INTEGER = /0[xX][0-9a-fA-F]+|\d+/y;
const STRING = /"[^"\n]*"/y;
const SIGN = /\/\\|\\\/|=>|==|!=|<>|[=()[\]{};:,~&*+\-|<>]/y;

/** Reads the tokens of a range of a text. */
export class Tokens {
  readonly source: TestText;
  readonly #end: number;
  #at: number;
  #next: Token | undefined;

  constructor(source: TestText, from: number, to: number) {
    this.source = source;
    this.#at = from;
    this.#end = to;
  }

  /** The next token, which stays the next one. */
  peek(): Token {
    this.#next ??= this.#read();
    return this.#next;
  }

  /** The next token, and on to the one behind it. */
  take(): Token {
    const token = this.peek();
    if (token.kind !== 'end') this.#next = undefined;
    return token;
  }

  /** Whether the next token is that sign or word; goes on when it is. */
  accept(text: string): boolean {
    const { kind } = this.peek();
    if (this.peek().text !== text || kind === 'string' || kind === 'end') return false;
    this.take();
    return true;
  }

  /** The next token must be that sign or word. */
  expect(text: string): void {
    if (!this.accept(text)) this.fail(`expected "${text}"`);
  }

  /** Cannot be understood at the next token. */
  fail(message: string): never {
    const found = this.peek().kind === 'end' ? 'the end' : `"${this.peek().text}"`;
    return this.source.fail(`${message}, found ${found}`, this.peek().offset);
  }

  #read(): Token {
    const { text } = this.source;
    while (this.#at < this.#end && /\s/.test(text.charAt(this.#at))) this.#at++;
    const offset = this.#at;
    if (offset >= this.#end) return { kind: 'end', text: '', offset };
    const token =
      this.#match('integer', INTEGER) ??
      this.#match('word', WORD) ??
      this.#match('string', STRING) ??
      this.#match('sign', SIGN);
    if (token === undefined) {
      return this.source.fail(`"${text.charAt(offset)}" has no meaning here`, offset);
    }
    return token;
  }

  #match(kind: Token['kind'], pattern: RegExp): Token | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.source.text);
    if (match === null) return undefined;
    const offset = this.#at;
    this.#at += match[0].length;
    return { kind, text: match[0], offset };
  }
}
