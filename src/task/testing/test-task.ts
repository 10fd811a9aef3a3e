/** Polls a future by hand, as tokio's `tokio_test::task` does, to test what it does at each poll. */
import { PENDING, type Context, type Future, type Poll, type Waker } from '../future/index.ts';

/**
 * A future that is polled by the test, with a waker that only counts.
 *
 * @example
 * const task = new TestTask(receiver.receive());
 * assert.equal(task.poll(), PENDING);
 * sender.send(1);
 * assert.ok(task.isWoken);
 * assert.equal(task.poll(), 1);
 */
export class TestTask<T> implements Context, Waker {
  readonly #future: Future<T>;
  #woken = false;
  #wakes = 0;
  #clones = 0;
  /** What is left of the budget; infinite until a test sets it. It is not refilled by polls. */
  budget: number = Number.POSITIVE_INFINITY;

  constructor(future: Future<T>) {
    this.#future = future;
  }

  /** Polls once; the task is not woken afterwards, unless the poll woke it. */
  poll(): Poll<T> {
    this.#woken = false;
    return this.#future.poll(this);
  }

  /** Gives the future up; true when that is over, false when it must be called again. */
  cancel(): boolean {
    this.#woken = false;
    return this.#future.cancel?.(this) !== PENDING;
  }

  /** Woken since the last poll began. */
  get isWoken(): boolean {
    return this.#woken;
  }

  /** Wakes so far. */
  get wakes(): number {
    return this.#wakes;
  }

  /** Clones of the waker that were neither dropped nor used up: who could still wake. */
  get wakers(): number {
    return this.#clones;
  }

  get waker(): Waker {
    return this;
  }

  proceed(): boolean {
    if (this.budget > 0) {
      this.budget -= 1;
      return true;
    }
    this.wakeByRef();
    return false;
  }

  wake(): void {
    this.wakeByRef();
    this.drop();
  }

  wakeByRef(): void {
    this.#woken = true;
    this.#wakes += 1;
  }

  clone(): Waker {
    this.#clones += 1;
    return this;
  }

  drop(): void {
    this.#clones -= 1;
  }

  willWake(other: Waker): boolean {
    return other === this;
  }
}
