/** Instructions on registers: arithmetic, logic, shifts, moves. */
import type { Binary, FlaggedBinary, Unary } from './arithmetic.ts';
import {
  add,
  addFlagged,
  addWithCarry,
  and,
  C,
  clear,
  divide,
  flagsOf,
  invert,
  low,
  negate,
  or,
  rotate,
  select,
  shiftArithmetic,
  shiftLeft,
  shiftRight,
  signed,
  subtract,
  subtractFlagged,
  wrap,
  xor,
} from './arithmetic.ts';
import { binary, combine, unary } from './builders.ts';
import type { Builder } from './instruction.ts';
import type { Register } from './registers.ts';
import { zeroRegister } from './registers.ts';

/** `rd, rm`, as the operation on zero and rm. */
function fromZero(operation: Binary): Builder {
  return (instruction) => {
    const target = instruction.register(0);
    const right = instruction.source(1, target.width);
    return combine(target, zeroRegister(target.width), right, operation);
  };
}

function logicFlagged(operation: Binary): FlaggedBinary {
  return (left, right, width) => {
    const value = operation(left, right, width);
    return { value, flags: flagsOf(value, width) };
  };
}

/** ADDS and its like; `shape` says which operands there are: CMP has no target, NEGS no left. */
function flagging(
  operation: FlaggedBinary,
  shape: 'full' | 'compare' | 'negate' = 'full',
): Builder {
  return (instruction) => {
    const first = instruction.register(0);
    const { width } = first;
    const target = shape === 'compare' ? zeroRegister(width) : first;
    const left = { full: 1, compare: 0, negate: -1 }[shape];
    const leftRegister = left < 0 ? zeroRegister(width) : instruction.register(left);
    const right = instruction.source(shape === 'full' ? 2 : 1, width);
    return (machine) => {
      const result = operation(machine.get(leftRegister), right.value(machine), width);
      machine.setFlags(result.flags, leftRegister.slot, right.slot);
      machine.compute(target, result.value, leftRegister.slot, right.slot);
    };
  };
}

/** ADC and SBC: also computed from the carry flag. */
function withCarry(inverted: boolean, setsFlags: boolean): Builder {
  return (instruction) => {
    instruction.expect(3);
    const target = instruction.register(0);
    const [left, right] = [instruction.register(1), instruction.register(2)];
    return (machine) => {
      const operand = machine.get(right);
      const addend = inverted ? invert(operand, target.width) : operand;
      const carry = (machine.flags & C) === 0 ? 0 : 1;
      const result = addWithCarry(machine.get(left), addend, carry, target.width);
      const data = machine.dataOf(left.slot) | machine.dataOf(right.slot) | machine.flagsData;
      const pick = machine.pickOf(left.slot) | machine.pickOf(right.slot) | machine.flagsPick;
      machine.set(target, result.value, data, pick);
      if (!setsFlags) return;
      machine.flags = result.flags;
      machine.flagsData = data;
      machine.flagsPick = pick;
    };
  };
}

/** MOV from a register or an immediate; MOVZ and MOVN with a shift. */
function move(inverted: boolean): Builder {
  return (instruction) => {
    const target = instruction.register(0);
    const source = instruction.source(1, target.width);
    return (machine) => {
      const value = source.value(machine);
      machine.compute(target, inverted ? invert(value, target.width) : value, source.slot);
    };
  };
}

/** MOVK: 16 bits into what the register holds. */
const moveKeeping: Builder = (instruction) => {
  const target = instruction.register(0);
  const source = instruction.source(1, 64);
  const mask = wrap(0xffffn << BigInt(instruction.modifier(2)?.amount ?? 0), 64);
  return (machine) => {
    const kept = clear(machine.get(target), mask, target.width);
    machine.compute(target, or(kept, source.value(machine), target.width), target.slot);
  };
};

const nothing: Builder = () => () => undefined;

/** MRS and MSR: NZCV, and any other system register as a place to keep a value. */
const readSystem: Builder = (instruction) => {
  const target = instruction.register(0);
  const name = instruction.name(1).toUpperCase();
  if (name === 'NZCV') {
    return (machine) => {
      machine.set(target, machine.flags * 2 ** 28, machine.flagsData, machine.flagsPick);
    };
  }
  const source: Register = { slot: instruction.column.systemRegister(name), width: 64 };
  return (machine) => machine.compute(target, machine.get(source), source.slot);
};

const writeSystem: Builder = (instruction) => {
  const name = instruction.name(0).toUpperCase();
  const source = instruction.register(1);
  if (name === 'NZCV') {
    return (machine) => {
      machine.setFlags(Number(low(shiftRight(machine.get(source), 28, 64), 4)), source.slot);
    };
  }
  const target: Register = { slot: instruction.column.systemRegister(name), width: 64 };
  return (machine) => machine.compute(target, machine.get(source), source.slot);
};

const clearFlagged = logicFlagged(clear);
const orNot: Binary = (left, right, width) => or(left, invert(right, width), width);
const xorNot: Binary = (left, right, width) => xor(left, invert(right, width), width);
const absolute: Unary = (value, width) =>
  signed(value, width) < 0n ? negate(value, width) : value;

/** The instructions on registers by their mnemonics. */
export const DATA_PROCESSING: Readonly<Record<string, Builder>> = {
  NOP: nothing,
  HINT: nothing,
  HLT: nothing,
  YIELD: nothing,
  SEV: nothing,
  ADD: binary(add),
  SUB: binary(subtract),
  AND: binary(and),
  ORR: binary(or),
  EOR: binary(xor),
  BIC: binary(clear),
  ORN: binary(orNot),
  EON: binary(xorNot),
  LSL: binary(shiftLeft),
  LSR: binary(shiftRight),
  ASR: binary(shiftArithmetic),
  ROR: binary(rotate),
  LSLV: binary(shiftLeft),
  LSRV: binary(shiftRight),
  ASRV: binary(shiftArithmetic),
  RORV: binary(rotate),
  UDIV: binary(divide(false)),
  SDIV: binary(divide(true)),
  UMIN: binary(select(false, false)),
  UMAX: binary(select(false, true)),
  SMIN: binary(select(true, false)),
  SMAX: binary(select(true, true)),
  NEG: fromZero(subtract),
  MVN: fromZero(orNot),
  ADDS: flagging(addFlagged),
  SUBS: flagging(subtractFlagged),
  ANDS: flagging(logicFlagged(and)),
  BICS: flagging(clearFlagged),
  NEGS: flagging(subtractFlagged, 'negate'),
  CMP: flagging(subtractFlagged, 'compare'),
  CMN: flagging(addFlagged, 'compare'),
  TST: flagging(logicFlagged(and), 'compare'),
  ADC: withCarry(false, false),
  ADCS: withCarry(false, true),
  SBC: withCarry(true, false),
  SBCS: withCarry(true, true),
  MOV: move(false),
  MOVZ: move(false),
  MOVN: move(true),
  MOVK: moveKeeping,
  ABS: unary(absolute),
  MRS: readSystem,
  MSR: writeSystem,
};
