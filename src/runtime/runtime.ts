/**
 * An executor with a reactor: everything that tasks need on one thread. Most programs use the
 * thread's default and never make one. A worker thread that does nothing else may `block`: then it
 * sleeps in the driver instead of Node's event loop.
 */
import { setImmediate as immediate } from 'node:timers/promises';
import { RondoError } from '../base/index.ts';
import type { Driver } from '../driver/index.ts';
import {
  enterExecutor,
  Executor,
  type ErrorOf,
  type JoinHandle,
  type Spawnable,
  type SpawnOptions,
  type ValueOf,
} from '../task/index.ts';
import { BlockingHost } from './blocking-host.ts';
import { makeReactor, provideReactor, reactorIfAny, reactorOf } from './current.ts';
import { resolveRuntimeOptions, type RuntimeOptions } from './options.ts';
import type { Reactor } from './reactor.ts';

/** While tasks block and are never idle, the event loop has a turn after so many milliseconds. */
const LOOP_MS = 2;

/** See the head of this file. */
export class Runtime implements AsyncDisposable {
  readonly executor: Executor;
  readonly #host: BlockingHost;
  #closed: Promise<void> | undefined;

  /** @throws {TypeError | RangeError} ERR_OPTION_… for options that are wrong */
  constructor(options: RuntimeOptions = {}) {
    const resolved = resolveRuntimeOptions(options);
    this.#host = new BlockingHost();
    this.executor = new Executor(this.#host, resolved.executor);
    this.#host.attach(this.executor);
    provideReactor(this.executor, () => {
      if (this.#closed !== undefined) throw closedError();
      return makeReactor(this.executor, resolved);
    });
  }

  /**
   * Its reactor, made now if it is the first time.
   * @throws {RondoError} ERR_DRIVER_UNAVAILABLE, ERR_RUNTIME_STATE after `close`
   */
  get reactor(): Reactor {
    return reactorOf(this.executor);
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

  /**
   * Runs a task inside of Node's event loop; resolves or rejects as the task ends.
   *
   * @example
   * await using runtime = new Runtime();
   * await runtime.run(function* () { yield* sleep(10); });
   */
  async run<S extends Spawnable>(main: S, options?: SpawnOptions): Promise<ValueOf<S>> {
    return this.spawn(main, options);
  }

  /**
   * Calls a function with this runtime as the current one: what it spawns, listens to or connects
   * belongs here.
   */
  enter<T>(body: () => T): T {
    const outer = enterExecutor(this.executor);
    try {
      return body();
    } finally {
      enterExecutor(outer);
    }
  }

  /**
   * The same for a thread that has little else to do: while no task is ready it sleeps in the
   * driver instead of Node's event loop, which saves a system call or two each time. The event loop
   * has a turn when it has something to do, so promises, timers and messages go on. The thread
   * does not exit while the task waits. Where the driver cannot wait it is the same as `run`.
   */
  async block<S extends Spawnable>(main: S, options?: SpawnOptions): Promise<ValueOf<S>> {
    const task = this.spawn(main, options);
    // Listened to from the beginning: its error is not one that nobody waits for.
    const settled = Promise.resolve(task);
    settled.catch(() => undefined);
    const { driver } = this.reactor;
    if (driver.canWait && !this.#host.isBlocking) {
      this.#host.begin();
      try {
        await this.#drive(driver, task);
      } finally {
        this.#host.end();
      }
    }
    return settled;
  }

  /** Turns the executor, and waits, until the task has ended. */
  async #drive(driver: Driver, main: JoinHandle<unknown>): Promise<void> {
    const host = this.#host;
    /** When the event loop has had its last turn, and whether nothing has run since. */
    let visited = Number.NEGATIVE_INFINITY;
    let quiet = false;
    while (!main.isFinished) {
      quiet &&= !host.wanted && host.deadline > host.now();
      host.wanted = false;
      if (host.deadline <= host.now()) this.executor.timerFired();
      else this.executor.turn();
      // What tasks have settled goes on before the thread sleeps.
      await Promise.resolve();
      if (main.isFinished) return;
      const rest = host.wanted ? 0 : Math.max(0, host.deadline - host.now());
      // Promises may have more to do than one round, which nothing here can see. So the thread
      // sleeps at length only when the event loop has had a turn and nothing came of it.
      const delivered = driver.wait(quiet ? rest : Math.min(rest, LOOP_MS));
      quiet = false;
      if (delivered > 0 && host.now() - visited < LOOP_MS) continue;
      await immediate();
      visited = host.now();
      quiet = true;
    }
  }

  /**
   * Cancels all tasks, waits until they have cleaned up, and gives everything back. Idempotent.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.executor.close();
    await reactorIfAny(this.executor)?.close();
  }

  /** The same as `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function closedError(): RondoError {
  return new RondoError('ERR_RUNTIME_STATE', 'Cannot use the runtime: it was closed');
}
