/** A value that is made once, by the first who needs it. */
import {
  BaseFuture,
  PENDING,
  toFuture,
  type Awaitable,
  type Context,
  type Future,
  type Poll,
} from '../future/index.ts';
import { isAwaitable } from './guarded.ts';
import { Acquisition, PermitPool } from './permits.ts';

interface CellState<T> {
  /** Whoever has the permit may set the value; closed when it is set. */
  readonly pool: PermitPool;
  isSet: boolean;
  value: T | undefined;
}

/** The turn to make the value; false when there is nothing to make any more. */
class Turn extends Acquisition<boolean, never> {
  protected granted(): boolean {
    return true;
  }

  protected refused(): boolean {
    return false;
  }
}

class GetOrInit<T, E> extends BaseFuture<T, E> {
  readonly #state: CellState<T>;
  readonly #init: () => Awaitable<T, E> | T;
  readonly #turn: Turn;
  #hasTurn = false;
  #running: Future<T, E> | undefined;

  constructor(state: CellState<T>, init: () => Awaitable<T, E> | T) {
    super();
    this.#state = state;
    this.#init = init;
    this.#turn = new Turn(state.pool, 1);
  }

  poll(context: Context): Poll<T> {
    if (!this.#hasTurn) {
      const turn = this.#turn.poll(context);
      if (turn === PENDING) return PENDING;
      // Whoever closed the pool has set the value.
      if (!turn) return this.#state.value as T;
      this.#hasTurn = true;
    }
    let result: Poll<T>;
    try {
      result = this.#advance(context);
    } catch (error) {
      this.#giveTurn();
      throw error;
    }
    if (result !== PENDING) this.#settle(result);
    return result;
  }

  cancel(context: Context): Poll<void> {
    if (!this.#hasTurn) {
      this.#turn.cancel();
      return undefined;
    }
    let isOver = true;
    try {
      const ended = this.#running?.cancel?.(context);
      isOver = ended !== PENDING;
      return ended;
    } finally {
      if (isOver) this.#giveTurn();
    }
  }

  #advance(context: Context): Poll<T> {
    if (this.#running === undefined) {
      const started = this.#init();
      if (!isAwaitable(started)) return started;
      this.#running = toFuture(started);
    }
    return this.#running.poll(context);
  }

  #settle(value: T): void {
    const state = this.#state;
    this.#hasTurn = false;
    state.value = value;
    state.isSet = true;
    state.pool.close();
  }

  #giveTurn(): void {
    this.#hasTurn = false;
    this.#state.pool.give(1);
  }
}

/**
 * A value that is made when it is first needed, once, whoever needs it then. Of one thread.
 *
 * @example
 * const pool = new OnceCell<Pool>();
 * const connections = yield* pool.getOrInit(() => connect(address));
 */
export class OnceCell<T> {
  readonly #state: CellState<T> = { pool: new PermitPool(1), isSet: false, value: undefined };

  /** A cell that has its value already. */
  static of<T>(value: T): OnceCell<T> {
    const cell = new OnceCell<T>();
    cell.set(value);
    return cell;
  }

  /** Whether there is a value. */
  get isSet(): boolean {
    return this.#state.isSet;
  }

  /** How many wait for somebody else to make the value. */
  get waiters(): number {
    return this.#state.pool.waiting.length;
  }

  /** The value, if there is one. */
  get(): T | undefined {
    return this.#state.value;
  }

  /** Sets the value, unless there is one or somebody is about to make it; says which it was. */
  set(value: T): 'set' | 'taken' | 'initializing' {
    const state = this.#state;
    if (state.isSet) return 'taken';
    if (state.pool.available === 0) return 'initializing';
    state.value = value;
    state.isSet = true;
    state.pool.close();
    return 'set';
  }

  /**
   * The value; if there is none, what `init` gives: a value, or a coroutine, future or promise of
   * one. Others wait meanwhile. When `init` throws, the error is its caller's and the next that
   * waits tries with its own; likewise when the caller is given up, after its `init` was
   * cancelled. An `init` that needs the value of its own cell waits for itself.
   */
  getOrInit<E = unknown>(init: () => Awaitable<T, E> | T): BaseFuture<T, E> {
    return new GetOrInit<T, E>(this.#state, init);
  }
}
