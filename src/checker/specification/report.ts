/** Tests as files, and results as text: what a command needs. */
import { RondoError } from '../../base/index.ts';
import { evaluateEcma, type EcmaRace, type EcmaResult } from './evaluate.ts';
import { explainEcma } from './explain.ts';
import { evaluateV8, type LoweredModel, type LoweredResult } from './lowering.ts';
import type { EcmaOptions } from './options.ts';
import { parseEcmaProgram } from './program.ts';
import { parseEcmaTests, satisfies, type EcmaTest } from './ecma-test.ts';

/** The models for tests in JavaScript. */
export type EcmaModel = 'es' | 'es2019' | LoweredModel;

/** Their names. */
export const ECMA_MODELS: readonly EcmaModel[] = ['es', 'es2019', 'v8-x64', 'v8-arm64'];

/** How tests are run for a report. */
export interface ReportOptions extends Omit<EcmaOptions, 'model'> {
  /** @default 'es' */
  readonly model?: EcmaModel;
  /**
   * Says why the outcome asked about is allowed or forbidden; for `es` and `es2019`.
   *
   * @default false
   */
  readonly explain?: boolean;
}

/**
 * Reads a file of tests: JSON when it begins like that, otherwise one program. `name` is that of
 * the file, for a test that has none.
 *
 * @throws {RondoError} ERR_LITMUS_SYNTAX, ERR_LITMUS_UNSUPPORTED, ERR_LITMUS_SIZE
 */
export function readEcmaTests(text: string, name: string): EcmaTest[] {
  if (!/^\s*[{[]/.test(text)) return [parseEcmaProgram(text, name)];
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RondoError('ERR_LITMUS_SYNTAX', `Cannot read ${name} as JSON: ${why}`, { cause });
  }
  return parseEcmaTests(json);
}

/**
 * Evaluates a test and says what came out, in lines like those of other litmus tests.
 *
 * @throws {RondoError} ERR_LITMUS_SIZE, ERR_LITMUS_SYNTAX, ERR_LITMUS_UNSUPPORTED
 * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
 */
export function reportEcma(test: EcmaTest, options: ReportOptions = {}): string {
  const { model = 'es', explain: explains = false, ...rest } = options;
  if (model === 'v8-x64' || model === 'v8-arm64') {
    const { unroll } = rest;
    return textOf(evaluateV8(test, model, unroll === undefined ? {} : { unroll }), []);
  }
  const result = evaluateEcma(test, { ...rest, model });
  const why = explains && test.ask ? explainEcma(test, { ...rest, model }).lines : [];
  const races = result.races.map(raceLine);
  return textOf(result, [...races, ...notes(result), ...why.slice(1)]);
}

function textOf(result: EcmaResult | LoweredResult, more: readonly string[]): string {
  const { test, model, outcomes, allowed, bounded } = result;
  const { ask } = test;
  const positive = ask ? outcomes.filter(({ values }) => satisfies(ask, values)).length : 0;
  const negative = outcomes.length - positive;
  const lines = [`Test ${test.name} (${model})`, `States ${outcomes.length}`];
  lines.push(...outcomes.map(({ text }) => text));
  if (ask) {
    const seen = positive === 0 ? 'Never' : negative === 0 ? 'Always' : 'Sometimes';
    lines.push(allowed ? 'Allowed' : 'Forbidden', `Condition exists (${ask.text})`);
    lines.push(`Observation ${test.name} ${seen} ${positive} ${negative}`);
  }
  if (bounded) lines.push('BOUNDED: a loop went on for longer than was looked at');
  return `${[...lines, ...more].join('\n')}\n`;
}

function notes({ racy, tornOmitted }: EcmaResult): string[] {
  const found: string[] = [];
  if (!racy) found.push('No data race: the outcomes are those of interleavings');
  if (tornOmitted) found.push('Reads may be torn in more ways: look at them byte by byte');
  return found;
}

function raceLine({ one, other }: EcmaRace): string {
  const [first, second] = [one, other].map(({ thread, statement }) => {
    return `thread ${thread} \`${statement}\``;
  });
  return `Data race: ${first} and ${second}`;
}
