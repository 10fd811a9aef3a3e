/** Checked tests inside of a test runner. */
import { test as nodeTest } from 'node:test';
import { rejectUnknown, RondoError } from '../../base/index.ts';
import type { TestBody } from '../program/test.ts';
import { check, type CheckOptions, type CheckResult } from './check.ts';
import { CHECK_OPTIONS } from './options.ts';
import type { ModelName } from './models.ts';
import { findRepairs, type Repairs } from '../report/repair.ts';
import { resultText } from '../report/text.ts';

/** How a test is checked; all optional. */
export interface ModelOptions extends Omit<CheckOptions, 'model'> {
  /** The memory models, one test each. @default ['es'] */
  readonly models?: readonly ModelName[];
}

/** Thrown by `verify` with the failing execution as its message. */
export class CheckError extends RondoError {
  readonly result: CheckResult;

  /** `repairs` are told with it: see `findRepairs`. */
  constructor(result: CheckResult, repairs: Repairs = { found: [], tried: 0 }) {
    const text = resultText(result, { repairs });
    super('ERR_CHECKER_FAILED', text, { cause: result.failure?.cause });
    this.result = result;
  }
}

/**
 * As `check`, but throws when an execution fails: for a test of any runner.
 * @throws {CheckError} ERR_CHECKER_FAILED
 */
export function verify(options: CheckOptions, body: TestBody): CheckResult {
  const result = check(options, body);
  if (result.failure !== undefined) {
    throw new CheckError(result, findRepairs(options, body, result));
  }
  return result;
}

/** A test as `model` declares it, for one of its models. */
export interface DeclaredTest {
  readonly name: string;
  readonly options: CheckOptions;
  readonly body: TestBody;
}

/** Where whoever runs the declared tests itself puts a function that is given each. */
export const COLLECTOR: unique symbol = Symbol.for('rondo.checker.collect') as never;

type Runner = (name: string, body: () => void) => unknown;

function runner(): Runner {
  const { test, it } = globalThis as { test?: unknown; it?: unknown };
  if (typeof test === 'function') return test as Runner;
  if (typeof it === 'function') return it as Runner;
  return nodeTest;
}

/** Gives a test to whoever collects them, or to the test runner. */
function declare({ name, options, body }: DeclaredTest): void {
  const collect = (globalThis as { [COLLECTOR]?: (test: DeclaredTest) => void })[COLLECTOR];
  if (collect !== undefined) {
    collect({ name, options, body });
    return;
  }
  runner()(`${name} (${options.model})`, () => {
    verify(options, body);
  });
}

/**
 * Declares a test that is checked under each model: with the runner whose `test` or `it` is global
 * (Vitest, Jest, Mocha), else with `node:test`, which also runs a file alone.
 */
export function model(name: string, options: ModelOptions, body: TestBody): void {
  rejectUnknown('model', options, ['models', ...CHECK_OPTIONS.filter((key) => key !== 'model')]);
  const { models = ['es'], ...rest } = options;
  for (const each of models) declare({ name, options: { ...rest, model: each }, body });
}
