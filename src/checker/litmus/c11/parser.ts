/** Reads a thread written in C: its parameters and its statements. */
import type { CFunction } from '../format/architecture.ts';
import { Expressions } from './expressions.ts';
import { Cursor } from './lexer.ts';
import type { Fail } from './lexer.ts';
import type { Expression, Pointer, Statement, Thread } from './syntax.ts';

const ALWAYS: Expression = { kind: 'integer', value: 1 };
const NOTHING: Statement = { kind: 'block', of: [] };

class Statements {
  readonly cursor: Cursor;
  readonly expressions: Expressions;
  readonly pointers: Pointer[] = [];

  constructor(cursor: Cursor, unsupported: (message: string) => never) {
    this.cursor = cursor;
    this.expressions = new Expressions(cursor, unsupported);
  }

  /** Statements up to the end of the text or of the block. */
  sequence(): Statement {
    const all: Statement[] = [];
    while (this.cursor.peek().kind !== 'end' && !this.cursor.at('}')) all.push(this.#statement());
    return { kind: 'block', of: all };
  }

  #statement(): Statement {
    const { cursor } = this;
    if (cursor.accept(';')) return NOTHING;
    if (cursor.accept('{')) {
      const block = this.sequence();
      cursor.expect('}');
      return block;
    }
    if (cursor.accept('if')) return this.#if();
    if (cursor.accept('while')) {
      const condition = this.#condition();
      return this.#loop(condition, this.#statement(), true);
    }
    if (cursor.accept('do')) {
      const body = this.#statement();
      cursor.expect('while');
      const condition = this.#condition();
      cursor.expect(';');
      return this.#loop(condition, body, false);
    }
    if (cursor.accept('for')) return this.#for();
    for (const kind of ['break', 'continue', 'return'] as const) {
      if (!cursor.accept(kind)) continue;
      cursor.expect(';');
      return { kind };
    }
    const simple = this.#simple();
    cursor.expect(';');
    return simple;
  }

  #condition(): Expression {
    this.cursor.expect('(');
    const condition = this.expressions.expression();
    this.cursor.expect(')');
    return condition;
  }

  #if(): Statement {
    const condition = this.#condition();
    const yes = this.#statement();
    const no = this.cursor.accept('else') ? this.#statement() : undefined;
    return { kind: 'if', condition, yes, no };
  }

  #loop(condition: Expression, body: Statement, first: boolean, step?: Expression): Statement {
    return { kind: 'loop', condition, first, body, step };
  }

  #for(): Statement {
    const { cursor } = this;
    cursor.expect('(');
    const start = cursor.at(';') ? NOTHING : this.#simple();
    cursor.expect(';');
    const condition = cursor.at(';') ? ALWAYS : this.expressions.expression();
    cursor.expect(';');
    const step = cursor.at(')') ? undefined : this.expressions.expression();
    cursor.expect(')');
    return { kind: 'block', of: [start, this.#loop(condition, this.#statement(), true, step)] };
  }

  /** A declaration or an expression, without the semicolon. */
  #simple(): Statement {
    const declared =
      this.expressions.atType() ||
      (this.cursor.peek().kind === 'word' && this.cursor.peek(1).kind === 'word');
    if (declared) return this.#declaration();
    return { kind: 'expression', of: this.expressions.expression() };
  }

  #declaration(): Statement {
    const { type, pointer } = this.expressions.type();
    const all: Statement[] = [];
    do {
      const pointing = this.cursor.accept('*') || pointer;
      const name = this.cursor.name();
      this.expressions.locals.add(name);
      if (pointing) this.pointers.push({ name, type });
      if (!this.cursor.accept('=')) continue;
      const value = this.expressions.expression();
      all.push({ kind: 'expression', of: { kind: 'assign', name, value } });
    } while (this.cursor.accept(','));
    return { kind: 'block', of: all };
  }
}

function parametersOf(text: string, fail: Fail): readonly Pointer[] {
  const cursor = new Cursor(text, fail);
  const reader = new Expressions(cursor, (message) => fail(message, cursor.peek().place));
  const all: Pointer[] = [];
  if (cursor.peek().kind === 'end' || (cursor.at('void') && cursor.peek(1).kind === 'end')) {
    return all;
  }
  do {
    const { type, pointer } = reader.type();
    const name = cursor.name();
    const array = cursor.accept('[');
    if (array) {
      if (!cursor.at(']')) cursor.take();
      cursor.expect(']');
    }
    if (!pointer && !array) cursor.fail(`the parameter ${name} must be a pointer`);
    all.push({ name, type });
  } while (cursor.accept(','));
  if (cursor.peek().kind !== 'end') cursor.fail('expected "," or ")"');
  return all;
}

/** Reads a thread; `fail` and `unsupported` say where it cannot be. */
export function parseThread(thread: CFunction, fail: Fail, unsupported: Fail): Thread {
  const parameters = parametersOf(thread.parameters, (message, place) =>
    fail(message, thread.parametersAt + place),
  );
  const cursor = new Cursor(thread.body, fail);
  const reader = new Statements(cursor, (message) => unsupported(message, cursor.peek().place));
  const body = reader.sequence();
  if (cursor.peek().kind !== 'end') cursor.fail('expected a statement');
  const own = new Set(parameters.map((one) => one.name));
  const locals = [...reader.expressions.locals].filter((name) => !own.has(name));
  return { parameters, pointers: reader.pointers, locals, body };
}
