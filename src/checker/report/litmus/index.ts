/** A failing execution as a litmus test: its accesses, and what they read as the condition. */
import type { CheckResult } from '../../check/check.ts';
import type { ModelName } from '../../check/models.ts';
import { plainText, valueText } from '../words.ts';
import {
  aarch64Assembly,
  type Assembly,
  assemblyText,
  riscvAssembly,
  x86Assembly,
} from './assembly.ts';
import { cText, javascriptText } from './language.ts';
import { type LitmusProgram, programOf } from './program.ts';

/** A litmus test. */
export interface LitmusText {
  readonly text: string;
  /** How its file's name ends: herd's format, or a program for the memory model of ECMAScript. */
  readonly extension: 'litmus' | 'js';
  /** The model that allows its outcome, as `rondo litmus --model` takes it. */
  readonly model: string;
}

const ASSEMBLIES: Readonly<Partial<Record<ModelName, readonly [Assembly, string]>>> = {
  sc: [x86Assembly, 'sc'],
  'x86-tso': [x86Assembly, 'tso'],
  'v8-x64': [x86Assembly, 'tso'],
  armv8: [aarch64Assembly((order) => order), 'armv8'],
  'v8-arm64': [aarch64Assembly((order) => (order === 'plain' ? order : 'seq_cst')), 'armv8'],
  riscv: [riscvAssembly, 'riscv'],
};

/**
 * The execution in which a test failed, as a litmus test whose condition is what was read and
 * written: in C for `rc11`, in JavaScript for `es`, else in the instructions that accesses become.
 * Undefined when there is no such execution, or nothing to ask of it.
 * @throws {RondoError} ERR_LITMUS_SIZE when a thread has more accesses than there are registers
 */
export function litmusText({ failure, model }: CheckResult, name: string): LitmusText | undefined {
  if (failure?.trace === undefined) return undefined;
  const program = programOf(failure.trace);
  const word = name.replaceAll(/[^\w+-]+/g, '-').replaceAll(/^-+|-+$/g, '') || 'test';
  const head = `${word}\n${JSON.stringify(plainText(description(program, failure.message)))}`;
  if (model === 'rc11') return { text: cText(program, head), extension: 'litmus', model };
  const assembly = ASSEMBLIES[model];
  if (assembly === undefined) {
    const text = javascriptText(program, word);
    return text === undefined ? undefined : { text, extension: 'js', model };
  }
  const [dialect, herd] = assembly;
  return { text: assemblyText(dialect, program, head), extension: 'litmus', model: herd };
}

/** What variables and numbers stand for. */
function description({ variables, numbered }: LitmusProgram, message: string): string {
  const names = variables.map(({ at, name }) => `${at} is ${name}`);
  const values = [...numbered].map(([number, value]) => `${number} is ${valueText(value)}`);
  const first = message.split('\n')[0]!;
  return [`${first}:`, [...names, ...values].join(', ')].join(' ').replaceAll('"', "'");
}
