/**
 * The session of the test that is being checked, for functions that tests call without a context.
 */
import { misuse } from '../../base/index.ts';
import type { Session } from './session.ts';

let current: Session | undefined;

/** Runs `body` with a session as the current one. Nests. */
export function withSession<T>(session: Session, body: () => T): T {
  const outer = current;
  current = session;
  try {
    return body();
  } finally {
    current = outer;
  }
}

/** @throws {TypeError} ERR_CHECKER_USE outside of a test */
export function currentSession(what: string): Session {
  if (current !== undefined) return current;
  throw misuse('ERR_CHECKER_USE', `Cannot call ${what} outside of a test that is checked`);
}
