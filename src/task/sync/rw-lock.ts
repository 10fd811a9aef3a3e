/** Many readers or one writer of a value, strictly fair. */
import { integerOption, rejectUnknown, show } from '../../base/index.ts';
import type { BaseFuture } from '../future/index.ts';
import { stillHeld } from './guarded.ts';
import { Acquisition, MAX_PERMITS, PermitPool } from './permits.ts';

/** Options of `RwLock`. */
export interface RwLockOptions {
  /**
   * How many may read at the same time, from 1 to 2³¹ − 1.
   * @default 2147483647
   */
  readonly maxReaders?: number;
}

const WHAT = 'the guard of a lock';

// A reader holds one permit, a writer all of them.
interface RwLockState<T> {
  readonly pool: PermitPool;
  readonly maxReaders: number;
  /** Guards that exist. */
  readers: number;
  isWriting: boolean;
  value: T;
}

/** The right to read what a lock protects; ends by `release` or with a `using` block. */
export class ReadGuard<T> implements Disposable {
  #state: RwLockState<T> | undefined;

  /** @internal */
  constructor(state: RwLockState<T>) {
    this.#state = state;
    state.readers += 1;
  }

  /** What the lock protects. @throws {TypeError} ERR_SYNC_RELEASED after the release */
  get value(): T {
    return stillHeld(this.#state, WHAT).value;
  }

  /**
   * Ends reading.
   * @throws {TypeError} ERR_SYNC_RELEASED the second time
   */
  release(): void {
    const state = stillHeld(this.#state, WHAT);
    this.#state = undefined;
    state.readers -= 1;
    state.pool.give(1);
  }

  /** Ends reading, unless that was done. */
  [Symbol.dispose](): void {
    if (this.#state !== undefined) this.release();
  }
}

/** The right to read and write what a lock protects. */
export class WriteGuard<T> implements Disposable {
  #state: RwLockState<T> | undefined;

  /** @internal */
  constructor(state: RwLockState<T>) {
    this.#state = state;
    state.isWriting = true;
  }

  /** What the lock protects. @throws {TypeError} ERR_SYNC_RELEASED after the release */
  get value(): T {
    return stillHeld(this.#state, WHAT).value;
  }

  set value(value: T) {
    stillHeld(this.#state, WHAT).value = value;
  }

  /**
   * Ends writing.
   * @throws {TypeError} ERR_SYNC_RELEASED the second time, and after `downgrade`
   */
  release(): void {
    const state = stillHeld(this.#state, WHAT);
    this.#state = undefined;
    state.isWriting = false;
    state.pool.give(state.maxReaders);
  }

  /**
   * Goes on as a reader: nobody writes in between. Readers that wait next may read as well.
   * @throws {TypeError} ERR_SYNC_RELEASED after the release
   */
  downgrade(): ReadGuard<T> {
    const state = stillHeld(this.#state, WHAT);
    this.#state = undefined;
    state.isWriting = false;
    const guard = new ReadGuard(state);
    state.pool.give(state.maxReaders - 1);
    return guard;
  }

  /** Ends writing, unless that was done. */
  [Symbol.dispose](): void {
    if (this.#state !== undefined) this.release();
  }
}

class Read<T> extends Acquisition<ReadGuard<T>, never> {
  readonly #state: RwLockState<T>;

  constructor(state: RwLockState<T>) {
    super(state.pool, 1);
    this.#state = state;
  }

  protected granted(): ReadGuard<T> {
    return new ReadGuard(this.#state);
  }

  protected refused(): never {
    throw new Error('unreachable: a lock is never closed');
  }

  takeBack(guard: ReadGuard<T>): undefined {
    guard[Symbol.dispose]();
  }
}

class Write<T> extends Acquisition<WriteGuard<T>, never> {
  readonly #state: RwLockState<T>;

  constructor(state: RwLockState<T>) {
    super(state.pool, state.maxReaders);
    this.#state = state;
  }

  protected granted(): WriteGuard<T> {
    return new WriteGuard(this.#state);
  }

  protected refused(): never {
    throw new Error('unreachable: a lock is never closed');
  }

  takeBack(guard: WriteGuard<T>): undefined {
    guard[Symbol.dispose]();
  }
}

/**
 * A value that many may read or one may write, also across waits. Strictly fair: a writer that
 * waits holds up the readers that come after it, so neither side starves. A holder must not ask
 * again: a reader that reads a second time behind a waiting writer waits for ever.
 *
 * @example
 * const routes = new RwLock(new Map());
 * using guard = yield* routes.read();
 * yield* serve(guard.value);
 */
export class RwLock<T> {
  readonly #state: RwLockState<T>;

  /**
   * Protects this value.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE, ERR_OPTION_UNKNOWN
   */
  constructor(value: T, options: RwLockOptions = {}) {
    rejectUnknown('RwLock', options, ['maxReaders']);
    const given = options.maxReaders;
    const maxReaders = integerOption('maxReaders', given, MAX_PERMITS, 1, MAX_PERMITS);
    const pool = new PermitPool(maxReaders);
    this.#state = { pool, maxReaders, readers: 0, isWriting: false, value };
  }

  /** How many read now. */
  get readers(): number {
    return this.#state.readers;
  }

  /** Whether somebody writes now. */
  get isWriting(): boolean {
    return this.#state.isWriting;
  }

  /** How many may read at the same time. */
  get maxReaders(): number {
    return this.#state.maxReaders;
  }

  /** How many wait, to read or to write. */
  get waiters(): number {
    return this.#state.pool.waiting.length;
  }

  /** Waits for its turn to read. Given up, it leaves the queue; a turn it had goes to the next. */
  read(): BaseFuture<ReadGuard<T>, never> {
    return new Read(this.#state);
  }

  /** Waits for its turn to write. Given up, it leaves the queue; a turn it had goes to the next. */
  write(): BaseFuture<WriteGuard<T>, never> {
    return new Write(this.#state);
  }

  /** The guard if it may be read now: nobody writes, nobody waits, the limit is not reached. */
  tryRead(): ReadGuard<T> | undefined {
    return this.#state.pool.take(1) ? new ReadGuard(this.#state) : undefined;
  }

  /** The guard if nobody reads, writes or waits now. */
  tryWrite(): WriteGuard<T> | undefined {
    const { pool, maxReaders } = this.#state;
    return pool.take(maxReaders) ? new WriteGuard(this.#state) : undefined;
  }
}

show(RwLock, ['readers', 'isWriting', 'waiters']);
