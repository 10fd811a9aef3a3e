/** Values as initial states and conditions write them, and the places that they name. */
import type { Value } from '../contract.ts';
import { refuseBeyond, refuseRegister } from './beyond.ts';
import type { Declarations } from './declarations.ts';
import type { Tokens } from './tokens.ts';
import { cut, parseInteger, toValue } from './values.ts';

/** A value with the text that herd prints for it. */
export interface Literal {
  readonly value: Value;
  readonly text: string;
  /** Whether it is the address of something rather than a number. */
  readonly symbolic: boolean;
}

/** What stands before `:` in the name of a register: `0` or `P0`. */
export function acceptThread(tokens: Tokens, text: string): number | undefined {
  const thread = /^P?(\d{1,3})$/.exec(text)?.[1];
  return thread !== undefined && tokens.accept(':') ? Number(thread) : undefined;
}

/** The canonical name of a register, or of one that the test names itself: `%x`. */
export function registerName(tokens: Tokens, declarations: Declarations): string {
  const { text, kind } = tokens.peek();
  if (kind !== 'word') tokens.fail('expected the name of a register');
  const canonical = text.startsWith('%')
    ? (declarations.naming.canonical(text.slice(1)) ?? text)
    : declarations.naming.canonical(text);
  if (canonical === undefined) {
    refuseRegister(tokens, text);
    tokens.fail('expected the name of a register');
  }
  tokens.take();
  return canonical;
}

/** An integer that must be there, as the index or the length of an array. */
export function expectIndex(tokens: Tokens): number {
  const token = tokens.peek();
  const value = token.kind === 'integer' ? parseInteger(token.text) : undefined;
  if (typeof value !== 'number' || value > 4096) tokens.fail('expected a number up to 4096');
  tokens.take();
  return value;
}

/** The one instruction that herd prints without quotes. */
const NOP = /^"NOP"$/i;

/** A number, the address of a name, a label or an instruction as a value. */
export function literal(tokens: Tokens, declarations: Declarations): Literal {
  refuseBeyond(tokens, true);
  const negative = tokens.accept('-');
  const token = tokens.peek();
  if (token.kind === 'integer') {
    tokens.take();
    if (tokens.peek().text === ':') return symbol(tokens, declarations, token.text);
    const magnitude = parseInteger(token.text) as Value;
    const value = negative ? toValue(-BigInt(magnitude)) : magnitude;
    // As herd prints them: 64 bits with a sign, so that 0xffffffffffffffff is -1.
    const text = String(cut(value, { size: 8, signed: true }));
    return { value, text, symbolic: false };
  }
  if (negative) tokens.fail('expected a number');
  tokens.accept('&');
  const name = tokens.take();
  if (name.kind !== 'word') {
    return tokens.source.fail(`expected a value, found "${name.text}"`, name.offset);
  }
  return symbol(tokens, declarations, name.text);
}

function symbol(tokens: Tokens, declarations: Declarations, name: string): Literal {
  if ((name === 'label' || name === 'instr') && tokens.accept(':')) {
    const quoted = tokens.take();
    if (quoted.kind !== 'string') tokens.source.fail('expected a text', quoted.offset);
    if (name === 'instr' && NOP.test(quoted.text)) return named(declarations, 'NOP');
    return named(declarations, `${name}:${withThread(name, quoted.text)}`);
  }
  if (name === 'ATOMIC_INIT' && tokens.accept('(')) {
    const inner = literal(tokens, declarations);
    tokens.expect(')');
    return inner;
  }
  if (name === 'nop') return named(declarations, 'NOP');
  const thread = acceptThread(tokens, name);
  if (thread !== undefined) {
    const label = tokens.take();
    if (label.kind !== 'word') tokens.source.fail('expected a label', label.offset);
    return named(declarations, `label:"P${thread}:${label.text}"`);
  }
  if (tokens.accept('[')) {
    const index = expectIndex(tokens);
    tokens.expect(']');
    const value = declarations.address(name, index);
    return { value, text: declarations.symbols.nameOf(value) ?? name, symbolic: true };
  }
  if (!tokens.accept('+')) return named(declarations, name);
  const offset = expectIndex(tokens);
  const value = Number(declarations.symbols.addressOf(name)) + offset;
  return { value, text: `${name}+${offset}`, symbolic: true };
}

function named(declarations: Declarations, name: string): Literal {
  return { value: declarations.symbols.addressOf(name), text: name, symbolic: true };
}

/** `"0:L0"` is `"P0:L0"`. */
function withThread(kind: string, quoted: string): string {
  return kind === 'label' ? quoted.replace(/^"(\d)/, '"P$1') : quoted;
}
