/** Multiplications, with and without an addend. */
import type { Value } from '../contract.ts';
import { add, signed, subtract, wrap } from './arithmetic.ts';
import { binary } from './builders.ts';
import type { Builder } from './instruction.ts';
import { zeroRegister } from './registers.ts';

const product = (left: bigint, right: bigint, width: number): Value => wrap(left * right, width);

/**
 * Multiplications: `rd, rn, rm{, ra}`. With `long`, rn and rm are 32 bits extended to the 64 of rd;
 * `sign` -1 subtracts the product.
 */
function multiply(sign: 1 | -1, accumulates: boolean, long?: 'signed' | 'unsigned'): Builder {
  return (instruction) => {
    instruction.expect(accumulates ? 4 : 3);
    const target = instruction.register(0);
    const [left, right] = [instruction.register(1), instruction.register(2)];
    const addend = accumulates ? instruction.register(3) : zeroRegister(target.width);
    const of = (value: Value): bigint => (long === 'signed' ? signed(value, 32) : BigInt(value));
    return (machine) => {
      const times = product(of(machine.get(left)), of(machine.get(right)), target.width);
      const operation = sign === 1 ? add : subtract;
      const value = operation(machine.get(addend), times, target.width);
      const data =
        machine.dataOf(left.slot) | machine.dataOf(right.slot) | machine.dataOf(addend.slot);
      const pick =
        machine.pickOf(left.slot) | machine.pickOf(right.slot) | machine.pickOf(addend.slot);
      machine.set(target, value, data, pick);
    };
  };
}

function multiplyHigh(isSigned: boolean): Builder {
  return binary((left, right) => {
    const of = (value: Value): bigint => (isSigned ? signed(value, 64) : BigInt(value));
    return wrap((of(left) * of(right)) >> 64n, 64);
  });
}

/** Multiplications by their mnemonics. */
export const MULTIPLICATION: Readonly<Record<string, Builder>> = {
  MUL: multiply(1, false),
  MNEG: multiply(-1, false),
  MADD: multiply(1, true),
  MSUB: multiply(-1, true),
  SMULL: multiply(1, false, 'signed'),
  UMULL: multiply(1, false, 'unsigned'),
  SMNEGL: multiply(-1, false, 'signed'),
  UMNEGL: multiply(-1, false, 'unsigned'),
  SMADDL: multiply(1, true, 'signed'),
  UMADDL: multiply(1, true, 'unsigned'),
  SMSUBL: multiply(-1, true, 'signed'),
  UMSUBL: multiply(-1, true, 'unsigned'),
  SMULH: multiplyHigh(true),
  UMULH: multiplyHigh(false),
};
