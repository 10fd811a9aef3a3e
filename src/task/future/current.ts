/** Which poll is under way on this thread, for what is called from inside a coroutine. */
import { misuse } from '../../base/index.ts';
import type { Context } from './future.ts';

let current: Context | undefined;

/** Makes a context the current one; returns the one before, which must be put back. */
export function enterContext(context: Context | undefined): Context | undefined {
  const before = current;
  current = context;
  return before;
}

/**
 * The context of the poll that is under way.
 * @throws {TypeError} ERR_TASK_OUTSIDE outside of any poll
 */
export function currentContext(): Context {
  if (current !== undefined) return current;
  throw misuse(
    'ERR_TASK_OUTSIDE',
    'Cannot wait with yield*: it must be inside a coroutine that a task runs',
  );
}
