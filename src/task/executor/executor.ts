/**
 * The executor of one thread: polls one task at a time, each to its next `PENDING`.
 *
 *  1. A task is in the queue, the LIFO slot, or being polled, or idle; `SCHEDULED` is set exactly
 *     while it is in one of the first two, so however often it is woken it is polled once.
 *  2. A task that the running one woke is polled next (the LIFO slot: what it needs is in the
 *     cache), at most `LIFO_POLLS` times in a row, and only when nothing more urgent is ready. So
 *     the bounds of the queues hold with `LIFO_POLLS + 1` polls of the executor for one of theirs.
 *  3. A turn ends after `pollsPerTurn` polls or `turnMs`; then the event loop has its turn.
 *  4. Nothing is armed while nothing is ready and nobody sleeps.
 */
import { RondoError } from '../../base/index.ts';
import { enterContext, isFuture, PENDING, provideLauncher, type Future } from '../future/index.ts';
import { currentLocals, enterLocals } from '../future/locals.ts';
import { Timers } from '../time/timers.ts';
import { captureContext, runInContext, runWithoutContext } from './async-context.ts';
import { TaskCounters, Total } from './task-counters.ts';
import { currentExecutor, enterExecutor } from './current.ts';
import type { Host } from './host.ts';
import {
  resolveExecutorOptions,
  resolveSpawnOptions,
  type CounterOptions,
  type ExecutorOptions,
  type ResolvedExecutorOptions,
} from './options.ts';
import { makeQueue } from './make-queue.ts';
import type { RunQueue } from './queue.ts';
import { closedError, inherit, makeRunnable, spawnLocation } from './spawning.ts';
import { doorOf } from './remote-door.ts';
import { Remote } from './remote.ts';
import { Task, TaskState } from './task.ts';
import { Watchdog } from './watchdog.ts';
import type { Checked, ErrorOf, JoinHandle, Spawnable, SpawnOptions, ValueOf } from './types.ts';

const { SCHEDULED, RUNNING, CANCELLING, DONE, FAILED, CANCELLED, OBSERVED, OWNED } = TaskState;
const { STARTED, DELIVERED } = TaskState;

/** Polls in a row that the LIFO slot may have. */
export const LIFO_POLLS = 3;

/** Class of a task that is spawned outside of tasks: 'normal'. */
const NORMAL = 1;

/** See the head of this file. */
export class Executor {
  readonly options: ResolvedExecutorOptions;
  readonly host: Host;
  readonly timers: Timers;
  readonly #queue: RunQueue;
  /** Slot of the task to be polled before the queue, -1 for none. */
  #lifo = -1;
  #lifoPolls = 0;
  readonly #budgetPerPoll: number;
  /** The queue wants to be told how polls ended. */
  readonly #learns: boolean;
  /** What is left of the running poll's budget. */
  #budget = 0;
  /** Slot of the task that is being polled, -1 for none. */
  #running = -1;
  #turning = false;
  #requested = false;
  /** What the host's timer is set to. */
  #armed = Number.POSITIVE_INFINITY;
  #held = false;
  /** What the console reads; undefined where nobody asked for it. */
  #counters: TaskCounters | undefined;
  readonly #watchdog: Watchdog;
  /** What other threads reach it by; undefined while none can. */
  #remote: Remote | undefined;
  #remoteWakes = 0;
  /** Those that came while a task was in the queue already are counted by its row alone. */
  #wakes = 0;
  #lifoHits = 0;
  #budgetYields = 0;
  /** Living tasks by slot, and the slots that are free. */
  readonly #tasks: (Task | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  #living = 0;
  #spawned = 0;
  #closed = false;
  /** Tasks that may live: none when it is closed. */
  #limit: number;
  readonly #locates: boolean;
  #whenEmpty: (() => void)[] = [];
  /** Failed tasks that nobody has waited for yet: reported when a turn later nobody has. */
  readonly #unobserved: Task[] = [];

