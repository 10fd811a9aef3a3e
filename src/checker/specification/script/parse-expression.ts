/** Expressions: JavaScript's own, with its precedences, over numbers, bigints and shared memory. */
import { Cursor, type Scope } from './cursor.ts';
import { ELEMENTS, type Modification } from './elements.ts';
import type { Arrow, BinaryOperator, Expression, Place, View } from './syntax.ts';

/** How tightly binary operators bind. */
const BINDS: Readonly<Record<string, number>> = {
  '??': 1,
  '||': 1,
  '&&': 2,
  '|': 3,
  '^': 4,
  '&': 5,
  '==': 6,
  '!=': 6,
  '===': 6,
  '!==': 6,
  '<': 7,
  '<=': 7,
  '>': 7,
  '>=': 7,
  '<<': 8,
  '>>': 8,
  '>>>': 8,
  '+': 9,
  '-': 9,
  '*': 10,
  '/': 10,
  '%': 10,
  '**': 11,
};

const ASSIGNMENTS = /^(|\+|-|\*|\/|%|&|\||\^|<<|>>|>>>|\*\*)=$/;
const MODIFICATIONS = new Set<string>(['add', 'sub', 'and', 'or', 'xor', 'exchange']);
const LITERALS = new Map<string, boolean | number | undefined>([
  ['true', true],
  ['false', false],
  ['undefined', undefined],
  ['Infinity', Infinity],
  ['NaN', NaN],
]);

/** An expression, assignments included. */
export function parseExpression(cursor: Cursor, scope: Scope): Expression {
  const start = cursor.token.start;
  const left = parseConditional(cursor, scope);
  const sign = cursor.token.kind === 'sign' ? ASSIGNMENTS.exec(cursor.token.text) : null;
  if (!sign) return left;
  cursor.next();
  const operator = sign[1] === '' ? undefined : (sign[1] as BinaryOperator);
  const target = targetOf(cursor, left, start);
  return {
    kind: 'assign',
    target,
    operator,
    value: parseExpression(cursor, scope),
    givesOld: false,
  };
}

function targetOf(cursor: Cursor, of: Expression, start: number): string | Place {
  if (of.kind === 'name') return of.name;
  if (of.kind === 'element') return of.place;
  return cursor.fail('only variables and elements of views can be assigned to', start);
}

function parseConditional(cursor: Cursor, scope: Scope): Expression {
  const test = parseBinary(cursor, scope, 1);
  if (!cursor.accept('?')) return test;
  const whenTrue = parseExpression(cursor, scope);
  cursor.expect(':');
  return { kind: 'conditional', test, whenTrue, whenFalse: parseExpression(cursor, scope) };
}

function parseBinary(cursor: Cursor, scope: Scope, least: number): Expression {
  let left = parseUnary(cursor, scope);
  for (;;) {
    const operator = cursor.token.text;
    const binds = cursor.token.kind === 'sign' ? (BINDS[operator] ?? 0) : 0;
    if (binds < least) return left;
    cursor.next();
    const right = parseBinary(cursor, scope, operator === '**' ? binds : binds + 1);
    left =
      operator === '&&' || operator === '||' || operator === '??'
        ? { kind: 'logical', operator, left, right }
        : { kind: 'binary', operator: operator as BinaryOperator, left, right };
  }
}

function parseUnary(cursor: Cursor, scope: Scope): Expression {
  const { kind, text, start } = cursor.token;
  if (kind === 'sign' && (text === '-' || text === '+' || text === '~' || text === '!')) {
    cursor.next();
    return { kind: 'unary', operator: text, of: parseUnary(cursor, scope) };
  }
  if (kind === 'sign' && (text === '++' || text === '--')) {
    cursor.next();
    const target = targetOf(cursor, parsePrimary(cursor, scope), start);
    return step(target, text, false);
  }
  const of = parsePrimary(cursor, scope);
  if (cursor.is('++') || cursor.is('--')) {
    return step(targetOf(cursor, of, start), cursor.next().text, true);
  }
  return of;
}

function step(target: string | Place, sign: string, givesOld: boolean): Expression {
  const value: Expression = { kind: 'literal', value: 1 };
  return { kind: 'assign', target, operator: sign === '++' ? '+' : '-', value, givesOld };
}

function parsePrimary(cursor: Cursor, scope: Scope): Expression {
  const { kind, text, start } = cursor.token;
  switch (kind) {
    case 'number':
      cursor.next();
      return { kind: 'literal', value: Number(text) };
    case 'bigint':
      cursor.next();
      return { kind: 'literal', value: BigInt(text.slice(0, -1)) };
    case 'string':
      cursor.next();
      return { kind: 'literal', value: text };
    case 'rmw':
      cursor.next();
      return parseAtomics(cursor, scope, parseArrow(new Cursor(text, 'a function'), scope));
    case 'name':
      return parseName(cursor, scope);
    case 'sign':
    case 'host':
    case 'end':
  }
  if (!cursor.accept('(')) cursor.fail(`a value was expected instead of "${text}"`, start);
  const inside = parseExpression(cursor, scope);
  cursor.expect(')');
  return inside;
}

