/**
 * The cell of a task. One object is everything that a task needs while it runs: what it is polled
 * with (`Context`), what wakes it (`Waker`), what others wait on (`JoinHandle`). So a task costs one
 * allocation beside its future, and a poll none.
 *
 * Hot, written at every poll or wake: `state`, and the counters' row. Warm: `future`, `level`,
 * `credit`. Cold, in an object made at first need: everything in `Cold`. The fields are open to the
 * executor and its queues, and no method is `#private`, which would cost each task a word
 * (docs/decisions/0020-task-cell.md); users see `JoinHandle` and `TaskInfo` alone.
 */
import { show } from '../../base/index.ts';
import { cancellation, CancelledError } from '../errors.ts';
import {
  BaseFuture,
  cancelStep,
  futureOf,
  isPlainCoroutine,
  PENDING,
  resume,
  type Coroutine,
  type Context,
  type Future,
  type Poll,
  type Waker,
} from '../future/index.ts';
import type { Locals } from '../future/locals.ts';
import { PRIORITIES, type Priority } from './class-queue.ts';
import type { CapturedContext } from './async-context.ts';
import type { Executor } from './executor.ts';
import type { JoinHandle, TaskInfo } from './types.ts';

/** Bits of `Task.state`. Written by the executor's thread alone. */
export const TaskState = {
  /** In a queue, or about to be put there. Set by the first wake, cleared before the poll. */
  SCHEDULED: 1,
  /** Being polled. */
  RUNNING: 2,
  /** `content` is a future or coroutine; before, it is the function that gives it. */
  STARTED: 4,
  /** Was aborted: is not polled any more but cancelled. */
  CANCELLING: 8,
  /** Ended with a value, unless one of the next two is set. */
  DONE: 16,
  FAILED: 32,
  CANCELLED: 64,
  /** Somebody waits for it, or has been given what came of it. */
  OBSERVED: 128,
  /** A scope takes its error, so it is not reported although nobody waited for it. */
  OWNED: 256,
  /** It was cancelled and has had its time for cleaning up. */
  GRACE_OVER: 512,
  /** `content` is a generator, run here without a future around it. */
  COROUTINE: 1024,
  /** The cancellation was thrown into that generator. */
  THROWN: 2048,
  /** Its error was given to somebody. */
  DELIVERED: 4096,
} as const;

const { SCHEDULED, RUNNING, STARTED, CANCELLING, DONE, FAILED, CANCELLED, OBSERVED } = TaskState;
const { COROUTINE, THROWN, DELIVERED } = TaskState;

/** What only some tasks have. */
interface Cold {
  reason: unknown;
  controller: AbortController | undefined;
  promise: Promise<unknown> | undefined;
  settle: { resolve: (value: unknown) => void; reject: (error: unknown) => void } | undefined;
  /** Called once, when the task has ended; used by scopes. */
  ended: ((task: Task) => void) | undefined;
  due: number | undefined;
  /** Timer of its grace, 0 for none. */
  grace: number;
  /** Where it was spawned, when the executor keeps that. */
  location: string | undefined;
}

/** What a task has from where it was spawned; undefined in most tasks. */
export interface Inherited {
  readonly locals: Locals | undefined;
  /** What AsyncLocalStorage had, undefined for nothing. */
  readonly asyncContext: CapturedContext | undefined;
}

