/** Checked tests inside of a test runner. */
import { test as nodeTest } from 'node:test';
import { rejectUnknown, RondoError } from '../../base/index.ts';
import type { TestBody } from '../program/test.ts';
import { check, type CheckOptions, type CheckResult } from './check.ts';
import type { ModelName } from './models.ts';
import { resultText } from './text.ts';

/** How a test is checked; all optional. */
export interface ModelOptions extends Omit<CheckOptions, 'model'> {
  /** The memory models, one test each. @default ['es'] */
  readonly models?: readonly ModelName[];
}

/** Thrown by `verify` with the failing execution as its message. */
export class CheckError extends RondoError {
  readonly result: CheckResult;

  constructor(result: CheckResult) {
    super('ERR_CHECKER_FAILED', resultText(result), { cause: result.failure?.cause });
    this.result = result;
  }
}

/**
 * As `check`, but throws when an execution fails: for a test of any runner.
 * @throws {CheckError} ERR_CHECKER_FAILED
 */
export function verify(options: CheckOptions, body: TestBody): CheckResult {
  const result = check(options, body);
  if (result.failure !== undefined) throw new CheckError(result);
  return result;
}

type Register = (name: string, body: () => void) => unknown;

function runner(): Register {
  const { test, it } = globalThis as { test?: unknown; it?: unknown };
  if (typeof test === 'function') return test as Register;
  if (typeof it === 'function') return it as Register;
  return nodeTest as unknown as Register;
}

/**
 * Declares a test that is checked under each model: with the runner whose `test` or `it` is global
 * (Vitest, Jest, Mocha), else with `node:test`, which also runs a file alone.
 */
export function model(name: string, options: ModelOptions, body: TestBody): void {
  rejectUnknown('model', options, ['models', 'executions', 'events', 'races']);
  const { models = ['es'], ...rest } = options;
  const register = runner();
  for (const each of models) {
    register(`${name} (${each})`, () => {
      verify({ ...rest, model: each }, body);
    });
  }
}
