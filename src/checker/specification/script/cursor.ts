/** Where a parser stands in its tokens, and what it knows of names. */
import { RondoError } from '../../../base/index.ts';
import { tokenize, type Token } from './tokens.ts';
import type { View } from './syntax.ts';

/** Names in scope while a thread is parsed. */
export interface Scope {
  /** Variables and parameters so far. */
  readonly locals: Set<string>;
  /** What a name stands for that is no local; undefined when it can be no view. */
  view(name: string): View | undefined;
}

/** A place in a list of tokens. */
export class Cursor {
  readonly text: string;
  readonly #tokens: readonly Token[];
  readonly #what: string;
  #at = 0;

  /** `what` names the text in errors: `test SB, thread 1`. */
  constructor(text: string, what: string) {
    this.text = text;
    this.#what = what;
    this.#tokens = tokenize(text, (message, offset) => this.fail(message, offset));
  }

  /** The token here. */
  get token(): Token {
    return this.#tokens[this.#at]!;
  }

  /** The token after the one here. */
  get following(): Token {
    return this.#tokens[Math.min(this.#at + 1, this.#tokens.length - 1)]!;
  }

  /** End of the token before this one. */
  get end(): number {
    return this.#tokens[this.#at - 1]?.end ?? 0;
  }

  /** Gives the token here and goes on. */
  next(): Token {
    const token = this.token;
    if (this.#at < this.#tokens.length - 1) this.#at++;
    return token;
  }

  /** Whether a sign or word is here. */
  is(text: string): boolean {
    const { kind } = this.token;
    return (kind === 'sign' || kind === 'name') && this.token.text === text;
  }

  /** Goes over a sign or word if it is here. */
  accept(text: string): boolean {
    const found = this.is(text);
    if (found) this.next();
    return found;
  }

  /** Goes over a sign or word that must be here. */
  expect(text: string): void {
    if (!this.accept(text)) this.fail(`"${text}" was expected instead of "${this.token.text}"`);
  }

  /** A name that must be here. */
  name(): string {
    if (this.token.kind !== 'name')
      this.fail(`a name was expected instead of "${this.token.text}"`);
    return this.next().text;
  }

  /** @throws {RondoError} ERR_LITMUS_SYNTAX with the line */
  fail(message: string, offset: number = this.token.start): never {
    throw new RondoError('ERR_LITMUS_SYNTAX', this.#sentence(message, offset));
  }

  /** @throws {RondoError} ERR_LITMUS_UNSUPPORTED with the line */
  unsupported(message: string, offset: number = this.token.start): never {
    throw new RondoError('ERR_LITMUS_UNSUPPORTED', this.#sentence(message, offset));
  }

  #sentence(message: string, offset: number): string {
    const before = this.text.slice(0, offset).split('\n');
    const line = this.text.split('\n')[before.length - 1]!.trim();
    return `Cannot read ${this.#what}: ${message}, at line ${before.length}: ${line}`;
  }
}
