/** What each instruction does. Operands come with the destination first, whatever the syntax. */
import { CONDITIONS, binary, low, shift, signed } from './arithmetic.ts';
import type { Binary, Shift } from './arithmetic.ts';
import type { Step } from './machine.ts';
import type { Memory, Operand } from './operands.ts';

/** One instruction as written. */
export interface Instruction {
  /** In lower case, with its suffix. */
  readonly mnemonic: string;
  readonly operands: readonly Operand[];
  readonly locked: boolean;
  /** Bytes when neither a suffix nor a register says. */
  readonly word: number;
  /** The row of a label; fails when there is none. */
  target(label: string): number;
  fail(message: string): never;
  unsupported(message: string): never;
}

const NEXT = -1;
const SUFFIXES: Readonly<Record<string, number>> = { b: 1, w: 2, l: 4, q: 8 };

type Maker = (instruction: Instruction, size: number | undefined) => Step;

/** By name without a suffix. */
const MAKERS: ReadonlyMap<string, Maker> = new Map<string, Maker>([
  ['mov', move],
  ['movabs', move],
  ['lea', loadAddress],
  ['xchg', (instruction, size) => exchange(instruction, size, true)],
  // Of herd alone: an exchange that is not locked.
  ['uxch', (instruction, size) => exchange(instruction, size, false)],
  ['cmpxchg', compareExchange],
  ['xadd', exchangeAdd],
  ['cmp', (instruction, size) => compare(instruction, size, 'sub')],
  ['test', (instruction, size) => compare(instruction, size, 'and')],
  ...(['add', 'adc', 'sub', 'sbb', 'and', 'or', 'xor'] as const).map((op): [string, Maker] => [
    op,
    (instruction, size) => arithmetic(instruction, size, op),
  ]),
  ...(['inc', 'dec', 'neg', 'not'] as const).map((op): [string, Maker] => [
    op,
    (instruction, size) => single(instruction, size, op),
  ]),
  ...(
    [
      ['shl', 'shl'],
      ['sal', 'shl'],
      ['shr', 'shr'],
      ['sar', 'sar'],
    ] as const
  ).map(([name, op]): [string, Maker] => [
    name,
    (instruction, size) => shiftBy(instruction, size, op),
  ]),
]);

/** Instructions that do nothing that a test can see. */
export const NOTHING: RegExp = /^(?:nop[wl]?|endbr(?:32|64)|pause|hint)$/;
const FENCES = new Set(['mfence', 'lfence', 'sfence']);
/** `movzx EAX,…` and the forms of AT&T with both sizes: `movzbl`. */
const EXTEND = /^mov([zs])(?:x|xd|([bwl])([wlq]))$/;
const LOCKABLE = new Set([
  ...['add', 'adc', 'sub', 'sbb', 'and', 'or', 'xor', 'inc', 'dec', 'neg', 'not'],
  ...['xchg', 'cmpxchg', 'xadd'],
]);

/** The step of an instruction. */
export function makeStep(instruction: Instruction): Step {
  const { mnemonic, locked } = instruction;
  const [maker, name, size] = findMaker(mnemonic);
  if (locked && !(LOCKABLE.has(name) && instruction.operands.some(isMemory))) {
    instruction.fail('only a read-modify-write of memory can be locked');
  }
  if (maker !== undefined) return maker(instruction, size);
  const special = makeSpecial(instruction);
  return special ?? instruction.unsupported(`the instruction "${mnemonic}" is not known`);
}

function findMaker(mnemonic: string): [Maker | undefined, string, number | undefined] {
  const exact = MAKERS.get(mnemonic);
  if (exact !== undefined) return [exact, mnemonic, undefined];
  const name = mnemonic.slice(0, -1);
  const size = SUFFIXES[mnemonic.slice(-1)];
  return [size === undefined ? undefined : MAKERS.get(name), name, size];
}

function makeSpecial(instruction: Instruction): Step | undefined {
  const { mnemonic } = instruction;
  if (NOTHING.test(mnemonic)) return () => NEXT;
  if (FENCES.has(mnemonic)) {
    return ({ context }) => {
      context.fence(mnemonic);
      return NEXT;
    };
  }
  if (mnemonic === 'jmp') {
    const target = labelOf(instruction);
    return () => target;
  }
  const extend = EXTEND.exec(mnemonic);
  if (extend !== null) return moveExtended(instruction, extend);
  return makeConditional(instruction);
}

