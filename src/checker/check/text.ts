/** What a check found, for the terminal. */
import type { CheckResult } from './check.ts';

/** One line: how much was explored, and whether that was everything. */
export function coverageText({ executions, blocked, bounded }: CheckResult): string {
  const counts = `${executions} executions, ${blocked} blocked`;
  return bounded === undefined ? `complete: ${counts}` : `BOUNDED (${bounded}): ${counts}`;
}

/** The whole result. */
export function resultText(result: CheckResult): string {
  const { failure, model } = result;
  if (failure === undefined) return `${model}: ${coverageText(result)}`;
  return `${failure.message} (${failure.kind}, under ${model}, after ${result.executions} executions)`;
}
