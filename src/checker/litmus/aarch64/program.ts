/**
 * The code of all threads of one test. A value may be the address of an instruction, named
 * `label:"P0:L0"`, or an instruction itself, named `instr:"B .+4"` (or `NOP`): symbols, like
 * locations.
 */
import type { Symbols, Value } from '../contract.ts';
import type { Code } from './machine.ts';

/** An instruction of some thread. */
export interface Place {
  readonly code: Code;
  readonly index: number;
}

const LABEL = /^label:"P(\d+):([^"]+)"(?:\+(\d+))?$/;

/** Bytes of an instruction. */
export const INSTRUCTION_SIZE = 4;

export class Program {
  /**
   * Some thread knows the address of an instruction, so that its loads may read instructions. Loads
   * look for that only then.
   */
  codeIsRead = false;
  private readonly symbols: Symbols;
  private readonly codes = new Map<number, Code>();

  constructor(symbols: Symbols) {
    this.symbols = symbols;
  }

  add(code: Code): void {
    this.codes.set(code.thread, code);
  }

  /** The address of a label, `#n` for the instruction with index n. */
  addressOf(thread: number, label: string): Value {
    return this.symbols.addressOf(`label:"P${thread}:${label}"`);
  }

  isLabel(value: Value): boolean {
    return LABEL.test(this.symbols.nameOf(value) ?? '');
  }

  /** The instruction at an address; undefined when there is none. */
  placeOf(address: Value): Place | undefined {
    const match = LABEL.exec(this.symbols.nameOf(address) ?? '');
    const code = this.codes.get(Number(match?.[1] ?? -1));
    if (match === null || code === undefined) return undefined;
    const label = match[2] ?? '';
    const index = label.startsWith('#') ? Number(label.slice(1)) : code.labels.get(label);
    if (index === undefined) return undefined;
    return { code, index: index + Math.trunc(Number(match[3] ?? 0) / INSTRUCTION_SIZE) };
  }

  /** The instruction at an address as a value. */
  instructionAt(address: Value): Value | undefined {
    const place = this.placeOf(address);
    if (place === undefined) return undefined;
    const text = place.code.textOf(place.index);
    return this.symbols.addressOf(text === 'NOP' ? text : `instr:"${text}"`);
  }
}

const programs = new WeakMap<Symbols, Program>();

/** The program of a test, known by its symbols: one for all of its columns. */
export function programOf(symbols: Symbols): Program {
  let program = programs.get(symbols);
  if (program === undefined) {
    program = new Program(symbols);
    programs.set(symbols, program);
  }
  return program;
}
