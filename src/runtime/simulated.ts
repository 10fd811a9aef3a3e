/**
 * A runtime in which nothing is real: the simulated driver is its network, its files and its clock,
 * and chance is drawn from a seed. So a program with timers, sockets and faults runs in no time,
 * and the same seed gives the same run. Tasks run until none is ready, only then does time go on.
 */
import { setImmediate as immediate } from 'node:timers/promises';
import { integerOption, RondoError, SeededRandom, rejectUnknown } from '../base/index.ts';
import {
  simulate,
  type SimulatedDriver,
  type SimulatedFaults,
  type SimulationOptions,
} from '../driver/index.ts';
import {
  enterExecutor,
  Executor,
  type ErrorOf,
  type ExecutorOptions,
  type Host,
  type JoinHandle,
  type Spawnable,
  type SpawnOptions,
  type TurnTime,
  type ValueOf,
} from '../task/index.ts';
import { provideReactor, reactorOf } from './current.ts';
import { outcomeOf } from './outcome.ts';
import { Reactor, type CompletionSink, type Resubmission } from './reactor.ts';

const MIB = 1024 * 1024;

/** Turns of the event loop that promises have to settle before a run counts as stalled. */
const PATIENCE = 8;

/** How a simulated runtime is made; all optional. */
export interface SimulatedRuntimeOptions {
  /** What all chance is drawn from, 0 to 2^32-1. @default 1 */
  readonly seed?: number;
  /** What goes wrong, and how often. @default nothing */
  readonly faults?: SimulatedFaults;
  /** Of its executor. @default chance from the seed */
  readonly executor?: ExecutorOptions;
  /** Of its driver. @default 256 connections, 64 receive buffers of 4096 bytes */
  readonly driver?: Omit<SimulationOptions, 'handler' | 'seed' | 'faults'>;
  /** Bytes for what is sent, written and read, 64 KiB to 1 GiB. @default 1 MiB */
  readonly memory?: number;
  /** Virtual milliseconds that a run may take, 1 to 2^53-1. @default one day */
  readonly limitMs?: number;
}

/** Makes a simulated runtime. @throws {TypeError | RangeError} ERR_OPTION_… for wrong options */
export function simulateRuntime(options: SimulatedRuntimeOptions = {}): SimulatedRuntime {
  return new SimulatedRuntime(options);
}

/** See the head of this file. */
export class SimulatedRuntime implements AsyncDisposable {
  /** The seed that replays this run. */
  readonly seed: number;
  readonly executor: Executor;
  readonly reactor: Reactor;
  readonly #driver: SimulatedDriver;
  readonly #host: SimulatedHost;
  readonly #limit: number;

