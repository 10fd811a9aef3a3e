/** Operands of an instruction: text to registers, immediates, modifiers, addresses and names. */
import type { Value } from '../contract.ts';
import type { Register } from './registers.ts';
import { registerOf } from './registers.ts';

/** `LSL #2`, `SXTW`, `UXTB 1`: a shift or an extension of the operand before it. */
export interface Modifier {
  readonly kind: 'modifier';
  /** In upper case. */
  readonly name: string;
  readonly amount: number;
}

/** `[X1]`, `[X1,#4]!`, `[X1,W2,SXTW #2]`; a post-index behind it is an operand of its own. */
export interface Address {
  readonly kind: 'address';
  readonly base: Register;
  readonly offset: number;
  readonly index: Register | undefined;
  readonly modifier: Modifier | undefined;
  /** With `!`: the base becomes the address. */
  readonly writeBack: boolean;
}

export type Operand =
  | { readonly kind: 'register'; readonly register: Register }
  | { readonly kind: 'immediate'; readonly value: Value }
  | { readonly kind: 'name'; readonly text: string }
  | Modifier
  | Address;

/** Finds the register of a name; undefined when there is none. */
export type RegisterLookup = (name: string) => Register | undefined;

const MODIFIER = /^(LSL|LSR|ASR|ROR|[US]XT[BHWX])(?:\s*#?\s*(\d+|0x[\da-f]+))?$/i;
const IMMEDIATE = /^#?\s*([+-]?)\s*(0x[\da-f]+|\d+)$/i;

/** Cuts at the commas that are outside of brackets; no empty pieces. */
export function splitOperands(text: string): string[] {
  const pieces: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '[') depth += 1;
    else if (c === ']') depth -= 1;
    else if (c === ',' && depth === 0) {
      pieces.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  const last = text.slice(start).trim();
  if (last !== '' || pieces.length > 0) pieces.push(last);
  return pieces;
}

/** The value of `#5`, `5`, `0x1f`, `#-8`; undefined when the text is no number. */
export function parseImmediate(text: string): Value | undefined {
  const match = IMMEDIATE.exec(text);
  if (match === null) return undefined;
  const magnitude = BigInt(match[2] ?? '0');
  const small = magnitude <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(magnitude) : magnitude;
  return match[1] === '-' ? -small : small;
}

function parseModifier(text: string): Modifier | undefined {
  const match = MODIFIER.exec(text);
  if (match === null) return undefined;
  return { kind: 'modifier', name: (match[1] ?? '').toUpperCase(), amount: Number(match[2] ?? 0) };
}

function parseAddress(text: string, lookup: RegisterLookup): Address | undefined {
  const match = /^\[([^\]]*)\]\s*(!?)$/.exec(text);
  if (match === null) return undefined;
  const [first = '', second, third, ...more] = splitOperands(match[1] ?? '');
  const base = lookup(first);
  if (base === undefined || more.length > 0) return undefined;
  const shape = { kind: 'address', base, writeBack: match[2] === '!' } as const;
  const none = { offset: 0, index: undefined, modifier: undefined };
  if (second === undefined) return { ...shape, ...none };
  const index = lookup(second);
  const modifier = third === undefined ? undefined : parseModifier(third);
  if (third !== undefined && modifier === undefined) return undefined;
  if (index !== undefined) return { ...shape, offset: 0, index, modifier };
  const offset = parseImmediate(second);
  if (offset === undefined || modifier !== undefined) return undefined;
  return { ...shape, ...none, offset: Number(offset) };
}

/** One operand; undefined when the text is none. */
export function parseOperand(text: string, lookup: RegisterLookup): Operand | undefined {
  const register = lookup(text);
  if (register !== undefined) return { kind: 'register', register };
  const value = parseImmediate(text);
  if (value !== undefined) return { kind: 'immediate', value };
  const modifier = parseModifier(text);
  if (modifier !== undefined) return modifier;
  if (text.startsWith('[')) return parseAddress(text, lookup);
  return /^\.?\+?[\w.$+-]+$/.test(text) ? { kind: 'name', text } : undefined;
}

/** Registers as the architecture names them, and `X%name` or `%name` by `parameter`. */
export function lookupWith(parameter: (name: string) => number | undefined): RegisterLookup {
  return (name) => {
    const register = registerOf(name);
    if (register !== undefined) return register;
    const match = /^([WX]?)%(\w+)$/i.exec(name);
    if (match === null) return undefined;
    const slot = parameter(match[2] ?? '');
    if (slot === undefined) return undefined;
    return { slot, width: (match[1] ?? '').toUpperCase() === 'W' ? 32 : 64 };
  };
}