/** A task; see the head of this file. */
export class Task<T = unknown, E = unknown>
  extends BaseFuture<T, E>
  implements Context, Waker, JoinHandle<T, E>, TaskInfo
{
  /** Bits of `TaskState`. */
  state: number;
  /** Class of the queue that it goes to. */
  level: number;
  /** Class that it was spawned with. */
  priorityLevel: number;
  /** For queues that learn. */
  credit = 0;
  readonly id: number;
  /** Place in the executor's table of living tasks, and so the row of its counters. */
  slot = 0;
  readonly executor: Executor;
  /** The future; before the first poll possibly the function; afterwards the value or error. */
  content: unknown;
  joiners: Waker | Set<Waker> | undefined = undefined;
  /** Given, or that of the function that it runs; '' where there is none. */
  name: string = '';
  inherited: Inherited | undefined = undefined;
  cold: Cold | undefined = undefined;

  /** `bits` are STARTED, and COROUTINE where it is one, unless `content` is a function. */
  constructor(executor: Executor, id: number, content: unknown, bits: number, level: number) {
    super();
    this.state = SCHEDULED | bits;
    this.executor = executor;
    this.id = id;
    this.content = content;
    this.level = level;
    this.priorityLevel = level;
  }

  // ---- as context and waker

  get waker(): Waker {
    return this;
  }

  proceed(): boolean {
    if (this.executor.takeBudget()) return true;
    this.wakeByRef();
    return false;
  }

  wakeByRef(): void {
    const state = this.state;
    if ((state & (SCHEDULED | DONE)) !== 0) {
      this.executor.wokenAgain(this);
      return;
    }
    this.state = state | SCHEDULED;
    this.executor.schedule(this);
  }

  wake(): void {
    this.executor.wakerDropped(this);
    this.wakeByRef();
  }

  clone(): Waker {
    this.executor.wakerCloned(this);
    return this;
  }

  drop(): void {
    this.executor.wakerDropped(this);
  }

  willWake(other: Waker): boolean {
    return other === this;
  }

  // ---- run by the executor

  /**
   * One step: a poll of its future, or of its cancelling, inside of this context (`enterContext`).
   * May throw what its future throws.
   */
  step(): Poll<unknown> {
    const state = this.state & (CANCELLING | STARTED | COROUTINE);
    if (state === STARTED) return (this.content as Future<unknown>).poll(this);
    if (state === (STARTED | COROUTINE)) return resume(this.content as Coroutine<unknown>);
    return this.rareStep();
  }

  private rareStep(): Poll<unknown> {
    if ((this.state & CANCELLING) !== 0) return this.cancelStep();
    this.start();
    return this.step();
  }

  private start(): void {
    const source = this.content as (task: TaskInfo) => unknown;
    this.content = undefined;
    if (this.name === '') this.name = source.name;
    const given = source(this);
    if (isPlainCoroutine(given)) {
      this.content = given;
      this.state |= STARTED | COROUTINE;
    } else {
      this.content = futureOf(given, this);
      this.state |= STARTED;
    }
  }

  private cancelStep(): Poll<void> {
    const { state, content } = this;
    if ((state & STARTED) === 0) return undefined;
    if ((state & COROUTINE) === 0) return (content as Future<unknown>).cancel?.(this);
    this.state |= THROWN;
    return cancelStep(content as Coroutine<unknown>, (state & THROWN) !== 0, this);
  }

  /** Ends the task. `bits` are DONE and, where it has no value, FAILED or CANCELLED. */
  end(bits: number, result: unknown): void {
    this.state = (this.state & ~(RUNNING | SCHEDULED)) | bits;
    this.content = result;
    const joiners = this.joiners;
    this.joiners = undefined;
    const cold = this.cold;
    if (cold !== undefined) {
      if ((bits & ~DONE) === 0) cold.settle?.resolve(result);
      else cold.settle?.reject(result);
      if (cold.settle !== undefined) this.state |= DELIVERED;
      cold.settle = undefined;
      const ended = cold.ended;
      cold.ended = undefined;
      ended?.(this);
    }
    // A handle may be kept for long, and should keep no more than what came of the task.
    if (this.inherited !== undefined) this.inherited = undefined;
    if (joiners === undefined) return;
    if (joiners instanceof Set) for (const joiner of joiners) joiner.wake();
    else joiners.wake();
  }

  // ---- as a handle

  get signal(): AbortSignal {
    const cold = this.coldPart();
    if (cold.controller === undefined) {
      cold.controller = new AbortController();
      if ((this.state & CANCELLING) !== 0) cold.controller.abort(cold.reason);
    }
    return cold.controller.signal;
  }

  get isFinished(): boolean {
    return (this.state & DONE) !== 0;
  }

  /** When it should be done, on the clock of the host; undefined when it has no such time. */
  get due(): number | undefined {
    return this.cold?.due;
  }

  poll(context: Context): Poll<T> {
    this.state |= OBSERVED;
    if ((this.state & DONE) === 0) {
      this.addJoiner(context.waker);
      return PENDING;
    }
    if (!context.proceed()) return PENDING;
    this.state |= DELIVERED;
    if ((this.state & (FAILED | CANCELLED)) !== 0) throw this.content;
    return this.content as T;
  }

  /**
   * The future that is over here is the waiting for the task, not the task. If nobody else waits,
   * its error is reported again as one that nobody has.
   */
  cancel(context: Context): undefined {
    this.removeJoiner(context.waker);
    const cold = this.cold;
    if (this.joiners !== undefined || cold?.promise !== undefined) return;
    if ((this.state & DELIVERED) !== 0) return;
    this.state &= ~OBSERVED;
    if ((this.state & FAILED) !== 0) this.executor.unobserved(this);
  }

  private removeJoiner(waker: Waker): void {
    const joiners = this.joiners;
    if (joiners === undefined) return;
    if (!(joiners instanceof Set)) {
      if (!joiners.willWake(waker)) return;
      this.joiners = undefined;
    } else {
      const kept = find(joiners, waker);
      if (kept === undefined) return;
      joiners.delete(kept);
      if (joiners.size === 0) this.joiners = undefined;
    }
    // The same task may wait for this one in another branch too: there it must say so again.
    waker.wake();
  }

  private addJoiner(waker: Waker): void {
    const joiners = this.joiners;
    if (joiners === undefined) {
      this.joiners = waker.clone();
    } else if (joiners instanceof Set) {
      if (find(joiners, waker) === undefined) joiners.add(waker.clone());
    } else if (!joiners.willWake(waker)) {
      this.joiners = new Set([joiners, waker.clone()]);
    }
  }

  abort(reason?: unknown): boolean {
    if ((this.state & (CANCELLING | DONE)) !== 0) return false;
    this.state |= CANCELLING;
    const why = reason ?? new DOMException('This operation was aborted', 'AbortError');
    this.coldPart().reason = why;
    this.executor.cancelling(this);
    this.wakeByRef();
    this.cold?.controller?.abort(why);
    return true;
  }

  detach(): void {
    this.state &= ~OBSERVED;
  }

  get isGraceOver(): boolean {
    return (this.state & TaskState.GRACE_OVER) !== 0;
  }

  /** Called by the timer of its grace. */
  fire(): void {
    this.state |= TaskState.GRACE_OVER;
    this.executor.graceIsOver(this);
    this.wakeByRef();
  }

  /** Where it was spawned, if the executor keeps that. */
  get location(): string | undefined {
    return this.cold?.location;
  }

  /** Why it was aborted. */
  get reason(): unknown {
    return this.cold?.reason;
  }

  /** What waiting for it throws when it was cancelled. */
  cancelled(): CancelledError {
    const what = this.name === '' ? `task ${this.id}` : `task ${this.id} (${this.name})`;
    return cancellation(what, this.reason);
  }

  // oxlint-disable-next-line no-thenable -- A handle is awaited as a promise is.
  override then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.promise().then(fulfilled, rejected);
  }

  catch<B = never>(rejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<T | B> {
    return this.promise().catch(rejected);
  }

  finally(settled?: (() => void) | null): Promise<T> {
    return this.promise().finally(settled);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Who was told of its error is not told again: `await using` would throw it a second time.
    if ((this.state & DELIVERED) !== 0) return;
    this.abort();
    await this.promise().catch((error: unknown) => {
      if (!(error instanceof CancelledError)) throw error;
    });
  }

  private promise(): Promise<T> {
    const cold = this.coldPart();
    this.state |= OBSERVED;
    cold.promise ??= new Promise((resolve, reject) => {
      if ((this.state & DONE) !== 0) this.state |= DELIVERED;
      if ((this.state & DONE) === 0) cold.settle = { resolve, reject };
      else if ((this.state & (FAILED | CANCELLED)) === 0) resolve(this.content);
      else reject(this.content);
    });
    return cold.promise as Promise<T>;
  }

  /** Adds a function that is called when the task has ended, beside those that are there. */
  onEnd(listener: (task: Task) => void): void {
    const cold = this.coldPart();
    const before = cold.ended;
    cold.ended =
      before === undefined
        ? listener
        : (task) => {
            before(task);
            listener(task);
          };
  }

  /** The cold part, made now if there is none. */
  coldPart(): Cold {
    this.cold ??= {
      reason: undefined,
      controller: undefined,
      promise: undefined,
      settle: undefined,
      ended: undefined,
      due: undefined,
      grace: 0,
      location: undefined,
    };
    return this.cold;
  }

  /** Sets its class, before it is in a queue. */
  setPriority(level: number): void {
    this.level = level;
    this.priorityLevel = level;
  }

  get priority(): Priority {
    return PRIORITIES[this.level]!;
  }

  /** What it is doing, in a word. */
  get status(): 'running' | 'scheduled' | 'idle' | 'cancelling' | 'done' | 'failed' | 'cancelled' {
    const state = this.state;
    if ((state & CANCELLED) !== 0) return 'cancelled';
    if ((state & FAILED) !== 0) return 'failed';
    if ((state & DONE) !== 0) return 'done';
    if ((state & CANCELLING) !== 0) return 'cancelling';
    if ((state & RUNNING) !== 0) return 'running';
    return (state & SCHEDULED) !== 0 ? 'scheduled' : 'idle';
  }
}

/** The one of a set that wakes the same. Tasks are their own wakers; only others are looked for. */
function find(joiners: Set<Waker>, waker: Waker): Waker | undefined {
  if (joiners.has(waker)) return waker;
  if (waker instanceof Task) return undefined;
  for (const joiner of joiners) if (joiner.willWake(waker)) return joiner;
  return undefined;
}

show(Task, ['id', 'name', 'status', 'priority']);
