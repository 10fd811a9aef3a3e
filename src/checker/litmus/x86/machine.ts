/** A processor that runs one thread once: registers, flags, and what they were computed from. */
import { Tag } from '../contract.ts';
import type { Access, Dependencies, ThreadContext, Value } from '../contract.ts';
import { toValue } from '../format/index.ts';
import { low } from './arithmetic.ts';
import type { Flags } from './arithmetic.ts';
import type { Memory, Operand } from './operands.ts';
import type { RegisterPart } from './registers.ts';

/** Runs an instruction; gives the row to go on with, or -1 for the next. */
export type Step = (machine: Machine) => number;

/** A place whose value is replaced: where it lies is computed once, before it is read. */
export interface Place {
  readonly access: Access | undefined;
  readonly part: RegisterPart | undefined;
  /** The number of the read with which it is one read-modify-write; -1: none. */
  read: number;
}

/** State of one run. */
export class Machine {
  readonly context: ThreadContext;
  /** Full 64 bits, unsigned. */
  readonly values: Value[];
  readonly #origins: Dependencies[];
  readonly flags: Flags = {
    zero: false,
    sign: false,
    carry: false,
    overflow: false,
    parity: false,
  };
  flagsFrom: Dependencies = 0;
  /** What the values that the current instruction has read so far came from. */
  taint: Dependencies = 0;

  constructor(context: ThreadContext, initial: readonly Value[]) {
    this.context = context;
    this.values = [...initial];
    this.#origins = initial.map(() => 0);
  }

  /** The value of an operand, of that many bytes. */
  read(operand: Operand, size: number): Value {
    if (operand.kind === 'immediate') return low(operand.value, size);
    return this.get(this.place(operand, size, false), size);
  }

  /** Replaces the value of an operand by what the instruction has computed. */
  write(operand: Operand, size: number, value: Value): void {
    this.set(this.place(operand, size, false), size, value);
  }

  /** Where an operand is. `locked` marks both halves of a read-modify-write. */
  place(operand: Operand, size: number, locked: boolean): Place {
    if (operand.kind === 'register') return { access: undefined, part: operand.part, read: -1 };
    if (operand.kind !== 'memory') return { access: undefined, part: undefined, read: -1 };
    const tag = locked ? Tag.ATOMIC_RMW : 0;
    const access: Access = {
      address: this.address(operand),
      size,
      tag,
      addressFrom: this.#addressFrom(operand),
    };
    return { access, part: undefined, read: -1 };
  }

  get(place: Place, size: number): Value {
    const { access, part } = place;
    if (access !== undefined) {
      const number = this.context.accesses;
      const value = low(this.context.read(access), size);
      if (access.tag !== 0) place.read = number;
      this.taint |= 1 << number;
      return value;
    }
    if (part === undefined) return 0;
    this.taint |= this.#origins[part.index] ?? 0;
    const value = this.values[part.index] ?? 0;
    return low(part.shift === 0 ? value : BigInt(value) >> BigInt(part.shift), part.size);
  }

  set(place: Place, size: number, value: Value): void {
    const { access, part } = place;
    if (access !== undefined) {
      this.context.write(access, low(value, size), this.taint, place.read);
    } else if (part !== undefined) this.#setRegister(part, low(value, part.size));
  }

  /** Writing 32 bits clears the upper half; writing fewer leaves the rest of the register alone. */
  #setRegister(part: RegisterPart, value: Value): void {
    if (part.size >= 4) {
      this.values[part.index] = value;
      this.#origins[part.index] = this.taint;
      return;
    }
    const shift = BigInt(part.shift);
    const mask = ((1n << BigInt(part.size * 8)) - 1n) << shift;
    const old = BigInt(this.values[part.index] ?? 0);
    this.values[part.index] = toValue((old & ~mask) | (BigInt(value) << shift));
    this.#origins[part.index] = (this.#origins[part.index] ?? 0) | this.taint;
  }

  /** The address of a place in memory. */
  address(memory: Memory): Value {
    const { displacement, base, index, scale } = memory;
    if (base === -1 && index === -1) return displacement;
    const sum =
      BigInt(displacement) +
      BigInt(this.values[base] ?? 0) +
      BigInt(this.values[index] ?? 0) * BigInt(scale);
    return toValue(BigInt.asUintN(64, sum));
  }

  #addressFrom({ base, index }: Memory): Dependencies {
    return (this.#origins[base] ?? 0) | (this.#origins[index] ?? 0);
  }

  /** Marks what an address was computed from as what the result comes from: `lea`. */
  taintByAddress(memory: Memory): void {
    this.taint |= this.#addressFrom(memory);
  }
}
