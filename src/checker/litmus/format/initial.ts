/** The initial state of a test: what stands in its braces. */
import type { Value } from '../contract.ts';
import { refuseBeyond } from './beyond.ts';
import type { Declarations } from './declarations.ts';
import { acceptThread, expectIndex, literal, registerName } from './literals.ts';
import type { Literal } from './literals.ts';
import type { Tokens } from './tokens.ts';
import { DEFAULT_TYPE, typeOf } from './values.ts';
import type { ValueType } from './values.ts';

/** Reads the declarations up to the end of the range. */
export function readInitial(tokens: Tokens, declarations: Declarations): void {
  while (tokens.peek().kind !== 'end') {
    if (tokens.accept(';')) continue;
    readItem(tokens, declarations);
    if (tokens.peek().kind !== 'end') tokens.expect(';');
  }
}

function readItem(tokens: Tokens, declarations: Declarations): void {
  const words: string[] = [];
  for (refuseBeyond(tokens); tokens.peek().kind === 'word'; refuseBeyond(tokens)) {
    words.push(tokens.take().text);
  }
  let pointer = false;
  while (tokens.accept('*')) pointer = true;
  // `int *x`: the name stands behind the stars; otherwise the last word is the name.
  if (pointer && tokens.peek().kind === 'word') words.push(tokens.take().text);
  if (tokens.accept('[')) {
    refuseBeyond(tokens);
    readBracketed(tokens, declarations, words, pointer);
    return;
  }
  const start = tokens.peek().kind === 'integer' ? tokens.take().text : (words.pop() ?? '');
  const thread = acceptThread(tokens, start);
  const type = declaredType(tokens, declarations, words, pointer);
  if (thread !== undefined) readRegister(tokens, declarations, thread, type);
  else if (start.startsWith('%')) {
    tokens.expect('=');
    declarations.setParameter(undefined, start.slice(1), literal(tokens, declarations).value);
  } else if (/^[A-Za-z_]/.test(start)) readLocation(tokens, declarations, start, type);
  else tokens.fail('expected the name of a register or location');
}

/** `[x]=1`, or `t[2]={1,2}`. */
function readBracketed(
  tokens: Tokens,
  declarations: Declarations,
  words: string[],
  pointer: boolean,
): void {
  if (tokens.peek().kind === 'word') {
    if (words.length > 0) tokens.fail('expected the length of an array');
    const name = tokens.take().text;
    tokens.expect(']');
    readLocation(tokens, declarations, name, undefined);
    return;
  }
  const name = words.pop() ?? tokens.fail('expected the name of a location');
  const type = declaredType(tokens, declarations, words, pointer) ?? DEFAULT_TYPE;
  const length = expectIndex(tokens);
  tokens.expect(']');
  const values = tokens.accept('=') ? readArray(tokens, declarations) : [];
  if (values.length > length) tokens.fail(`expected at most ${length} values`);
  declarations.declareLocation(name, type, length, values);
}

function readArray(tokens: Tokens, declarations: Declarations): Value[] {
  const values: Value[] = [];
  tokens.expect('{');
  while (!tokens.accept('}')) {
    values.push(literal(tokens, declarations).value);
    if (!tokens.accept(',') && tokens.peek().text !== '}') tokens.fail('expected "," or "}"');
  }
  return values;
}

function readLocation(
  tokens: Tokens,
  declarations: Declarations,
  name: string,
  type: ValueType | undefined,
): void {
  if (!tokens.accept('=')) {
    declarations.declareLocation(name, type ?? DEFAULT_TYPE, undefined, []);
    return;
  }
  if (tokens.peek().text === '{') {
    const values = readArray(tokens, declarations);
    declarations.declareLocation(name, type ?? DEFAULT_TYPE, values.length, values);
    return;
  }
  const initial = literal(tokens, declarations);
  declarations.declareLocation(name, type ?? typeFor(initial, declarations), undefined, [
    initial.value,
  ]);
}

function readRegister(
  tokens: Tokens,
  declarations: Declarations,
  thread: number,
  type: ValueType | undefined,
): void {
  const name = registerName(tokens, declarations);
  if (type !== undefined && !name.startsWith('%')) {
    declarations.declareRegister(thread, name, type);
  }
  if (!tokens.accept('=')) return;
  const { value } = literal(tokens, declarations);
  if (name.startsWith('%')) declarations.setParameter(thread, name.slice(1), value);
  else declarations.setRegister(thread, name, value);
}

/** An address in a location that is not declared needs the room of a pointer. */
function typeFor(initial: Literal, declarations: Declarations): ValueType {
  return initial.symbolic ? declarations.naming.pointer : DEFAULT_TYPE;
}

function declaredType(
  tokens: Tokens,
  declarations: Declarations,
  words: readonly string[],
  pointer: boolean,
): ValueType | undefined {
  if (pointer || words[0] === 'ins_t') return declarations.naming.pointer;
  const type = typeOf(words);
  if (type === undefined && words.length > 0) {
    const { offset } = tokens.peek();
    return tokens.source.unsupported(`the type "${words.join(' ')}" is not known`, offset);
  }
  return type;
}
