/**
 * Loads and stores: plain, acquire and release, pairs, exclusives; barriers. A pair is two accesses
 * that nothing orders, except in LDIAPP and STILP.
 */
import type { Access, Dependencies, Value } from '../contract.ts';
import { Tag } from '../contract.ts';
import { add, low, signExtend, wrap } from './arithmetic.ts';
import type { Addressing, Builder, Instruction } from './instruction.ts';
import type { Machine } from './machine.ts';
import type { Program } from './program.ts';
import type { Register } from './registers.ts';

/** Bytes that an instruction with this suffix accesses; without one it is the register's width. */
export function sizeOf(suffix: string, register: Register): number {
  if (suffix === 'B') return 1;
  return suffix === 'H' ? 2 : register.width / 8;
}

/** The access at an address, some bytes behind it for the second of a pair. */
export function accessOf(
  machine: Machine,
  addressing: Addressing,
  size: number,
  tag: number,
  offset = 0,
  unsequenced: Dependencies = 0,
): Access {
  const first = addressing.address(machine);
  return {
    address: offset === 0 ? first : add(first, offset, 64),
    size,
    tag,
    addressFrom: addressing.data(machine),
    addressPick: addressing.pick(machine),
    unsequenced,
  };
}

/** What a load returns, with the dependency on it. */
interface Loaded {
  readonly value: Value;
  readonly from: Dependencies;
}

/** Reads; the address of an instruction gives that instruction, which no thread can change here. */
function load(machine: Machine, access: Access, program: Program): Loaded {
  const from = 1 << machine.context.accesses;
  if (program.codeIsRead) {
    const instruction = program.instructionAt(access.address);
    if (instruction !== undefined) return { value: instruction, from: 0 };
  }
  return { value: machine.context.read(access), from };
}

/** LDR and the like. `bits` is the width up to which the sign is extended; 0 extends by zeros. */
function loadOne(suffix: string, tag: number, signedFrom?: number): Builder {
  return (instruction) => {
    const target = instruction.register(0);
    const addressing = instruction.address(1);
    const { program } = instruction.column;
    const size = signedFrom === undefined ? sizeOf(suffix, target) : signedFrom / 8;
    return (machine) => {
      const access = accessOf(machine, addressing, size, tag);
      const { value, from } = load(machine, access, program);
      addressing.writeBack?.(machine);
      const extended =
        signedFrom === undefined ? value : signExtend(value, signedFrom, target.width);
      machine.set(target, extended, from, 0);
    };
  };
}

function storeOne(suffix: string, tag: number): Builder {
  return (instruction) => {
    const source = instruction.register(0);
    const addressing = instruction.address(1);
    const size = sizeOf(suffix, source);
    return (machine) => {
      const access = accessOf(machine, addressing, size, tag);
      instruction.refuseCode(access.address);
      const value = low(machine.get(source), size * 8);
      const { slot } = source;
      machine.context.write(access, value, machine.dataOf(slot), -1, machine.pickOf(slot));
      addressing.writeBack?.(machine);
    };
  };
}

/** The offsets of the two accesses in their order: LDIAPP and STILP order them, and downward so. */
function pairOrder(instruction: Instruction, ordered: boolean, size: number): [number, number] {
  return ordered && instruction.isPreIndexed(2) ? [size, 0] : [0, size];
}

function loadPair(tag: number, ordered: boolean, signedWords = false): Builder {
  return (instruction) => {
    const targets = [instruction.register(0), instruction.register(1)] as const;
    const addressing = instruction.address(2);
    const size = signedWords ? 4 : targets[0].width / 8;
    const { program } = instruction.column;
    return (machine) => {
      const first = accessOf(machine, addressing, size, tag);
      const firstLoaded = load(machine, first, program);
      const apart = ordered ? 0 : firstLoaded.from;
      const second = accessOf(machine, addressing, size, tag, size, apart);
      const secondLoaded = load(machine, second, program);
      addressing.writeBack?.(machine);
      [firstLoaded, secondLoaded].forEach(({ value, from }, i) => {
        const target = targets[i] ?? targets[0];
        machine.set(target, signedWords ? signExtend(value, 32, target.width) : value, from, 0);
      });
    };
  };
}

function storePair(tag: number, ordered: boolean): Builder {
  return (instruction) => {
    const sources = [instruction.register(0), instruction.register(1)] as const;
    const addressing = instruction.address(2);
    const size = sources[0].width / 8;
    const order = pairOrder(instruction, ordered, size);
    return (machine) => {
      const apart = ordered ? 0 : 1 << machine.context.accesses;
      order.forEach((offset, i) => {
        const access = accessOf(machine, addressing, size, tag, offset, i === 0 ? 0 : apart);
        instruction.refuseCode(access.address);
        const source = offset === 0 ? sources[0] : sources[1];
        const { slot } = source;
        const value = machine.get(source);
        machine.context.write(access, value, machine.dataOf(slot), -1, machine.pickOf(slot));
      });
      addressing.writeBack?.(machine);
    };
  };
}

/** Register operands from a position on: one, or two for a pair. */
function registersFrom(instruction: Instruction, position: number, pair: boolean): Register[] {
  const first = instruction.register(position);
  return pair ? [first, instruction.register(position + 1)] : [first];
}

/** LDXR and the like. LDXP is one access of both, since exclusive pairs are single-copy atomic. */
function loadExclusive(suffix: string, tag: number, pair = false): Builder {
  return (instruction) => {
    const targets = registersFrom(instruction, 0, pair);
    const addressing = instruction.address(targets.length);
    const part = sizeOf(suffix, instruction.register(0));
    const size = part * targets.length;
    return (machine) => {
      const { context } = machine;
      const read = context.accesses;
      const access = accessOf(machine, addressing, size, tag);
      instruction.refuseCode(access.address);
      const value = context.read(access);
      targets.forEach((target, i) => {
        machine.set(target, partOf(value, part * 8, i), 1 << read, 0);
      });
      machine.reservation = { address: access.address, size, read };
    };
  };
}

