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

/** A `CancelledError` without a stack, which is the dear part: for errors made by the million. */
export function cancellation(what: string, reason: unknown): CancelledError {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return new CancelledError(what, reason);
  } finally {
    Error.stackTraceLimit = limit;
  }
}
