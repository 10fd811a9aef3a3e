/**
 * The contract of asynchronous values. Everything in Rondo that waits is a future, every executor
 * polls futures in this way, and one may be written by hand: an object with `poll` is enough.
 *
 *  1. A future does nothing until it is polled; each poll goes as far as it can without waiting.
 *  2. `poll` returns the value, throws the error, or returns `PENDING`. With `PENDING` it has kept
 *     the waker of *this* poll (an earlier one may be another task's) and will wake it when going
 *     on makes sense. Waking too often is harmless, once too seldom is a task that hangs.
 *  3. A future that gave its value or threw is over: it is never polled again.
 *  4. Who gives a future up before it is over calls `cancel`, where there is one, until it returns
 *     something else than `PENDING`; then the future is over and holds nothing any more. Giving up
 *     a future that was never polled costs a call of `cancel` too: it may hold a place in a queue.
 *     `cancel` of a future that is over does nothing.
 *  5. A value that nobody receives is handed back: who drops what a future gave (a `select` that was
 *     given up while its losers let go) calls `takeBack` with it, where there is one. Futures have
 *     it whose value is new and somebody's to close: a connection, an open file, a lock.
 *  6. All of that happens on one thread. Only a `RemoteWaker` may be used from others.
 */

/** What `poll` returns while there is no value yet. */
export const PENDING: unique symbol = Symbol('rondo.pending');

/** The value of a future, or `PENDING`. */
export type Poll<T> = T | typeof PENDING;

/**
 * A value that comes later. `T` is the value; `E` is what `poll` may throw, as far as it is known
 * (a hint for `attempt` and for readers: TypeScript does not check what is thrown).
 */
export interface Future<T, E = unknown> {
  /** See rules 2 and 3 above. */
  poll(context: Context): Poll<T>;
  /** See rule 4. Absent where giving up needs nothing. */
  cancel?(context: Context): Poll<void>;
  /** See rule 5: closes or releases the value; gives what there is to wait for, if anything. */
  takeBack?(value: T): Future<unknown> | undefined;
  /** Never there: carries `E` through inference. */
  readonly '~error'?: E;
}

/** What a poll is given: whom to wake, and how much may be done before others have their turn. */
export interface Context {
  readonly waker: Waker;
  /**
   * Takes one unit of the poll's budget: every operation of the library that could go on for ever
   * without waiting asks first. False when it is used up: the task was woken, return `PENDING`.
   */
  proceed(): boolean;
  /** Why the task is being cancelled, while it is: for the error that its coroutines see. */
  readonly reason?: unknown;
  /** True when the task was cancelled and has had its time for cleaning up. */
  readonly isGraceOver?: boolean;
}

/**
 * Wakes a task: it is polled again, once, however often it was woken before that poll. After the
 * task's end, waking does nothing. Keep the waker itself while one place keeps it; whoever needs a
 * second one to keep takes a `clone`, and `drop`s what it does not need any more. On an executor
 * of Rondo the two only count (a task that waits and that nobody can wake is shown as lost);
 * a waker of other make may do more.
 */
export interface Waker {
  /** Wakes and drops. */
  wake(): void;
  /** Wakes and keeps. */
  wakeByRef(): void;
  /** Another waker of the same task. */
  clone(): Waker;
  /** This one will not be used any more. */
  drop(): void;
  /** True when waking `other` does the same as waking this one: it needs not be exchanged. */
  willWake(other: Waker): boolean;
}

declare const suspends: unique symbol;

/** What a coroutine yields while it waits; made by `yield*` on futures, never by hand. */
export interface Suspension<E = unknown> {
  /** So that a `yield` which should be a `yield*` does not compile. Never there. */
  readonly [suspends]: true;
  /** Never there: carries `E` through inference. */
  readonly '~error'?: E;
}

/**
 * What a generator function gives whose waits are `yield*`: the other way to write a future.
 *
 * @example
 * function* greet(name: string): Coroutine<string> {
 *   yield* sleep(10);
 *   return `Hello ${name}`;
 * }
 */
export type Coroutine<T, E = unknown> = Generator<Suspension<E>, T, void>;
