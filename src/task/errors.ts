/** Errors of tasks that carry more than their code. */
import { RondoError } from '../base/index.ts';

/** What awaiting a cancelled task throws; `reason` is what `abort` was given. */
export class CancelledError extends RondoError {
  readonly reason: unknown;
  constructor(what: string, reason: unknown) {
    super('ERR_TASK_CANCELLED', `Cannot have the result of ${what}: it was cancelled`, {
      cause: reason,
    });
    this.name = 'CancelledError';
    this.reason = reason;
  }
}
