/** Tasks whose results are taken in the order in which they come. */
import { CancelledError } from '../errors.ts';
import { currentExecutor } from '../executor/current.ts';
import type { Executor } from '../executor/executor.ts';
import { TaskState, type Task } from '../executor/task.ts';
import type { ErrorOf, JoinHandle, Spawnable, SpawnOptions, ValueOf } from '../executor/types.ts';
import { BaseFuture, PENDING, type Context, type Poll, type Waker } from '../future/index.ts';
import type { Outcome } from '../combine/join.ts';
import { asOneError } from '../stream/closing.ts';
import { END } from '../stream/stream.ts';

/**
 * A growing and shrinking set of tasks of one type of result. Belongs to one consumer. Disposing of
 * it cancels what is left and waits for it.
 *
 * @example
 * yield* use(new TaskSet<Page>(), function* (set) {
 *   for (const url of urls) set.spawn(() => load(url));
 *   for (let page; (page = yield* set.joinNext()) !== END; ) keep(page);
 * });
 */
export class TaskSet<T> implements AsyncDisposable {
  readonly #executor: Executor | undefined;
  readonly #running = new Set<Task>();
  /** Ended and not taken yet, in the order of their ends. */
  #ended: Task[] = [];
  #taken = 0;
  /** @internal The one who waits for the next end. */
  waker: Waker | undefined;
  readonly #onEnd = (task: Task): void => {
    if (!this.#running.delete(task)) return;
    this.#ended.push(task);
    this.#wake();
  };

  #wake(): void {
    const waker = this.waker;
    this.waker = undefined;
    waker?.wake();
  }

  /** @param executor where its tasks run; by default the current one at each spawn */
  constructor(executor?: Executor) {
    this.#executor = executor;
  }

  /** Starts a task of the set. Its handle can be used as well. */
  spawn<S extends Spawnable>(
    source: ValueOf<S> extends T ? S : never,
    options?: SpawnOptions,
  ): JoinHandle<ValueOf<S>, ErrorOf<S>> {
    const task = (this.#executor ?? currentExecutor()).spawnTask(source, options);
    task.state |= TaskState.OWNED;
    task.onEnd(this.#onEnd);
    this.#running.add(task);
    return task as unknown as JoinHandle<ValueOf<S>, ErrorOf<S>>;
  }

  /** Tasks that run or whose results were not taken. */
  get size(): number {
    return this.#running.size + this.#ended.length - this.#taken;
  }

  /**
   * The value of the next task that ends, or throws its error; `END` when the set is empty. Giving
   * it up loses nothing.
   */
  joinNext(): BaseFuture<T | typeof END> {
    return new JoinNext<T>(this);
  }

  /** The next task that has ended already; undefined when none has. */
  tryJoinNext(): Outcome<T> | undefined {
    const task = this.take();
    if (task === undefined) return undefined;
    return (task.state & (TaskState.FAILED | TaskState.CANCELLED)) === 0
      ? { ok: true, value: task.content as T }
      : { ok: false, error: task.content };
  }

  /** Waits for all: their values in the order of their ends. The first error cancels the rest. */
  joinAll(): BaseFuture<T[]> {
    return new JoinAll<T>(this);
  }

  /** Cancels all that run; they are still to be joined. */
  abortAll(reason?: unknown): void {
    for (const task of this.#running) task.abort(reason);
  }

  /** Lets all go: they run on, belong to nobody, and their errors are reported. */
  detachAll(): void {
    for (const task of this.#running) task.state &= ~TaskState.OWNED;
    for (const task of this.#ended.slice(this.#taken)) {
      task.state &= ~TaskState.OWNED;
      const isLost = TaskState.FAILED | TaskState.OBSERVED;
      if ((task.state & isLost) === TaskState.FAILED) task.executor.unobserved(task);
    }
    this.#running.clear();
    this.#ended = [];
    this.#taken = 0;
    this.#wake(); // Whoever waits for the next one: there is none.
  }

  /** Cancels all and waits for their ends; errors of their cleaning up are dropped. */
  async [Symbol.asyncDispose](): Promise<void> {
    const left = [...this.#running];
    this.abortAll();
    await Promise.allSettled(left);
    this.detachAll();
  }

  /** @internal Whether a task has ended that was not taken. */
  get hasEnded(): boolean {
    return this.#taken < this.#ended.length;
  }

  /** @internal The next ended task. */
  take(): Task | undefined {
    const task = this.#ended[this.#taken];
    if (task === undefined) return undefined;
    task.state |= TaskState.OBSERVED | TaskState.DELIVERED;
    this.#taken += 1;
    // In one go when half of it is taken: shifting each would cost its length each time.
    if (this.#taken * 2 >= this.#ended.length) {
      this.#ended.splice(0, this.#taken);
      this.#taken = 0;
    }
    return task;
  }

  /** @internal Keeps the waker of a poll. */
  keep(context: Context): void {
    if (this.waker?.willWake(context.waker) === true) return;
    this.waker?.drop();
    this.waker = context.waker.clone();
  }

  /** @internal Nobody waits any more. */
  forget(): void {
    this.waker?.drop();
    this.waker = undefined;
  }
}

class JoinNext<T> extends BaseFuture<T | typeof END> {
  readonly #set: TaskSet<T>;
  constructor(set: TaskSet<T>) {
    super();
    this.#set = set;
  }

  poll(context: Context): Poll<T | typeof END> {
    const set = this.#set;
    if (!set.hasEnded && set.size > 0) {
      set.keep(context);
      return PENDING;
    }
    if (!context.proceed()) return PENDING;
    const outcome = set.tryJoinNext();
    if (outcome === undefined) return END;
    if (outcome.ok) return outcome.value;
    throw outcome.error;
  }

  cancel(): Poll<void> {
    this.#set.forget();
  }
}

class JoinAll<T> extends BaseFuture<T[]> {
  readonly #set: TaskSet<T>;
  readonly #values: T[] = [];
  #errors: unknown[] = [];

  constructor(set: TaskSet<T>) {
    super();
    this.#set = set;
  }

  poll(context: Context): Poll<T[]> {
    const set = this.#set;
    while (set.hasEnded) {
      if (!context.proceed()) return PENDING;
      const outcome = set.tryJoinNext() as Outcome<T>;
      if (outcome.ok) this.#values.push(outcome.value);
      else this.#fail(outcome.error);
    }
    if (set.size > 0) {
      set.keep(context);
      return PENDING;
    }
    this.#throwErrors();
    return this.#values;
  }

  #fail(error: unknown): void {
    if (this.#errors.length === 0) this.#set.abortAll(error);
    else if (error instanceof CancelledError) return; // It was cancelled for the first error.
    this.#errors.push(error);
  }

  /** Its tasks are the set's again. Errors that were taken from the set are thrown. */
  cancel(): Poll<void> {
    this.#set.forget();
    this.#throwErrors();
  }

  /** Throws what there is to throw, once. */
  #throwErrors(): void {
    const errors = this.#errors;
    if (errors.length === 0) return;
    this.#errors = [];
    throw asOneError(errors);
  }
}
