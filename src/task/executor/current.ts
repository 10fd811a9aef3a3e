/** Which executor runs on this thread: the one whose turn it is, else the thread's default. */
import type { Executor } from './executor.ts';

let running: Executor | undefined;
let fallback: Executor | undefined;
let makeFallback: (() => Executor) | undefined;

/** Makes an executor the running one; returns the one before, which must be put back. */
export function enterExecutor(executor: Executor | undefined): Executor | undefined {
  const before = running;
  running = executor;
  return before;
}

/** Says how the thread's default executor is made when it is first needed. Called by `runtime/`. */
export function provideExecutor(make: () => Executor): void {
  makeFallback = make;
}

/** The executor whose turn it is, outside of turns the thread's default, which is made now. */
export function currentExecutor(): Executor {
  if (running !== undefined) return running;
  if (fallback === undefined || fallback.isClosed) {
    if (makeFallback === undefined) throw new Error('unreachable: the runtime provides it');
    fallback = makeFallback();
  }
  return fallback;
}

/** The executor whose turn it is, if any. */
export function runningExecutor(): Executor | undefined {
  return running;
}
