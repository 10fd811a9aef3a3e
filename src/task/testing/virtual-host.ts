/**
 * A host whose clock stands still until a test moves it, and whose turns come when the test says
 * so: what tasks do with time is the same in every run, and takes no time.
 */
import { booleanOption, integerOption, rejectUnknown, RondoError } from '../../base/index.ts';
import { enterExecutor } from '../executor/current.ts';
import { Executor } from '../executor/executor.ts';
import type { Host, TurnTime } from '../executor/host.ts';
import type { ExecutorOptions } from '../executor/options.ts';
import type { Spawnable, ValueOf } from '../executor/types.ts';
import { PENDING, type Waker } from '../future/index.ts';
import { checkMs } from '../time/options.ts';

/** How a virtual clock is made; all optional. */
export interface VirtualHostOptions {
  /** What the clock shows at first: milliseconds, 0 to 2^50, whole. @default 0 */
  readonly start?: number;
  /** Time in which nothing happens is skipped, as if nobody had called `pause`. @default true */
  readonly autoAdvance?: boolean;
  /**
   * Turns in one call that runs tasks, 1 to 2^31-1; more are taken for an endless loop.
   * @default 1,000,000
   */
  readonly turns?: number;
}

/**
 * A host with a virtual clock. While the clock is not paused, `runUntilIdle`, `settle` and `run`
 * jump to the next timer whenever no task is ready, for as long as a timer keeps the process alive;
 * a paused one is moved by `advance` and `runFor` alone.
 *
 * @example
 * const host = new VirtualHost();
 * const executor = host.executor();
 * const task = executor.spawn(function* () {
 *   yield* sleep(60_000);
 *   return executor.now();
 * });
 * host.runUntilIdle();
 * assert.equal(await task, 60_000);
 */
export class VirtualHost implements Host {
  /** What nobody was there to receive: the errors of tasks that no one waited for. */
  readonly reported: unknown[] = [];
  /** What an executor had to warn of. */
  readonly warnings: string[] = [];
  readonly #turnLimit: number;
  #executor: Executor | undefined;
  #now: number;
  #paused: boolean;
  #wanted = false;
  #timer = Number.POSITIVE_INFINITY;
  #held = false;
  #running = false;

  /** @throws {TypeError | RangeError} ERR_OPTION_… for options */
  constructor(options: VirtualHostOptions = {}) {
    rejectUnknown('a virtual host', options, ['start', 'autoAdvance', 'turns']);
    this.#now = integerOption('start', options.start, 0, 0, 2 ** 50);
    this.#paused = !booleanOption('autoAdvance', options.autoAdvance, true);
    this.#turnLimit = integerOption('turns', options.turns, 1_000_000, 1, 2 ** 31 - 1);
  }

  /**
   * The executor of this host, made now; once.
   * @throws {TypeError | RangeError} ERR_OPTION_… for options
   */
  executor(options: ExecutorOptions = {}): Executor {
    const executor = new Executor(this, options);
    this.attach(executor);
    return executor;
  }

  /** Says whose turns are to be called; once. */
  attach(executor: Executor): void {
    this.#executor = executor;
  }

  // ---- what the executor calls

  now(): number {
    return this.#now;
  }

  requestTurn(_when: TurnTime): void {
    this.#wanted = true;
  }

  setTimer(deadline: number): void {
    this.#timer = deadline;
  }

  holdTimer(hold: boolean): void {
    this.#held = hold;
  }

  report(error: unknown): void {
    this.reported.push(error);
  }

  warn(message: string): void {
    this.warnings.push(message);
  }

  // ---- the clock

  /** Whether the clock is moved by `advance` and `runFor` alone. */
  get isPaused(): boolean {
    return this.#paused;
  }

  /** From now on the clock is moved by `advance` and `runFor` alone. */
  pause(): void {
    this.#paused = true;
  }

  /** From now on time in which nothing happens is skipped. */
  resume(): void {
    this.#paused = false;
  }

  /** When the next timer is due; Infinity without one. */
  get nextDeadline(): number {
    return this.#timer;
  }

  /**
   * Moves the clock on at once, by 0 to 2^50 milliseconds, and then runs what is ready. Tasks that
   * had slept are woken in the order of their deadlines, but all of them see the later time; use
   * `runFor` to have each run at its own. Called inside of a task it only moves the clock.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE for what is no duration
   * @throws {RondoError} ERR_VIRTUAL_CLOCK when tasks do not stop running
   */
  advance(ms: number): void {
    checkMs('ms', ms, 0);
    this.#now += ms;
    this.#wanted = true; // The timers see the new time even when none of them is due.
    this.#run(this.#now);
  }

