/** How other threads reach an executor: the runtime, which has the driver, says how. */
import type { Waker as Doorbell } from '../../driver/index.ts';
import type { Arena } from '../../memory/index.ts';
import type { Executor } from './executor.ts';

/** The door of one executor. */
export interface RemoteDoor {
  /** The memory that the threads share. */
  readonly arena: Arena;
  /** What other threads ring: plain data. */
  readonly doorbell: Doorbell;
  /**
   * Calls `listener` on this thread after others have rung, once for all rings since the last
   * call. Keeps the process alive until that is ended, by what it returns.
   */
  listen(listener: () => void): () => void;
}

let makeDoor: ((executor: Executor) => RemoteDoor) | undefined;

/** Says how the door of an executor is made when it is first needed. Called by `runtime/`. */
export function provideDoor(make: (executor: Executor) => RemoteDoor): void {
  makeDoor = make;
}

/** The door of an executor. */
export function doorOf(executor: Executor): RemoteDoor {
  if (makeDoor === undefined) throw new Error('unreachable: the runtime provides it');
  return makeDoor(executor);
}
