/** Threads that are terminated: `worker.terminate()` may end one between any two instructions. */
import type { TestContext } from '../../../src/checker/check/index.ts';

/** What no code catches, as it would not run any more. */
class Death extends Error {}

/** Functions of `Atomics` that show themselves to others, or wait. */
const STEPS = ['load', 'store', 'compareExchange', 'exchange', 'add', 'or', 'notify', 'wait'];

/** Runs `body`, and ends it before one of its first `steps` atomic steps, or behind all of them. */
export function dying(context: TestContext, steps: number, body: () => void): void {
  const holder = globalThis as unknown as {
    Atomics: Record<string, (...input: unknown[]) => unknown>;
  };
  const atomics = holder.Atomics;
  let left = context.choose(steps + 1);
  const mortal = { ...atomics };
  for (const step of STEPS) {
    mortal[step] = (...input) => {
      if (left === 0) throw new Death();
      left -= 1;
      return atomics[step]!(...input);
    };
  }
  holder.Atomics = mortal;
  try {
    body();
  } catch (error) {
    if (!(error instanceof Death)) throw error;
  } finally {
    holder.Atomics = atomics;
  }
}
