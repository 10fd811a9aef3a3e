/** Integers of litmus tests: how they are written, kept and cut to a type. */
import type { Value } from '../contract.ts';

/** The type of a register or location, as far as its value is concerned. */
export interface ValueType {
  /** Bytes: 1, 2, 4, 8 or 16. */
  readonly size: number;
  readonly signed: boolean;
}

/** What herd takes a register or location to be when the test does not say. */
export const DEFAULT_TYPE: ValueType = { size: 4, signed: true };

/** Names of C's integer types; the qualified and atomic ones come down to these. */
const TYPES: ReadonlyMap<string, ValueType> = new Map([
  ['bool', { size: 1, signed: false }],
  ['_Bool', { size: 1, signed: false }],
  ['char', { size: 1, signed: true }],
  ['short', { size: 2, signed: true }],
  ['int', { size: 4, signed: true }],
  ['long', { size: 8, signed: true }],
  ['llong', { size: 8, signed: true }],
  ['ulong', { size: 8, signed: false }],
  ['size_t', { size: 8, signed: false }],
  ['intptr_t', { size: 8, signed: true }],
  ['uintptr_t', { size: 8, signed: false }],
  ['ptrdiff_t', { size: 8, signed: true }],
  ...[8, 16, 32, 64, 128].flatMap((bits): [string, ValueType][] => [
    [`int${bits}_t`, { size: bits / 8, signed: true }],
    [`uint${bits}_t`, { size: bits / 8, signed: false }],
  ]),
]);

const QUALIFIERS = new Set(['volatile', 'const', 'signed', 'atomic', '_Atomic', 'register']);

/** Types that are no integers. */
const OTHERS = new Set(['float', 'double', 'struct', 'union', 'void']);

/**
 * The type that some words name (`volatile uint32_t`); undefined when they name none. A word that says
 * nothing is taken for the default, as herd does.
 */
export function typeOf(words: readonly string[]): ValueType | undefined {
  if (words.length === 0) return undefined;
  let type: ValueType | undefined;
  let unsigned = false;
  for (const word of words) {
    if (word === 'unsigned') unsigned = true;
    if (word === 'unsigned' || QUALIFIERS.has(word)) continue;
    // Of `long int` and `short int` the first word says all.
    if (word === 'int' && type !== undefined) continue;
    if (OTHERS.has(word) || (type !== undefined && word !== 'long')) return undefined;
    type = TYPES.get(word.replace(/^atomic_/, '')) ?? DEFAULT_TYPE;
  }
  type ??= DEFAULT_TYPE;
  return unsigned ? { size: type.size, signed: false } : type;
}

/** A value in its one representation: a number within ±2⁵³, a bigint beyond. */
export function toValue(integer: bigint): Value {
  const number = Number(integer);
  return Number.isSafeInteger(number) ? number : integer;
}

/** The integer that a text is (decimal or hexadecimal, with a sign); undefined when it is none. */
export function parseInteger(text: string): Value | undefined {
  const match = /^([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)$/.exec(text);
  if (match === null) return undefined;
  const magnitude = BigInt(match[2] as string);
  return toValue(match[1] === '-' ? -magnitude : magnitude);
}

/** The low bits of a value, as a signed or unsigned integer of that type. */
export function cut(value: Value, type: ValueType): Value {
  if (typeof value === 'number') {
    const within = type.size >= 8 ? value >= 0 || type.signed : fits(value, type);
    if (within) return value;
  }
  const bits = type.size * 8;
  return toValue(
    type.signed ? BigInt.asIntN(bits, BigInt(value)) : BigInt.asUintN(bits, BigInt(value)),
  );
}

function fits(value: number, type: ValueType): boolean {
  const half = 2 ** (type.size * 8 - 1);
  return type.signed ? value >= -half && value < half : value >= 0 && value < 2 * half;
}
