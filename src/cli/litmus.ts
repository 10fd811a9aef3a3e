/** `rondo litmus`: litmus tests under a memory model, with the lines that herd prints. */
import { readFileSync } from 'node:fs';
import { RondoError, systemClock } from '../base/index.ts';
import {
  ECMA_MODELS,
  type EcmaModel,
  type EcmaTest,
  evaluateEcma,
  evaluateV8,
  explainLitmus,
  type LitmusTest,
  litmusSummary,
  type Model,
  modelNamed,
  MODELS,
  parseLitmus,
  readEcmaTests,
  reportEcma,
  runLitmus,
} from '../checker/index.ts';
import { shownPath } from './faults.ts';
import { choiceOf, describeFlags, numberOf, parseCommand, UsageError } from './flags.ts';
import { explanationText } from './litmus-text.ts';
import { endWithReader } from './reader.ts';

/** The model of the machine or language that a test is written for. */
const DEFAULT_MODELS = { x86: 'tso', aarch64: 'armv8', riscv: 'riscv', c11: 'rc11' } as const;

/** Loops turn back no oftener, whatever is asked for: runs grow exponentially with it. */
const MAX_UNROLL = 1000;

const ALL_NAMES = [...MODELS, ...ECMA_MODELS.map((name) => ({ name }))].map(({ name }) => name);

const FLAGS = {
  model: {
    value: 'MODEL',
    help: [...new Set(ALL_NAMES)].join(', '),
    fallback: 'that of the architecture',
  },
  explain: { help: 'say which axiom forbids what is asked for, and show the cycle' },
  unroll: { value: 'N', help: 'how often a loop may turn back', fallback: '2' },
  check: { help: 'end with 1 when an answer is No, Undef or Forbidden' },
  help: { help: 'this text' },
} as const;

const HELP = `rondo litmus FILE… [flags]: runs litmus tests under a memory model

Tests in herd's format: X86, X86_64, AArch64, RISCV and C. Tests for the memory model of ECMAScript
are .js and .json files. Prints every final state that the model allows, and whether the condition
holds. Ends with 0 when all tests were run, with 1 when one of them could not be.

${describeFlags(FLAGS)}

See docs/guide/memory-order.md and docs/reference/barriers.md.
`;

/** More files than anybody names by hand; a shell puts them there. */
const MAX_FILES = 100_000;

interface Command {
  /** As given; undefined for that of the architecture. */
  readonly model: string | undefined;
  readonly unroll: number;
  readonly explain: boolean;
  readonly check: boolean;
}

/** Runs the command. */
export function litmus(args: readonly string[]): void {
  endWithReader();
  const { given, words } = parseCommand(args, FLAGS, MAX_FILES);
  if (given.help) {
    process.stdout.write(HELP);
    return;
  }
  if (words.length === 0) throw new UsageError('which test? rondo litmus FILE…');
  const unroll = numberOf('unroll', given.unroll) ?? 2;
  if (unroll > MAX_UNROLL) throw new UsageError(`--unroll is at most ${MAX_UNROLL}`);
  const { explain = false, check = false } = given;
  const command = { model: modelOf(given.model), unroll, explain, check };
  const answers = words.map((file) => answer(file, command));
  if (answers.includes(undefined) || (check && answers.includes(false))) process.exitCode = 1;
}

function modelOf(name: string | undefined): string | undefined {
  const aliases = MODELS.flatMap((model) => model.aliases);
  return choiceOf('model', name, [...new Set([...ALL_NAMES, ...aliases])]);
}

/** Runs one file. Gives its answer, or undefined when it cannot be run: stderr says why. */
function answer(file: string, command: Command): boolean | undefined {
  const text = read(file);
  try {
    if (/\.(?:json|m?js)$/.test(file)) {
      const tests = readEcmaTests(text, shownPath(file));
      return tests.map((test) => reportScript(test, file, command)).every(Boolean);
    }
    return report(parseLitmus(text, { unroll: command.unroll }), file, command);
  } catch (error) {
    if (!(error instanceof RondoError)) throw error;
    console.error(`rondo: ${shownPath(file)}: ${error.message}`);
    return undefined;
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read ${shownPath(file)}: ${(error as Error).message}`);
  }
}

function report(
  test: LitmusTest,
  file: string,
  { model: name, explain, unroll }: Command,
): boolean {
  const model = modelNamed(name ?? DEFAULT_MODELS[test.architecture]);
  if (model === undefined || !model.architectures.includes(test.architecture)) {
    throw new UsageError(`${shownPath(file)} is a test for ${test.architecture}${suiting(test)}`);
  }
  const began = systemClock.now();
  const result = runLitmus(test, model, { mode: 'count' });
  const seconds = (systemClock.now() - began) / 1000;
  console.log(`${litmusSummary(test, result, seconds)}\n`);
  if (explain) console.log(`${explanationText(test, model, explainLitmus(test, model))}\n`);
  if (result.abandoned > 0) {
    console.error(
      `rondo: ${shownPath(file)}: a loop went on after ${unroll} turns: ` +
        'states may be missing; see --unroll',
    );
  }
  return result.holds && !result.undef;
}

function suiting(test: LitmusTest): string {
  const names = MODELS.filter((model: Model) => model.architectures.includes(test.architecture));
  return `: its models are ${names.map(({ name }) => name).join(', ')}`;
}

/** A test for the memory model of ECMAScript. */
function reportScript(test: EcmaTest, file: string, command: Command): boolean {
  const { model: name = 'es', unroll, explain, check } = command;
  const model = ECMA_MODELS.find((each) => each === name);
  if (model === undefined) {
    throw new UsageError(
      `${shownPath(file)} is a test in JavaScript: its models are ${ECMA_MODELS.join(', ')}`,
    );
  }
  console.log(reportEcma(test, { model, unroll, explain }));
  return !check || isAllowed(test, model, unroll);
}

function isAllowed(test: EcmaTest, model: EcmaModel, unroll: number): boolean {
  const isLowered = model === 'v8-x64' || model === 'v8-arm64';
  const result = isLowered
    ? evaluateV8(test, model, { unroll })
    : evaluateEcma(test, { model, unroll });
  return result.allowed !== false;
}
