import type { Context, Waker } from './future.ts';

/** The waker to keep: the one at hand when it wakes the same task, else that of this poll. */
export function keepWaker(kept: Waker | undefined, context: Context): Waker {
  if (kept?.willWake(context.waker) === true) return kept;
  // The old one is read after the cloning: cloning one of other make may use it up.
  const waker = context.waker.clone();
  kept?.drop();
  return waker;
}
