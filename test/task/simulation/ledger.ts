/**
 * What a random program did, in the order in which it did it, and what must be true of that:
 *
 *  1. A wait that ought to be over is over when nothing is left to run at that moment: no wake is
 *     lost. Each wait says by its naive model when it ought to be over.
 *  2. Every future that was polled came to its end or was given up until it let go.
 *  3. Every error of the program surfaces: through a handle any number of times, elsewhere at most
 *     once, and at least once in all.
 *  4. Every `finally` ran once.
 */
import type { Executor, Task } from '../../../src/task/index.ts';

/** An error of the program itself; all others are the library's, or a failure of the test. */
export class ProgramError extends Error {
  readonly number: number;
  constructor(number: number) {
    super(`error ${number} of the program`);
    this.number = number;
  }
}

/** The program's own errors in an error, however deep. */
export function ownErrors(error: unknown): ProgramError[] {
  if (error instanceof ProgramError) return [error];
  return error instanceof AggregateError ? error.errors.flatMap(ownErrors) : [];
}

/** A wait that has begun and is not over. */
export interface OpenWait {
  readonly what: string;
  /** Why it ought to be over, if so. Asked when nothing is left to run. */
  overdue(): string | undefined;
}

/** Where an error came out. */
interface Surfacings {
  elsewhere: number;
  throughHandles: number;
}

const EVENTS_SHOWN = 60;

/** See the head of this file. */
export class Ledger {
  readonly open: Set<OpenWait> = new Set();
  readonly failures: string[] = [];
  /** Of all events and their times: the same program has the same. */
  hash = 0x811c9dc5;
  events = 0;
  /** `finally` blocks that are still to run. */
  finallyLeft = 0;
  readonly #executor: Executor;
  readonly #last: string[] = [];
  readonly #errors = new Map<ProgramError, Surfacings>();
  /** Wakers that are kept, by task. */
  readonly #wakers = new Map<Task, number>();
  #numbers = 0;

  constructor(executor: Executor) {
    this.#executor = executor;
    executor.wakerCloned = (task) => this.#count(task, 1);
    executor.wakerDropped = (task) => this.#count(task, -1);
  }

  get now(): number {
    return this.#executor.now();
  }

  /** A number that nothing else has: messages, values. */
  number(): number {
    this.#numbers += 1;
    return this.#numbers;
  }

  /** Something happened. */
  note(what: string): void {
    const event = `${this.now} #${this.#executor.running?.id ?? 0} ${what}`;
    let hash = this.hash;
    for (let i = 0; i < event.length; i++) {
      hash = Math.imul(hash ^ event.charCodeAt(i), 0x01000193);
    }
    this.hash = hash >>> 0;
    this.events += 1;
    if (this.#last.length === EVENTS_SHOWN) this.#last.shift();
    this.#last.push(event);
  }

  fail(why: string): void {
    this.failures.push(`at ${this.now}, task ${this.#executor.running?.id ?? 0}: ${why}`);
  }

  expect(condition: boolean, why: string): void {
    if (!condition) this.fail(why);
  }

  /** Throws what is wrong so far. */
  throwFailures(): void {
    if (this.failures.length === 0) return;
    throw new Error(`${this.failures.join('\n')}\nevents:\n${this.#last.join('\n')}`);
  }

  // ---- errors

  /** Makes an error, which is about to be thrown. */
  makeError(): ProgramError {
    const error = new ProgramError(this.number());
    this.#errors.set(error, { elsewhere: 0, throughHandles: 0 });
    this.note(`throws ${error.number}`);
    return error;
  }

  /** An error came out and goes no further. `asExpected`: so may errors of the library. */
  caught(error: unknown, codes: readonly string[]): void {
    for (const own of this.#checked(error, codes)) this.#errors.get(own)!.elsewhere += 1;
  }

  /** An error was thrown to one who waits for a task; others may get the same. */
  awaited(error: unknown, codes: readonly string[]): void {
    for (const own of this.#checked(error, codes)) this.#errors.get(own)!.throughHandles += 1;
  }

  #checked(error: unknown, codes: readonly string[]): ProgramError[] {
    this.#assertExpected(error, codes);
    const own = ownErrors(error);
    for (const { number } of own) this.note(`surfaces ${number}`);
    if (new Set(own).size < own.length) this.fail(`${String(error)} has an error twice`);
    return own;
  }

  #assertExpected(error: unknown, codes: readonly string[]): void {
    if (error instanceof ProgramError) return;
    const { code } = error as { code?: string };
    if (error instanceof AggregateError) {
      for (const each of error.errors) this.#assertExpected(each, codes);
    } else if (code === undefined || !codes.includes(code)) {
      this.fail(`an error that was not expected: ${(error as Error)?.stack ?? String(error)}`);
    }
  }

  // ---- checks

  /** The largest number behind that name of all waits that are open. */
  largestOpen(name: string): number {
    let largest = 0;
    for (const { what } of this.open) {
      if (what.startsWith(name)) largest = Math.max(largest, Number(what.slice(name.length)));
    }
    return largest;
  }

  #count(task: Task, change: number): void {
    const count = (this.#wakers.get(task) ?? 0) + change;
    if (count < 0) this.fail(`task ${task.id}: a waker is dropped that nobody keeps`);
    if (count === 0) this.#wakers.delete(task);
    else this.#wakers.set(task, count);
  }

  /** Nothing is left to run at this moment. */
  checkWaits(): void {
    for (const wait of this.open) {
      const why = wait.overdue();
      if (why !== undefined) this.fail(`${wait.what} ought to be over: ${why}`);
    }
  }

  /** The program is over. */
  checkEnd(reported: readonly unknown[], codes: readonly string[]): void {
    for (const error of reported) this.caught(error, codes);
    for (const [{ number }, { elsewhere, throughHandles }] of this.#errors) {
      this.expect(elsewhere <= 1, `error ${number} surfaced ${elsewhere} times`);
      this.expect(elsewhere + throughHandles > 0, `error ${number} was lost`);
    }
    for (const { what } of this.open) this.fail(`${what} was neither over nor given up`);
    for (const [{ id, name }, count] of this.#wakers) {
      this.fail(`${count} wakers are left of task ${id} ${name}`);
    }
    this.expect(this.finallyLeft === 0, `${this.finallyLeft} finally blocks did not run`);
    const { timers, living } = this.#executor;
    this.expect(living === 0, `${living} tasks live on`);
    this.expect(timers.size === 0, `${timers.size} timers are left`);
  }
}
