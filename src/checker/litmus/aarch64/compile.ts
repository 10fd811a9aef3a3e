/** One column of AArch64 instructions to a program that can be run. */
import type { ThreadContext, ThreadProgram, Value } from '../contract.ts';
import type { Environment } from '../format/architecture.ts';
import { low } from './arithmetic.ts';
import { ATOMICS } from './atomics.ts';
import { BIT_FIELDS } from './bit-fields.ts';
import { BRANCHES, conditionalBranch } from './branches.ts';
import { DATA_PROCESSING } from './data-processing.ts';
import type { Builder, Column } from './instruction.ts';
import { Instruction } from './instruction.ts';
import type { Code, Step } from './machine.ts';
import { Machine } from './machine.ts';
import { MEMORY } from './memory.ts';
import { MULTIPLICATION } from './multiplication.ts';
import type { RegisterLookup } from './operands.ts';
import { lookupWith, parseOperand, splitOperands } from './operands.ts';
import type { Program } from './program.ts';
import { INSTRUCTION_SIZE, programOf } from './program.ts';
import { FIRST_NAMED, nameOfSlot, registerOf } from './registers.ts';
import { SELECTION } from './selection.ts';

const BUILDERS: ReadonlyMap<string, Builder> = new Map(
  [DATA_PROCESSING, MULTIPLICATION, BIT_FIELDS, SELECTION, MEMORY, ATOMICS, BRANCHES].flatMap(
    (table) => Object.entries(table),
  ),
);

const LABEL = /^([A-Za-z_.$][\w.$]*)\s*:\s*/;
const RELATIVE = /^\.([+-]\d+)$/;
/** Registers of SIMD, SVE, SME and Morello, which litmus tests of ordinary memory do not need. */
const VECTOR = /^(?:\{|[BHSDQVZC]\d+(?:\.|\[|$)|P\d+(?:\.|\/)|ZA\d*[.[HV]|\[\s*C\d)/i;

/** An instruction as written, with the row that it is in. */
interface Line {
  readonly row: number;
  readonly mnemonic: string;
  readonly operands: readonly string[];
}

class ColumnCompiler implements Code {
  readonly thread: number;
  readonly unroll: number;
  readonly steps: Step[] = [];
  readonly labels = new Map<string, number>();
  /** Values by slot at the start. */
  readonly initial: Value[];
  private readonly lines: Line[] = [];
  private readonly environment: Environment;
  private readonly program: Program;
  /** Slots of parameters (`%x`) and system registers by name. */
  private readonly named = new Map<string, number>();
  private readonly lookup: RegisterLookup;

  constructor(text: readonly string[], environment: Environment) {
    this.thread = environment.thread;
    this.unroll = environment.unroll;
    this.environment = environment;
    this.program = programOf(environment.symbols);
    if (environment.namesCode) this.program.codeIsRead = true;
    this.initial = new Array<Value>(FIRST_NAMED).fill(0);
    this.lookup = lookupWith((name) => this.parameter(name));
    this.setInitialRegisters();
    text.forEach((line, row) => this.readLine(line, row));
    this.lines.forEach((line, index) => this.steps.push(this.compileLine(line, index)));
    this.program.add(this);
  }

  textOf(index: number): string {
    const line = this.lines[index];
    if (line === undefined) return 'UDF';
    const operands = line.operands.map((operand) => {
      const target = this.labels.get(operand);
      if (target === undefined) return operand;
      const distance = (target - index) * INSTRUCTION_SIZE;
      return distance < 0 ? `.${distance}` : `.+${distance}`;
    });
    return [line.mnemonic, operands.join(',')].join(' ').trim();
  }

  private setInitialRegisters(): void {
    for (const [name, value] of this.environment.initialRegisters) {
      const register = registerOf(name);
      if (register === undefined) continue;
      this.initial[register.slot] = low(value, 64);
      if (this.program.isLabel(value)) this.program.codeIsRead = true;
    }
  }

  /** Labels, and the instruction behind them when there is one. */
  private readLine(line: string, row: number): void {
    let text = line.trim();
    for (let match = LABEL.exec(text); match !== null; match = LABEL.exec(text)) {
      const label = match[1] ?? '';
      if (this.labels.has(label)) this.environment.fail(`label ${label} is there twice`, row);
      this.labels.set(label, this.lines.length);
      text = text.slice(match[0].length);
    }
    if (text === '') return;
    const [mnemonic = ''] = text.split(/\s/, 1);
    const operands = splitOperands(text.slice(mnemonic.length));
    this.lines.push({ row, mnemonic: mnemonic.toUpperCase(), operands });
  }

  private compileLine(line: Line, index: number): Step {
    const { mnemonic, row } = line;
    const builder = BUILDERS.get(mnemonic) ?? conditionalBranch(mnemonic);
    if (builder === undefined) this.environment.unsupported(`instruction ${mnemonic}`, row);
    const operands = line.operands.map((text) => {
      if (VECTOR.test(text) && BRANCHES[mnemonic] === undefined) {
        this.environment.unsupported(`${mnemonic} of ${text}: vectors and capabilities`, row);
      }
      const operand = parseOperand(text, this.lookup);
      if (operand === undefined) this.environment.fail(`${mnemonic}: operand ${text}`, row);
      return operand;
    });
    return builder(new Instruction(mnemonic, operands, this.columnAt(index, row)));
  }

  private columnAt(index: number, row: number): Column {
    const { program, thread } = this;
    return {
      program,
      index,
      target: (label) => this.targetOf(label, index, row),
      addressOfInstruction: (at) => program.addressOf(thread, this.labelAt(at)),
      addressOfName: (name) => this.addressOfName(name),
      systemRegister: (name) => this.slotOf(name, 0),
      fail: (message) => this.environment.fail(message, row),
      unsupported: (message) => this.environment.unsupported(message, row),
    };
  }

  private targetOf(label: string, index: number, row: number): number {
    const relative = RELATIVE.exec(label);
    const target =
      relative === null
        ? this.labels.get(label)
        : index + Math.trunc(Number(relative[1]) / INSTRUCTION_SIZE);
    if (target === undefined) this.environment.fail(`there is no label ${label}`, row);
    return target;
  }

  private labelAt(index: number): string {
    for (const [label, at] of this.labels) if (at === index) return label;
    return `#${index}`;
  }

  private addressOfName(name: string): Value {
    if (!this.labels.has(name)) return this.environment.symbols.addressOf(name);
    this.program.codeIsRead = true;
    return this.program.addressOf(this.thread, name);
  }

  private parameter(name: string): number | undefined {
    const value = this.environment.parameters.get(name);
    return value === undefined ? undefined : this.slotOf(`%${name}`, value);
  }

  private slotOf(name: string, value: Value): number {
    const known = this.named.get(name);
    if (known !== undefined) return known;
    const slot = this.initial.length;
    this.named.set(name, slot);
    this.initial.push(low(value, 64));
    return slot;
  }
}

/** Names of the registers that are given at the end, by slot. */
const NAMES: readonly string[] = Array.from({ length: FIRST_NAMED }, (_, slot) => nameOfSlot(slot));

/** Compiles one column (see `Architecture.compile`). */
export function compile(lines: readonly string[], environment: Environment): ThreadProgram {
  const code = new ColumnCompiler(lines, environment);
  return {
    run(context: ThreadContext): ReadonlyMap<string, Value> {
      const machine = new Machine(context, code, code.initial);
      machine.run();
      return new Map(NAMES.map((name, slot) => [name, machine.values[slot] ?? 0]));
    },
  };
}
