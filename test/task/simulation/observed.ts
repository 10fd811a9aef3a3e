/**
 * A future with a witness: the ledger knows when it waits, what came of it in the very poll that
 * gave it, and when it was given up. The rules of futures are checked on the way.
 */
import {
  BaseFuture,
  PENDING,
  TaskState,
  type Context,
  type Future,
  type Poll,
} from '../../../src/task/index.ts';
import type { Executor } from '../../../src/task/index.ts';
import type { Ledger, OpenWait } from './ledger.ts';

/** What is asked and told about one wait. */
export interface Witness<T> {
  readonly what: string;
  /** Why it ought to be over, by the naive model. */
  overdue?(): string | undefined;
  /** It gave this value. */
  ready?(value: T): void;
  /** It threw: checks that, and gives a value instead or throws. */
  threw?(error: unknown): T;
  /** It was given up, and has let go; `hasBegun` says whether it was ever polled. */
  gone?(hasBegun: boolean): void;
}

/** Where things run. */
export interface Scene {
  readonly executor: Executor;
  readonly ledger: Ledger;
}

/** See the head of this file. */
export class Observed<T> extends BaseFuture<T> implements OpenWait {
  readonly what: string;
  /** When it was polled first, on the clock of the executor. */
  begun = -1;
  /** When it was given up. */
  cancelled = -1;
  /** Whether it ended: ready, thrown, or let go. */
  isOver = false;
  readonly #scene: Scene;
  readonly #future: Future<T>;
  readonly #witness: Witness<T>;
  /** It runs in a part of a task that cannot be cancelled. */
  readonly #isProtected: boolean;

  constructor(scene: Scene, future: Future<T>, witness: Witness<T>, isProtected: boolean) {
    super();
    this.#scene = scene;
    this.#future = future;
    this.#witness = witness;
    this.#isProtected = isProtected;
    this.what = witness.what;
  }

  overdue(): string | undefined {
    return this.cancelled === -1 ? this.#witness.overdue?.() : undefined;
  }

  poll(context: Context): Poll<T> {
    const { executor, ledger } = this.#scene;
    if (this.isOver || this.cancelled !== -1) ledger.fail(`${this.what} is polled after its end`);
    // A task that aborts itself goes on to its next wait.
    if (!this.#isProtected && (executor.running!.state & TaskState.THROWN) !== 0) {
      ledger.fail(`${this.what} is polled in a task that was cancelled`);
    }
    if (this.begun === -1) {
      this.begun = ledger.now;
      ledger.open.add(this);
    }
    let value: Poll<T>;
    try {
      value = this.#future.poll(context);
    } catch (error) {
      this.#over('threw', context);
      if (this.#witness.threw === undefined) throw error;
      return this.#witness.threw(error);
    }
    if (value === PENDING) return PENDING;
    this.#over('ready', context);
    this.#witness.ready?.(value);
    return value;
  }

  cancel(context: Context): Poll<void> {
    const { ledger } = this.#scene;
    if (this.isOver) return undefined;
    if (this.cancelled === -1) this.cancelled = ledger.now;
    let over: Poll<void>;
    try {
      over = this.#future.cancel?.(context);
    } catch (error) {
      this.#over('threw, given up', context);
      this.#witness.gone?.(this.begun !== -1);
      throw error;
    }
    if (over === PENDING) {
      ledger.open.add(this);
      return PENDING;
    }
    this.#over('given up', context);
    this.#witness.gone?.(this.begun !== -1);
    return undefined;
  }

  #over(how: string, context: Context): void {
    const { ledger } = this.#scene;
    this.isOver = true;
    ledger.open.delete(this);
    ledger.note(`${this.what}: ${how}`);
    // To be given up is nothing to a future that is over.
    const again = this.#future.cancel?.(context);
    ledger.expect(again !== PENDING, `${this.what} is over and does not let go`);
  }
}
