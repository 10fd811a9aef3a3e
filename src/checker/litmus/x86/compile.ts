/** From the lines of a thread to its program. */
import type { ThreadContext, ThreadProgram, Value } from '../contract.ts';
import type { Environment } from '../format/index.ts';
import { low } from './arithmetic.ts';
import { makeStep, NOTHING } from './instructions.ts';
import { Machine } from './machine.ts';
import type { Step } from './machine.ts';
import { OperandReader, registerFile } from './operands.ts';
import type { Operand, Syntax } from './operands.ts';
import { GENERAL, nameIn32, registerPart } from './registers.ts';

/** Instructions that one run may execute; loops end by their bound long before. */
const MAX_STEPS = 100_000;

interface Line {
  readonly text: string;
  readonly row: number;
}

/** Compiles a column. `bits` is 32 for tests that name `EAX`, 64 for those that name `rax`. */
export function compile(
  lines: readonly string[],
  environment: Environment,
  bits: 32 | 64,
): ThreadProgram {
  const labels = new Map<string, number>();
  const instructions: Line[] = [];
  for (const [row, line] of lines.entries()) {
    let text = line;
    for (let label = splitLabel(text); label !== undefined; label = splitLabel(text)) {
      if (labels.has(label.name)) environment.fail(`the label "${label.name}" is there twice`, row);
      labels.set(label.name, instructions.length);
      text = label.rest;
    }
    if (text !== '') instructions.push({ text, row });
  }
  const reader = new OperandReader(environment, registerFile(environment.parameters));
  const steps = instructions.map((line) => compileLine(line, environment, reader, labels, bits));
  return new Program(steps, environment, bits);
}

function splitLabel(text: string): { name: string; rest: string } | undefined {
  const match = /^([A-Za-z_.][\w.]*)\s*:\s*(.*)$/.exec(text);
  return match === null ? undefined : { name: match[1] ?? '', rest: match[2] ?? '' };
}

function compileLine(
  { text, row }: Line,
  environment: Environment,
  reader: OperandReader,
  labels: ReadonlyMap<string, number>,
  bits: 32 | 64,
): Step {
  const match = /^(lock\s+)?([A-Za-z]\w*)\s*(.*)$/i.exec(text);
  if (match === null) return environment.fail('expected an instruction', row);
  const mnemonic = (match[2] ?? '').toLowerCase();
  const list = match[3] ?? '';
  if (mnemonic === 'ret') return () => Number.MAX_SAFE_INTEGER;
  const syntax = syntaxOf(list, bits);
  const written = operandsOf(mnemonic, () => reader.list(list, syntax, row), list);
  return makeStep({
    mnemonic,
    operands: syntax === 'att' ? written.toReversed() : written,
    locked: match[1] !== undefined,
    word: bits / 8,
    target: (label) => labels.get(label) ?? environment.fail(`no label "${label}"`, row),
    fail: (message) => environment.fail(message, row),
    unsupported: (message) => environment.unsupported(message, row),
  });
}

/** A jump has a label, and what does nothing has whatever stands there. */
function operandsOf(mnemonic: string, read: () => Operand[], list: string): Operand[] {
  if (NOTHING.test(mnemonic)) return [];
  return mnemonic.startsWith('j') ? [{ kind: 'name', name: list }] : read();
}

/**
 * By the signs that only one of them has; otherwise each kind of test has its own. `%name` may also
 * be a parameter of a test in Intel's syntax, and `(EBX)` is what `[EBX]` is.
 */
function syntaxOf(list: string, bits: 32 | 64): Syntax {
  if (bits === 32) {
    const register = /%(\w+)/.exec(list)?.[1];
    return register !== undefined && registerPart(register) !== undefined ? 'att' : 'intel';
  }
  return list.includes('[') && !/^[$\d-]|[%(]/.test(list) ? 'intel' : 'att';
}

class Program implements ThreadProgram {
  readonly #steps: readonly Step[];
  readonly #unroll: number;
  readonly #bits: 32 | 64;
  readonly #initial: Value[];
  /** Registers that no instruction reaches, with what they held. */
  readonly #constant = new Map<string, Value>();

  constructor(steps: readonly Step[], environment: Environment, bits: 32 | 64) {
    this.#steps = steps;
    this.#unroll = environment.unroll;
    this.#bits = bits;
    this.#initial = [...GENERAL.map((): Value => 0), ...environment.parameters.values()];
    for (const [name, value] of environment.initialRegisters) {
      const part = registerPart(name);
      if (part === undefined) this.#constant.set(name, low(value, 8));
      else this.#initial[part.index] = low(value, bits / 8);
    }
  }

  run(context: ThreadContext): ReadonlyMap<string, Value> {
    const machine = new Machine(context, this.#initial);
    const turns = new Map<number, number>();
    let at = 0;
    for (let count = 0; at < this.#steps.length; count++) {
      machine.taint = 0;
      const next = (this.#steps[at] as Step)(machine);
      if (next !== -1 && next <= at) {
        const turned = (turns.get(at) ?? 0) + 1;
        if (turned > this.#unroll || count > MAX_STEPS) context.abandon('a loop goes on');
        turns.set(at, turned);
      }
      at = next === -1 ? at + 1 : next;
    }
    return this.#final(machine);
  }

  #final(machine: Machine): ReadonlyMap<string, Value> {
    const final = new Map<string, Value>(this.#constant);
    const count = this.#bits === 64 ? GENERAL.length : 8;
    for (let index = 0; index < count; index++) {
      const value = machine.values[index] ?? 0;
      if (this.#bits === 64) final.set(GENERAL[index] ?? '', value);
      else final.set(nameIn32(index), low(value, 4));
    }
    return final;
  }
}
