/**
 * What `yield*` runs on a future: an iterator whose every step polls. A future that is ready at
 * once costs no suspension; one that is not hands the same frozen result to the executor each time,
 * so that waiting allocates one small object per `yield*` and nothing per poll.
 */
import { currentContext } from './current.ts';
import { PENDING, type Future, type Suspension } from './future.ts';

/** Yielded while the future is pending: go on with `next`. */
export const SUSPENDED: Suspension<never> = Object.freeze({});
/** Yielded while a cancelled future still holds something: go on with `return`. */
export const CANCELLING: Suspension<never> = Object.freeze({});

const suspended = Object.freeze({ done: false as const, value: SUSPENDED });
const cancelling = Object.freeze({ done: false as const, value: CANCELLING });

/** The iterator of one `yield*`. */
export class Await<T, E> implements Iterator<Suspension<E>, T, void> {
  readonly #future: Future<T, E>;

  constructor(future: Future<T, E>) {
    this.#future = future;
  }

  next(): IteratorResult<Suspension<E>, T> {
    const value = this.#future.poll(currentContext());
    return value === PENDING ? suspended : { done: true, value };
  }

  /** The coroutine is being cancelled: so is what it waits for, and it waits until that is over. */
  return(value?: T): IteratorResult<Suspension<E>, T> {
    const ended = this.#future.cancel?.(currentContext());
    // What a cancelled coroutine returns is looked at by nobody.
    return ended === PENDING ? cancelling : { done: true, value: value as T };
  }
}
