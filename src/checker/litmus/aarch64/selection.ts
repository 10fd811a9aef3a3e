/**
 * Conditional selection and comparison: what the condition chooses is picked by the flags, not
 * computed from them.
 */
import type { FlaggedBinary, Unary } from './arithmetic.ts';
import { add, addFlagged, invert, low, negate, subtractFlagged } from './arithmetic.ts';
import type { Holds } from './conditions.ts';
import { conditionOf } from './conditions.ts';
import type { Builder, Instruction } from './instruction.ts';
import type { Step } from './machine.ts';
import type { Register } from './registers.ts';
import { ZR, zeroRegister } from './registers.ts';

function condition(instruction: Instruction, position: number): Holds {
  const holds = conditionOf(instruction.name(position));
  if (holds === undefined) instruction.fail(`has no condition ${instruction.name(position)}`);
  return holds;
}

interface Selection {
  readonly holds: Holds;
  readonly target: Register;
  readonly whenTrue: Register;
  readonly whenFalse: Register;
  /** Done with the register that is chosen when the condition does not hold. */
  readonly otherwise: Unary;
}

/** The chosen register is what the result is computed from; the flags only picked it. */
function select({ holds, target, whenTrue, whenFalse, otherwise }: Selection): Step {
  return (machine) => {
    const held = holds(machine.flags);
    const chosen = held ? whenTrue : whenFalse;
    const value = machine.get(chosen);
    const pick = machine.pickOf(chosen.slot) | machine.flagsData | machine.flagsPick;
    const result = held ? value : otherwise(value, target.width);
    machine.set(target, result, machine.dataOf(chosen.slot), pick);
  };
}

const same: Unary = (value) => value;
const increment: Unary = (value, width) => add(value, 1, width);

function conditionalSelect(otherwise: Unary): Builder {
  return (instruction) => {
    instruction.expect(4);
    return select({
      holds: condition(instruction, 3),
      target: instruction.register(0),
      whenTrue: instruction.register(1),
      whenFalse: instruction.register(2),
      otherwise,
    });
  };
}

/** CSET, CINC and the like: CSINC and the like under the opposite condition. */
function conditionalChange(change: Unary, fromZeroRegister: boolean): Builder {
  return (instruction) => {
    instruction.expect(fromZeroRegister ? 2 : 3);
    const target = instruction.register(0);
    const source = fromZeroRegister ? zeroRegister(target.width) : instruction.register(1);
    const holds = condition(instruction, fromZeroRegister ? 1 : 2);
    return select({
      holds: (flags) => !holds(flags),
      target,
      whenTrue: source,
      whenFalse: source,
      otherwise: change,
    });
  };
}

/** CCMP and CCMN: the comparison, or the flags given, as the condition says. */
function conditionalCompare(operation: FlaggedBinary): Builder {
  return (instruction) => {
    instruction.expect(4);
    const left = instruction.register(0);
    const immediate = instruction.isRegister(1) ? undefined : low(instruction.immediate(1), 64);
    const right = immediate === undefined ? instruction.register(1) : zeroRegister(64);
    const otherwise = instruction.immediate(2);
    const holds = condition(instruction, 3);
    return (machine) => {
      const pickedBy = machine.flagsData | machine.flagsPick;
      if (holds(machine.flags)) {
        const operand = immediate ?? machine.get(right);
        const { flags } = operation(machine.get(left), operand, left.width);
        machine.setFlags(flags, left.slot, right.slot);
      } else {
        machine.setFlags(otherwise, ZR);
      }
      machine.flagsPick |= pickedBy;
    };
  };
}

/** Conditional instructions by their mnemonics. */
export const SELECTION: Readonly<Record<string, Builder>> = {
  CSEL: conditionalSelect(same),
  CSINC: conditionalSelect(increment),
  CSINV: conditionalSelect(invert),
  CSNEG: conditionalSelect(negate),
  CSET: conditionalChange(increment, true),
  CSETM: conditionalChange(invert, true),
  CINC: conditionalChange(increment, false),
  CINV: conditionalChange(invert, false),
  CNEG: conditionalChange(negate, false),
  CCMP: conditionalCompare(subtractFlagged),
  CCMN: conditionalCompare(addFlagged),
};
