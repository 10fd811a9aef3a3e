/**
 * What operators make of values: JavaScript's own rules, on numbers, bigints, booleans, strings.
 */
import { RondoError } from '../../../base/index.ts';
import type { BinaryOperator, Scalar } from './syntax.ts';

/** The operators as functions; types of both sides are what JavaScript allows, or it throws. */
const BINARY: Readonly<Record<BinaryOperator, (left: never, right: never) => Scalar>> = {
  '+': (left: number, right: number) => left + right,
  '-': (left: number, right: number) => left - right,
  '*': (left: number, right: number) => left * right,
  '/': (left: number, right: number) => left / right,
  '%': (left: number, right: number) => left % right,
  '**': (left: number, right: number) => left ** right,
  '&': (left: number, right: number) => left & right,
  '|': (left: number, right: number) => left | right,
  '^': (left: number, right: number) => left ^ right,
  '<<': (left: number, right: number) => left << right,
  '>>': (left: number, right: number) => left >> right,
  '>>>': (left: number, right: number) => left >>> right,
  // oxlint-disable-next-line eslint/eqeqeq -- It is the operator of the test's own text.
  '==': (left: Scalar, right: Scalar) => left == right,
  // oxlint-disable-next-line eslint/eqeqeq -- It is the operator of the test's own text.
  '!=': (left: Scalar, right: Scalar) => left != right,
  '===': (left: Scalar, right: Scalar) => left === right,
  '!==': (left: Scalar, right: Scalar) => left !== right,
  '<': (left: number, right: number) => left < right,
  '<=': (left: number, right: number) => left <= right,
  '>': (left: number, right: number) => left > right,
  '>=': (left: number, right: number) => left >= right,
};

/**
 * The value of a binary operator.
 *
 * @throws {RondoError} ERR_LITMUS_SYNTAX when JavaScript would throw: bigints with numbers
 */
export function binary(operator: BinaryOperator, left: Scalar, right: Scalar): Scalar {
  return attempt(() => BINARY[operator](left as never, right as never));
}

/** The value of a unary operator. @throws {RondoError} ERR_LITMUS_SYNTAX as `binary` */
export function unary(operator: '-' | '+' | '~' | '!', of: Scalar): Scalar {
  if (operator === '!') return !of;
  const number = of as number;
  if (operator === '-') return attempt(() => -number);
  if (operator === '~') return attempt(() => ~number);
  // As plus does, this refuses bigints, which Number() would take.
  return attempt(() => number * 1);
}

function attempt(compute: () => Scalar): Scalar {
  try {
    return compute();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RondoError('ERR_LITMUS_SYNTAX', `Cannot run a test: ${why}`, { cause });
  }
}
