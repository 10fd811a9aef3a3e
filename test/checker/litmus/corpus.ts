/** Runs the tests of a corpus file and compares what they allow with what is written there. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { modelNamed } from '../../../src/checker/models/index.ts';
import { parseLitmus, runLitmus } from '../../../src/checker/litmus/index.ts';

/** A verdict of the corpus. */
interface Verdict {
  readonly observation: string;
  readonly holds: boolean;
  readonly undef: boolean;
  readonly outcomes: readonly string[];
}

/** A test of the corpus. */
export interface CorpusTest {
  readonly name: string;
  readonly mixed: boolean;
  readonly litmus: string;
  readonly models: Readonly<Record<string, Verdict>>;
}

/** What differs, of one test under one model. */
export interface Difference {
  readonly name: string;
  readonly model: string;
  readonly what: string;
}

/** The folder of the corpus; it is not part of the repository. */
export const FOLDER: string = process.env['RONDO_LITMUS'] ?? '../shared/litmus';

/** The tests of a file; undefined when it is not there. */
export function readCorpus(file: string): CorpusTest[] | undefined {
  const path = join(FOLDER, file);
  if (!existsSync(path)) return undefined;
  const lines = gunzipSync(readFileSync(path)).toString('utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as CorpusTest);
}

/** Values that come out of nothing are called `S` and a number, which one is of no matter. */
function normal(outcome: string): string {
  return outcome.replace(/=S\d+/g, '=S');
}

/**
 * Runs a test under one of its models and says what differs; undefined when all is as the corpus
 * has it.
 */
export function compare(test: CorpusTest, name: string): string | undefined {
  const expected = test.models[name]!;
  // The corpus' `sc` is herd's, which is weaker than sequential consistency: see models/sc.ts.
  const model = modelNamed(name === 'sc' ? 'sc-herd' : name);
  if (model === undefined) return `no model ${name}`;
  try {
    const result = runLitmus(parseLitmus(test.litmus), model);
    const found = new Set(result.outcomes.map((one) => normal(one)));
    const wanted = new Set(expected.outcomes.map((one) => normal(one)));
    const missing = [...wanted].filter((one) => !found.has(one));
    const extra = [...found].filter((one) => !wanted.has(one));
    const wrong: string[] = [];
    if (missing.length > 0) wrong.push(`${missing.length} missing: ${missing[0]}`);
    if (extra.length > 0) wrong.push(`${extra.length} too many: ${extra[0]}`);
    if (result.observation !== expected.observation) {
      wrong.push(`observation ${result.observation}, not ${expected.observation}`);
    }
    if (result.holds !== expected.holds) wrong.push(`holds ${result.holds}`);
    if (result.undef !== expected.undef) wrong.push(`undef ${result.undef}`);
    return wrong.length > 0 ? wrong.join('; ') : undefined;
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
}
