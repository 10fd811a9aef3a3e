/** Reads expressions of C: precedence climbing over the usual operators, assignment included. */
import type { ValueType } from '../format/values.ts';
import { DEFAULT_TYPE, typeOf } from '../format/values.ts';
import { atomicCall, isAtomic } from './atomics.ts';
import type { Arguments } from './atomics.ts';
import type { Cursor } from './lexer.ts';
import type { Expression, Operator, Place } from './syntax.ts';

const LEVELS: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<', '<=', '>', '>='],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
];

const ASSIGNMENT = /^(?:[-+*/%&|^]|<<|>>)?=$/;
const QUALIFIER =
  /^(?:atomic|const|volatile|register|struct|restrict|static|signed|unsigned|_Atomic)$/;
const WORDS =
  'void bool _Bool char schar uchar short ushort int uint long ulong llong ullong size_t ' +
  'ptrdiff_t intptr_t uintptr_t';
const TYPES: ReadonlySet<string> = new Set([
  ...WORDS.split(' ').flatMap((word) => [word, `atomic_${word}`]),
  'atomic_flag',
]);
const SIZED_TYPE = /^(?:atomic_|__)?u?int(?:8|16|32|64|128)(?:_t)?$/;
const ONE: Expression = { kind: 'integer', value: 1 };

/** Where the expressions of a thread are read, and the names that they assign. */
export class Expressions implements Arguments {
  readonly cursor: Cursor;
  /** Local variables so far. */
  readonly locals: Set<string> = new Set();
  readonly #unsupported: (message: string) => never;

  constructor(cursor: Cursor, unsupported: (message: string) => never) {
    this.cursor = cursor;
    this.#unsupported = unsupported;
  }

  /** Whether a type stands `ahead` places further on. */
  atType(ahead = 0): boolean {
    const { kind, text } = this.cursor.peek(ahead);
    if (kind !== 'word') return false;
    return TYPES.has(text) || QUALIFIER.test(text) || SIZED_TYPE.test(text);
  }

  /** Reads a type with its stars; the result is that of what a pointer points to. */
  type(): { readonly type: ValueType; readonly pointer: boolean } {
    const { cursor } = this;
    const words: string[] = [];
    let stars = 0;
    for (;;) {
      // An unknown word before the name or its star is a type all the same.
      const unknown = cursor.peek(1).kind === 'word' || cursor.peek(1).text === '*';
      if (cursor.accept('*')) stars += 1;
      else if (cursor.accept('<') || cursor.accept('>')) continue;
      else if (words.length > 0 && cursor.at('(') && this.atType(1)) this.#bracketed(words);
      else if (this.atType()) words.push(cursor.take().text);
      else if (unknown && stars === 0 && cursor.peek().kind === 'word') cursor.take();
      else break;
    }
    const known = words.filter((word) => word !== 'struct' && word !== 'void');
    const type = stars > 1 ? { size: 8, signed: false } : (typeOf(known) ?? DEFAULT_TYPE);
    return { type, pointer: stars > 0 };
  }

  /** `_Atomic(int)`: the type in the parentheses. */
  #bracketed(words: string[]): void {
    this.cursor.expect('(');
    while (this.atType()) words.push(this.cursor.take().text);
    this.cursor.expect(')');
  }

  /** An expression without commas. */
  expression(): Expression {
    const left = this.#choice();
    const { text } = this.cursor.peek();
    if (!ASSIGNMENT.test(text)) return left;
    this.cursor.take();
    const value = this.expression();
    const operator = text === '=' ? undefined : (text.slice(0, -1) as Operator);
    return this.#assign(left, value, operator);
  }

  place(): Place {
    if (!this.cursor.accept('&')) return { kind: 'memory', address: this.expression() };
    const name = this.cursor.name();
    this.locals.add(name);
    return { kind: 'local', name };
  }

  #assign(target: Expression, value: Expression, operator?: Operator): Expression {
    const all: Expression =
      operator === undefined ? value : { kind: 'binary', operator, left: target, right: value };
    if (target.kind === 'local') {
      this.locals.add(target.name);
      return { kind: 'assign', name: target.name, value: all };
    }
    if (target.kind === 'load' && target.order === undefined) {
      return { kind: 'store', address: target.address, value: all, order: undefined };
    }
    return this.cursor.fail('only variables and memory can be assigned');
  }

  #choice(): Expression {
    const condition = this.#level(0);
    if (!this.cursor.accept('?')) return condition;
    const yes = this.expression();
    this.cursor.expect(':');
    return { kind: 'choice', condition, yes, no: this.expression() };
  }

  #level(level: number): Expression {
    const operators = LEVELS[level];
    if (operators === undefined) return this.#unary();
    let left = this.#level(level + 1);
    while (operators.includes(this.cursor.peek().text)) {
      const operator = this.cursor.take().text;
      const right = this.#level(level + 1);
      if (operator === '&&') left = { kind: 'and', left, right };
      else if (operator === '||') left = { kind: 'or', left, right };
      else left = { kind: 'binary', operator: operator as Operator, left, right };
    }
    return left;
  }

  #unary(): Expression {
    const { cursor } = this;
    if (cursor.accept('*')) return { kind: 'load', address: this.#unary(), order: undefined };
    if (cursor.accept('+')) return this.#unary();
    for (const operator of ['-', '~', '!'] as const) {
      if (cursor.accept(operator)) return { kind: 'unary', operator, of: this.#unary() };
    }
    for (const sign of ['+', '-'] as const) {
      if (cursor.accept(sign + sign)) return this.#assign(this.#unary(), ONE, sign);
    }
    if (cursor.at('&')) return this.#unsupported('the address of a variable');
    if (cursor.at('(') && this.atType(1)) {
      cursor.take();
      this.type();
      cursor.expect(')');
      return this.#unary();
    }
    return this.#postfix();
  }

  #postfix(): Expression {
    let of = this.#primary();
    for (;;) {
      if (this.cursor.accept('[')) {
        const index = this.expression();
        this.cursor.expect(']');
        of = { kind: 'load', address: { kind: 'element', array: of, index }, order: undefined };
      } else if (this.cursor.accept('++')) of = this.#stepped(of, '+');
      else if (this.cursor.accept('--')) of = this.#stepped(of, '-');
      else return of;
    }
  }

  /** `i++` is the new value with the step taken back. */
  #stepped(target: Expression, operator: '+' | '-'): Expression {
    const left = this.#assign(target, ONE, operator);
    return { kind: 'binary', operator: operator === '+' ? '-' : '+', left, right: ONE };
  }

  #primary(): Expression {
    const { cursor } = this;
    if (cursor.peek().kind === 'integer') return { kind: 'integer', value: cursor.take().value };
    if (cursor.accept('(')) {
      const inner = this.expression();
      cursor.expect(')');
      return inner;
    }
    if (cursor.peek().kind !== 'word') cursor.fail('expected an expression');
    const called = cursor.peek(1).text === '(';
    if (called && !isAtomic(cursor.peek().text)) {
      return this.#unsupported(`the function ${cursor.peek().text}`);
    }
    const name = cursor.name();
    if (!called) return { kind: 'local', name };
    cursor.expect('(');
    const call = atomicCall(name, this);
    cursor.expect(')');
    return call;
  }
}
