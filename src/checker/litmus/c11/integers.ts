/** Integers as C computes with them: two's complement of 64 bits, numbers where they are exact. */
import type { Value } from '../contract.ts';
import { toValue } from '../format/values.ts';
import type { Operator } from './syntax.ts';

type Both<T> = (left: T, right: T) => T;

function truth(value: boolean): number {
  return value ? 1 : 0;
}

const COMPARE: Readonly<Partial<Record<Operator, (left: Value, right: Value) => boolean>>> = {
  // Values are numbers or bigints by their size, so equal ones are of one kind.
  '==': (left, right) => left === right,
  '!=': (left, right) => left !== right,
  '<': (left, right) => left < right,
  '<=': (left, right) => left <= right,
  '>': (left, right) => left > right,
  '>=': (left, right) => left >= right,
};

const EXACT: Readonly<Partial<Record<Operator, Both<number>>>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
};

const SMALL: Readonly<Partial<Record<Operator, Both<number>>>> = {
  '&': (left, right) => left & right,
  '|': (left, right) => left | right,
  '^': (left, right) => left ^ right,
};

const WIDE: Readonly<Partial<Record<Operator, Both<bigint>>>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
  '%': (left, right) => left % right,
  '&': (left, right) => left & right,
  '|': (left, right) => left | right,
  '^': (left, right) => left ^ right,
  '<<': (left, right) => left << (right & 63n),
  '>>': (left, right) => left >> (right & 63n),
};

/**
 * `left operator right`.
 *
 * @returns undefined for a division by zero
 */
export function compute(operator: Operator, left: Value, right: Value): Value | undefined {
  const compare = COMPARE[operator];
  if (compare !== undefined) return truth(compare(left, right));
  if (typeof left === 'number' && typeof right === 'number') {
    const exact = EXACT[operator]?.(left, right);
    if (exact !== undefined && Number.isSafeInteger(exact)) return exact + 0;
    const small = SMALL[operator];
    if (small !== undefined && (left | 0) === left && (right | 0) === right) {
      return small(left, right);
    }
  }
  if ((operator === '/' || operator === '%') && !right) return undefined;
  const wide = WIDE[operator];
  return wide && toValue(BigInt.asIntN(64, wide(BigInt(left), BigInt(right))));
}
