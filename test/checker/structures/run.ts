/** Running a structure's test, and comparing with what it must come to. */
import { check, type CheckResult, type ModelName } from '../../../src/checker/check/index.ts';
import type { Structure, Verdict } from './structure.ts';

/** What one check came to. */
export interface Outcome {
  readonly result: CheckResult;
  /** What is wrong with it; undefined when it is what it must be. */
  readonly problem: string | undefined;
}

function problemOf({ bounded, failure }: CheckResult, verdict: Verdict): string | undefined {
  // Executions are bounded where a structure says so; a thread without an end would hide them.
  if (failure === undefined && bounded?.includes('events') === true)
    return `a thread does not end: ${bounded}`;
  if (verdict === 'holds') {
    return failure && `${failure.kind}: ${failure.message}, inputs ${failure.inputs.join()}`;
  }
  if (failure === undefined) return `holds, which must not be: ${verdict.because}`;
  if (failure.kind === verdict.fails) return undefined;
  return `${failure.kind}: ${failure.message}, which must be: ${verdict.fails}`;
}

/** Checks a structure under one model. */
export function examine(
  structure: Structure,
  model: ModelName,
  verdict: Verdict,
  executions: number = structure.executions ?? 1_000_000,
): Outcome {
  const races = structure.races ?? 'fail';
  const result = check({ model, races, executions }, structure.body);
  return { result, problem: problemOf(result, verdict) };
}

/** One line about it: whether it was complete. */
export function coverageOf({ executions, blocked, bounded, model }: CheckResult): string {
  const counts = `${executions} executions, ${blocked} blocked`;
  return bounded === undefined
    ? `${model}, complete: ${counts}`
    : `${model}, BOUNDED (${bounded}): ${counts}`;
}
