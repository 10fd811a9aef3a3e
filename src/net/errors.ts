import { Errno, misuse, RondoError, SystemError } from '../base/index.ts';

/** The connection or listener was closed on this side, or its sending side was. */
export function closedError(action: string, what: string = 'the connection'): RondoError {
  return new RondoError('ERR_STREAM_CLOSED', `Cannot ${action}: ${what} was closed`);
}

/** Somebody does it already. */
export function busyError(action: string): TypeError {
  return misuse('ERR_STREAM_BUSY', `Cannot ${action}: another task does so at the moment`);
}

/** What a negative result of the driver means. */
export function failure(syscall: string, result: number, detail?: string): RondoError {
  // Operations end so when their connection was closed under them.
  if (result === -Errno.ECANCELED || result === -Errno.EBADF) return closedError(syscall);
  return new SystemError(syscall, -result, detail);
}
