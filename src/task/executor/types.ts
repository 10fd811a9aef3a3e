/** What users of an executor see of tasks: how they are spawned, and the handle that remains. */
import type { BaseFuture, Context, Future, PENDING, Poll, Suspension } from '../future/index.ts';
import type { Priority } from './class-queue.ts';

/** How a task is spawned; all optional. */
export interface SpawnOptions {
  /** Shown in errors, warnings and the console. @default the name of the function, or '' */
  readonly name?: string;
  /**
   * How urgent it is; without effect in executors that schedule by deadlines.
   * @default that of the task that spawns it, 'normal' outside of tasks
   */
  readonly priority?: Priority;
  /**
   * Milliseconds until it should be done, 0 to 2^31-1: for executors that schedule by deadlines.
   * Nothing happens when it passes; `deadline()` is what cancels. @default none
   */
  readonly due?: number;
}

/** What the function that a task runs is given. */
export interface TaskInfo {
  readonly id: number;
  readonly name: string;
  /** Aborted when the task is cancelled: for `fetch` and other functions that know signals. */
  readonly signal: AbortSignal;
}

/** What can be spawned: a future, a coroutine, a promise, or a function that gives one. */
export type Spawnable =
  | Future<unknown>
  | Generator<Suspension, unknown, void>
  | PromiseLike<unknown>
  | ((task: TaskInfo) => unknown);

/**
 * Finds the commonest mistakes: `yield` for `yield*`, and functions whose result cannot be run. To be
 * joined with the type of what is spawned; the text is what the compiler shows.
 */
export type Checked<S> = S extends (task: TaskInfo) => infer R ? CheckedResult<R> : unknown;

type CheckedResult<R> = [R] extends [never]
  ? unknown
  : R extends AsyncGenerator<unknown, unknown, unknown>
    ? 'an async generator is no task: toStream makes a stream of it'
    : R extends Generator<infer Y, unknown, never>
      ? [Y] extends [Suspension]
        ? unknown
        : 'a coroutine waits with yield*, not with yield'
      : unknown;

/** The value that a task of `S` ends with. */
export type ValueOf<S> = S extends (task: TaskInfo) => infer R ? Settled<R> : Settled<S>;

type Settled<R> =
  R extends Future<infer T>
    ? Exclude<T, typeof PENDING>
    : R extends Generator<unknown, infer T, void>
      ? T
      : R extends PromiseLike<infer T>
        ? T
        : R;

/** The errors that a task of `S` is known to end with, beside cancellation. */
export type ErrorOf<S> = S extends (task: TaskInfo) => infer R ? Thrown<R> : Thrown<S>;

type Thrown<R> =
  R extends Future<unknown, infer E>
    ? E
    : R extends Generator<infer Y, unknown, void>
      ? Y extends Suspension<infer E>
        ? E
        : unknown
      : unknown;

/**
 * A task from outside: wait for it by `yield*` or `await`, any number of times, or end it. Letting
 * go of a handle does nothing to its task; an error that nobody waits for is reported as an
 * unhandled rejection is.
 */
export interface JoinHandle<T, E = unknown> extends BaseFuture<T, E>, AsyncDisposable {
  /** Of this process: 1 for the first task of an executor. */
  readonly id: number;
  readonly name: string;
  /** Has ended: by a value, an error, or cancelled. */
  readonly isFinished: boolean;
  /**
   * Cancels the task: a `CancelledError` is thrown where it waits, once what it waits for has let
   * go; it cleans up (`finally` blocks, which may wait too) and ends. Waiting for it then throws
   * `CancelledError`, whatever it returned. False when it has ended or is being
   * cancelled already.
   */
  abort(reason?: unknown): boolean;
  /** Says that nobody will wait for it. Its error is still reported. */
  detach(): void;
  /** Gives the value, throws the error or a `CancelledError`; `PENDING` while it runs. */
  poll(context: Context): Poll<T>;
  /** Like a promise. */
  then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    // oxlint-disable-next-line no-explicit-any -- As a promise has it: handlers are the same ones.
    rejected?: ((reason: any) => B | PromiseLike<B>) | null,
  ): Promise<A | B>;
  /** Like a promise. */
  // oxlint-disable-next-line no-explicit-any -- As a promise has it.
  catch<B = never>(rejected?: ((reason: any) => B | PromiseLike<B>) | null): Promise<T | B>;
  /** Like a promise. */
  finally(settled?: (() => void) | null): Promise<T>;
  /** Cancels the task and waits for its end; an error that nobody was told of yet is thrown. */
  [Symbol.asyncDispose](): Promise<void>;
}