  constructor(host: Host, options: ExecutorOptions = {}) {
    this.options = resolveExecutorOptions(options);
    this.host = host;
    this.timers = new Timers(() => this.#timersChanged());
    this.#queue = makeQueue(this.options, host);
    this.#learns = this.options.scheduling === 'feedback';
    this.#budgetPerPoll = this.options.budget;
    this.#limit = this.options.tasks;
    this.#locates = this.options.locations;
    const watched = {
      clock: host,
      counters: {
        addBusy: (slot: number, ms: number): void => this.#counters?.addBusy(slot, ms),
      },
      taskAt: (slot: number) => this.#tasks[slot],
      report: (error: unknown) => host.report(error),
    };
    this.#watchdog = new Watchdog(watched, this.options.watchdog);
    if (this.options.counters !== undefined) this.observe(this.options.counters);
  }

  // ---- tasks

  /**
   * Starts a task. It is polled for the first time in a later turn, or later in this one.
   * @throws {TypeError} ERR_TASK_KIND for what cannot be run, ERR_OPTION_… for options
   * @throws {RondoError} ERR_TASK_LIMIT, ERR_EXECUTOR_CLOSED
   */
  spawn<S extends Spawnable>(
    source: S & Checked<S>,
    options?: SpawnOptions,
  ): JoinHandle<ValueOf<S>, ErrorOf<S>> {
    return this.spawnTask(source, options) as JoinHandle<ValueOf<S>, ErrorOf<S>>;
  }

  /**
   * The same, giving the cell: for the parts of the library that build on tasks. What only some
   * tasks need is in methods of its own: V8 inlines the rest as long as it stays small (a spawn of
   * 56 ns became one of 48).
   */
  spawnTask(source: unknown, options?: SpawnOptions): Task {
    if (this.#living >= this.#limit) throw this.#refusal();
    const running = this.#running;
    const level = running === -1 ? NORMAL : this.#tasks[running]!.priorityLevel;
    const bits = typeof source === 'function' ? 0 : STARTED;
    const task = new Task(this, this.#spawned + 1, source, bits, level);
    if (bits !== 0 && !isFuture(source)) makeRunnable(task, source);
    if (options !== undefined || this.#locates) this.#describe(task, options);
    this.#spawned += 1;
    const asyncContext = captureContext(this.#turning);
    if (asyncContext !== undefined || currentLocals() !== undefined) inherit(task, asyncContext);
    const slot = this.#freeSlots.pop() ?? this.#tasks.length;
    task.slot = slot;
    this.#tasks[slot] = task;
    this.#living += 1;
    if (this.#counters !== undefined) this.#openRow(task);
    this.#enqueue(task);
    return task;
  }

  #describe(task: Task, options: SpawnOptions = {}): void {
    const { name, level, due } = resolveSpawnOptions(options);
    if (level !== undefined) task.setPriority(level);
    if (name !== undefined) task.name = name;
    if (due !== undefined) task.coldPart().due = this.host.now() + due;
    if (this.#locates) task.coldPart().location = spawnLocation();
  }

  /** Good enough for counters: a reading of the clock costs as much as two polls. */
  #recentTime(): number {
    return this.#turning ? this.#watchdog.recent : this.host.now();
  }

  #openRow({ slot, id, level, name, location }: Task): void {
    const parent = this.running?.id ?? 0;
    this.#counters!.open(slot, id, parent, level, this.#recentTime(), name, location);
  }

  /** Its place is free again: it has ended, and is in no queue. */
  #leave(task: Task): void {
    this.#counters?.close(task.slot);
    this.#tasks[task.slot] = undefined;
    this.#freeSlots.push(task.slot);
  }

  /** The task that is being polled, undefined outside of polls. */
  get running(): Task | undefined {
    return this.#running === -1 ? undefined : this.#tasks[this.#running];
  }

  /** Tasks that live, oldest slot first: for the console and for tests. */
  *tasks(): Generator<Task> {
    for (const task of this.#tasks) {
      if (task !== undefined && !task.isFinished) yield task;
    }
  }

  /** How many tasks live. */
  get living(): number {
    return this.#living;
  }

  // ---- called by tasks

  /** A task was woken and is not in the queue. */
  schedule(task: Task): void {
    const running = this.#running;
    this.#wakes += 1;
    if (running === task.slot) this.#scheduleAgain(task);
    else if (running === -1) this.#enqueue(task);
    else this.#scheduleNext(task);
  }

  /** The running task woke itself: behind all others. */
  #scheduleAgain(task: Task): void {
    this.#queue.push(task);
    const counters = this.#counters;
    if (counters === undefined) return;
    counters.scheduled(task.slot, this.#recentTime());
    counters.wokenBySelf(task.slot);
  }

  /** The running task woke another one: that goes first, if nothing more urgent is ready. */
  #scheduleNext(task: Task): void {
    const queue = this.#queue;
    this.#counters?.scheduled(task.slot, this.#recentTime());
    const before = this.#lifo === -1 ? undefined : this.#tasks[this.#lifo];
    const isLess = before !== undefined && before.level < task.level;
    if (isLess || !queue.overtaking || !queue.isFirst(task)) {
      queue.push(task);
      return;
    }
    this.#lifo = task.slot;
    if (before !== undefined) queue.push(before);
  }

  /** Takes one unit of the running poll's budget, if one is left. */
  takeBudget(): boolean {
    if (this.#budget <= 0) {
      this.#budgetYields += 1;
      return false;
    }
    this.#budget -= 1;
    return true;
  }

  /** Counts those who can wake a task. */
  wakerCloned(task: Task): void {
    this.#counters?.addWakers(task.slot, 1);
  }

  /** After a task's end its slot may be another's. */
  wakerDropped(task: Task): void {
    if (!task.isFinished) this.#counters?.addWakers(task.slot, -1);
  }

  /** A task was woken that was in the queue already. */
  wokenAgain(task: Task): void {
    if (!task.isFinished) this.#counters?.wokenAgain(task.slot);
  }

  /** A task is being cancelled from now on. */
  cancelling(task: Task): void {
    this.#counters?.cancelling(task.slot);
  }

  #enqueue(task: Task): void {
    this.#queue.push(task);
    this.#counters?.scheduled(task.slot, this.#recentTime());
    this.#turnSoon();
  }

  // ---- other threads

  /**
   * What other threads reach it by, made now if it is the first time. For `openRemoteWaker` and the
   * parts of the library that move work between threads.
   * @throws {RondoError} ERR_EXECUTOR_CLOSED, ERR_DRIVER_UNAVAILABLE, ERR_ARENA_EXHAUSTED
   */
  get remote(): Remote {
    if (this.#remote !== undefined) return this.#remote;
    if (this.#closed) throw closedError('be woken by other threads');
    this.#remote = new Remote({
      door: doorOf(this),
      options: this.options.inbox,
      rung: () => this.#turnSoon(),
      report: (error) => this.host.report(error),
    });
    return this.#remote;
  }

  #turnSoon(): void {
    if (this.#requested || this.#turning) return;
    this.#requested = true;
    this.host.requestTurn('soon');
  }

  // ---- turns

  /** Milliseconds of the host's clock. */
  now(): number {
    return this.host.now();
  }

  /** Whether a task is ready. */
  get hasReady(): boolean {
    return this.#lifo !== -1 || this.#queue.size > 0;
  }

  /**
   * Polls what is ready, within the limits of a turn; called by the host. Returns the number of
   * polls. Called inside of a turn it does nothing.
   */
  turn(): number {
    return this.#turning ? 0 : runWithoutContext(this.#turnInside);
  }

  readonly #turnInside = (): number => this.#turn();

  #turn(): number {
    this.#requested = false;
    this.#turning = true;
    const outer = enterExecutor(this);
    const outerContext = enterContext(undefined);
    const outerLocals = enterLocals(undefined);
    let polls = 0;
    try {
      const started = this.host.now();
      if (this.#remote !== undefined) this.#remoteWakes += this.#remote.drain();
      this.timers.expire(started);
      const unobserved = this.#unobserved.length;
      polls = this.#pollReady();
      if (unobserved > 0) this.#reportUnobserved(unobserved);
    } finally {
      enterLocals(outerLocals);
      enterContext(outerContext);
      enterExecutor(outer);
      this.#turning = false;
      // Also when a waker of other make threw: the other tasks have nothing to do with that.
      this.#arrange();
    }
    return polls;
  }

  #pollReady(): number {
    const { pollsPerTurn, turnMs } = this.options;
    const queue = this.#queue;
    const watchdog = this.#watchdog;
    // Read again: the timers' time is not the first task's.
    const started = this.host.now();
    watchdog.begin(started);
    let polls = 0;
    while (polls < pollsPerTurn) {
      let slot = this.#lifo;
      if (slot === -1) {
        this.#lifoPolls = 0;
        slot = queue.pop();
        if (slot === -1) break;
      } else {
        slot = this.#takeLifo();
      }
      const task = this.#tasks[slot]!;
      this.#poll(task);
      watchdog.polled(slot, task);
      polls += 1;
      if (watchdog.recent - started >= turnMs) break;
    }
    if (polls > 0) this.#count(polls);
    return polls;
  }

