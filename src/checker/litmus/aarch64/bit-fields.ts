/** Extensions, bit fields, and bits and bytes in another order. */
import type { Unary } from './arithmetic.ts';
import {
  countLeadingZeros,
  low,
  reverse,
  shiftLeft,
  shiftRight,
  signExtend,
  wrap,
} from './arithmetic.ts';
import { unary } from './builders.ts';
import type { Builder } from './instruction.ts';

function extension(isSigned: boolean, bits: number): Builder {
  return unary((value, width) => (isSigned ? signExtend(value, bits, width) : low(value, bits)));
}

/** UBFM and SBFM: bits immr to imms to the bottom, or the imms + 1 low bits up. */
function moveBitField(immr: number, imms: number, isSigned: boolean): Unary {
  const isDown = imms >= immr;
  const length = isDown ? imms - immr + 1 : imms + 1;
  return (value, width) => {
    const down = isDown ? immr : 0;
    const up = isDown ? 0 : width - immr;
    const field = low(shiftRight(value, down, width), length);
    const extended = isSigned ? signExtend(field, length, width) : field;
    return shiftLeft(extended, up, width);
  };
}

/** UBFM, and UBFX and UBFIZ as other ways to write it. */
function bitField(isSigned: boolean, kind: 'move' | 'extract' | 'insert'): Builder {
  return (instruction) => {
    instruction.expect(4);
    const target = instruction.register(0);
    const source = instruction.register(1);
    const [first, second] = [instruction.immediate(2), instruction.immediate(3)];
    const { width } = target;
    const immr = kind === 'insert' ? (width - first) % width : first;
    const imms = { move: second, extract: first + second - 1, insert: second - 1 }[kind];
    const move = moveBitField(immr, imms, isSigned);
    return (machine) => {
      machine.compute(target, move(machine.get(source), width), source.slot);
    };
  };
}

/** EXTR: the bits of two registers from an immediate on. */
const extract: Builder = (instruction) => {
  instruction.expect(4);
  const target = instruction.register(0);
  const [high, bottom] = [instruction.register(1), instruction.register(2)];
  const from = BigInt(instruction.immediate(3));
  return (machine) => {
    const both = (BigInt(machine.get(high)) << BigInt(target.width)) | BigInt(machine.get(bottom));
    machine.compute(target, wrap(both >> from, target.width), high.slot, bottom.slot);
  };
};

/** Instructions on bits by their mnemonics. */
export const BIT_FIELDS: Readonly<Record<string, Builder>> = {
  SXTB: extension(true, 8),
  SXTH: extension(true, 16),
  SXTW: extension(true, 32),
  UXTB: extension(false, 8),
  UXTH: extension(false, 16),
  UXTW: extension(false, 32),
  CLZ: unary(countLeadingZeros),
  RBIT: unary((value, width) => reverse(1, width)(value, width)),
  REV: unary((value, width) => reverse(8, width)(value, width)),
  REV16: unary(reverse(8, 16)),
  REV32: unary(reverse(8, 32)),
  REV64: unary((value, width) => reverse(8, width)(value, width)),
  UBFM: bitField(false, 'move'),
  SBFM: bitField(true, 'move'),
  UBFX: bitField(false, 'extract'),
  SBFX: bitField(true, 'extract'),
  UBFIZ: bitField(false, 'insert'),
  SBFIZ: bitField(true, 'insert'),
  EXTR: extract,
};
