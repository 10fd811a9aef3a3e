/** Mutual exclusion around a value, strictly fair. */
import { show } from '../../base/index.ts';
import type { BaseFuture } from '../future/index.ts';
import { Guarded, stillHeld, type GuardedBody } from './guarded.ts';
import { Acquisition, PermitPool } from './permits.ts';

/** The right to use what a mutex protects; ends by `release` or with a `using` block. */
export class MutexGuard<T> implements Disposable {
  #mutex: MutexState<T> | undefined;

  /** @internal */
  constructor(mutex: MutexState<T>) {
    this.#mutex = mutex;
  }

  /** What the mutex protects. @throws {TypeError} ERR_SYNC_RELEASED after the release */
  get value(): T {
    return stillHeld(this.#mutex, 'the guard of a mutex').value;
  }

  set value(value: T) {
    stillHeld(this.#mutex, 'the guard of a mutex').value = value;
  }

  /**
   * Lets the next one have it.
   * @throws {TypeError} ERR_SYNC_RELEASED the second time
   */
  release(): void {
    const mutex = stillHeld(this.#mutex, 'the guard of a mutex');
    this.#mutex = undefined;
    mutex.pool.give(1);
  }

  /** Lets the next one have it, unless that was done. */
  [Symbol.dispose](): void {
    if (this.#mutex !== undefined) this.release();
  }
}

interface MutexState<T> {
  readonly pool: PermitPool;
  value: T;
}

class Lock<T> extends Acquisition<MutexGuard<T>, never> {
  readonly #state: MutexState<T>;

  constructor(state: MutexState<T>) {
    super(state.pool, 1);
    this.#state = state;
  }

  protected granted(): MutexGuard<T> {
    return new MutexGuard(this.#state);
  }

  protected refused(): never {
    throw new Error('unreachable: a mutex is never closed');
  }

  takeBack(guard: MutexGuard<T>): undefined {
    guard[Symbol.dispose]();
  }
}

/**
 * A value that one at a time may use, also across waits (between two waits nothing else of the
 * thread runs anyway: what needs no wait needs no mutex). Strictly fair, of one thread, and not
 * reentrant: a holder that locks again waits for itself.
 *
 * @example
 * const connection = new Mutex(yield* connect());
 * using guard = yield* connection.lock();
 * yield* guard.value.request();
 */
export class Mutex<T = undefined> {
  readonly #state: MutexState<T>;

  /** Protects this value, which nothing else should refer to. */
  constructor(...value: [value: T] | (undefined extends T ? [] : never)) {
    this.#state = { pool: new PermitPool(1), value: value[0] as T };
  }

  /** Whether somebody has it, or is about to. */
  get isLocked(): boolean {
    return this.#state.pool.available === 0;
  }

  /** How many wait for it. */
  get waiters(): number {
    return this.#state.pool.waiting.length;
  }

  /** Waits for its turn. Given up, it leaves the queue; a lock it was granted goes to the next. */
  lock(): BaseFuture<MutexGuard<T>, never> {
    return new Lock(this.#state);
  }

  /** The guard if nobody has or waits for it now. */
  tryLock(): MutexGuard<T> | undefined {
    return this.#state.pool.take(1) ? new MutexGuard(this.#state) : undefined;
  }

  /**
   * Runs the body while it holds the lock, and gives its result or throws what it throws. Given up
   * while the body runs, the body is cancelled, and the lock is released when that is over.
   *
   * @example
   * yield* counter.runExclusive((guard) => (guard.value += 1));
   */
  runExclusive<R, E>(body: GuardedBody<MutexGuard<T>, R, E>): BaseFuture<R, E> {
    return new Guarded<MutexGuard<T>, R, E>(this.lock(), body);
  }
}

show(Mutex, ['isLocked', 'waiters']);
