/** What a front end gives to the parser of litmus tests, and what it gets from it. */
import type { LitmusTest, Symbols, ThreadProgram, Value } from '../contract.ts';

/** The registers of an architecture, as conditions and initial states name them. */
export interface Registers {
  /**
   * The one name of a register, in which it is printed and stands in the maps of initial and final
   * values: `W3` is `X3`, `a0` is `x10`. Undefined when the name is no register.
   */
  canonical(name: string): string | undefined;
  /** Where a register stands among the printed ones, by its canonical name: the lowest first. */
  rank(name: string): number;
}

/** What is known about a thread when its column is compiled. */
export interface Environment {
  /** Its number, from 0. */
  readonly thread: number;
  /** Names and their addresses: `addressOf` for a location that an instruction names. */
  readonly symbols: Symbols;
  /**
   * Initial values of registers by canonical name (addresses for names); 0 for what is not there.
   * Values may be negative or above the width of the register: reduce them.
   */
  readonly initialRegisters: ReadonlyMap<string, Value>;
  /**
   * Registers that the state or the condition names without the architecture knowing them: `%x` or
   * `X%P0_x` in the text of a thread, by the name behind the `%`, with their values.
   */
  readonly parameters: ReadonlyMap<string, Value>;
  /** Some location holds the address of an instruction at the start. */
  readonly namesCode: boolean;
  /** How often a loop may turn back before the run is abandoned. */
  readonly unroll: number;
  /**
   * The text cannot be understood. `row` is the index in `lines`; the error names its line.
   *
   * @throws {RondoError} ERR_LITMUS_SYNTAX
   */
  fail(message: string, row?: number): never;
  /**
   * The text is understood, but what it asks for is not there.
   *
   * @throws {RondoError} ERR_LITMUS_UNSUPPORTED
   */
  unsupported(message: string, row?: number): never;
}

/** A front end. */
export interface Architecture {
  readonly name: LitmusTest['architecture'];
  readonly registers: Registers;
  /** Bytes of a pointer in memory. */
  readonly pointerSize: 4 | 8;
  /**
   * Compiles one column: a string for each row, trimmed and without comments, labels included
   * (`L0: NOP` or `L0:` alone); empty where the thread has no instruction in that row.
   */
  compile(lines: readonly string[], environment: Environment): ThreadProgram;
}

/** One thread of a test in C, cut out of the text, comments blanked. */
export interface CFunction {
  /** What stands between the parentheses: `atomic_int* x, int* y`. */
  readonly parameters: string;
  /** Where they stand, counted from the body: below 0. */
  readonly parametersAt: number;
  /** What stands between the braces: `row` of `fail` is the place of a character in it. */
  readonly body: string;
}

/** The front end of C. */
export interface CArchitecture {
  readonly name: 'c11';
  compile(thread: CFunction, environment: Environment): ThreadProgram;
}