  #count(polls: number): void {
    this.#watchdog.end();
    const counters = this.#counters;
    if (counters === undefined) return;
    counters.turnEnded();
    const { totals } = counters;
    totals[Total.TURNS]! += 1;
    totals[Total.POLLS]! += polls;
    totals[Total.SPAWNED] = this.#spawned;
    totals[Total.WAKES] = this.#wakes;
    totals[Total.REMOTE_WAKES] = this.#remoteWakes;
    totals[Total.LIFO_HITS] = this.#lifoHits;
    totals[Total.BUDGET_YIELDS] = this.#budgetYields;
    totals[Total.SLOW_POLLS] = this.#watchdog.slowPolls;
  }

  /** The slot of the next task when the LIFO slot is taken. */
  #takeLifo(): number {
    const slot = this.#lifo;
    this.#lifo = -1;
    this.#lifoPolls += 1;
    if (this.#lifoPolls <= LIFO_POLLS) {
      this.#lifoHits += 1;
      return slot;
    }
    // The slot has had its share: its task waits behind the others, as any task does.
    this.#lifoPolls = 0;
    this.#queue.push(this.#tasks[slot]!);
    return this.#queue.pop();
  }

  /** Sees to it that the next turn comes when it is needed, and no sooner. */
  #arrange(): void {
    if (this.hasReady || this.#unobserved.length > 0) {
      if (!this.#requested) {
        this.#requested = true;
        this.host.requestTurn('later');
      }
      return; // Timers are looked at in that turn.
    }
    this.#armTimer();
  }

  #timersChanged(): void {
    if (!this.#turning) this.#armTimer();
  }

  #armTimer(): void {
    const deadline = this.timers.nextDeadline();
    if (deadline !== this.#armed) {
      this.#armed = deadline;
      this.host.setTimer(deadline);
    }
    const held = this.timers.held > 0;
    if (held !== this.#held) {
      this.#held = held;
      this.host.holdTimer(held);
    }
  }

  /** The host's timer has fired: it is not set any more. Calls `turn`. */
  timerFired(): void {
    this.#armed = Number.POSITIVE_INFINITY;
    this.turn();
  }

  #poll(task: Task): void {
    if ((task.state & DONE) !== 0) {
      this.#leave(task);
      return;
    }
    task.state = (task.state & ~SCHEDULED) | RUNNING;
    this.#running = task.slot;
    enterContext(task);
    this.#counters?.polling(task.slot, this.#watchdog.recent);
    this.#budget = this.#budgetPerPoll;
    const inherited = task.inherited;
    let value: unknown;
    try {
      value = inherited === undefined ? task.step() : this.#stepWith(task);
    } catch (error) {
      this.#running = -1;
      this.#end(task, DONE | FAILED, error);
      return;
    }
    this.#running = -1;
    if (value === PENDING) {
      task.state &= ~RUNNING;
      if (this.#learns) this.#queue.ran(task, this.#budget <= 0);
      if ((task.state & CANCELLING) !== 0) this.#giveGrace(task);
    } else if ((task.state & CANCELLING) !== 0) {
      this.#end(task, DONE | CANCELLED, task.cancelled());
    } else {
      this.#end(task, DONE, value);
    }
  }

  /** A cancelled task goes on cleaning up: not for ever. */
  #giveGrace(task: Task): void {
    const cold = task.coldPart();
    if (cold.grace !== 0 || task.isGraceOver) return;
    cold.grace = this.timers.insert(this.host.now() + this.options.graceMs, task, true);
  }

  /** @internal The grace of a task is over. */
  graceIsOver(task: Task): void {
    task.coldPart().grace = 0;
    const title = task.name === '' ? `Task ${task.id}` : `Task ${task.id} (${task.name})`;
    this.host.warn?.(
      `${title} was cancelled and still runs after ${this.options.graceMs} ms: coroutines in it ` +
        'are ended where they wait (does one catch CancelledError?), async functions cannot be ' +
        'ended (does one ignore its signal?)',
    );
  }

  #stepWith(task: Task): unknown {
    const { locals, asyncContext } = task.inherited!;
    const outer = enterLocals(locals);
    try {
      return asyncContext === undefined ? task.step() : runInContext(asyncContext, task);
    } finally {
      enterLocals(outer);
    }
  }

  #end(task: Task, bits: number, result: unknown): void {
    this.#living -= 1;
    // Woken during its last poll, it is still in the queue: its place is freed when it comes out.
    if ((task.state & SCHEDULED) === 0) this.#leave(task);
    if (this.#counters !== undefined) countEnd(this.#counters.totals, bits);
    if (task.cold !== undefined && task.cold.grace !== 0) this.timers.cancel(task.cold.grace);
    task.end(bits, result);
    if ((task.state & (FAILED | OBSERVED)) === FAILED) this.unobserved(task);
    if (this.#living === 0 && this.#whenEmpty.length > 0) {
      for (const resolve of this.#whenEmpty.splice(0)) resolve();
    }
  }

  /** A task has failed and nobody has its error: it is reported when that is so a turn later. */
  unobserved(task: Task): void {
    if ((task.state & OWNED) !== 0) return;
    this.#unobserved.push(task);
    if (!this.#turning && !this.#requested) {
      this.#requested = true;
      this.host.requestTurn('later');
    }
  }

  /** The first `count` of them had their time. */
  #reportUnobserved(count: number): void {
    for (const task of this.#unobserved.splice(0, count)) {
      if ((task.state & OBSERVED) !== 0) continue;
      task.state |= OBSERVED | DELIVERED;
      this.host.report(task.content);
    }
  }

  // ---- the end

  /**
   * Keeps counters of tasks in an arena from now on, where others may read them (`TaskReader`).
   * They cost a poll about 8 ns and a spawn 25, so nothing is counted until somebody asks.
   * @throws {RondoError} ERR_ARENA_EXHAUSTED, ERR_ARENA_REGIONS, ERR_EXECUTOR_CLOSED
   */
  observe(options: CounterOptions): void {
    if (this.#closed) throw closedError('observe its tasks');
    if (this.#counters !== undefined) return;
    const { arena, ...rows } = options;
    const counters = TaskCounters.create(arena, { owner: this.options.name, ...rows });
    const now = this.host.now();
    for (const { slot, id, state, level, name, location } of this.tasks()) {
      counters.open(slot, id, 0, level, now, name, location);
      if ((state & SCHEDULED) !== 0) counters.scheduled(slot, now);
    }
    this.#counters = counters;
  }

  /** Where the counters of tasks are in the arena; undefined without any. */
  get countersOffset(): number | undefined {
    return this.#counters?.offset;
  }

  /** True after `close` was called. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /**
   * Cancels all tasks and takes no more. Resolves when they have ended, which includes what they
   * do to clean up and what the kernel still holds. Idempotent.
   */
  async close(reason?: unknown): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#limit = 0;
      const why = reason ?? closedError('go on');
      for (const task of [...this.tasks()]) task.abort(why);
    }
    if (this.#living > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
    this.#counters?.release();
    this.#counters = undefined;
    this.#remote?.close();
  }

  #refusal(): RondoError {
    if (this.#closed) return closedError('spawn a task');
    return new RondoError(
      'ERR_TASK_LIMIT',
      `Cannot spawn a task on executor ${this.options.name}: ` +
        `at most ${this.options.tasks} may live at once, and they do`,
    );
  }
}

function countEnd(totals: Float64Array, bits: number): void {
  totals[Total.FINISHED]! += 1;
  if ((bits & CANCELLED) !== 0) totals[Total.CANCELLED]! += 1;
  if ((bits & FAILED) !== 0) totals[Total.FAILED]! += 1;
}

/** The future that a task is for: the handle of one, run by the current executor. */
export function spawn<S extends Spawnable>(
  source: S & Checked<S>,
  options?: SpawnOptions,
): JoinHandle<ValueOf<S>, ErrorOf<S>> {
  return currentExecutor().spawn(source, options);
}

provideLauncher(<T>(future: Future<T>) => currentExecutor().spawnTask(future) as Task<T>);
