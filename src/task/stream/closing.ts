/** How something that holds other things comes to its end: it gives all of them up first. */
import { PENDING, type Context, type Poll } from '../future/index.ts';

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
