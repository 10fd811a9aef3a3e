/** Tasks that wait for each other. */
import { integerOption } from '../../base/index.ts';
import { BaseFuture, PENDING, type Context, type Poll } from '../future/index.ts';
import { Stage, Waiter, WaitList } from './wait-list.ts';

interface BarrierState {
  readonly size: number;
  /** Those that have arrived. */
  readonly waiting: WaitList;
}

class Wait extends BaseFuture<boolean, never> {
  readonly #state: BarrierState;
  #waiter: Waiter | undefined;

  constructor(state: BarrierState) {
    super();
    this.#state = state;
  }

  poll(context: Context): Poll<boolean> {
    let waiter = this.#waiter;
    if (waiter === undefined) {
      if (!context.proceed()) return PENDING;
      const { waiting, size } = this.#state;
      if (waiting.length + 1 === size) {
        waiting.settleAll(Stage.GRANTED);
        return true;
      }
      waiter = this.#waiter = new Waiter(1);
      waiting.push(waiter);
    }
    if (waiter.stage === Stage.WAITING) {
      waiter.keep(context.waker);
      // The last one may have arrived while the waker was cloned.
      if (waiter.stage === Stage.WAITING) return PENDING;
    }
    this.cancel();
    return false;
  }

  cancel(): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.detach()?.drop();
  }
}

/**
 * Holds tasks up until a number of them has arrived; then all go on, and the next that come wait
 * for each other again. Of one thread.
 *
 * @example
 * const isLeader = yield* barrier.wait();
 */
export class Barrier {
  readonly #state: BarrierState;

  /**
   * For so many tasks, from 1 to 2³¹ − 1.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE
   */
  constructor(size: number) {
    const checked = integerOption('size', size, 1, 1, 2 ** 31 - 1);
    this.#state = { size: checked, waiting: new WaitList() };
  }

  /** How many must arrive. */
  get size(): number {
    return this.#state.size;
  }

  /** How many have arrived and wait for the others. */
  get waiters(): number {
    return this.#state.waiting.length;
  }

  /**
   * Arrives at its first poll, and waits for the others. True for one of them, the last to arrive.
   * Given up before all are there, it has not arrived.
   */
  wait(): BaseFuture<boolean, never> {
    return new Wait(this.#state);
  }
}
