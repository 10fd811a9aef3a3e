/** For tests whose streams run in Node's event loop. */
import { Executor, NodeHost, provideExecutor } from '../executor/index.ts';

/** Gives the thread an executor, once. */
export function useEventLoop(): Executor {
  const host = new NodeHost();
  const executor = new Executor(host);
  host.attach(executor);
  provideExecutor(() => executor);
  return executor;
}

/** Lets the event loop go round, until something holds. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

/** Lets the event loop go round some times: for what must not happen. */
export async function rounds(count = 5): Promise<void> {
  for (let round = 0; round < count; round++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
