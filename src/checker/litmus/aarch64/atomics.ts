/**
 * The atomic instructions of FEAT_LSE: SWP, CAS, CASP, LD<op> and ST<op>. A swap's write does not
 * depend on its read; that of LD<op> is computed from it, that of CAS is picked by the comparison.
 * Without a register for the old value (ST<op>, or zero as the register) the read is tagged
 * NO_RETURN: it is no acquire, and a load barrier does not order it.
 */
import type { Dependencies, Value } from '../contract.ts';
import { Tag } from '../contract.ts';
import type { Binary } from './arithmetic.ts';
import { add, clear, low, or, select, xor } from './arithmetic.ts';
import type { Addressing, Builder } from './instruction.ts';
import type { Machine } from './machine.ts';
import { accessOf, sizeOf } from './memory.ts';
import type { Register } from './registers.ts';
import { ZR } from './registers.ts';

const zero: Register = { slot: ZR, width: 64 };

/** Tags of the two halves. */
interface Order {
  readonly read: number;
  readonly write: number;
}

const ORDERS: Readonly<Record<string, Order>> = {
  '': { read: Tag.ATOMIC_RMW, write: Tag.ATOMIC_RMW },
  A: { read: Tag.ATOMIC_RMW | Tag.ACQUIRE, write: Tag.ATOMIC_RMW },
  L: { read: Tag.ATOMIC_RMW, write: Tag.ATOMIC_RMW | Tag.RELEASE },
  AL: { read: Tag.ATOMIC_RMW | Tag.ACQUIRE, write: Tag.ATOMIC_RMW | Tag.RELEASE },
};

const NO_RETURN = Tag.ATOMIC_RMW | Tag.NO_RETURN;

/** What is written for what was read. */
interface Update {
  readonly value: Value;
  readonly data: Dependencies;
  readonly pick: Dependencies;
}

/** Reads, and writes what `update` makes of it; the old value goes to `target`. */
function exchange(
  machine: Machine,
  addressing: Addressing,
  size: number,
  order: Order,
  target: Register,
  update: (old: Value, from: Dependencies) => Update,
): void {
  const { context } = machine;
  const tag = target.slot === ZR ? NO_RETURN : order.read;
  const number = context.accesses;
  const from = 1 << number;
  const old = context.read(accessOf(machine, addressing, size, tag));
  const { value, data, pick } = update(old, from);
  const access = accessOf(machine, addressing, size, order.write);
  context.write(access, low(value, size * 8), data, number, pick);
  machine.set(target, old, from, 0);
}

function swap(order: Order, suffix: string): Builder {
  return (instruction) => {
    const source = instruction.register(0);
    const target = instruction.register(1);
    const addressing = instruction.address(2);
    const size = sizeOf(suffix, source);
    return (machine) => {
      instruction.refuseCode(addressing.address(machine));
      const { slot } = source;
      const written = {
        value: machine.get(source),
        data: machine.dataOf(slot),
        pick: machine.pickOf(slot),
      };
      exchange(machine, addressing, size, order, target, () => written);
    };
  };
}

/** Operations on values of `bits` bits. */
type Operation = (bits: number) => Binary;

const OPERATIONS: Readonly<Record<string, Operation>> = {
  ADD: () => add,
  EOR: () => xor,
  SET: () => or,
  CLR: () => clear,
  SMAX: (bits) => select(true, true, bits),
  SMIN: (bits) => select(true, false, bits),
  UMAX: (bits) => select(false, true, bits),
  UMIN: (bits) => select(false, false, bits),
};

/** LD<op>, and ST<op>, which has no register for the old value. */
function fetchAnd(operation: Operation, order: Order, suffix: string, returns: boolean): Builder {
  return (instruction) => {
    const source = instruction.register(0);
    const target = returns ? instruction.register(1) : { slot: ZR, width: source.width };
    const addressing = instruction.address(returns ? 2 : 1);
    const size = sizeOf(suffix, source);
    const apply = operation(size * 8);
    return (machine) => {
      instruction.refuseCode(addressing.address(machine));
      const { slot } = source;
      const operand = low(machine.get(source), size * 8);
      const operandData = machine.dataOf(slot);
      const pick = machine.pickOf(slot);
      exchange(machine, addressing, size, order, target, (old, from) => ({
        value: apply(old, operand, 64),
        data: operandData | from,
        pick,
      }));
    };
  };
}

/** CAS and CASP: registers to compare, registers to write, one or two of each. */
interface CompareAndSwap {
  readonly compared: readonly Register[];
  readonly written: readonly Register[];
  readonly addressing: Addressing;
  readonly size: number;
  readonly order: Order;
}

/** What the memory holds, before it is known whether it is what was compared with. */
interface Observed {
  readonly first: number;
  readonly values: readonly Value[];
  readonly origins: Dependencies;
}

