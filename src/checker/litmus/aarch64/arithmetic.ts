/**
 * Arithmetic of registers on unsigned values (see `Value`): zero-extended, below 2^width. Litmus
 * tests compute with small numbers nearly always, so that operations on them take no bigint.
 */
import type { Value } from '../contract.ts';
import type { Width } from './registers.ts';

/** Two registers, or a register and an immediate, to a result of the same width. */
export type Binary = (left: Value, right: Value, width: Width) => Value;
/** One register to a result of the same width. */
export type Unary = (value: Value, width: Width) => Value;

const WORD = 2 ** 32;

function isWord(value: Value): value is number {
  return typeof value === 'number' && value >= 0 && value < WORD;
}

/** Any integer as an unsigned one of `bits` bits. */
export function wrap(value: bigint, bits: number): Value {
  const unsigned = BigInt.asUintN(bits, value);
  return unsigned <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(unsigned) : unsigned;
}

/** The low `bits` bits of a value of either sign. */
export function low(value: Value, bits: number): Value {
  if (typeof value === 'number') {
    if (value >= 0 && (bits === 64 || value < 2 ** bits)) return value;
    if (bits <= 32) return bits === 32 ? value >>> 0 : value & (2 ** bits - 1);
  }
  return wrap(BigInt(value), bits);
}

/** The low `bits` bits as a signed integer. */
export function signed(value: Value, bits: number): bigint {
  return BigInt.asIntN(bits, BigInt(value));
}

/** The low `from` bits, the highest of them repeated up to `to` bits. */
export function signExtend(value: Value, from: number, to: number): Value {
  if (isWord(value) && value < 2 ** (from - 1)) return value;
  return wrap(signed(value, from), to);
}

function onWords(small: (left: number, right: number) => number, wide: BigOperation): Binary {
  return (left, right, width) => {
    if (isWord(left) && isWord(right)) {
      const result = small(left, right);
      if (result >= 0 && result < WORD) return result;
    }
    return wrap(wide(BigInt(left), BigInt(right)), width);
  };
}

type BigOperation = (left: bigint, right: bigint) => bigint;

export const add: Binary = onWords(
  (left, right) => left + right,
  (left, right) => left + right,
);
export const subtract: Binary = onWords(
  (left, right) => left - right,
  (left, right) => left - right,
);
export const and: Binary = onWords(
  (left, right) => (left & right) >>> 0,
  (left, right) => left & right,
);
export const or: Binary = onWords(
  (left, right) => (left | right) >>> 0,
  (left, right) => left | right,
);
export const xor: Binary = onWords(
  (left, right) => (left ^ right) >>> 0,
  (left, right) => left ^ right,
);
/** Bits of `left` that are not in `right`. */
export const clear: Binary = onWords(
  (left, right) => (left & ~right) >>> 0,
  (left, right) => left & ~right,
);
export const invert: Unary = (value, width) => wrap(~BigInt(value), width);
export const negate: Unary = (value, width) => subtract(0, value, width);

/** Shifts by register take the amount modulo the width. */
function shift(wide: (value: bigint, amount: bigint, width: Width) => bigint): Binary {
  return (value, amount, width) => {
    const by = BigInt(amount) % BigInt(width);
    return by === 0n ? value : wrap(wide(BigInt(value), by, width), width);
  };
}

export const shiftLeft: Binary = shift((value, by) => value << by);
export const shiftRight: Binary = shift((value, by) => value >> by);
export const shiftArithmetic: Binary = shift(
  (value, by, width) => BigInt.asIntN(width, value) >> by,
);
export const rotate: Binary = shift(
  (value, by, width) => (value >> by) | (value << (BigInt(width) - by)),
);

/** Division by 0 gives 0, as the architecture says. */
export function divide(isSigned: boolean): Binary {
  return (left, right, width) => {
    if (right === 0) return 0;
    const of = (value: Value): bigint => (isSigned ? signed(value, width) : BigInt(value));
    return wrap(of(left) / of(right), width);
  };
}

/** The one of two that `wins` says: `wins(left, right)` is left's. */
export function select(isSigned: boolean, largest: boolean, bits?: number): Binary {
  return (left, right, width) => {
    const of = (value: Value): bigint => (isSigned ? signed(value, bits ?? width) : BigInt(value));
    return of(left) > of(right) === largest ? left : right;
  };
}

/** Condition flags, as the bits of NZCV: N is 8, Z is 4, C is 2, V is 1. */
export const N = 8;
export const Z = 4;
export const C = 2;
export const V = 1;

/** Flags of a logical operation: C and V are 0. */
export function flagsOf(result: Value, width: Width): number {
  const top = typeof result === 'bigint' || result >= 2 ** 31 ? signed(result, width) < 0n : false;
  return (top ? N : 0) | (result === 0 ? Z : 0);
}

/** `left + right + carry` with the flags that it sets; subtraction adds the inverse and 1. */
export function addWithCarry(
  left: Value,
  right: Value,
  carry: number,
  width: Width,
): { value: Value; flags: number } {
  const sum = BigInt(left) + BigInt(right) + BigInt(carry);
  const value = wrap(sum, width);
  const signedSum = signed(left, width) + signed(right, width) + BigInt(carry);
  const carried = BigInt.asUintN(width, sum) !== sum ? C : 0;
  const overflow = signed(value, width) !== signedSum ? V : 0;
  return { value, flags: flagsOf(value, width) | carried | overflow };
}

/** How an operation that sets the flags comes out. */
export type FlaggedBinary = (
  left: Value,
  right: Value,
  width: Width,
) => { value: Value; flags: number };

export const addFlagged: FlaggedBinary = (left, right, width) =>
  addWithCarry(left, right, 0, width);
export const subtractFlagged: FlaggedBinary = (left, right, width) =>
  addWithCarry(left, invert(right, width), 1, width);

/** Turns the parts of `bits` bits around inside each group of `group` bits. */
export function reverse(part: number, group: Width | 16 | 32): Unary {
  return (value, width) => {
    const mask = (1n << BigInt(part)) - 1n;
    const wide = BigInt(value);
    let result = 0n;
    for (let from = 0; from < width; from += part) {
      const inside = from % group;
      const to = from - inside + (group - part - inside);
      result |= ((wide >> BigInt(from)) & mask) << BigInt(to);
    }
    return wrap(result, width);
  };
}

/** Zeros above the highest bit that is set. */
export const countLeadingZeros: Unary = (value, width) =>
  value === 0 ? width : width - BigInt(value).toString(2).length;
