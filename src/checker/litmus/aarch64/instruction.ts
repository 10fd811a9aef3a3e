/** One instruction while it is compiled: its operands by position, as what they are to be. */
import type { Dependencies, Value } from '../contract.ts';
import {
  add,
  low,
  rotate,
  shiftArithmetic,
  shiftLeft,
  shiftRight,
  signExtend,
} from './arithmetic.ts';
import type { Machine, Step } from './machine.ts';
import type { Address, Modifier, Operand } from './operands.ts';
import type { Program } from './program.ts';
import type { Register, Width } from './registers.ts';
import { ZR } from './registers.ts';

/** An operand that is read: its value, and the slot that it comes from (of zero: from nowhere). */
export interface Source {
  readonly slot: number;
  value(machine: Machine): Value;
}

/** An address that is computed. */
export interface Addressing {
  /** The address of the access. */
  address(machine: Machine): Value;
  data(machine: Machine): Dependencies;
  pick(machine: Machine): Dependencies;
  /** Writes the base back (pre- and post-index), from what it was before the access. */
  readonly writeBack: ((machine: Machine) => void) | undefined;
}

/** What an instruction asks of the column that it stands in. */
export interface Column {
  readonly program: Program;
  /** The index of the instruction behind a label. */
  target(label: string): number;
  /** Index of this instruction. */
  readonly index: number;
  /** The address of an instruction of this thread as a value. */
  addressOfInstruction(index: number): Value;
  /** The address of a label of this thread, or of a location of the test. */
  addressOfName(name: string): Value;
  /** The slot of a system register. */
  systemRegister(name: string): number;
  fail(message: string): never;
  unsupported(message: string): never;
}

/** Makes the step of an instruction. */
export type Builder = (instruction: Instruction) => Step;

function modified(value: Value, modifier: Modifier, width: Width): Value {
  const { name, amount } = modifier;
  if (name === 'LSL') return shiftLeft(value, amount, width);
  if (name === 'LSR') return shiftRight(value, amount, width);
  if (name === 'ASR') return shiftArithmetic(value, amount, width);
  if (name === 'ROR') return rotate(value, amount, width);
  const bits = { B: 8, H: 16, W: 32, X: 64 }[name.slice(3)] ?? 64;
  const extended = name.startsWith('S') ? signExtend(value, bits, width) : low(value, bits);
  return shiftLeft(low(extended, width), amount, width);
}

export class Instruction {
  /** In upper case. */
  readonly mnemonic: string;
  readonly column: Column;
  private readonly operands: readonly Operand[];

  constructor(mnemonic: string, operands: readonly Operand[], column: Column) {
    this.mnemonic = mnemonic;
    this.operands = operands;
    this.column = column;
  }

  get count(): number {
    return this.operands.length;
  }

  /** Refuses other numbers of operands. */
  expect(least: number, most: number = least): void {
    if (this.count < least || this.count > most) this.fail('has a wrong number of operands');
  }

  register(position: number): Register {
    const operand = this.operands[position];
    if (operand?.kind !== 'register') this.fail(`needs a register as operand ${position + 1}`);
    return operand.register;
  }

  isRegister(position: number): boolean {
    return this.operands[position]?.kind === 'register';
  }

  immediate(position: number): number {
    const operand = this.operands[position];
    if (operand?.kind !== 'immediate') this.fail(`needs a number as operand ${position + 1}`);
    return Number(operand.value);
  }

  /** A label, a symbol or a condition. */
  name(position: number): string {
    const operand = this.operands[position];
    if (operand?.kind !== 'name') this.fail(`needs a name as operand ${position + 1}`);
    return operand.text;
  }

  /** A register or an immediate, with the shift or extension behind it; the last operand. */
  source(position: number, width: Width): Source {
    const operand = this.operands[position];
    const modifier = this.modifier(position + 1);
    this.expect(0, modifier === undefined ? position + 1 : position + 2);
    if (operand?.kind === 'immediate') {
      const plain = low(operand.value, width);
      const value = modifier === undefined ? plain : modified(plain, modifier, width);
      return { slot: ZR, value: () => value };
    }
    const register = this.register(position);
    const { slot } = register;
    if (modifier === undefined) return { slot, value: (machine) => machine.get(register) };
    return { slot, value: (machine) => modified(machine.get(register), modifier, width) };
  }

  /** The shift or extension at a position; undefined when there is none. */
  modifier(position: number): Modifier | undefined {
    const operand = this.operands[position];
    return operand?.kind === 'modifier' ? operand : undefined;
  }

  /** An address, with the amount behind it when it is post-indexed. */
  address(position: number): Addressing {
    const operand = this.operands[position];
    if (operand?.kind !== 'address') this.fail(`needs an address as operand ${position + 1}`);
    this.expect(0, position + 2);
    const base: Register = { slot: operand.base.slot, width: 64 };
    if (this.count === position + 2) return this.postIndexed(base, this.source(position + 1, 64));
    const address = addressOf(operand, base);
    const index = operand.index?.slot ?? ZR;
    const writeBack = operand.writeBack
      ? (machine: Machine): void => machine.compute(base, address(machine), base.slot, index)
      : undefined;
    return {
      address,
      data: (machine) => machine.dataOf(base.slot) | machine.dataOf(index),
      pick: (machine) => machine.pickOf(base.slot) | machine.pickOf(index),
      writeBack,
    };
  }

  /** Whether the address at a position is written back before the access. */
  isPreIndexed(position: number): boolean {
    const operand = this.operands[position];
    return operand?.kind === 'address' && operand.writeBack;
  }

  fail(message: string): never {
    this.column.fail(`${this.mnemonic} ${message}`);
  }

  /** Refuses an access of instructions: what a processor fetches is not among the events here. */
  refuseCode(address: Value): void {
    const { program } = this.column;
    if (!program.codeIsRead || program.placeOf(address) === undefined) return;
    this.column.unsupported(`${this.mnemonic} of code: instructions cannot be changed`);
  }

  private postIndexed(base: Register, by: Source): Addressing {
    return {
      address: (machine) => machine.get(base),
      data: (machine) => machine.dataOf(base.slot),
      pick: (machine) => machine.pickOf(base.slot),
      writeBack: (machine) => {
        machine.compute(base, add(machine.get(base), by.value(machine), 64), base.slot, by.slot);
      },
    };
  }
}

function addressOf(operand: Address, base: Register): (machine: Machine) => Value {
  const { index, modifier, offset } = operand;
  if (index === undefined) {
    if (offset === 0) return (machine) => machine.get(base);
    const by = low(offset, 64);
    return (machine) => add(machine.get(base), by, 64);
  }
  if (modifier === undefined) return (machine) => add(machine.get(base), machine.get(index), 64);
  return (machine) => add(machine.get(base), modified(machine.get(index), modifier, 64), 64);
}
