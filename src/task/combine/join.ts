/** Waiting for all of several futures. Each is polled when it was woken, not when another was. */
import {
  BaseFuture,
  isFuture,
  PENDING,
  toFuture,
  type Awaitable,
  type Context,
  type Future,
  type Poll,
} from '../future/index.ts';
import { misuse } from '../../base/index.ts';
import { asOneError, TakingBack } from '../stream/closing.ts';
import { ReadySet } from '../stream/ready-set.ts';

type Value<A> = A extends Awaitable<infer T> ? T : never;
type Thrown<A> = A extends Future<unknown, infer E> ? E : unknown;

/** How one of several futures ended. */
export type Outcome<T, E = unknown> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

/**
 * Waits for all futures of an array, tuple or object and gives their values in the same shape. When
 * one throws, the others are given up, and it throws that error when they have ended; values that
 * came before go back (`Future.takeBack`): connections are closed, locks released.
 *
 * @throws {TypeError} ERR_TASK_KIND for what is no array or object, or holds what cannot be awaited
 * @example
 * const [user, orders] = yield* join([loadUser(id), loadOrders(id)]);
 */
export function join<const A extends readonly Awaitable<unknown>[]>(
  futures: A,
): BaseFuture<{ -readonly [K in keyof A]: Value<A[K]> }, Thrown<A[number]>>;
/** The same for the properties of an object. */
export function join<A extends Readonly<Record<string, Awaitable<unknown>>>>(
  futures: A,
): BaseFuture<{ -readonly [K in keyof A]: Value<A[K]> }, Thrown<A[keyof A]>>;
export function join(
  futures: readonly Awaitable<unknown>[] | Readonly<Record<string, Awaitable<unknown>>>,
): BaseFuture<unknown> {
  if (typeof futures !== 'object' || futures === null || isFuture(futures)) {
    throw misuse('ERR_TASK_KIND', 'Cannot join: it must be an array or object of futures');
  }
  return Array.isArray(futures)
    ? new Join(futures as readonly Awaitable<unknown>[], undefined, false)
    : new Join(Object.values(futures), Object.keys(futures), false);
}

/** Waits for all futures, however each ends; throws nothing. */
export function joinSettled<const A extends readonly Awaitable<unknown>[]>(
  futures: A,
): BaseFuture<{ -readonly [K in keyof A]: Outcome<Value<A[K]>, Thrown<A[K]>> }, never> {
  return new Join(futures, undefined, true) as unknown as BaseFuture<
    { -readonly [K in keyof A]: Outcome<Value<A[K]>, Thrown<A[K]>> },
    never
  >;
}

class Child {
  readonly future: Future<unknown>;
  readonly place: number;
  constructor(future: Future<unknown>, place: number) {
    this.future = future;
    this.place = place;
  }
  cancel(context: Context): Poll<void> {
    return this.future.cancel?.(context);
  }
}

class Join extends BaseFuture<unknown> {
  readonly #set = new ReadySet<Child>();
  /** Those that gave values. */
  readonly #givers: (Future<unknown> | undefined)[];
  readonly #values: unknown[];
  readonly #keys: readonly string[] | undefined;
  readonly #settles: boolean;
  #error: unknown;
  #failed = false;
  readonly #errors: unknown[] = [];
  #takingBack: TakingBack | undefined;
  #isOver = false;

  constructor(
    futures: readonly Awaitable<unknown>[],
    keys: readonly string[] | undefined,
    settles: boolean,
  ) {
    super();
    this.#values = new Array<unknown>(futures.length).fill(undefined);
    this.#givers = new Array<Future<unknown> | undefined>(futures.length).fill(undefined);
    this.#keys = keys;
    this.#settles = settles;
    for (const [place, future] of futures.entries()) {
      this.#set.add(new Child(toFuture(future), place));
    }
  }

  poll(context: Context): Poll<unknown> {
    if (!this.#failed) this.#pollWoken(context);
    if (this.#failed) return this.#fail(context);
    if (this.#set.size > 0) return PENDING;
    this.#isOver = true;
    const keys = this.#keys;
    if (keys === undefined) return this.#values;
    return Object.fromEntries(keys.map((key, place) => [key, this.#values[place]]));
  }

  #pollWoken(context: Context): void {
    const set = this.#set;
    set.enter(context);
    for (let slot; (slot = set.take()) !== undefined;) {
      const { future, place } = slot.child;
      try {
        const value = future.poll(slot);
        if (value === PENDING) continue;
        set.remove(slot);
        this.#givers[place] = future;
        this.#values[place] = this.#settles ? { ok: true, value } : value;
      } catch (error) {
        set.remove(slot);
        if (this.#settles) {
          this.#values[place] = { ok: false, error };
          continue;
        }
        this.#failed = true;
        this.#error = error;
        return;
      }
    }
  }

  /** The others end; what they throw meanwhile stands beside the first error. */
  #fail(context: Context): typeof PENDING {
    try {
      this.#set.cancel(context);
    } catch (error) {
      this.#error = asOneError([this.#error, error]);
    }
    if (this.#set.size > 0) return PENDING;
    if (this.#dropValues(context, [this.#error]) === PENDING) return PENDING;
    throw this.#error;
  }

  /** What it gave goes back to those who gave it. */
  takeBack(): TakingBack {
    return this.#goBack([]);
  }

  #goBack(errors: unknown[]): TakingBack {
    const back = new TakingBack(errors);
    for (const [place, giver] of this.#givers.entries()) {
      const value = this.#values[place];
      const given = this.#settles ? (value as { value?: unknown } | undefined)?.value : value;
      if (giver !== undefined) back.add(giver, given);
    }
    return back;
  }

  /** The values that came go back: nobody receives them. Throws `errors`, and what went wrong. */
  #dropValues(context: Context, errors: unknown[]): Poll<void> {
    this.#takingBack ??= this.#goBack(errors);
    try {
      const back = this.#takingBack.poll(context);
      if (back === undefined) this.#failed = false;
      return back;
    } catch (error) {
      this.#failed = false; // It is over: giving it up does nothing any more.
      throw error;
    }
  }

  /** One had failed already: its error is thrown all the same. */
  cancel(context: Context): Poll<void> {
    if (this.#isOver) return undefined;
    if (this.#failed) return this.#fail(context);
    if (this.#takingBack === undefined && this.#cancelRest(context) === PENDING) return PENDING;
    return this.#dropValues(context, this.#errors);
  }

  #cancelRest(context: Context): Poll<void> {
    try {
      return this.#set.cancel(context);
    } catch (error) {
      this.#errors.push(error);
      return undefined;
    }
  }
}
