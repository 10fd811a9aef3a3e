/** What makes a future pleasant: `yield*` in coroutines and `await` in async functions. */
import { Await } from './await.ts';
import type { Context, Future, Poll, Suspension } from './future.ts';

/** Runs a future by itself; what `await` on one needs. */
type Launcher = <T>(future: Future<T>) => PromiseLike<T>;

let launch: Launcher | undefined;

/** Says who runs futures that an async function awaits. Called once, by the executor. */
export function provideLauncher(launcher: Launcher): void {
  launch = launcher;
}

/**
 * A future that can be awaited: by `yield*` inside coroutines, and by `await` in async functions
 * (it then becomes a task of the current executor). The futures of the library extend it.
 */
export abstract class BaseFuture<T, E = unknown> implements Future<T, E>, PromiseLike<T> {
  declare readonly '~error'?: E;

  abstract poll(context: Context): Poll<T>;

  /** Await it in a coroutine: `const value = yield* future`. */
  [Symbol.iterator](): Iterator<Suspension<E>, T, void> {
    return new Await(this);
  }

  /** Await it in an async function: starts it as a task. Use it once: futures are used up. */
  // oxlint-disable-next-line no-thenable -- Being awaited by promises is what this class is for.
  then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): PromiseLike<A | B> {
    if (launch === undefined) throw new Error('unreachable: the executor provides the launcher');
    return launch<T>(this).then(fulfilled, rejected);
  }
}