function makeConditional(instruction: Instruction): Step | undefined {
  const match = /^(j|set|cmov)([a-z]+)$/.exec(instruction.mnemonic);
  const [, kind, suffix = ''] = match ?? [];
  const test =
    CONDITIONS.get(suffix) ??
    (kind === 'cmov' && /[wlq]$/.test(suffix) ? CONDITIONS.get(suffix.slice(0, -1)) : undefined);
  if (test === undefined) return undefined;
  if (kind === 'j') {
    const target = labelOf(instruction);
    return (machine) => {
      machine.context.branch(machine.flagsFrom);
      return test(machine.flags) ? target : NEXT;
    };
  }
  if (kind === 'set') {
    const [to] = expect(instruction, 1);
    return (machine) => {
      machine.taint |= machine.flagsFrom;
      machine.write(to, 1, Number(test(machine.flags)));
      return NEXT;
    };
  }
  const [first, second] = expect(instruction, 2);
  // Only the source can be in memory; herd has the destination first in both syntaxes.
  const [to, from] = isMemory(first) ? [second, first] : [first, second];
  const size = sizeOf(instruction, undefined);
  return (machine) => {
    // The source is read in any case, as the processor does.
    const value = machine.read(from, size);
    const old = machine.read(to, size);
    machine.taint |= machine.flagsFrom;
    machine.write(to, size, test(machine.flags) ? value : old);
    return NEXT;
  };
}

function move(instruction: Instruction, suffix: number | undefined): Step {
  const [to, from] = expect(instruction, 2);
  const size = sizeOf(instruction, suffix);
  return (machine) => {
    machine.write(to, size, machine.read(from, size));
    return NEXT;
  };
}

function moveExtended(instruction: Instruction, match: RegExpExecArray): Step {
  const [to, from] = expect(instruction, 2);
  const [, kind, narrow, wide] = match;
  const toSize = wide === undefined ? sizeOf(instruction, undefined) : (SUFFIXES[wide] ?? 8);
  const given = from.kind === 'memory' ? from.size : undefined;
  const fromSize =
    narrow !== undefined
      ? (SUFFIXES[narrow] ?? 1)
      : from.kind === 'register'
        ? from.part.size
        : (given ?? instruction.fail('the size of the source is not known'));
  return (machine) => {
    const value = machine.read(from, fromSize);
    machine.write(to, toSize, kind === 's' ? low(signed(value, fromSize), toSize) : value);
    return NEXT;
  };
}

function loadAddress(instruction: Instruction, suffix: number | undefined): Step {
  const [to, from] = expect(instruction, 2);
  const size = sizeOf(instruction, suffix);
  if (!isMemory(from)) return instruction.fail('expected a place in memory');
  return (machine) => {
    machine.taintByAddress(from);
    machine.write(to, size, low(machine.address(from), size));
    return NEXT;
  };
}

/** An exchange with memory is locked whether it says so or not. */
function exchange(instruction: Instruction, suffix: number | undefined, locked: boolean): Step {
  const [a, b] = expect(instruction, 2);
  const size = sizeOf(instruction, suffix);
  const [first, second] = isMemory(b) ? [b, a] : [a, b];
  if (isMemory(second)) instruction.fail('only one operand can be in memory');
  return (machine) => {
    const place = machine.place(first, size, locked);
    const other = machine.read(second, size);
    const otherFrom = machine.taint;
    machine.taint = 0;
    const value = machine.get(place, size);
    const valueFrom = machine.taint;
    machine.taint = otherFrom;
    machine.set(place, size, other);
    machine.taint = valueFrom;
    machine.write(second, size, value);
    return NEXT;
  };
}

/**
 * Compares the accumulator with the destination. When they differ, a locked one has still read
 * under the lock, which orders what is around it; the processor writes back what was there.
 */
function compareExchange(instruction: Instruction, suffix: number | undefined): Step {
  const [to, from] = memoryFirst(instruction);
  const size = sizeOf(instruction, suffix);
  const accumulator: Operand = { kind: 'register', part: { index: 0, size, shift: 0 } };
  return (machine) => {
    const place = machine.place(to, size, instruction.locked);
    const old = machine.get(place, size);
    const oldFrom = machine.taint;
    const expected = machine.read(accumulator, size);
    binary('sub', expected, old, size, machine.flags);
    machine.flagsFrom = machine.taint;
    if (machine.flags.zero) {
      machine.taint = 0;
      machine.set(place, size, machine.read(from, size));
    } else {
      machine.taint = oldFrom;
      machine.write(accumulator, size, old);
    }
    return NEXT;
  };
}

/** Memory can only be the destination; herd has it first in both syntaxes. */
function memoryFirst(instruction: Instruction): [Operand, Operand] {
  const [first, second] = expect(instruction, 2);
  return isMemory(second) ? [second, first] : [first, second];
}

