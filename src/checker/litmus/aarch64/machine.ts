/**
 * One run of a thread: registers and flags, each with the accesses that it was computed from
 * (`data`) and those that only chose it (`pick`: the condition of a CSEL, the comparison of a CAS),
 * and the reservation of a load-exclusive. What depends on what is told in the Arm ARM (DDI 0487,
 * B2.3, "Dependency definitions") and, instruction by instruction, by herd7's AArch64 semantics
 * (https://github.com/herd/herdtools7).
 */
import type { Dependencies, ThreadContext, Value } from '../contract.ts';
import { low } from './arithmetic.ts';
import type { Register } from './registers.ts';
import { ZR } from './registers.ts';

/** Far above what a test counts to. */
const KNOWN_TURNS = 1000;

/** An instruction, ready to run. */
export type Step = (machine: Machine) => void;

/** A column, compiled. Threads may branch into the columns of others. */
export interface Code {
  readonly thread: number;
  readonly steps: readonly Step[];
  /** Index of the instruction behind each label. */
  readonly labels: ReadonlyMap<string, number>;
  /** An instruction as it is printed when it is a value. */
  textOf(index: number): string;
  /** How often a loop may turn back. */
  readonly unroll: number;
}

/** The store-exclusive behind a load-exclusive: what it has to name to succeed, and its read. */
interface Reservation {
  readonly address: Value;
  readonly size: number;
  /** Number of the access. */
  readonly read: number;
}

export class Machine {
  readonly context: ThreadContext;
  /** By slot, zero-extended. */
  readonly values: Value[];
  /** By slot: accesses that the value was computed from. */
  readonly data: Dependencies[];
  /** By slot: accesses that only picked the value. */
  readonly pick: Dependencies[];
  /** Flags as bits of NZCV, and where they come from. */
  flags = 0;
  flagsData: Dependencies = 0;
  flagsPick: Dependencies = 0;
  reservation: Reservation | undefined = undefined;
  /** Something that was neither read nor computed has been chosen (the status of a STXR). */
  hasChosen = false;
  /** Where the thread is; a branch that is taken sets both. */
  code: Code;
  next = 0;
  /** How often was jumped back to each instruction. */
  private readonly turns = new Map<Step, number>();

  constructor(context: ThreadContext, code: Code, initial: readonly Value[]) {
    this.context = context;
    this.code = code;
    this.values = [...initial];
    this.data = initial.map(() => 0);
    this.pick = initial.map(() => 0);
  }

  /** Runs to the end of the code. */
  run(): void {
    for (;;) {
      const step = this.code.steps[this.next];
      if (step === undefined) return;
      this.next += 1;
      step(this);
    }
  }

  /** The value of a register in its width. */
  get(register: Register): Value {
    const value = this.values[register.slot] ?? 0;
    return register.width === 64 ? value : low(value, 32);
  }

  /** Writes the register; a W register clears the upper half. */
  set(register: Register, value: Value, data: Dependencies, pick: Dependencies): void {
    if (register.slot === ZR) return;
    this.values[register.slot] = low(value, register.width);
    this.data[register.slot] = data;
    this.pick[register.slot] = pick;
  }

  /** Writes a value that was computed from these slots. */
  compute(register: Register, value: Value, left: number, right: number = ZR): void {
    this.set(register, value, this.dataOf(left) | this.dataOf(right), this.picksOf(left, right));
  }

  setFlags(flags: number, left: number, right: number = ZR): void {
    this.flags = flags;
    this.flagsData = this.dataOf(left) | this.dataOf(right);
    this.flagsPick = this.picksOf(left, right);
  }

  dataOf(slot: number): Dependencies {
    return this.data[slot] ?? 0;
  }

  pickOf(slot: number): Dependencies {
    return this.pick[slot] ?? 0;
  }

  /** All that a value is from, in either way. */
  originsOf(slot: number): Dependencies {
    return this.dataOf(slot) | this.pickOf(slot);
  }

  /**
   * Goes on at an instruction; backward in one column no more often than its bound allows. A branch
   * on what is known without reading (a counter) is bounded only so that a run ends.
   */
  jump(code: Code, target: number, isKnown = false): void {
    const step = code.steps[target];
    if (code === this.code && target < this.next && step !== undefined) {
      const turns = (this.turns.get(step) ?? 0) + 1;
      const bound = isKnown ? KNOWN_TURNS : code.unroll;
      if (turns > bound) this.context.abandon(`a loop turned back more than ${bound} times`);
      this.turns.set(step, turns);
    }
    this.code = code;
    this.next = target;
  }

  /** Branches on what was computed from these accesses; `target` is where to when it is taken. */
  branch(target: number | undefined, data: Dependencies, pick: Dependencies): void {
    this.context.branch(data, pick);
    const isKnown = (data | pick) === 0 && !this.hasChosen;
    if (target !== undefined) this.jump(this.code, target, isKnown);
  }

  /** Goes on behind the last instruction. */
  end(): void {
    this.next = this.code.steps.length;
  }

  private picksOf(left: number, right: number): Dependencies {
    return this.pickOf(left) | this.pickOf(right);
  }
}
