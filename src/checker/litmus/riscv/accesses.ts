/**
 * Loads, stores, `lr`/`sc`, AMOs and fences.
 *
 * An AMO is one memory operation that both loads and stores; here it is a read with the acquire and
 * a write with the release annotation, which the model takes as one again. `sc` succeeds only at
 * the address of the reservation, and may fail for no reason; its destination then depends on
 * nothing, and otherwise on its own store.
 */
import { Tag } from '../contract.ts';
import type { Access, Value } from '../contract.ts';
import { AMO_OPERATIONS, OPERATIONS, signExtend, truncate } from './integers.ts';
import type { Instruction, Machine } from './machine.ts';
import type { Address, Operands } from './operands.ts';

const SIZES: Readonly<Record<string, number>> = { b: 1, h: 2, w: 4, d: 8 };

const add = OPERATIONS['add'] as (left: Value, right: Value) => Value;

/** `.aq`, `.rl`, `.aq.rl`, `.aqrl`, or nothing. */
interface Annotation {
  readonly acquire: boolean;
  readonly release: boolean;
}

function annotationOf(suffix: string): Annotation {
  return { acquire: suffix.includes('aq'), release: suffix.includes('rl') };
}

function bits({ acquire, release }: Annotation): number {
  return (acquire ? Tag.ACQUIRE : 0) | (release ? Tag.RELEASE : 0);
}

function accessAt(machine: Machine, { base, offset }: Address, size: number, tag: number): Access {
  const address = add(machine.value(base), offset);
  return { address, size, tag, addressFrom: machine.dependencies(base) };
}

/** Bit of the access that comes next. */
function bitOf(machine: Machine): number {
  return 1 << machine.context.accesses;
}

const LOAD = /^l([bhwd])(u?)(|\.aq|\.aq\.rl|\.aqrl)$/;
const STORE = /^s([bhwd])(|\.rl|\.aq\.rl|\.aqrl)$/;
const RESERVE = /^lr\.([wd])(|\.aq|\.rl|\.aq\.rl|\.aqrl)$/;
const CONDITIONAL = /^sc\.([wd])(|\.aq|\.rl|\.aq\.rl|\.aqrl)$/;
const AMO = /^(amo[a-z]+)\.([wd])(|\.aq|\.rl|\.aq\.rl|\.aqrl)$/;

function decodeLoad([, width = '', zero = '', suffix = '']: RegExpExecArray, operands: Operands) {
  const size = SIZES[width] ?? 8;
  if (zero !== '' && size === 8) operands.fail('a doubleword has nothing to extend');
  const tag = bits(annotationOf(suffix));
  const extend = zero === '' ? signExtend : truncate;
  const to = operands.register();
  const from = operands.address();
  return (machine: Machine): void => {
    const bit = bitOf(machine);
    const value = machine.context.read(accessAt(machine, from, size, tag));
    machine.set(to, extend(value, size), bit);
  };
}

function decodeStore([, width = '', suffix = '']: RegExpExecArray, operands: Operands) {
  const size = SIZES[width] ?? 8;
  const tag = bits(annotationOf(suffix));
  const source = operands.register();
  const to = operands.address();
  return (machine: Machine): void => {
    const value = truncate(machine.value(source), size);
    machine.context.write(accessAt(machine, to, size, tag), value, machine.dependencies(source));
  };
}

/** `lr.rl` alone has no meaning, nor has `sc.aq`: the manual gives them no annotation. */
function decodeReserve([, width = '', suffix = '']: RegExpExecArray, operands: Operands) {
  const size = SIZES[width] ?? 8;
  const annotation = annotationOf(suffix);
  const tag = Tag.EXCLUSIVE | (annotation.acquire ? bits(annotation) : 0);
  const to = operands.register();
  const from = { base: operands.bareAddress(), offset: 0 };
  return (machine: Machine): void => {
    const access = accessAt(machine, from, size, tag);
    machine.reserved = machine.context.accesses;
    machine.reservedAddress = access.address;
    const bit = bitOf(machine);
    machine.set(to, signExtend(machine.context.read(access), size), bit);
  };
}

function decodeConditional([, width = '', suffix = '']: RegExpExecArray, operands: Operands) {
  const size = SIZES[width] ?? 8;
  const annotation = annotationOf(suffix);
  const tag = Tag.EXCLUSIVE | (annotation.release ? bits(annotation) : 0);
  const status = operands.register();
  const source = operands.register();
  const to = { base: operands.bareAddress(), offset: 0 };
  return (machine: Machine): void => {
    const { context, reserved } = machine;
    const access = accessAt(machine, to, size, tag);
    const reserves = reserved >= 0 && machine.reservedAddress === access.address;
    machine.reserved = -1;
    if (!reserves || context.choose(2) === 1) {
      machine.set(status, 1, 0);
      return;
    }
    const bit = bitOf(machine);
    const value = truncate(machine.value(source), size);
    context.write(access, value, machine.dependencies(source), reserved);
    machine.set(status, 0, bit);
  };
}

function decodeAmo(
  [, name = '', width = '', suffix = '']: RegExpExecArray,
  operands: Operands,
): Instruction {
  const compute = AMO_OPERATIONS[name];
  if (compute === undefined) operands.unsupported(`"${name}" is not known`);
  const size = SIZES[width] ?? 8;
  const annotation = annotationOf(suffix);
  const readTag = Tag.ATOMIC_RMW | (annotation.acquire ? Tag.ACQUIRE : 0);
  const writeTag = Tag.ATOMIC_RMW | (annotation.release ? Tag.RELEASE : 0);
  const result = operands.register();
  const source = operands.register();
  const at = { base: operands.bareAddress(), offset: 0 };
  return (machine) => {
    const { context } = machine;
    const read = context.accesses;
    const operand = signExtend(machine.value(source), size);
    const operandFrom = machine.dependencies(source);
    const old = signExtend(context.read(accessAt(machine, at, size, readTag)), size);
    const value = truncate(compute(old, operand), size);
    context.write(accessAt(machine, at, size, writeTag), value, operandFrom, read);
    machine.set(result, old, 1 << read);
  };
}

/** Letters of `i`, `o`, `r`, `w`; those of devices order nothing here. */
function fenceSet(text: string, operands: Operands): string {
  if (!/^i?o?r?w?$/.test(text)) operands.fail(`"${text}" is no set of accesses for a fence`);
  return text.replace(/[io]/g, '');
}

function decodeFence(operands: Operands): Instruction {
  if (operands.left === 0) return fence('fence.rw.rw');
  const before = fenceSet(operands.word('a set of accesses'), operands);
  const after = fenceSet(operands.word('a set of accesses'), operands);
  if (before === '' || after === '') return () => undefined;
  return fence(`fence.${before}.${after}`);
}

function fence(name: string): Instruction {
  return (machine) => {
    machine.context.fence(name);
  };
}

const DECODERS = [
  [LOAD, decodeLoad],
  [STORE, decodeStore],
  [RESERVE, decodeReserve],
  [CONDITIONAL, decodeConditional],
  [AMO, decodeAmo],
] as const;

/** An instruction that accesses memory or a fence, or undefined when the mnemonic is none. */
export function decodeAccess(mnemonic: string, operands: Operands): Instruction | undefined {
  if (mnemonic === 'fence') return decodeFence(operands);
  if (mnemonic === 'fence.tso' || mnemonic === 'fence.i') return fence(mnemonic);
  for (const [pattern, decode] of DECODERS) {
    const match = pattern.exec(mnemonic);
    if (match !== null) return decode(match, operands);
  }
  return undefined;
}
