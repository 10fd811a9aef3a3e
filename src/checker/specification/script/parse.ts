/** Statements of a thread. */
import { Cursor, type Scope } from './cursor.ts';
import { parseExpression } from './parse-expression.ts';
import type { Expression, Script, Statement, View } from './syntax.ts';

/** Words that begin what tests do not have. */
const UNKNOWN = new Set(['for', 'function', 'class', 'switch', 'try', 'throw', 'return', 'async']);

/**
 * Reads the statements of one thread. `what` names it in errors.
 *
 * @throws {RondoError} ERR_LITMUS_SYNTAX, ERR_LITMUS_UNSUPPORTED
 */
export function parseScript(
  text: string,
  what: string,
  view: (name: string) => View | undefined,
): Script {
  const cursor = new Cursor(text, what);
  const script = parseBody(cursor, view);
  if (cursor.token.kind !== 'end') cursor.fail(`"${cursor.token.text}" closes nothing`);
  return script;
}

/** Reads statements up to a `}` that belongs to somebody else, or to the end. */
export function parseBody(cursor: Cursor, view: (name: string) => View | undefined): Script {
  const scope: Scope = { locals: new Set(), view };
  const statements = parseStatements(cursor, scope);
  return { statements, names: [...scope.locals] };
}

function parseStatements(cursor: Cursor, scope: Scope): Statement[] {
  const found: Statement[] = [];
  while (cursor.token.kind !== 'end' && !cursor.is('}')) {
    found.push(...parseStatement(cursor, scope));
  }
  return found;
}

/** A statement, several for `const a = …, b = …`, none for `;`. */
function parseStatement(cursor: Cursor, scope: Scope): Statement[] {
  const { kind, text, start } = cursor.token;
  if (cursor.accept(';')) return [];
  if (kind === 'host') {
    cursor.next();
    const [end, edge] = text.split(' ');
    return [hostEdge(end === 'signal' ? 'signal' : 'await', Number(edge))];
  }
  if (cursor.accept('{')) {
    const inside = parseStatements(cursor, scope);
    cursor.expect('}');
    return inside;
  }
  if (kind === 'name') {
    if (UNKNOWN.has(text)) cursor.unsupported(`"${text}" is not among the statements known`);
    if (text === 'const' || text === 'let' || text === 'var')
      return parseDeclarations(cursor, scope);
    if (text === 'if') return [parseIf(cursor, scope)];
    if (text === 'while' || text === 'do') return [parseWhile(cursor, scope)];
    const post = text === 'post' || text === 'receive';
    if (post && cursor.following.text === '(') return [parseHost(cursor)];
  }
  const expression = parseExpression(cursor, scope);
  if (expression.kind === 'assign' && typeof expression.target === 'string') {
    scope.locals.add(expression.target);
  }
  return [{ kind: 'expression', expression, text: endStatement(cursor, start) }];
}

/** Goes over the end of a statement; gives its text on one line. */
function endStatement(cursor: Cursor, start: number): string {
  const { end } = cursor;
  const ends = cursor.accept(';') || cursor.is('}') || cursor.token.kind === 'end';
  const newLine = cursor.text.slice(end, cursor.token.start).includes('\n');
  if (!ends && !newLine) cursor.fail(`";" was expected instead of "${cursor.token.text}"`);
  return textOf(cursor, start, end);
}

function textOf(cursor: Cursor, start: number, end: number): string {
  return cursor.text.slice(start, end).replaceAll(/\s+/g, ' ');
}

function hostEdge(end: 'signal' | 'await', edge: number): Statement {
  const text = `${end === 'signal' ? 'post' : 'receive'}(${edge})`;
  return { kind: 'host', end, edge, text };
}

function parseHost(cursor: Cursor): Statement {
  const end = cursor.next().text === 'post' ? 'signal' : 'await';
  cursor.expect('(');
  if (!/^\d+$/.test(cursor.token.text)) cursor.fail('the number of a message was expected');
  const edge = Number(cursor.next().text);
  cursor.expect(')');
  cursor.accept(';');
  return hostEdge(end, edge);
}

function parseDeclarations(cursor: Cursor, scope: Scope): Statement[] {
  const word = cursor.next().text;
  const found: Statement[] = [];
  do {
    const { start } = cursor.token;
    const name = cursor.name();
    if (scope.locals.has(name)) cursor.fail(`${name} is declared twice`, start);
    const value: Expression | undefined = cursor.accept('=')
      ? parseExpression(cursor, scope)
      : undefined;
    scope.locals.add(name);
    const text = `${word} ${textOf(cursor, start, cursor.end)}`;
    found.push({ kind: 'declare', name, value, text });
  } while (cursor.accept(','));
  endStatement(cursor, cursor.token.start);
  return found;
}

function parseTest(cursor: Cursor, scope: Scope): Expression {
  cursor.expect('(');
  const test = parseExpression(cursor, scope);
  cursor.expect(')');
  return test;
}

function parseIf(cursor: Cursor, scope: Scope): Statement {
  const { start } = cursor.token;
  cursor.expect('if');
  const test = parseTest(cursor, scope);
  const text = textOf(cursor, start, cursor.end);
  const whenTrue = parseStatement(cursor, scope);
  const whenFalse = cursor.accept('else') ? parseStatement(cursor, scope) : [];
  return { kind: 'if', test, whenTrue, whenFalse, text };
}

function parseWhile(cursor: Cursor, scope: Scope): Statement {
  const { start } = cursor.token;
  const bodyFirst = cursor.next().text === 'do';
  let body = bodyFirst ? parseStatement(cursor, scope) : [];
  if (bodyFirst) cursor.expect('while');
  const test = parseTest(cursor, scope);
  const text = bodyFirst ? 'do … while' : textOf(cursor, start, cursor.end);
  if (bodyFirst) cursor.accept(';');
  else body = parseStatement(cursor, scope);
  return { kind: 'while', test, body, bodyFirst, text };
}