function exchangeAdd(instruction: Instruction, suffix: number | undefined): Step {
  const [to, from] = memoryFirst(instruction);
  const size = sizeOf(instruction, suffix);
  return (machine) => {
    const place = machine.place(to, size, instruction.locked);
    const old = machine.get(place, size);
    const oldFrom = machine.taint;
    const sum = binary('add', old, machine.read(from, size), size, machine.flags);
    machine.flagsFrom = machine.taint;
    const sumFrom = machine.taint;
    machine.taint = oldFrom;
    machine.write(from, size, old);
    machine.taint = sumFrom;
    machine.set(place, size, sum);
    return NEXT;
  };
}

function compare(instruction: Instruction, suffix: number | undefined, op: Binary): Step {
  const [a, b] = expect(instruction, 2);
  const size = sizeOf(instruction, suffix);
  return (machine) => {
    const left = machine.read(a, size);
    binary(op, left, machine.read(b, size), size, machine.flags);
    machine.flagsFrom = machine.taint;
    return NEXT;
  };
}

function arithmetic(instruction: Instruction, suffix: number | undefined, op: Binary): Step {
  const [to, from] = expect(instruction, 2);
  const size = sizeOf(instruction, suffix);
  const carries = op === 'adc' || op === 'sbb';
  return (machine) => {
    const place = machine.place(to, size, instruction.locked);
    const right = machine.read(from, size);
    const left = machine.get(place, size);
    if (carries) machine.taint |= machine.flagsFrom;
    const result = binary(op, left, right, size, machine.flags);
    machine.flagsFrom = machine.taint;
    machine.set(place, size, result);
    return NEXT;
  };
}

function single(
  instruction: Instruction,
  suffix: number | undefined,
  op: 'inc' | 'dec' | 'neg' | 'not',
): Step {
  const [to] = expect(instruction, 1);
  const size = sizeOf(instruction, suffix);
  return (machine) => {
    const place = machine.place(to, size, instruction.locked);
    const value = machine.get(place, size);
    const { flags } = machine;
    const { carry } = flags;
    if (op === 'not') {
      machine.set(place, size, low(~BigInt(value), size));
      return NEXT;
    }
    const result =
      op === 'neg'
        ? binary('sub', 0, value, size, flags)
        : binary(op === 'inc' ? 'add' : 'sub', value, 1, size, flags);
    // Of these only `neg` touches the carry.
    if (op !== 'neg') flags.carry = carry;
    machine.flagsFrom = op === 'neg' ? machine.taint : machine.taint | machine.flagsFrom;
    machine.set(place, size, result);
    return NEXT;
  };
}

const ONCE: Operand = { kind: 'immediate', value: 1 };

function shiftBy(instruction: Instruction, suffix: number | undefined, op: Shift): Step {
  const [to, by = ONCE] = instruction.operands;
  if (to === undefined) return instruction.fail('expected a place to shift');
  const size = sizeOf(instruction, suffix);
  return (machine) => {
    const place = machine.place(to, size, false);
    const count = machine.read(by, 1);
    const result = shift(op, machine.get(place, size), count, size, machine.flags);
    machine.flagsFrom |= machine.taint;
    machine.set(place, size, result);
    return NEXT;
  };
}

function isMemory(operand: Operand): operand is Memory {
  return operand.kind === 'memory';
}

/** The operands, as many as there must be; a name among them is a place in memory. */
function expect(instruction: Instruction, count: 1): [Operand];
function expect(instruction: Instruction, count: 2): [Operand, Operand];
function expect(instruction: Instruction, count: number): Operand[] {
  const { operands } = instruction;
  if (operands.length !== count) instruction.fail(`expected ${count} operands`);
  const [to, from] = operands;
  const writes = !['cmp', 'test'].includes(instruction.mnemonic.replace(/[bwlq]$/, ''));
  if (to?.kind === 'immediate' && writes) instruction.fail('a number cannot be written to');
  if (to !== undefined && from !== undefined && isMemory(to) && isMemory(from)) {
    instruction.fail('only one operand can be in memory');
  }
  for (const operand of operands) {
    if (operand.kind === 'name') instruction.fail(`"${operand.name}" is no operand`);
  }
  return [...operands];
}

/** Bytes of an instruction: by its suffix, its registers, its memory, or the machine's word. */
function sizeOf(instruction: Instruction, suffix: number | undefined): number {
  if (suffix !== undefined) return suffix;
  for (const operand of instruction.operands) {
    if (operand.kind === 'register') return operand.part.size;
  }
  for (const operand of instruction.operands) {
    if (operand.kind === 'memory' && operand.size !== undefined) return operand.size;
  }
  return instruction.word;
}

function labelOf(instruction: Instruction): number {
  const [operand] = instruction.operands;
  if (operand?.kind !== 'name' || instruction.operands.length !== 1) {
    return instruction.fail('expected a label');
  }
  return instruction.target(operand.name);
}
