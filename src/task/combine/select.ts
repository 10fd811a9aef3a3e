/** Waiting for the first of several futures. */
import { misuse, rejectUnknown, systemRandom, type Random } from '../../base/index.ts';
import { runningExecutor } from '../executor/current.ts';
import { Task } from '../executor/task.ts';
import {
  BaseFuture,
  PENDING,
  toFuture,
  type Awaitable,
  type Context,
  type Future,
  type Poll,
} from '../future/index.ts';
import { Closing, TakingBack } from '../stream/closing.ts';

/** The branches of `select`; `undefined` is a branch that is switched off. */
export type Branches = Readonly<Record<string, Awaitable<unknown> | undefined>>;

type BranchValue<B> = B extends Awaitable<infer T> ? T : never;
type BranchError<B> = B extends Future<unknown, infer E> ? E : unknown;

/** Which branch was first, and its value: a union, told apart by `key`. */
export type Selected<B extends Branches> = {
  [K in keyof B & string]: { readonly key: K; readonly value: BranchValue<NonNullable<B[K]>> };
}[keyof B & string];

/** Options of `select`. */
export interface SelectOptions {
  /**
   * When several are ready at once, the first in order wins; otherwise chance decides, so that a
   * branch which is always ready cannot keep the others from their turn. @default false
   */
  readonly biased?: boolean;
}

/**
 * Waits for the first of several futures. The others are given up, and it ends when they have
 * ended; wrap one in `borrow` to keep it. When the first to end threw, so does this. Given up itself
 * meanwhile, it hands the value back (`Future.takeBack`): a connection is closed, a lock released.
 *
 * @throws {TypeError} ERR_TASK_KIND when all branches are switched off, or one cannot be awaited
 * @example
 * const first = yield* select({ message: receiver.receive(), tick: sleep(1000) });
 * if (first.key === 'message') handle(first.value);
 */
export function select<B extends Branches>(
  branches: B,
  options: SelectOptions = {},
): BaseFuture<Selected<B>, BranchError<NonNullable<B[keyof B]>>> {
  rejectUnknown('select', options, ['biased']);
  const keys = Object.keys(branches).filter((key) => branches[key] !== undefined);
  if (keys.length === 0) {
    throw misuse('ERR_TASK_KIND', 'Cannot select: at least one branch must be switched on');
  }
  const futures = keys.map((key) => toFuture(branches[key] as Awaitable<unknown>));
  return new Select(futures, keys, options.biased === true) as BaseFuture<
    Selected<B>,
    BranchError<NonNullable<B[keyof B]>>
  >;
}

/**
 * Waits for the first of several futures and gives its value, or throws its error. The others are
 * given up.
 */
export function race<const A extends readonly Awaitable<unknown>[]>(
  futures: A,
): BaseFuture<BranchValue<A[number]>, BranchError<A[number]>> {
  if (futures.length === 0) {
    throw misuse('ERR_TASK_KIND', 'Cannot race: at least one future must be given');
  }
  const all = futures.map((future) => toFuture(future));
  return new Select(all, undefined, false) as BaseFuture<
    BranchValue<A[number]>,
    BranchError<A[number]>
  >;
}

class Select extends BaseFuture<unknown> {
  #futures: Future<unknown>[];
  readonly #keys: readonly string[] | undefined;
  readonly #isBiased: boolean;
  #closing: Closing<unknown> | undefined;
  #won: number = -1;
  /** The one that won, unless it threw, and its value. */
  #winner: Future<unknown> | undefined;
  #value: unknown;
  #takingBack: TakingBack | undefined;
  #isOver = false;

  constructor(futures: Future<unknown>[], keys: readonly string[] | undefined, isBiased: boolean) {
    super();
    this.#futures = futures;
    this.#keys = keys;
    this.#isBiased = isBiased;
  }

  poll(context: Context): Poll<unknown> {
    if (this.#won === -1 && !this.#pollBranches(context)) return PENDING;
    const value = this.#close(context, false);
    if (value === PENDING) return PENDING;
    this.#isOver = true;
    return this.#keys === undefined ? value : { key: this.#keys[this.#won]!, value };
  }

  #pollBranches(context: Context): boolean {
    const futures = this.#futures;
    const count = futures.length;
    let at = this.#isBiased || count === 1 ? 0 : this.#chance().below(count);
    for (let polled = 0; polled < count; polled++) {
      try {
        const value = futures[at]!.poll(context);
        if (value !== PENDING) {
          this.#winner = futures[at];
          this.#value = value;
          this.#settle(at, value, []);
          return true;
        }
      } catch (error) {
        this.#settle(at, undefined, [error]);
        return true;
      }
      at = at + 1 === count ? 0 : at + 1;
    }
    return false;
  }

  #chance(): Random {
    return runningExecutor()?.options.random ?? systemRandom;
  }

  #settle(won: number, value: unknown, errors: unknown[]): void {
    this.#won = won;
    const losers = this.#futures.filter((_, at) => at !== won);
    this.#closing = new Closing(losers, value, errors);
    this.#futures = [];
  }

  /** What it gave goes back to the one that won. */
  takeBack(): TakingBack {
    const back = new TakingBack();
    if (this.#winner !== undefined) back.add(this.#winner, this.#value);
    return back;
  }

  cancel(context: Context): Poll<void> {
    if (this.#isOver) return undefined;
    this.#closing ??= new Closing(this.#futures, undefined);
    this.#futures = [];
    return this.#close(context, true) === PENDING ? PENDING : undefined;
  }

  /** The losers let go; a value that nobody will receive goes back to the winner. */
  #close(context: Context, isGivenUp: boolean): Poll<unknown> {
    if (this.#takingBack === undefined) {
      const errors: unknown[] = [];
      try {
        const value = this.#closing!.poll(context);
        if (value === PENDING || !isGivenUp) return value;
      } catch (error) {
        errors.push(error);
      }
      this.#takingBack = new TakingBack(errors);
      if (this.#winner !== undefined) this.#takingBack.add(this.#winner, this.#value);
    }
    return this.#takingBack.poll(context);
  }
}

class Borrowed<T, E> extends BaseFuture<T, E> {
  readonly #future: Future<T, E>;
  constructor(future: Future<T, E>) {
    super();
    this.#future = future;
  }
  poll(context: Context): Poll<T> {
    return this.#future.poll(context);
  }
  takeBack(value: T): Future<unknown> | undefined {
    return this.#future.takeBack?.(value);
  }
}

/**
 * The same future, lent: giving this up leaves it as it is, so that one future can stand in several
 * `select`s until it is ready. Whoever lent it gives it up in the end.
 */
export function borrow<T, E>(future: Future<T, E>): BaseFuture<T, E> {
  // Giving up the handle of a task gives up the waiting alone, and that must be done.
  return future instanceof Task ? (future as Task<T, E>) : new Borrowed(future);
}