/**
 * STXR and the like. It succeeds only behind a load-exclusive of the same address and size with no
 * other store-exclusive between, and may fail even so. The status depends on nothing.
 */
function storeExclusive(suffix: string, tag: number, pair = false): Builder {
  return (instruction) => {
    const status = instruction.register(0);
    const sources = registersFrom(instruction, 1, pair);
    const addressing = instruction.address(sources.length + 1);
    const part = sizeOf(suffix, instruction.register(1));
    const size = part * sources.length;
    return (machine) => {
      const { context, reservation } = machine;
      const access = accessOf(machine, addressing, size, tag);
      machine.reservation = undefined;
      machine.hasChosen = true;
      const paired = reservation?.address === access.address && reservation.size === size;
      if (!paired || context.choose(2) === 1) {
        machine.set(status, 1, 0, 0);
        return;
      }
      const value = joined(
        sources.map((source) => low(machine.get(source), part * 8)),
        part * 8,
      );
      const data = sources.reduce((from, { slot }) => from | machine.dataOf(slot), 0);
      const pick = sources.reduce((from, { slot }) => from | machine.pickOf(slot), 0);
      context.write(access, value, data, reservation.read, pick);
      machine.set(status, 0, 0, 0);
    };
  };
}

/** One of the parts of `bits` bits of which a value consists, the lowest first. */
function partOf(value: Value, bits: number, index: number): Value {
  return index === 0 ? low(value, bits) : wrap(BigInt(value) >> BigInt(bits * index), bits);
}

/** The value that consists of these parts. */
function joined(parts: readonly Value[], bits: number): Value {
  const [first = 0, second] = parts;
  if (second === undefined) return first;
  return wrap(BigInt(first) | (BigInt(second) << BigInt(bits)), 2 * bits);
}

/** What a barrier orders does not depend on the domain: litmus tests have one. */
function barrier(kind: 'dmb' | 'dsb'): Builder {
  return (instruction) => {
    const option = instruction.name(0).toUpperCase();
    const match = /^(?:NSH|ISH|OSH)(LD|ST)?$|^(SY|LD|ST)$/.exec(option);
    if (match === null) return instruction.fail(`has no option ${option}`);
    const name = `${kind}.${(match[2] ?? match[1] ?? 'SY').toLowerCase()}`;
    return (machine) => machine.context.fence(name);
  };
}

const isb: Builder = () => (machine) => machine.context.fence('isb');

const { ACQUIRE, ACQUIRE_PC, EXCLUSIVE, RELEASE } = Tag;

/** `LDAR`, `LDARB`, `LDARH`: one builder for each width. */
function widths(
  name: string,
  build: (suffix: string) => Builder,
  suffixes: readonly string[] = ['', 'B', 'H'],
): Record<string, Builder> {
  return Object.fromEntries(suffixes.map((suffix) => [name + suffix, build(suffix)]));
}

/** Loads that extend the sign: `LDRSB`, `LDRSH`, `LDRSW`. */
function signedWidths(name: string, tag: number): Record<string, Builder> {
  return {
    [`${name}B`]: loadOne('', tag, 8),
    [`${name}H`]: loadOne('', tag, 16),
    [`${name}W`]: loadOne('', tag, 32),
  };
}

/** Loads, stores and barriers by their mnemonics. */
export const MEMORY: Readonly<Record<string, Builder>> = {
  ...widths('LDR', (suffix) => loadOne(suffix, 0)),
  ...widths('LDUR', (suffix) => loadOne(suffix, 0)),
  ...signedWidths('LDRS', 0),
  ...signedWidths('LDURS', 0),
  ...widths('LDAR', (suffix) => loadOne(suffix, ACQUIRE)),
  ...widths('LDAPR', (suffix) => loadOne(suffix, ACQUIRE_PC)),
  ...widths('LDAPUR', (suffix) => loadOne(suffix, ACQUIRE_PC)),
  ...signedWidths('LDAPURS', ACQUIRE_PC),
  ...widths('STR', (suffix) => storeOne(suffix, 0)),
  ...widths('STUR', (suffix) => storeOne(suffix, 0)),
  ...widths('STLR', (suffix) => storeOne(suffix, RELEASE)),
  ...widths('STLUR', (suffix) => storeOne(suffix, RELEASE)),
  LDP: loadPair(0, false),
  LDNP: loadPair(0, false),
  LDPSW: loadPair(0, false, true),
  LDAP: loadPair(ACQUIRE, false),
  LDIAPP: loadPair(ACQUIRE_PC, true),
  STP: storePair(0, false),
  STNP: storePair(0, false),
  STLP: storePair(RELEASE, false),
  STILP: storePair(RELEASE, true),
  ...widths('LDXR', (suffix) => loadExclusive(suffix, EXCLUSIVE)),
  ...widths('LDAXR', (suffix) => loadExclusive(suffix, EXCLUSIVE | ACQUIRE)),
  LDXP: loadExclusive('', EXCLUSIVE, true),
  LDAXP: loadExclusive('', EXCLUSIVE | ACQUIRE, true),
  ...widths('STXR', (suffix) => storeExclusive(suffix, EXCLUSIVE)),
  ...widths('STLXR', (suffix) => storeExclusive(suffix, EXCLUSIVE | RELEASE)),
  STXP: storeExclusive('', EXCLUSIVE, true),
  STLXP: storeExclusive('', EXCLUSIVE | RELEASE, true),
  DMB: barrier('dmb'),
  DSB: barrier('dsb'),
  ISB: isb,
};