function parseName(cursor: Cursor, scope: Scope): Expression {
  const { text } = cursor.token;
  if (LITERALS.has(text)) {
    cursor.next();
    return { kind: 'literal', value: LITERALS.get(text) };
  }
  if (text === 'Atomics') return parseAtomics(cursor, scope, undefined);
  const { following } = cursor;
  if (following.text === '[' && !scope.locals.has(text)) {
    const view = parseView(cursor, scope);
    cursor.next();
    const index = parseExpression(cursor, scope);
    cursor.expect(']');
    return { kind: 'element', place: { view, index } };
  }
  if (following.text === '.' && !scope.locals.has(text)) return parseData(cursor, scope);
  cursor.next();
  return { kind: 'name', name: text };
}

function parseView(cursor: Cursor, scope: Scope): View {
  const { start } = cursor.token;
  const name = cursor.name();
  const view = scope.view(name);
  return view ?? cursor.fail(`${name} is no view of shared memory`, start);
}

/** `dv.setInt32(0, 5, true)`. */
function parseData(cursor: Cursor, scope: Scope): Expression {
  const { start } = cursor.token;
  const view = parseView(cursor, scope);
  cursor.expect('.');
  const method = cursor.name();
  const [, verb, type] = /^(get|set)(.+)$/.exec(method) ?? [];
  const element = ELEMENTS.get(type ?? '');
  if (view.element || !element || element.name === 'Uint8Clamped') {
    return cursor.unsupported(`${view.name}.${method} is not among the accesses known`, start);
  }
  const [offset, ...rest] = parseArguments(cursor, scope);
  const value = verb === 'set' ? rest.shift() : undefined;
  if (!offset || (verb === 'set' && !value)) cursor.fail(`${method} needs more arguments`, start);
  return { kind: 'data', view, element, offset, value, littleEndian: rest[0] };
}

function parseArguments(cursor: Cursor, scope: Scope): Expression[] {
  const found: Expression[] = [];
  cursor.expect('(');
  while (!cursor.is(')')) {
    found.push(parseExpression(cursor, scope));
    if (!cursor.accept(',')) break;
  }
  cursor.expect(')');
  return found;
}

/**
 * `Atomics.load(x, 0)`, or `rmw` with its function before it in a comment or behind as argument.
 */
function parseAtomics(cursor: Cursor, scope: Scope, before: Arrow | undefined): Expression {
  const { start } = cursor.token;
  cursor.expect('Atomics');
  cursor.expect('.');
  const method = cursor.name();
  cursor.expect('(');
  if (method === 'isLockFree') {
    parseExpression(cursor, scope);
    cursor.expect(')');
    return { kind: 'literal', value: true };
  }
  const view = parseView(cursor, scope);
  const { element } = view;
  if (!element?.atomic) cursor.fail(`Atomics do not work on ${view.name}`, start);
  cursor.expect(',');
  const place: Place = { view, index: parseExpression(cursor, scope) };
  if (method === 'rmw') {
    const arrow = before ?? (cursor.accept(',') ? parseArrow(cursor, scope) : undefined);
    cursor.expect(')');
    return arrow
      ? { kind: 'function', place, arrow }
      : cursor.fail('Atomics.rmw needs a function: Atomics.rmw(x, 0, o => o + 1)', start);
  }
  const rest: Expression[] = [];
  while (cursor.accept(',')) rest.push(parseExpression(cursor, scope));
  cursor.expect(')');
  return atomicOf(cursor, method, place, rest, start);
}

function atomicOf(
  cursor: Cursor,
  method: string,
  place: Place,
  [first, second]: readonly Expression[],
  start: number,
): Expression {
  if (method === 'load') return { kind: 'load', place };
  if (method === 'notify') return { kind: 'notify', place, count: first };
  if (!first) return cursor.fail(`Atomics.${method} needs more arguments`, start);
  if (method === 'store') return { kind: 'store', place, value: first };
  if (MODIFICATIONS.has(method)) {
    return { kind: 'modify', place, how: method as Modification, value: first };
  }
  if (method === 'compareExchange' && second) {
    return { kind: 'compareExchange', place, expected: first, value: second };
  }
  if (method === 'wait') {
    const { name } = place.view.element!;
    if (name !== 'Int32' && name !== 'BigInt64') {
      cursor.fail('Atomics.wait works on Int32Array and BigInt64Array alone', start);
    }
    return { kind: 'wait', place, expected: first, timeout: second };
  }
  return cursor.unsupported(`Atomics.${method} is not among the accesses known`, start);
}

/** `o => o + 1`, `(o) => o + 1`. */
function parseArrow(cursor: Cursor, scope: Scope): Arrow {
  const inParentheses = cursor.accept('(');
  const parameter = cursor.name();
  if (inParentheses) cursor.expect(')');
  cursor.expect('=>');
  const locals = new Set(scope.locals).add(parameter);
  return { parameter, body: parseExpression(cursor, { locals, view: (name) => scope.view(name) }) };
}
