/** Integer instructions, their pseudo-instructions, and branches. */
import type { Value } from '../contract.ts';
import type { Instruction } from './machine.ts';
import { COMPARISONS, OPERATIONS, signExtend, truncate, unsigned } from './integers.ts';
import type { Operation } from './integers.ts';
import type { Operands } from './operands.ts';

/** Where labels are, known when all of a thread has been read. */
export type Labels = (name: string) => number;

function ofRegisters(run: Operation, to: number, left: number, right: number): Instruction {
  return (machine) => {
    const value = run(machine.value(left), machine.value(right));
    machine.set(to, value, machine.dependencies(left) | machine.dependencies(right));
  };
}

function ofImmediate(run: Operation, to: number, left: number, right: Value): Instruction {
  return (machine) => {
    machine.set(to, run(machine.value(left), right), machine.dependencies(left));
  };
}

function constant(to: number, value: Value): Instruction {
  return (machine) => {
    machine.set(to, value, 0);
  };
}

/** Of one register: `mv`, `neg` and the like. */
const UNARY: Readonly<Record<string, (value: Value) => Value>> = {
  mv: (value) => value,
  not: (value) => unsigned(~BigInt(value)),
  neg: (value) => unsigned(-BigInt(value)),
  negw: (value) => signExtend(unsigned(-BigInt(value)), 4),
  'sext.b': (value) => signExtend(value, 1),
  'sext.h': (value) => signExtend(value, 2),
  'sext.w': (value) => signExtend(value, 4),
  'zext.b': (value) => truncate(value, 1),
  'zext.h': (value) => truncate(value, 2),
  'zext.w': (value) => truncate(value, 4),
  seqz: (value) => (value === 0 ? 1 : 0),
  snez: (value) => (value === 0 ? 0 : 1),
  sltz: (value) => Number(BigInt.asIntN(64, BigInt(value)) < 0n),
  sgtz: (value) => Number(BigInt.asIntN(64, BigInt(value)) > 0n),
};

/** With an immediate: the name of the operation, for what is not the name without the `i`. */
const IMMEDIATE: Readonly<Record<string, string>> = {
  addi: 'add',
  andi: 'and',
  ori: 'or',
  xori: 'xor',
  slli: 'sll',
  srli: 'srl',
  srai: 'sra',
  slti: 'slt',
  sltiu: 'sltu',
  addiw: 'addw',
  slliw: 'sllw',
  srliw: 'srlw',
  sraiw: 'sraw',
};

/** An instruction that computes, or undefined when the mnemonic is none. */
export function decodeArithmetic(mnemonic: string, operands: Operands): Instruction | undefined {
  const binary = OPERATIONS[mnemonic];
  if (binary !== undefined) {
    const to = operands.register();
    return ofRegisters(binary, to, operands.register(), operands.register());
  }
  const immediate = OPERATIONS[IMMEDIATE[mnemonic] ?? ''];
  if (immediate !== undefined) {
    const to = operands.register();
    return ofImmediate(immediate, to, operands.register(), operands.immediate());
  }
  const unary = UNARY[mnemonic];
  if (unary !== undefined) {
    const to = operands.register();
    return ofImmediate(unary, to, operands.register(), 0);
  }
  switch (mnemonic) {
    case 'nop':
      return () => undefined;
    case 'li':
      return constant(operands.register(), unsigned(BigInt(operands.immediate())));
    case 'lui': {
      const to = operands.register();
      return constant(to, signExtend(unsigned(BigInt(operands.immediate()) << 12n), 4));
    }
    case 'la':
      return constant(operands.register(), operands.symbol());
    default:
      return undefined;
  }
}

/** Comparisons with operands exchanged, and with zero: what they are compared by, and how. */
const BRANCHES: Readonly<Record<string, readonly [comparison: string, form: Form]>> = {
  beq: ['eq', 'both'],
  bne: ['ne', 'both'],
  blt: ['lt', 'both'],
  bge: ['ge', 'both'],
  bltu: ['ltu', 'both'],
  bgeu: ['geu', 'both'],
  bgt: ['lt', 'exchanged'],
  ble: ['ge', 'exchanged'],
  bgtu: ['ltu', 'exchanged'],
  bleu: ['geu', 'exchanged'],
  beqz: ['eq', 'zero'],
  bnez: ['ne', 'zero'],
  bltz: ['lt', 'zero'],
  bgez: ['ge', 'zero'],
  bgtz: ['lt', 'zero first'],
  blez: ['ge', 'zero first'],
};

type Form = 'both' | 'exchanged' | 'zero' | 'zero first';

function branchRegisters(form: Form, operands: Operands): [left: number, right: number] {
  const first = operands.register();
  if (form === 'zero') return [first, 0];
  if (form === 'zero first') return [0, first];
  const second = operands.register();
  return form === 'both' ? [first, second] : [second, first];
}

/** A branch or jump, or undefined when the mnemonic is none. */
export function decodeBranch(
  mnemonic: string,
  operands: Operands,
  labels: Labels,
): Instruction | undefined {
  if (mnemonic === 'j') {
    const label = operands.word('a label');
    return (machine) => {
      machine.jump(labels(label));
    };
  }
  const [comparison = '', form = 'both'] = BRANCHES[mnemonic] ?? [];
  const compare = COMPARISONS[comparison];
  if (compare === undefined) return undefined;
  const [left, right] = branchRegisters(form, operands);
  const label = operands.word('a label');
  return (machine) => {
    machine.context.branch(machine.dependencies(left) | machine.dependencies(right));
    if (compare(machine.value(left), machine.value(right))) machine.jump(labels(label));
  };
}
