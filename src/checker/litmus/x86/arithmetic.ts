/** Arithmetic of 1 to 8 bytes with the flags that it sets. */
import type { Value } from '../contract.ts';
import { cut, toValue } from '../format/index.ts';

/** What a comparison or an operation leaves for conditional jumps. */
export interface Flags {
  zero: boolean;
  sign: boolean;
  carry: boolean;
  overflow: boolean;
  parity: boolean;
}

/** Operations with two operands. */
export type Binary = 'add' | 'adc' | 'sub' | 'sbb' | 'and' | 'or' | 'xor';
/** Operations that shift by a count. */
export type Shift = 'shl' | 'shr' | 'sar';

/** The low bytes of a value, unsigned. */
export function low(value: Value, size: number): Value {
  return cut(value, { size, signed: false });
}

/** The low bytes of a value as a signed integer. */
export function signed(value: Value, size: number): Value {
  return cut(value, { size, signed: true });
}

/** `a op b`, both unsigned and of that size; the flags are set as the processor does. */
export function binary(op: Binary, a: Value, b: Value, size: number, flags: Flags): Value {
  const x = BigInt(a);
  const y = BigInt(b);
  const carried = (op === 'adc' || op === 'sbb') && flags.carry ? 1n : 0n;
  let exact: bigint;
  let exactSigned: bigint;
  switch (op) {
    case 'add':
    case 'adc':
      exact = x + y + carried;
      exactSigned = BigInt(signed(a, size)) + BigInt(signed(b, size)) + carried;
      break;
    case 'sub':
    case 'sbb':
      exact = x - y - carried;
      exactSigned = BigInt(signed(a, size)) - BigInt(signed(b, size)) - carried;
      break;
    default:
      exact = bitwise(op, x, y);
      exactSigned = BigInt.asIntN(size * 8, exact);
  }
  const result = toValue(BigInt.asUintN(size * 8, exact));
  setResult(flags, result, size);
  flags.carry = exact < 0n || exact >> BigInt(size * 8) !== 0n;
  flags.overflow = exactSigned !== BigInt.asIntN(size * 8, exactSigned);
  return result;
}

function bitwise(op: 'and' | 'or' | 'xor', x: bigint, y: bigint): bigint {
  if (op === 'and') return x & y;
  return op === 'or' ? x | y : x ^ y;
}

/** A shift; a count of 0 leaves the flags as they are. */
export function shift(op: Shift, value: Value, count: Value, size: number, flags: Flags): Value {
  const by = BigInt(count) & (size === 8 ? 63n : 31n);
  if (by === 0n) return value;
  const x = BigInt(value);
  const bits = BigInt(size * 8);
  let result: Value;
  if (op === 'shl') {
    result = toValue(BigInt.asUintN(size * 8, x << by));
    flags.carry = ((x >> (bits - by)) & 1n) === 1n;
  } else {
    const from = op === 'sar' ? BigInt(signed(value, size)) : x;
    result = toValue(BigInt.asUintN(size * 8, from >> by));
    flags.carry = ((from >> (by - 1n)) & 1n) === 1n;
  }
  flags.overflow = (BigInt(result) ^ x) >> (bits - 1n) !== 0n;
  setResult(flags, result, size);
  return result;
}

/** Zero, sign and parity of a result. */
function setResult(flags: Flags, result: Value, size: number): void {
  flags.zero = BigInt(result) === 0n;
  flags.sign = signed(result, size) < 0;
  let ones = Number(BigInt(result) & 255n);
  ones ^= ones >> 4;
  ones ^= ones >> 2;
  flags.parity = ((ones ^ (ones >> 1)) & 1) === 0;
}

type Test = (flags: Flags) => boolean;

/** The conditions of jumps, moves and sets, by their suffixes. */
export const CONDITIONS: ReadonlyMap<string, Test> = new Map(
  [
    [['o'], ['no'], (f: Flags) => f.overflow] as const,
    [['b', 'c', 'nae'], ['ae', 'nb', 'nc'], (f: Flags) => f.carry] as const,
    [['e', 'z'], ['ne', 'nz'], (f: Flags) => f.zero] as const,
    [['be', 'na'], ['a', 'nbe'], (f: Flags) => f.carry || f.zero] as const,
    [['s'], ['ns'], (f: Flags) => f.sign] as const,
    [['p', 'pe'], ['np', 'po'], (f: Flags) => f.parity] as const,
    [['l', 'nge'], ['ge', 'nl'], (f: Flags) => f.sign !== f.overflow] as const,
    [['le', 'ng'], ['g', 'gt', 'nle'], (f: Flags) => f.zero || f.sign !== f.overflow] as const,
  ].flatMap(([positive, negative, test]): [string, Test][] => [
    ...positive.map((name): [string, Test] => [name, test]),
    ...negative.map((name): [string, Test] => [name, (flags) => !test(flags)]),
  ]),
);
