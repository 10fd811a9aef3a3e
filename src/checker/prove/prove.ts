/** Proofs by looking at everything: all inputs within bounds, and all executions of each. */
import { CheckError, type CheckOptions, type CheckResult, check } from '../check/index.ts';
import type { TestBody } from '../program/test.ts';

/** Why nothing is proved of what is asked about nowhere. */
const NOTHING = 'nothing was looked at: `assume` holds in no execution';

/**
 * Runs `body` for every combination of values that it takes with `any`, within `assume`, and for
 * every execution of the threads that it makes; throws at the first that throws. What it returns
 * says how much was looked at; nothing is claimed beyond its bounds.
 * @throws {CheckError} ERR_CHECKER_FAILED with the inputs and the execution that fail, when the
 * bounds are reached before everything was looked at, or when `assume` leaves nothing to look at
 */
export function prove(body: TestBody, options: CheckOptions = {}): CheckResult {
  const result = check(options, body);
  // What was not looked at is not proved.
  if (result.failure !== undefined || result.bounded !== undefined) throw new CheckError(result);
  if (result.executions === 0) throw new CheckError({ ...result, bounded: NOTHING });
  return result;
}