function originsOf(machine: Machine, registers: readonly Register[]): Dependencies {
  return registers.reduce((origins, { slot }) => origins | machine.originsOf(slot), 0);
}

function observe(machine: Machine, cas: CompareAndSwap): Observed {
  const { compared, addressing, size, order } = cas;
  const noReturn = compared.length === 1 && compared[0]?.slot === ZR;
  const tag = noReturn ? NO_RETURN : order.read;
  const first = machine.context.accesses;
  const values = compared.map((_, i) => {
    const apart = i === 0 ? 0 : 1 << first;
    return machine.context.read(accessOf(machine, addressing, size, tag, i * size, apart));
  });
  return { first, values, origins: compared.length === 2 ? 3 << first : 1 << first };
}

/** Writes, picked by the comparison of what was read with the registers. */
function update(
  machine: Machine,
  cas: CompareAndSwap,
  observed: Observed,
  of: (i: number) => Update,
): void {
  const { addressing, size, order } = cas;
  const pickedBy = originsOf(machine, cas.compared) | observed.origins;
  const { context } = machine;
  const firstWrite = context.accesses;
  cas.compared.forEach((_, i) => {
    const other = observed.origins & ~(1 << (observed.first + i));
    const apart = i === 0 ? other : other | (1 << firstWrite);
    const access = accessOf(machine, addressing, size, order.write, i * size, apart);
    const { value, data, pick } = of(i);
    context.write(access, low(value, size * 8), data, observed.first + i, pick | pickedBy);
  });
}

/**
 * Where the comparison fails, the instruction may write back what was there or write nothing. Where
 * it succeeds, the compared registers are left either as what was read or as what they were: the
 * same value, of another origin.
 */
function compareAndSwap(machine: Machine, cas: CompareAndSwap): void {
  const { compared, size, written } = cas;
  const observed = observe(machine, cas);
  const matches = compared.every(
    (register, i) => low(machine.get(register), size * 8) === observed.values[i],
  );
  if (matches) {
    update(machine, cas, observed, (i) => {
      const register = written[i] ?? zero;
      const { slot } = register;
      return {
        value: machine.get(register),
        data: machine.dataOf(slot),
        pick: machine.pickOf(slot),
      };
    });
  } else if (machine.context.choose(2) === 0) {
    update(machine, cas, observed, (i) => ({
      value: observed.values[i] ?? 0,
      data: 1 << (observed.first + i),
      pick: 0,
    }));
  }
  const returns = compared.some(({ slot }) => slot !== ZR);
  const keeps = matches && returns && machine.context.choose(2) === 1;
  compared.forEach((register, i) => {
    const { slot } = register;
    const data = keeps ? machine.dataOf(slot) : 1 << (observed.first + i);
    const pick = keeps ? machine.pickOf(slot) | observed.origins : 0;
    machine.set(register, observed.values[i] ?? 0, data, pick);
  });
}

function cas(order: Order, suffix: string): Builder {
  return (instruction) => {
    const compared = instruction.register(0);
    const shape: CompareAndSwap = {
      compared: [compared],
      written: [instruction.register(1)],
      addressing: instruction.address(2),
      size: sizeOf(suffix, compared),
      order,
    };
    return (machine) => {
      instruction.refuseCode(shape.addressing.address(machine));
      compareAndSwap(machine, shape);
    };
  };
}

function casPair(order: Order): Builder {
  return (instruction) => {
    const shape: CompareAndSwap = {
      compared: [instruction.register(0), instruction.register(1)],
      written: [instruction.register(2), instruction.register(3)],
      addressing: instruction.address(4),
      size: instruction.register(0).width / 8,
      order,
    };
    return (machine) => {
      instruction.refuseCode(shape.addressing.address(machine));
      compareAndSwap(machine, shape);
    };
  };
}

function* atomics(): Generator<[string, Builder]> {
  for (const [letters, order] of Object.entries(ORDERS)) {
    yield [`CASP${letters}`, casPair(order)];
    for (const suffix of ['', 'B', 'H']) {
      yield [`SWP${letters}${suffix}`, swap(order, suffix)];
      yield [`CAS${letters}${suffix}`, cas(order, suffix)];
      for (const [name, operation] of Object.entries(OPERATIONS)) {
        const mnemonic = `${name}${letters}${suffix}`;
        yield [`LD${mnemonic}`, fetchAnd(operation, order, suffix, true)];
        if (order.read === Tag.ATOMIC_RMW) {
          yield [`ST${mnemonic}`, fetchAnd(operation, order, suffix, false)];
        }
      }
    }
  }
}

/** The atomic instructions by their mnemonics. */
export const ATOMICS: Readonly<Record<string, Builder>> = Object.fromEntries(atomics());
