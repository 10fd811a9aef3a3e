/** How long a thread that owns its loop may sleep without Node's event loop being missed. */
import type { Native } from '../../native/index.ts';

const nothing = (): void => undefined;

/** Milliseconds: 0 when the event loop has something to do, Infinity when nothing is to come. */
export function loopRest(native: Native, loop: number): number {
  let rest = native.loopTimeout(loop);
  if (rest === 0) {
    // In the callbacks of `setImmediate` libuv still counts as busy with those that have run; Node
    // counts again when one is made or cleared.
    clearImmediate(setImmediate(nothing));
    rest = native.loopTimeout(loop);
  }
  return rest < 0 ? Infinity : rest;
}
