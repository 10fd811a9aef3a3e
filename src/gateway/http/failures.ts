/** Handlers that fail: nothing of it gets to the client or ends the process. */
import { isThenable, RondoError, type ErrorCode } from '../../base/index.ts';

/**
 * A body that cannot be read. A handler that lets it pass answers with its status.
 * `status` is 400, 408, 413 or 431.
 */
export class RequestBodyError extends RondoError {
  readonly status: number;
  constructor(status: number, message: string, code: ErrorCode = 'ERR_HTTP_BODY') {
    super(code, message);
    this.status = status;
  }
}

/** The client went away: the reason of `request.signal`, and what reading the body fails with. */
export function clientGone(): RequestBodyError {
  return new RequestBodyError(
    400,
    'The client went away before it was answered',
    'ERR_HTTP_ABORTED',
  );
}

/**
 * Calls a handler and goes on with what it gives, now or later. Neither `gave` nor `failed` may
 * throw.
 */
export function callHandler(
  call: () => unknown,
  gave: (value: unknown) => void,
  failed: (error: unknown) => void,
): void {
  let result: unknown;
  try {
    result = call();
    // Even looking at a result may throw.
    if (isThenable(result)) {
      void Promise.resolve(result).then(gave, failed);
      return;
    }
  } catch (error) {
    failed(error);
    return;
  }
  gave(result);
}
