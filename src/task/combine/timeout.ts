/** Ends by the clock: of one future (`timeout`), and of everything below it (`deadline`). */
import { RondoError } from '../../base/index.ts';
import { currentExecutor } from '../executor/current.ts';
import type { Executor } from '../executor/executor.ts';
import type { Task } from '../executor/task.ts';
import {
  BaseFuture,
  PENDING,
  toFuture,
  type Awaitable,
  type Context,
  type Future,
  type Poll,
} from '../future/index.ts';
import { TaskLocal } from '../future/locals.ts';
import { Closing } from '../stream/closing.ts';
import { checkMs } from '../time/options.ts';
import { sleep, type Sleep } from '../time/sleep.ts';
import type { TimerEntry } from '../time/timers.ts';

/** A time as it is given: 0 to 2^50, or Infinity for no limit. */
function checkLimit(milliseconds: number): void {
  if (milliseconds !== Number.POSITIVE_INFINITY) checkMs('milliseconds', milliseconds, 0);
}

/**
 * The value of a future, if it comes within `milliseconds` (0 to 2^50 from the first poll, or
 * Infinity: no limit). Otherwise the future is given up, and when it has ended ERR_TASK_TIMEOUT is
 * thrown. A future that is ready in the same moment wins.
 *
 * @throws {RondoError} ERR_TASK_TIMEOUT when awaited
 */
export function timeout<T, E>(
  milliseconds: number,
  future: Awaitable<T, E>,
): BaseFuture<T, E | RondoError> {
  checkLimit(milliseconds);
  return new Timed(toFuture(future), milliseconds, () => timeoutError(milliseconds));
}

function timeoutError(limit: number): RondoError {
  return new RondoError('ERR_TASK_TIMEOUT', `Cannot wait any longer: it took over ${limit} ms`);
}

function deadlineError(): RondoError {
  return new RondoError('ERR_TASK_DEADLINE', 'Cannot go on: the deadline has passed');
}

/** A future with a time at which it is given up. */
class Timed<T, E> extends BaseFuture<T, E | RondoError> {
  readonly #future: Future<T, E>;
  readonly #limit: number;
  readonly #error: () => RondoError;
  #sleep: Sleep | undefined;
  #closing: Closing<void> | undefined;

  constructor(future: Future<T, E>, limit: number, error: () => RondoError) {
    super();
    this.#future = future;
    this.#limit = limit;
    this.#error = error;
  }

  poll(context: Context): Poll<T> {
    if (this.#closing !== undefined) return this.#closing.poll(context) as Poll<T>;
    if (this.#limit === Number.POSITIVE_INFINITY) return this.#future.poll(context);
    this.#sleep ??= sleep(this.#limit);
    let value: Poll<T>;
    try {
      value = this.#future.poll(context);
    } catch (error) {
      this.#sleep.cancel();
      throw error;
    }
    if (value !== PENDING) {
      this.#sleep.cancel();
      return value;
    }
    // Time is up also for a future that has used up the budget of this poll, as it may in each one.
    if (this.#sleep.poll(context) === PENDING && !this.#sleep.isElapsed) return PENDING;
    this.#closing = new Closing([this.#future], undefined, [this.#error()]);
    return this.#closing.poll(context) as Poll<T>;
  }

  cancel(context: Context): Poll<void> {
    this.#sleep?.cancel();
    this.#closing ??= new Closing([this.#future], undefined);
    return this.#closing.poll(context);
  }

  takeBack(value: T): Future<unknown> | undefined {
    return this.#future.takeBack?.(value);
  }
}

/**
 * A time by which everything below is to be over. Its tasks are cancelled when it passes: by the
 * future that is bounded, and after its end by a timer, which is there while there are tasks.
 */
class Limit implements TimerEntry {
  /** On the clock of the executor; the earlier of this one's and the outer one's. */
  readonly at: number;
  readonly #executor: Executor;
  readonly #tasks = new Set<Task>();
  #isAlone = false;
  /** 0 for none. */
  #timer = 0;

  constructor(executor: Executor, milliseconds: number) {
    this.#executor = executor;
    this.at = executor.now() + milliseconds;
  }

  add(task: Task): void {
    this.#tasks.add(task);
    if (this.#isAlone) this.#arm();
    task.onEnd(() => this.#remove(task));
  }

  #remove(task: Task): void {
    this.#tasks.delete(task);
    if (this.#tasks.size > 0 || this.#timer === 0) return;
    this.#executor.timers.cancel(this.#timer);
    this.#timer = 0;
  }

  /** The future is over; what it has started may not be. */
  leaveAlone(): void {
    this.#isAlone = true;
    if (this.#tasks.size > 0) this.#arm();
  }

  #arm(): void {
    if (this.#timer !== 0 || this.at === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#executor.timers.insert(this.at, this, true);
  }

  /** Called by the timer. */
  fire(): void {
    this.#timer = 0;
    this.pass(deadlineError());
  }

  pass(error: RondoError): void {
    for (const task of this.#tasks) task.abort(error);
  }
}

class LimitLocal extends TaskLocal<Limit> {
  override spawned(limit: Limit, task: object): void {
    limit.add(task as Task);
  }
}

const limits = new LimitLocal();

/**
 * Runs a future that is to be over within `milliseconds` (0 to 2^50 from the first poll, or
 * Infinity), with everything that it starts: tasks spawned in it have the same deadline, and so
 * have theirs. When it passes they are cancelled (reason: ERR_TASK_DEADLINE), those that outlive
 * the future too; the future is given up, and this throws ERR_TASK_DEADLINE. An outer deadline that
 * is earlier stays in force. In async functions it reaches what they start before their first
 * `await`.
 */
export function deadline<T, E>(
  milliseconds: number,
  future: Awaitable<T, E>,
): BaseFuture<T, E | RondoError> {
  checkLimit(milliseconds);
  return new Deadline(toFuture(future), milliseconds);
}

/** Milliseconds until the deadline that this runs under, at least 0; Infinity without one. */
export function timeLeft(): number {
  const limit = limits.get();
  if (limit === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(0, limit.at - currentExecutor().now());
}

class Deadline<T, E> extends BaseFuture<T, E | RondoError> {
  readonly #future: Future<T, E>;
  readonly #milliseconds: number;
  #limit: Limit | undefined;
  #timed: Timed<T, E> | undefined;

  constructor(future: Future<T, E>, milliseconds: number) {
    super();
    this.#future = future;
    this.#milliseconds = milliseconds;
  }

  poll(context: Context): Poll<T> {
    this.#timed ??= this.#begin();
    let isOver = true;
    try {
      const value = this.#timed.poll(context);
      isOver = value !== PENDING;
      return value;
    } finally {
      if (isOver) this.#limit!.leaveAlone();
    }
  }

  #begin(): Timed<T, E> {
    const left = Math.min(this.#milliseconds, timeLeft());
    const limit = new Limit(currentExecutor(), left);
    this.#limit = limit;
    return new Timed(limits.with<T, E>(limit, this.#future), left, () => {
      const error = deadlineError();
      limit.pass(error);
      return error;
    });
  }

  cancel(context: Context): Poll<void> {
    if (this.#timed === undefined) return this.#future.cancel?.(context);
    let isOver = true;
    try {
      const ended = this.#timed.cancel(context);
      isOver = ended !== PENDING;
      return ended;
    } finally {
      if (isOver) this.#limit!.leaveAlone();
    }
  }

  takeBack(value: T): Future<unknown> | undefined {
    return this.#future.takeBack?.(value);
  }
}
