/**
 * Runs the tests of Promises/A+ on handles of tasks and prints the counts as JSON. A process of its
 * own: the suite leaves rejections unhandled on purpose, so it needs --unhandled-rejections=none.
 */
import { createRequire } from 'node:module';
import { BaseFuture, Executor, NodeHost, PENDING } from '../../src/task/index.ts';
import type { Context, JoinHandle, Poll, Waker } from '../../src/task/index.ts';

/** What is settled from outside. */
class Settled extends BaseFuture<unknown> {
  #state: 'pending' | 'resolved' | 'rejected' = 'pending';
  #result: unknown;
  #waker: Waker | undefined;

  poll(context: Context): Poll<unknown> {
    if (this.#state === 'resolved') return this.#result;
    if (this.#state === 'rejected') throw this.#result;
    this.#waker = context.waker.clone();
    return PENDING;
  }

  settle(state: 'resolved' | 'rejected', result: unknown): void {
    if (this.#state !== 'pending') return;
    this.#state = state;
    this.#result = result;
    this.#waker?.wake();
  }
}

/** The suite leaves rejections alone on purpose. */
class CarelessHost extends NodeHost {
  override report(): void {
    // Not reported.
  }
}

interface Runner {
  on(event: 'pass', listener: () => void): void;
  on(event: 'fail', listener: (test: { fullTitle(): string }, error: Error) => void): void;
}

type Suite = (
  adapter: {
    deferred(): {
      promise: JoinHandle<unknown>;
      resolve(value: unknown): void;
      reject(reason: unknown): void;
    };
  },
  options: { timeout: number; reporter: (runner: Runner) => void },
  done: () => void,
) => void;

const host = new CarelessHost();
const executor = new Executor(host);
host.attach(executor);
const suite = createRequire(import.meta.url)('promises-aplus-tests') as Suite;
let passed = 0;
const failed: string[] = [];
// Called with `new`.
const reporter = function (runner: Runner): void {
  runner.on('pass', () => (passed += 1));
  runner.on('fail', (test, error) => failed.push(`${test.fullTitle()}: ${error.message}`));
};
const deferred = () => {
  const future = new Settled();
  return {
    promise: executor.spawn(future),
    resolve: (value: unknown) => future.settle('resolved', value),
    reject: (reason: unknown) => future.settle('rejected', reason),
  };
};
// The suite's own limit, 200 ms, is short for a machine that does other things as well.
suite({ deferred }, { timeout: 10_000, reporter }, () => {
  console.log(JSON.stringify({ passed, failed }));
});
