/** Branches: to labels, on conditions and bits, to addresses in registers. */
import { low, shiftRight } from './arithmetic.ts';
import { conditionOf } from './conditions.ts';
import type { Builder } from './instruction.ts';
import type { Machine } from './machine.ts';
import type { Register } from './registers.ts';
import { LINK } from './registers.ts';

const link: Register = { slot: LINK, width: 64 };

const branch: Builder = (instruction) => {
  const target = instruction.column.target(instruction.name(0));
  return (machine) => machine.jump(machine.code, target);
};

/** `B.EQ L`. */
function branchOn(condition: string): Builder {
  return (instruction) => {
    const holds = conditionOf(condition);
    if (holds === undefined) return instruction.fail(`has no condition ${condition}`);
    const target = instruction.column.target(instruction.name(0));
    return (machine) => {
      const taken = holds(machine.flags) ? target : undefined;
      machine.branch(taken, machine.flagsData, machine.flagsPick);
    };
  };
}

/** CBZ and CBNZ. */
function branchOnZero(taken: boolean): Builder {
  return (instruction) => {
    const register = instruction.register(0);
    const target = instruction.column.target(instruction.name(1));
    return (machine) => {
      const isTaken = (machine.get(register) === 0) === taken;
      branchOnRegister(machine, register, isTaken ? target : undefined);
    };
  };
}

/** TBZ and TBNZ. */
function branchOnBit(taken: 0 | 1): Builder {
  return (instruction) => {
    const register = instruction.register(0);
    const bit = instruction.immediate(1);
    const target = instruction.column.target(instruction.name(2));
    return (machine) => {
      const value = low(shiftRight(machine.get(register), bit, 64), 1);
      branchOnRegister(machine, register, value === taken ? target : undefined);
    };
  };
}

function branchOnRegister(machine: Machine, register: Register, target: number | undefined): void {
  machine.branch(target, machine.dataOf(register.slot), machine.pickOf(register.slot));
}

/** BR, BLR and RET: a return to what is no instruction of the test is its end. */
function branchToRegister(links: boolean, returns: boolean): Builder {
  return (instruction) => {
    const { column } = instruction;
    const register = returns && instruction.count === 0 ? link : instruction.register(0);
    const back = column.index + 1;
    return (machine) => {
      const address = machine.get(register);
      branchOnRegister(machine, register, undefined);
      if (links) machine.set(link, column.addressOfInstruction(back), 0, 0);
      const target = column.program.placeOf(address);
      if (target !== undefined) machine.jump(target.code, target.index);
      else if (returns) machine.end();
      else machine.context.abandon('a branch to what is no instruction', true);
    };
  };
}

const branchAndLink: Builder = (instruction) => {
  const { column } = instruction;
  const target = column.target(instruction.name(0));
  const back = column.index + 1;
  return (machine) => {
    machine.set(link, column.addressOfInstruction(back), 0, 0);
    machine.jump(machine.code, target);
  };
};

/** ADR: the address of a label, or of a location of the test. */
const address: Builder = (instruction) => {
  const register = instruction.register(0);
  const name = instruction.name(1);
  const { column } = instruction;
  return (machine) => machine.set(register, column.addressOfName(name), 0, 0);
};

/** `B.EQ`, `B.NE`, …; made on demand, since a condition has several names. */
export function conditionalBranch(mnemonic: string): Builder | undefined {
  return mnemonic.startsWith('B.') ? branchOn(mnemonic.slice(2)) : undefined;
}

/** The branches by their mnemonics. */
export const BRANCHES: Readonly<Record<string, Builder>> = {
  B: branch,
  BL: branchAndLink,
  BR: branchToRegister(false, false),
  BLR: branchToRegister(true, false),
  RET: branchToRegister(false, true),
  CBZ: branchOnZero(true),
  CBNZ: branchOnZero(false),
  TBZ: branchOnBit(0),
  TBNZ: branchOnBit(1),
  ADR: address,
};
