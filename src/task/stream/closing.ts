/** How something that holds other things comes to its end: it gives all of them up first. */
import { PENDING, type Context, type Future, type Poll } from '../future/index.ts';

/** What can be given up: a future, a stream, a set of either. */
export interface Cancellable {
  cancel?(context: Context): Poll<void>;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : `a ${typeof error}`;
}

/** One error for several: itself when it is the only one. */
export function asOneError(errors: readonly unknown[]): unknown {
  if (errors.length === 1) return errors[0];
  const first = errors.slice(0, 3).map(messageOf).join('; ');
  const message = `${errors.length} errors came together: ${first}${errors.length > 3 ? '; …' : ''}`;
  return Object.assign(new AggregateError(errors, message), { code: 'ERR_TASK_ERRORS' as const });
}

/** Values that nobody receives, on their way back to the futures that gave them. */
export class TakingBack implements Future<void> {
  readonly #rest: Future<unknown>[] = [];
  readonly #errors: unknown[];

  /** `errors` are those of before: they are thrown at the end. */
  constructor(errors: unknown[] = []) {
    this.#errors = errors;
  }

  /** A value that `future` gave. */
  add(future: Future<unknown>, value: unknown): void {
    try {
      const rest = future.takeBack?.(value);
      if (rest !== undefined) this.#rest.push(rest);
    } catch (error) {
      this.#errors.push(error);
    }
  }

  /** Waits until everything is back; throws what went wrong. */
  poll(context: Context): Poll<void> {
    for (let at = this.#rest.length - 1; at >= 0; at--) {
      try {
        if (this.#rest[at]!.poll(context) === PENDING) continue;
      } catch (error) {
        this.#errors.push(error);
      }
      this.#rest.splice(at, 1);
    }
    if (this.#rest.length > 0) return PENDING;
    if (this.#errors.length > 0) throw asOneError(this.#errors.splice(0));
    return undefined;
  }
}

/**
 * The last phase of a stream or future. `poll` gives up what is still held, all of it at once, and
 * when nothing is left it gives the outcome: the result, or what was thrown, here or on the way.
 */
export class Closing<R> {
  #held: readonly Cancellable[];
  #errors: unknown[];
  readonly #result: R;

  /** Whoever is over already may be among the held: to be given up is nothing to them. */
  constructor(held: readonly Cancellable[], result: R, errors: unknown[] = []) {
    this.#held = held;
    this.#result = result;
    this.#errors = errors;
  }

  poll(context: Context): Poll<R> {
    if (this.#held.length > 0) {
      this.#held = this.#held.filter((one) => !this.#isGone(one, context));
      if (this.#held.length > 0) return PENDING;
    }
    if (this.#errors.length === 0) return this.#result;
    const error = asOneError(this.#errors);
    this.#errors = [];
    throw error;
  }

  #isGone(one: Cancellable, context: Context): boolean {
    try {
      return one.cancel?.(context) !== PENDING;
    } catch (error) {
      this.#errors.push(error);
      return true;
    }
  }
}
