/** A column of a RISC-V litmus test as a program: labels, instructions, and the run of them. */
import type { ThreadContext, ThreadProgram, Value } from '../contract.ts';
import type { Environment } from '../format/architecture.ts';
import { decodeAccess } from './accesses.ts';
import { decodeArithmetic, decodeBranch } from './arithmetic.ts';
import type { Labels } from './arithmetic.ts';
import { unsigned } from './integers.ts';
import { Machine } from './machine.ts';
import type { Instruction } from './machine.ts';
import { Operands, ParameterNumbers } from './operands.ts';
import { registerNumber } from './registers.ts';

const LABEL = /^([A-Za-z_.][\w.$]*)\s*:\s*/;
const INSTRUCTION = /^(\S+)\s*(.*)$/;
/** Instructions of RISC-V that no litmus test of ordinary memory needs. */
const MISSING = new RegExp(
  [
    '^(?:mul|div|rem|csr|ecall|ebreak|auipc|jal|jr|ret|call|tail|wfi|[mus]ret|sfence|cbo|amocas)',
    '^(?:f[a-z]+\\.|fl[wd]|fs[wd]|c\\.|v[a-z])',
    '^[ls][bhwd]u?\\.',
  ].join('|'),
);

/** The registers whose final values are told: by number, all that the text or the state names. */
type Told = Map<number, string>;

class Column {
  readonly instructions: Instruction[] = [];
  readonly parameters = new ParameterNumbers();
  private readonly labels = new Map<string, number>();
  private readonly uses: { readonly name: string; readonly row: number }[] = [];
  private readonly environment: Environment;

  constructor(lines: readonly string[], environment: Environment) {
    this.environment = environment;
    for (const [row, line] of lines.entries()) this.readLine(line.trim(), row);
    for (const { name, row } of this.uses) {
      if (!this.labels.has(name)) environment.fail(`there is no label "${name}"`, row);
    }
  }

  private readLine(line: string, row: number): void {
    let text = line;
    for (let match = LABEL.exec(text); match !== null; match = LABEL.exec(text)) {
      const [whole, name = ''] = match;
      if (this.labels.has(name)) this.environment.fail(`the label "${name}" is there twice`, row);
      this.labels.set(name, this.instructions.length);
      text = text.slice(whole.length);
    }
    if (text !== '') this.instructions.push(this.decode(text, row));
  }

  private decode(text: string, row: number): Instruction {
    const [, word = '', rest = ''] = INSTRUCTION.exec(text) ?? [];
    const mnemonic = word.toLowerCase();
    const operands: Operands = new Operands(rest, this.parameters, this.environment, row);
    const labels: Labels = (name) => this.labels.get(name) ?? this.instructions.length;
    const branch = decodeBranch(mnemonic, operands, labels);
    if (branch !== undefined) {
      const name = rest.slice(rest.lastIndexOf(',') + 1).trim();
      this.uses.push({ name, row });
    }
    const instruction =
      branch ?? decodeAccess(mnemonic, operands) ?? decodeArithmetic(mnemonic, operands);
    if (instruction === undefined) {
      if (MISSING.test(mnemonic)) operands.unsupported(`the instruction "${word}" is not there`);
      operands.fail(`"${word}" is no instruction of RISC-V`);
    }
    operands.end();
    return instruction;
  }
}

/** Initial values by number, reduced to 64 bits. */
function initialValues(column: Column, environment: Environment, told: Told): Value[] {
  const values: Value[] = new Array<Value>(32).fill(0);
  for (const [name, value] of environment.initialRegisters) {
    const number = registerNumber(name);
    if (number !== undefined && number !== 0) values[number] = unsigned(BigInt(value));
  }
  for (let number = 0; number < 32; number++) told.set(number, `x${number}`);
  for (const [name, number] of column.parameters.entries()) {
    values[number] = unsigned(BigInt(environment.parameters.get(name) ?? 0));
    told.set(number, name);
  }
  return values;
}

/** Compiles one column; see `Architecture.compile`. */
export function compile(lines: readonly string[], environment: Environment): ThreadProgram {
  const column = new Column(lines, environment);
  const { instructions } = column;
  const told: Told = new Map();
  const initial = initialValues(column, environment, told);
  return {
    run(context: ThreadContext): ReadonlyMap<string, Value> {
      const machine = new Machine(context, initial, environment.unroll);
      for (;;) {
        const instruction = instructions[machine.next];
        if (instruction === undefined) break;
        machine.next++;
        instruction(machine);
      }
      const registers = new Map<string, Value>();
      for (const [number, name] of told) registers.set(name, machine.value(number));
      return registers;
    },
  };
}
