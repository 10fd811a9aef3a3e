/**
 * Structured concurrency: tasks that end before the code that started them goes on.
 *
 *  1. A scope ends when its body and all tasks spawned in it have ended, never before.
 *  2. Every error comes out of the scope once, whatever else happened: the one alone, or all of
 *     them in an `AggregateError` with the code ERR_TASK_ERRORS, in the order in which they came.
 *  3. Giving the scope up cancels body and tasks, and waits for them.
 */
import { choiceOption, misuse, rejectUnknown } from '../../base/index.ts';
import { CancelledError } from '../errors.ts';
import { currentExecutor } from '../executor/current.ts';
import { TaskState, type Task } from '../executor/task.ts';
import type {
  Checked,
  ErrorOf,
  JoinHandle,
  Spawnable,
  SpawnOptions,
  ValueOf,
} from '../executor/types.ts';
import {
  BaseFuture,
  futureOf,
  PENDING,
  type Context,
  type Future,
  type Poll,
  type Waker,
} from '../future/index.ts';
import { asOneError } from '../stream/closing.ts';
import { keepWaker } from '../future/keep-waker.ts';

/** What a scope does when one of its tasks fails. */
export type OnError =
  /** Cancels the others and the body, and throws the error. */
  | 'cancel'
  /**
   * Lets the others go on. Errors of tasks that somebody waited for are theirs; the rest is thrown
   * at the end, of more than a thousand the older ones are reported as those of detached tasks.
   */
  | 'continue';

/** Options of `scope`. */
export interface ScopeOptions {
  /** @default 'cancel' */
  readonly onError?: OnError;
}

/** What the body of a scope is given. */
export interface Scope {
  /**
   * Starts a task that ends before the scope does.
   * @throws {RondoError} ERR_TASK_CANCELLED when the scope is ending or has ended
   */
  spawn<S extends Spawnable>(
    source: S & Checked<S>,
    options?: SpawnOptions,
  ): JoinHandle<ValueOf<S>, ErrorOf<S>>;
  /** Cancels body and tasks; the scope then throws a `CancelledError` with that reason. */
  cancel(reason?: unknown): void;
  /** Aborted when the scope is cancelled or fails. */
  readonly signal: AbortSignal;
  /** Tasks of the scope that have not ended. */
  readonly size: number;
}

/**
 * Runs a function that may spawn tasks, and waits for it and for them. Gives what the function
 * gives.
 *
 * @example
 * const pages = yield* scope(function* (s) {
 *   const first = s.spawn(() => load('/a'));
 *   const second = s.spawn(() => load('/b'));
 *   return [yield* first, yield* second];
 * });
 */
export function scope<R>(
  body: (scope: Scope) => R,
  options: ScopeOptions = {},
): BaseFuture<ValueOf<() => R>> {
  rejectUnknown('scope', options, ['onError']);
  if (typeof body !== 'function') {
    throw misuse('ERR_TASK_KIND', 'Cannot open a scope: its body must be a function');
  }
  const onError = choiceOption('onError', options.onError, 'cancel', ['cancel', 'continue']);
  return new ScopeFuture(body, onError) as BaseFuture<ValueOf<() => R>>;
}

/** Failed tasks of a scope from which on they are looked through. */
const TIDY_AT = 64;

/** Errors that nobody has which a scope keeps for its end: more are reported as they come. */
const ORPHANS_MAX = 1024;

/** A scope from inside: its tasks, and why it ends. */
class OpenScope implements Scope {
  readonly #onError: OnError;
  readonly #tasks = new Set<Task>();
  /** Failed tasks whose errors may be somebody else's ('continue'). */
  #failed: Task[] = [];
  #tidyAt: number = TIDY_AT;
  /** Wakes whoever runs the scope. */
  waker: Waker | undefined = undefined;
  readonly errors = new Set<unknown>();
  /** Set when everything is to end; `reason` says why. */
  isEnding = false;
  reason: unknown = undefined;
  #controller: AbortController | undefined = undefined;

  constructor(onError: OnError) {
    this.#onError = onError;
  }

