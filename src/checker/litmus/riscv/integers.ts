/**
 * Arithmetic of 64-bit registers on unsigned values (see `Value`): nearly all of a litmus test is below
 * 2³¹, where plain numbers do; anything else goes through bigint.
 */
import type { Value } from '../contract.ts';

/** An operation of two registers, or of a register and an immediate. */
export type Operation = (left: Value, right: Value) => Value;

const SMALL = 2 ** 31;

/** The value itself when it is below 2³¹, otherwise -1. */
function small(value: Value): number {
  return typeof value === 'number' && value >= 0 && value < SMALL ? value : -1;
}

/** Any integer as an unsigned one of `bits` (at most 64) bits. */
export function unsigned(value: bigint, bits = 64): Value {
  const wrapped = BigInt.asUintN(bits, value);
  return wrapped <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(wrapped) : wrapped;
}

/** The low `size` bytes of a value. */
export function truncate(value: Value, size: number): Value {
  const number = small(value);
  if (number >= 0) {
    if (size >= 4) return number;
    return size === 2 ? number & 0xffff : number & 0xff;
  }
  return unsigned(BigInt(value), size * 8);
}

/** The low `size` bytes of a value, their highest bit repeated up to 64 bits. */
export function signExtend(value: Value, size: number): Value {
  if (size >= 4 && small(value) >= 0) return value;
  return unsigned(BigInt.asIntN(size * 8, BigInt(value)));
}

function signed(value: Value): bigint {
  return BigInt.asIntN(64, BigInt(value));
}

/** Of 64 bits: `narrow` on numbers below 2³¹, whose result counts unless it is negative. */
function operation(
  wide: (left: bigint, right: bigint) => bigint,
  narrow: (left: number, right: number) => number,
): Operation {
  return (left, right) => {
    const first = small(left);
    const second = small(right);
    if (first >= 0 && second >= 0) {
      const result = narrow(first, second);
      if (result >= 0) return result;
    }
    return unsigned(wide(BigInt(left), BigInt(right)));
  };
}

/** Of 32 bits, with the result extended by its sign. */
function wordOperation(of: Operation): Operation {
  return (left, right) => signExtend(of(left, right), 4);
}

const toWide = (): number => -1;

const add = operation(
  (left, right) => left + right,
  (left, right) => left + right,
);
const subtract = operation(
  (left, right) => left - right,
  (left, right) => left - right,
);
const shiftLeft = operation((left, right) => left << (right & 63n), toWide);
const shiftRight = operation((left, right) => left >> (right & 63n), toWide);
const less = operation(
  (left, right) => (BigInt.asIntN(64, left) < BigInt.asIntN(64, right) ? 1n : 0n),
  (left, right) => (left < right ? 1 : 0),
);
const lessUnsigned = operation(
  (left, right) => (BigInt.asUintN(64, left) < BigInt.asUintN(64, right) ? 1n : 0n),
  (left, right) => (left < right ? 1 : 0),
);

/** The operations by the names of their instructions; immediates may be negative. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  add,
  sub: subtract,
  and: operation(
    (left, right) => left & right,
    (left, right) => left & right,
  ),
  or: operation(
    (left, right) => left | right,
    (left, right) => left | right,
  ),
  xor: operation(
    (left, right) => left ^ right,
    (left, right) => left ^ right,
  ),
  sll: shiftLeft,
  srl: shiftRight,
  sra: operation((left, right) => BigInt.asIntN(64, left) >> (right & 63n), toWide),
  slt: less,
  sltu: lessUnsigned,
  addw: wordOperation(add),
  subw: wordOperation(subtract),
  sllw: wordOperation(operation((left, right) => left << (right & 31n), toWide)),
  srlw: wordOperation(
    operation((left, right) => BigInt.asUintN(32, left) >> (right & 31n), toWide),
  ),
  sraw: wordOperation(operation((left, right) => BigInt.asIntN(32, left) >> (right & 31n), toWide)),
};

/** What branches ask. */
export const COMPARISONS: Readonly<Record<string, (left: Value, right: Value) => boolean>> = {
  eq: (left, right) => left === right,
  ne: (left, right) => left !== right,
  lt: (left, right) => signed(left) < signed(right),
  ge: (left, right) => signed(left) >= signed(right),
  ltu: (left, right) => left < right,
  geu: (left, right) => left >= right,
};

/** What AMOs write, from what they read and their operand, both extended by their sign. */
export const AMO_OPERATIONS: Readonly<Record<string, Operation>> = {
  amoswap: (_old, operand) => operand,
  amoadd: add,
  amoand: (old, operand) => unsigned(BigInt(old) & BigInt(operand)),
  amoor: (old, operand) => unsigned(BigInt(old) | BigInt(operand)),
  amoxor: (old, operand) => unsigned(BigInt(old) ^ BigInt(operand)),
  amomin: (old, operand) => (signed(old) < signed(operand) ? old : operand),
  amomax: (old, operand) => (signed(old) > signed(operand) ? old : operand),
  amominu: (old, operand) => (old < operand ? old : operand),
  amomaxu: (old, operand) => (old > operand ? old : operand),
};
