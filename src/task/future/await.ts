/**
 * What `yield*` runs on a future: an iterator whose every step polls. A future that is ready at
 * once costs no suspension; one that is not hands the same frozen result to the executor each time,
 * so that waiting allocates one small object per `yield*` and nothing per poll.
 */
import { currentContext } from './current.ts';
import { PENDING, type Future, type Suspension } from './future.ts';

/** Yielded while the future is pending, or what was given up still holds something. */
export const SUSPENDED: Suspension<never> = Object.freeze({}) as Suspension<never>;

const suspended = Object.freeze({ done: false as const, value: SUSPENDED });

/** The iterator of one `yield*`. */
export class Await<T, E> implements Iterator<Suspension<E>, T, void> {
  readonly #future: Future<T, E>;
  /** What is thrown when the future, which is being given up, has let go. */
  #ending: unknown = undefined;

  constructor(future: Future<T, E>) {
    this.#future = future;
  }

  next(): IteratorResult<Suspension<E>, T> {
    if (this.#ending !== undefined) return this.throw(this.#ending);
    const value = this.#future.poll(currentContext());
    return value === PENDING ? suspended : { done: true, value };
  }

  /** The coroutine is being cancelled: so is what it waits for, and only then `error` is thrown. */
  throw(error: unknown): IteratorResult<Suspension<E>, T> {
    this.#ending = error;
    if (this.#future.cancel?.(currentContext()) === PENDING) return suspended;
    throw error;
  }

  /** The same without an error: the coroutine ends here, come what may. */
  return(value?: T): IteratorResult<Suspension<E>, T> {
    if (this.#future.cancel?.(currentContext()) === PENDING) return suspended;
    // What a coroutine returns that was ended is looked at by nobody.
    return { done: true, value: value as T };
  }
}