  spawn<S extends Spawnable>(
    source: S & Checked<S>,
    options?: SpawnOptions,
  ): JoinHandle<ValueOf<S>, ErrorOf<S>> {
    if (this.isEnding) throw new CancelledError('a task of a scope that is ending', this.reason);
    const task = currentExecutor().spawnTask(source, options);
    task.state |= TaskState.OWNED;
    task.onEnd((ended) => this.#taskEnded(ended));
    this.#tasks.add(task);
    return task as unknown as JoinHandle<ValueOf<S>, ErrorOf<S>>;
  }

  #taskEnded(task: Task): void {
    this.#tasks.delete(task);
    if ((task.state & TaskState.FAILED) !== 0) this.#taskFailed(task);
    if (this.#tasks.size === 0) this.#wake();
  }

  #taskFailed(task: Task): void {
    const error = task.content;
    // It waited for one that was cancelled with it: no news.
    if (this.isEnding && error instanceof CancelledError) return;
    if (this.#onError === 'continue' && !this.isEnding) {
      // A server's scope lives for years: those are forgotten whose error somebody has.
      this.#failed.push(task);
      if (this.#failed.length < this.#tidyAt) return;
      this.#failed = this.#failed.filter(isOrphan);
      if (this.#failed.length >= ORPHANS_MAX) this.#reportOldest();
      this.#tidyAt = Math.max(TIDY_AT, this.#failed.length * 2);
      return;
    }
    this.fail(error);
  }

  /** A scope that lives for years must not keep every error until its end. */
  #reportOldest(): void {
    for (const task of this.#failed.splice(0, ORPHANS_MAX / 2)) {
      task.state &= ~TaskState.OWNED;
      task.executor.unobserved(task);
    }
  }

  /** Takes an error, once, and ends everything. */
  fail(error: unknown): void {
    this.errors.add(error);
    this.end(error);
  }

  cancel(reason?: unknown): void {
    if (this.isEnding) return;
    const cancelled = new CancelledError('a scope', reason);
    this.errors.add(cancelled);
    this.end(cancelled);
  }

  /** Cancels all tasks; the future of the scope does the same to the body. */
  end(reason: unknown): void {
    if (this.isEnding) return;
    this.isEnding = true;
    this.reason = reason;
    this.#controller?.abort(reason);
    for (const task of this.#tasks) task.abort(reason);
    this.#wake();
  }

  /** All that the scope throws, when the body and the tasks have ended. */
  thrown(): unknown[] {
    const errors = new Set(this.#failed.filter(isOrphan).map((task) => task.content));
    for (const error of this.errors) errors.add(error);
    this.#failed = [];
    return [...errors];
  }

  #wake(): void {
    const waker = this.waker;
    this.waker = undefined;
    waker?.wake();
  }

  get size(): number {
    return this.#tasks.size;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.isEnding) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }
}

/** Nobody has its error. */
function isOrphan(task: Task): boolean {
  return (task.state & TaskState.DELIVERED) === 0;
}

class ScopeFuture extends BaseFuture<unknown> {
  readonly #scope: OpenScope;
  /** Undefined before the first poll and after the body's end. */
  #body: Future<unknown> | undefined;
  #start: ((scope: Scope) => unknown) | undefined;
  #value: unknown;
  #isOver = false;

  constructor(body: (scope: Scope) => unknown, onError: OnError) {
    super();
    this.#scope = new OpenScope(onError);
    this.#start = body;
  }

  poll(context: Context): Poll<unknown> {
    const scope = this.#scope;
    if (this.#start !== undefined || this.#body !== undefined) this.#pollBody(context);
    if (!this.#hasEnded(context)) return PENDING;
    this.#isOver = true;
    const errors = scope.thrown();
    if (errors.length > 0) throw asOneError(errors);
    return this.#value;
  }

  cancel(context: Context): Poll<void> {
    if (this.#isOver) return undefined;
    this.#start = undefined;
    this.#scope.end(new CancelledError('a scope', context.reason));
    this.#cancelBody(context);
    if (!this.#hasEnded(context)) return PENDING;
    this.#isOver = true;
    const errors = this.#scope.thrown();
    if (errors.length > 0) throw asOneError(errors);
    return undefined;
  }

  #pollBody(context: Context): void {
    const scope = this.#scope;
    try {
      const start = this.#start;
      if (start !== undefined) {
        this.#start = undefined;
        this.#body = futureOf(start(scope), scope);
      }
      if (!scope.isEnding) {
        const value = this.#body!.poll(context);
        if (value !== PENDING) {
          this.#value = value;
          this.#body = undefined;
        }
      }
    } catch (error) {
      this.#body = undefined;
      if (!(scope.isEnding && error instanceof CancelledError)) scope.fail(error);
    }
    if (scope.isEnding) this.#cancelBody(context);
  }

  #cancelBody(context: Context): void {
    try {
      if (this.#body?.cancel?.(context) === PENDING) return;
    } catch (error) {
      this.#scope.fail(error);
    }
    this.#body = undefined;
  }

  /** Whether body and tasks are over; otherwise the scope's waker is kept. */
  #hasEnded(context: Context): boolean {
    const scope = this.#scope;
    if (this.#body === undefined && scope.size === 0) {
      scope.waker?.drop();
      scope.waker = undefined;
      scope.isEnding = true; // What is spawned from now on would have nobody to wait for it.
      return true;
    }
    scope.waker = keepWaker(scope.waker, context);
    return false;
  }
}