  /**
   * Lets so much time go by, 0 to 2^50 milliseconds: the clock stops at each deadline on the way,
   * and what is ready then is run at that time.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE for what is no duration
   * @throws {RondoError} ERR_VIRTUAL_CLOCK when tasks do not stop running
   */
  runFor(ms: number): void {
    checkMs('ms', ms, 0);
    const end = this.#now + ms;
    this.#run(end);
    this.#now = Math.max(this.#now, end);
    this.#run(end);
  }

  // ---- running

  /**
   * Runs tasks until none is ready and, unless the clock is paused, no timer keeps the process
   * alive. What waits for promises goes on in `settle` only.
   * @throws {RondoError} ERR_VIRTUAL_CLOCK when tasks do not stop running
   */
  runUntilIdle(): void {
    this.#run(this.#paused ? this.#now : Number.POSITIVE_INFINITY);
  }

  /**
   * The same, with a turn of Node's event loop between the turns and before each jump of the
   * clock: async functions and promises that wait for nothing real go on as well. Until it is over
   * this host's executor is the current one; one host at a time can do this.
   */
  async settle(): Promise<void> {
    for (;;) {
      this.#run(this.#now);
      await this.#letOthersRun();
      if (this.#isDue()) continue;
      if (this.#paused || !this.#canSkip(Number.POSITIVE_INFINITY)) return;
      this.#now = this.#timer;
    }
  }

  /** A turn of Node's event loop, in which futures that are awaited become tasks of this host. */
  async #letOthersRun(): Promise<void> {
    const outer = enterExecutor(this.#attached());
    await new Promise((resolve) => setImmediate(resolve));
    enterExecutor(outer);
  }

  /**
   * Spawns a task, runs until it has ended, and gives its value or throws its error.
   * @throws {RondoError} ERR_VIRTUAL_CLOCK when nothing is left that it could wait for
   */
  run<S extends Spawnable>(source: S): ValueOf<S> {
    const task = this.#attached().spawnTask(source);
    const context = { waker: unused, proceed: () => true };
    task.poll(context); // Somebody waits for it: its error is not reported as well.
    this.#run(this.#paused ? this.#now : Number.POSITIVE_INFINITY, () => task.isFinished);
    const value = task.poll(context);
    if (value !== PENDING) return value as ValueOf<S>;
    throw new RondoError(
      'ERR_VIRTUAL_CLOCK',
      `Cannot have the result of task ${task.id}: it waits, and nothing is left to run` +
        (this.#paused ? '; the clock is paused' : ''),
    );
  }

  /** Calls a function with this host's executor as the current one: for `sleep` outside of tasks. */
  enter<T>(call: () => T): T {
    const outer = enterExecutor(this.#attached());
    try {
      return call();
    } finally {
      enterExecutor(outer);
    }
  }

  /** Runs what is ready, going on to deadlines up to `end`, until `done` says so. */
  #run(end: number, done?: () => boolean): void {
    if (this.#running) return; // Inside of a task: its own turn goes on.
    this.#running = true;
    try {
      let turns = 0;
      while (done === undefined || !done()) {
        if (this.#isDue()) {
          this.#turn();
          turns += 1;
          if (turns > this.#turnLimit) throw this.#endlessError();
        } else if (this.#canSkip(end)) this.#now = this.#timer;
        else return;
      }
    } finally {
      this.#running = false;
    }
  }

  #isDue(): boolean {
    return this.#wanted || this.#timer <= this.#now;
  }

  /** Whether the clock may go on to the next timer: in a given time, or since somebody waits. */
  #canSkip(end: number): boolean {
    if (end === Number.POSITIVE_INFINITY) return this.#held && this.#timer < end;
    return this.#timer <= end;
  }

  #turn(): void {
    const executor = this.#attached();
    this.#wanted = false;
    if (this.#timer > this.#now) executor.turn();
    else {
      this.#timer = Number.POSITIVE_INFINITY;
      executor.timerFired();
    }
  }

  #attached(): Executor {
    if (this.#executor !== undefined) return this.#executor;
    throw new RondoError('ERR_VIRTUAL_CLOCK', 'Cannot run tasks: the host has no executor yet');
  }

  #endlessError(): RondoError {
    return new RondoError(
      'ERR_VIRTUAL_CLOCK',
      `Cannot run until idle: tasks were still running after ${this.#turnLimit} turns`,
    );
  }
}

/** Whoever calls `run` is not woken: it looks for itself. */
const unused: Waker = {
  wake(): void {},
  wakeByRef(): void {},
  clone: () => unused,
  drop(): void {},
  willWake: () => true,
};
