/** Sources that do exactly what a test says, and ways to run streams without an executor. */
import assert from 'node:assert/strict';
import { enterExecutor, Executor, type Host } from '../executor/index.ts';
import { BaseFuture, PENDING, type Context, type Poll, type Waker } from '../future/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { BaseStream, END, type StreamPoll } from './index.ts';

/** Time stands still until a test moves it. */
class StoppedHost implements Host {
  time = 0;
  now(): number {
    return this.time;
  }
  requestTurn(): void {
    // `pass` calls the turns.
  }
  setTimer(): void {
    // The same.
  }
  holdTimer(): void {
    // The process is held by the test.
  }
  report(error: unknown): void {
    throw error;
  }
}

const host = new StoppedHost();
const executor = new Executor(host);

/** From now on the combinators find an executor, whose time passes by `pass` alone. */
export function stopTime(): void {
  enterExecutor(executor);
}

/** Lets time pass: timers that are due fire. */
export function pass(milliseconds: number): void {
  host.time += milliseconds;
  executor.turn();
}

/** Timers that are set. */
export function timers(): number {
  return executor.timers.size;
}

/** One step of a script: an item, `PENDING` for one poll, or an error to throw. */
export type Step<T> = T | typeof PENDING | Error;

/** A source that follows a script, and whose contract is checked at every call. */
export class Script<T> extends BaseStream<T, Error> {
  readonly #steps: Step<T>[];
  readonly #cancelPolls: number;
  #waker: Waker | undefined = undefined;
  /** Ended, threw, or was given up. */
  isOver = false;
  polls = 0;
  taken = 0;
  /** How often giving up was asked for. */
  cancels = 0;
  /** Whether a pending step wakes at once; otherwise `wake` does. */
  wakesItself = true;
  /** Whether a pending step lasts until `wake`, and not for one poll. */
  lasts = false;

  /** `cancelPolls`: how often `cancel` is pending before it is over. */
  constructor(steps: readonly Step<T>[], cancelPolls = 0) {
    super();
    this.#steps = [...steps];
    this.#cancelPolls = cancelPolls;
  }

  pollNext(context: Context): StreamPoll<T> {
    assert.ok(!this.isOver, 'polled after its end');
    this.polls += 1;
    this.#drop();
    const step = this.#steps.shift();
    if (step === PENDING) return this.#wait(context);
    if (step === undefined || step instanceof Error) this.isOver = true;
    if (step === undefined) return END;
    if (step instanceof Error) throw step;
    this.taken += 1;
    return step;
  }

  override cancel(context: Context): Poll<void> {
    if (this.isOver) return undefined;
    this.#drop();
    this.cancels += 1;
    if (this.cancels <= this.#cancelPolls) {
      context.waker.wakeByRef();
      return PENDING;
    }
    this.isOver = true;
    return undefined;
  }

  /** More to come. */
  push(...steps: Step<T>[]): void {
    this.#steps.push(...steps);
  }

  /** Wakes whom the last pending step kept. */
  wake(): void {
    if (this.lasts && this.#steps[0] === PENDING) this.#steps.shift();
    const waker = this.#waker;
    this.#waker = undefined;
    waker?.wake();
  }

  get isWaitedFor(): boolean {
    return this.#waker !== undefined;
  }

  #wait(context: Context): typeof PENDING {
    if (this.lasts) this.#steps.unshift(PENDING);
    this.#waker = context.waker.clone();
    if (this.wakesItself) this.wake();
    return PENDING;
  }

  #drop(): void {
    this.#waker?.drop();
    this.#waker = undefined;
  }
}

/** A future that the test settles. */
export class Manual<T> extends BaseFuture<T, Error> {
  #waker: Waker | undefined = undefined;
  #outcome: { value: T } | { error: Error } | undefined = undefined;
  polls = 0;
  cancels = 0;
  cancelPolls = 0;

  poll(context: Context): Poll<T> {
    this.polls += 1;
    this.#drop();
    if (this.#outcome === undefined) {
      this.#waker = context.waker.clone();
      return PENDING;
    }
    if ('error' in this.#outcome) throw this.#outcome.error;
    return this.#outcome.value;
  }

  cancel(context: Context): Poll<void> {
    this.#drop();
    this.cancels += 1;
    if (this.cancels > this.cancelPolls) return undefined;
    context.waker.wakeByRef();
    return PENDING;
  }

  resolve(value: T): void {
    this.#settle({ value });
  }

  reject(error: Error): void {
    this.#settle({ error });
  }

  #settle(outcome: { value: T } | { error: Error }): void {
    this.#outcome = outcome;
    const waker = this.#waker;
    this.#waker = undefined;
    waker?.wake();
  }

  #drop(): void {
    this.#waker?.drop();
    this.#waker = undefined;
  }
}

/** A stream as a task of the test: each poll is for the next item. */
export function follow<T, E>(stream: BaseStream<T, E>): TestTask<T | typeof END> {
  return new TestTask<T | typeof END>({
    poll: (context) => stream.pollNext(context),
    cancel: (context) => stream.cancel(context),
  });
}

/** Polls a future to its end; each time it is pending, it must have been woken. */
export function finish<T>(future: BaseFuture<T>): T {
  const task = new TestTask(future);
  for (let polls = 0; polls < 100_000; polls++) {
    const value = task.poll();
    if (value !== PENDING) {
      assert.equal(task.wakers, 0, 'a waker was kept after the end');
      return value;
    }
    assert.ok(task.isWoken, 'pending, and nobody will wake it');
  }
  throw new Error('did not come to an end');
}

/** All items of a stream. */
export function collect<T, E>(stream: BaseStream<T, E>): T[] {
  return finish(stream.collect());
}

/** Gives a stream up; returns how many polls of `cancel` were pending. */
export function giveUp(task: TestTask<unknown>): number {
  let pending = 0;
  while (!task.cancel()) {
    assert.ok(task.isWoken, 'pending, and nobody will wake it');
    pending += 1;
  }
  assert.equal(task.wakers, 0, 'a waker was kept after giving up');
  return pending;
}
