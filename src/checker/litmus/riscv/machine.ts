/**
 * One run of a thread: registers, each with the accesses that its value was computed from, and the
 * reservation of `lr`. The syntactic dependencies are those of the RISC-V manual (volume I, "Source
 * and Destination Register Listings"): loads, `lr`, `sc` and AMOs carry none from their operands to
 * their destination; `x0` is neither source nor destination.
 */
import type { Dependencies, ThreadContext, Value } from '../contract.ts';

/** Registers above the 32 of the architecture are the parameters (`%name`) of a test. */
export class Machine {
  readonly context: ThreadContext;
  /** Values by register number. */
  readonly values: Value[];
  /** Where they were computed from, by register number. */
  readonly from: Dependencies[];
  /** Index of the next instruction; a branch that is taken sets it. */
  next = 0;
  /** The access that the last `lr` was, and its address; -1 when there is no reservation. */
  reserved = -1;
  reservedAddress: Value = 0;
  /** How often each instruction was jumped back to. */
  private readonly turns = new Map<number, number>();
  private readonly unroll: number;

  constructor(context: ThreadContext, initial: readonly Value[], unroll: number) {
    this.context = context;
    this.values = [...initial];
    this.from = initial.map(() => 0);
    this.unroll = unroll;
  }

  value(register: number): Value {
    return this.values[register] ?? 0;
  }

  dependencies(register: number): Dependencies {
    return this.from[register] ?? 0;
  }

  set(register: number, value: Value, from: Dependencies): void {
    if (register === 0) return;
    this.values[register] = value;
    this.from[register] = from;
  }

  /** Goes on at `target`; backward no more often than the bound allows. */
  jump(target: number): void {
    if (target < this.next) {
      const turns = (this.turns.get(target) ?? 0) + 1;
      if (turns > this.unroll) {
        this.context.abandon(`a loop turned back more than ${this.unroll} times`);
      }
      this.turns.set(target, turns);
    }
    this.next = target;
  }
}

/** An instruction, ready to run. */
export type Instruction = (machine: Machine) => void;