  /** Use `simulateRuntime`. */
  constructor(options: SimulatedRuntimeOptions) {
    const known = ['seed', 'faults', 'executor', 'driver', 'memory', 'limitMs'];
    rejectUnknown('simulateRuntime', options, known);
    this.seed = integerOption('seed', options.seed, 1, 0, 0xffffffff);
    const memory = integerOption('memory', options.memory, MIB, 65536, 1024 * MIB);
    const day = 24 * 3600 * 1000;
    this.#limit = integerOption('limitMs', options.limitMs, day, 1, Number.MAX_SAFE_INTEGER);
    this.#host = new SimulatedHost();
    const random = new SeededRandom(this.seed);
    this.executor = new Executor(this.#host, { name: 'simulated', random, ...options.executor });
    let driver: SimulatedDriver | undefined;
    this.reactor = new Reactor({
      executor: this.executor,
      name: 'simulated',
      memory: Math.ceil(memory / 4096) * 4096,
      makeDriver: (handler) => {
        driver = simulate({
          connections: 256,
          buffers: 64,
          bufferSize: 4096,
          ...options.driver,
          seed: this.seed,
          faults: options.faults ?? {},
          handler,
        });
        return driver;
      },
    });
    this.#driver = driver!;
    this.#host.attach(this.reactor);
    provideReactor(this.executor, () => this.reactor);
    reactorOf(this.executor);
  }

  /** Milliseconds of virtual time since the beginning. */
  now(): number {
    return this.#driver.now();
  }

  /** What the executor and the reactor had to warn of. */
  get warnings(): readonly string[] {
    return this.#host.warnings;
  }

  /** Starts a task. @throws {RondoError} ERR_TASK_LIMIT, ERR_EXECUTOR_CLOSED */
  spawn<S extends Spawnable>(
    source: S,
    options?: SpawnOptions,
  ): JoinHandle<ValueOf<S>, ErrorOf<S>> {
    return this.executor.spawnTask(source, options) as unknown as JoinHandle<
      ValueOf<S>,
      ErrorOf<S>
    >;
  }

  /** Calls a function with this runtime as the current one. */
  enter<T>(body: () => T): T {
    const outer = enterExecutor(this.executor);
    try {
      return body();
    } finally {
      enterExecutor(outer);
    }
  }

  /**
   * Does one thing: lets tasks that are ready run, or the next thing happen in the simulated world.
   * False when neither is left.
   */
  step(): boolean {
    const { wanted } = this.#host;
    if (wanted !== undefined) {
      this.#host.wanted = undefined;
      if (this.#host.fired) {
        this.#host.fired = false;
        this.executor.timerFired();
      } else {
        this.executor.turn();
      }
      // A turn that was cut short: the world goes on beside tasks that are always ready. The
      // executor looks at its timers by itself then, but here time passes for timers alone.
      if (wanted === 'later') {
        this.#host.expect(this.executor.timers.nextDeadline());
        this.#driver.turn();
      }
      return true;
    }
    if (this.#driver.idle) return false;
    this.#driver.turn();
    return true;
  }

  /**
   * Runs a task to its end; resolves or rejects as it does. Promises that settle without the
   * outside may be waited for, but nothing real.
   * @throws {RondoError} ERR_RUNTIME_STALLED when the task waits for what can never come, or when
   *   the run takes longer than its limit
   */
  async run<S extends Spawnable>(main: S, options?: SpawnOptions): Promise<ValueOf<S>> {
    const task = this.spawn(main, options);
    await this.#until(() => task.isFinished, this.now() + this.#limit, 'the task');
    return outcomeOf<ValueOf<S>>(task);
  }

  async #until(done: () => boolean, end: number, what: string): Promise<void> {
    let idle = 0;
    while (!done()) {
      if (this.step()) {
        idle = 0;
        if (this.now() > end) throw this.#stalled(`${what} goes on past the limit of the run`);
        continue;
      }
      if (idle === PATIENCE) throw this.#stalled(`${what} waits for what can never come`);
      idle += 1;
      await immediate();
    }
  }

  #stalled(why: string): RondoError {
    const names = [...this.executor.tasks()].map(({ id, name }) => `${id}${name && ` ${name}`}`);
    return new RondoError(
      'ERR_RUNTIME_STALLED',
      `Cannot go on at ${this.now()} ms with seed ${this.seed}: ${why}; ` +
        `tasks: ${names.slice(0, 16).join(', ') || 'none'}, in flight: ${this.reactor.flying}`,
    );
  }

  /** Cancels all tasks, lets them clean up, and gives everything back. Idempotent. */
  async close(): Promise<void> {
    let ended = false;
    const closing = this.executor.close().then(() => (ended = true));
    await this.#until(() => ended, Number.POSITIVE_INFINITY, 'closing');
    await closing;
    await this.reactor.close();
  }

  /** The same as `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** The one timer is a timeout of the driver, so that one clock moves everything. */
class SimulatedHost implements Host, CompletionSink, Resubmission {
  wanted: TurnTime | undefined;
  readonly warnings: string[] = [];
  /** The timer has fired, and the executor has not been told. */
  fired = false;
  #reactor: Reactor | undefined;
  #timer = 0;
  #deadline = Number.POSITIVE_INFINITY;

  attach(reactor: Reactor): void {
    this.#reactor = reactor;
  }

  now(): number {
    return this.#reactor?.driver.now() ?? 0;
  }

  requestTurn(when: TurnTime): void {
    this.wanted = when;
  }

  /** The clock must not stop short of this. */
  expect(deadline: number): void {
    if (deadline < this.#deadline) this.setTimer(deadline);
  }

  setTimer(deadline: number): void {
    const reactor = this.#reactor!;
    if (this.#timer > 0) reactor.driver.cancel(this.#timer);
    this.#timer = 0;
    this.#deadline = deadline;
    reactor.forgetRefused(this);
    this.resubmit();
  }

  resubmit(): boolean {
    const reactor = this.#reactor!;
    if (this.#deadline === Number.POSITIVE_INFINITY || reactor.isClosed) return true;
    const delay = Math.min(0x7fffffff, Math.max(0, this.#deadline - this.now()));
    const token = reactor.take(this);
    const id = reactor.driver.timeout(delay, token);
    if (id > 0) {
      this.#timer = id;
      return true;
    }
    reactor.giveBack(token);
    reactor.refused(this);
    return false;
  }

  completed(result: number): void {
    if (this.now() < this.#deadline) {
      // The longest that the driver has; what was cancelled brings an errno, or one timer too many.
      if (result === 0) this.resubmit();
      return;
    }
    this.#deadline = Number.POSITIVE_INFINITY;
    this.#timer = 0;
    this.fired = true;
    this.wanted ??= 'soon';
  }

  holdTimer(): void {
    // A simulation ends with its program.
  }

  report(error: unknown): void {
    // oxlint-disable-next-line no-promise-in-callback -- It is the promise that is wanted.
    void Promise.reject(error);
  }

  warn(message: string): void {
    this.warnings.push(message);
  }
}
