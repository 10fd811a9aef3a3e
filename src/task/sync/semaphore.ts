/** A counting semaphore, strictly fair. */
import { misuse, outOfRange, RondoError, show } from '../../base/index.ts';
import type { BaseFuture } from '../future/index.ts';
import { Guarded, stillHeld, type GuardedBody } from './guarded.ts';
import { Acquisition, MAX_PERMITS, permitCount, PermitPool } from './permits.ts';

/** Permits taken from a semaphore; given back by `release` or the end of a `using` block. */
export class SemaphorePermit implements Disposable {
  #pool: PermitPool | undefined;
  #count: number;

  /** @internal */
  constructor(pool: PermitPool, count: number) {
    this.#pool = pool;
    this.#count = count;
  }

  /** How many permits it is; 0 when they were given back. */
  get count(): number {
    return this.#count;
  }

  /**
   * Gives the permits back; whoever waits for them gets them.
   * @throws {TypeError} ERR_SYNC_RELEASED the second time
   */
  release(): void {
    const pool = stillHeld(this.#pool, 'a permit');
    const count = this.#count;
    this.#pool = undefined;
    this.#count = 0;
    pool.give(count);
  }

  /**
   * Takes the permits away from the semaphore for good: it has that many less.
   * @throws {TypeError} ERR_SYNC_RELEASED after its release
   */
  forget(): void {
    stillHeld(this.#pool, 'a permit');
    this.#pool = undefined;
    this.#count = 0;
  }

  /**
   * A permit of its own for `count` of these, or undefined when these are fewer.
   * @throws {TypeError} ERR_SYNC_RELEASED after its release
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE when `count` is no count
   */
  split(count: number): SemaphorePermit | undefined {
    const pool = stillHeld(this.#pool, 'a permit');
    if (permitCount('count', count) > this.#count) return undefined;
    this.#count -= count;
    return new SemaphorePermit(pool, count);
  }

  /**
   * Takes over another permit of the same semaphore, which is then released.
   * @throws {TypeError} ERR_SYNC_RELEASED when either was released, ERR_OPTION_TYPE when the other
   * is of another semaphore
   */
  merge(other: SemaphorePermit): void {
    const pool = stillHeld(this.#pool, 'a permit');
    if (pool !== stillHeld(other.#pool, 'a permit') || other === this) {
      throw misuse('ERR_OPTION_TYPE', 'Cannot merge permits: they must be two of one semaphore');
    }
    this.#count += other.#count;
    other.forget();
  }

  /** Gives the permits back, unless that was done. */
  [Symbol.dispose](): void {
    if (this.#pool !== undefined) this.release();
  }
}

class Acquire extends Acquisition<SemaphorePermit, RondoError> {
  protected granted(): SemaphorePermit {
    return new SemaphorePermit(this.pool, this.amount);
  }

  protected refused(): never {
    throw new RondoError('ERR_SYNC_CLOSED', 'Cannot acquire permits: the semaphore is closed');
  }

  takeBack(permit: SemaphorePermit): undefined {
    permit.release();
  }
}

/**
 * A number of permits. Strictly fair: permits go to whoever asked first, and while somebody waits
 * nobody else gets any, `tryAcquire` neither. Of one thread, as all objects of JavaScript are;
 * between threads use rings or a pool.
 *
 * @example
 * const limit = new Semaphore(10);
 * using permit = yield* limit.acquire();
 * yield* request();
 */
export class Semaphore {
  /** The most permits that a semaphore can have: 2³¹ − 1. */
  static readonly MAX_PERMITS: number = MAX_PERMITS;
  readonly #pool: PermitPool;

  /**
   * With so many permits, from 0 to `Semaphore.MAX_PERMITS`.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE
   */
  constructor(permits: number) {
    this.#pool = new PermitPool(permitCount('permits', permits));
  }

  /** Permits that nobody holds. Some may be there while somebody waits, if he wants more. */
  get available(): number {
    return this.#pool.available;
  }

  /** How many wait for permits. */
  get waiters(): number {
    return this.#pool.waiting.length;
  }

  /** Whether `close` was called. */
  get isClosed(): boolean {
    return this.#pool.isClosed;
  }

  /**
   * Waits for `count` permits at once. More than there will ever be are waited for until the
   * semaphore is closed. Throws `RondoError` ERR_SYNC_CLOSED when it is closed. Given up, it leaves
   * the queue; permits that it was granted already go to the next.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE when `count` is no count
   */
  acquire(count: number = 1): BaseFuture<SemaphorePermit, RondoError> {
    return new Acquire(this.#pool, permitCount('count', count));
  }

  /**
   * Permits if they can be had now: that many are available, nobody waits, it is not closed.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE when `count` is no count
   */
  tryAcquire(count: number = 1): SemaphorePermit | undefined {
    const amount = permitCount('count', count);
    return this.#pool.take(amount) ? new SemaphorePermit(this.#pool, amount) : undefined;
  }

  /**
   * Runs the body while it holds `count` permits, and gives its result. Throws what the body
   * throws, and ERR_SYNC_CLOSED as `acquire` does. Given up while the body runs, the body is
   * cancelled, and the permits are given back when that is over.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE when `count` is no count
   */
  run<R, E>(
    body: GuardedBody<SemaphorePermit, R, E>,
    count: number = 1,
  ): BaseFuture<R, E | RondoError> {
    return new Guarded<SemaphorePermit, R, E | RondoError>(this.acquire(count), body);
  }

  /**
   * Makes more permits.
   * @throws {RangeError} ERR_OPTION_RANGE when there would be more than MAX_PERMITS available
   */
  addPermits(count: number): void {
    const amount = permitCount('count', count);
    if (this.#pool.available + amount > MAX_PERMITS) {
      throw outOfRange(
        'ERR_OPTION_RANGE',
        `Cannot add ${amount} permits to ${this.#pool.available}: at most ${MAX_PERMITS} can be`,
      );
    }
    this.#pool.give(amount);
  }

  /**
   * Takes up to `count` available permits away for good; says how many. Those that are held are
   * taken away with `SemaphorePermit.forget`.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE when `count` is no count
   */
  forget(count: number): number {
    const taken = Math.min(permitCount('count', count), this.#pool.available);
    this.#pool.available -= taken;
    return taken;
  }

  /** Nobody gets permits any more: who waits is told so, in order. Permits that are held stay. */
  close(): void {
    this.#pool.close();
  }
}

show(Semaphore, ['available', 'waiters', 'isClosed']);
