/**
 * A number of permits and a queue for them: what semaphores, locks and bounded channels are made
 * of. Strictly first come, first served: while somebody waits nobody else gets anything, even if
 * there is enough for him, so a request for many is not starved by requests for few.
 *
 * Invariants, whenever foreign code runs: `available` ≥ 0; the first waiter wants more than is
 * available; a closed pool has no waiters. A granted waiter has its permits already: they are not
 * in `available`, and leaving gives them back.
 */
import { integerOption } from '../../base/index.ts';
import { BaseFuture, PENDING, type Context, type Poll } from '../future/index.ts';
import { Stage, Waiter, WaitList } from './wait-list.ts';

/** The most permits that one pool can have: a small integer for V8. */
export const MAX_PERMITS: number = 2 ** 31 - 1;

/** Checks a number of permits that is asked for. */
export function permitCount(name: string, count: number, most: number = MAX_PERMITS): number {
  return count === 1 ? 1 : integerOption(name, count, 1, 0, most);
}

/** Permits and who waits for them. */
export class PermitPool {
  available: number;
  isClosed: boolean = false;
  readonly waiting: WaitList = new WaitList();

  constructor(permits: number) {
    this.available = permits;
  }

  /** Whether that many could be had now. Nothing is asked of those who want none. */
  has(amount: number): boolean {
    return (
      amount <= this.available &&
      (this.waiting.first === undefined || amount === 0) &&
      !this.isClosed
    );
  }

  take(amount: number): boolean {
    if (!this.has(amount)) return false;
    this.available -= amount;
    return true;
  }

  /** Gives permits back, or adds some; wakes those who get them. */
  give(amount: number): void {
    this.available += amount;
    this.grant();
  }

  /** Hands out what the first in the queue can have. */
  grant(): void {
    const { waiting } = this;
    const first = waiting.first;
    if (first === undefined || first.amount > this.available) return;
    this.available -= first.amount;
    waiting.settle(first, Stage.GRANTED);
    if (waiting.first === undefined || waiting.first.amount > this.available) {
      first.wake();
      return;
    }
    const granted = new WaitList();
    granted.push(first, Stage.GRANTED);
    for (let next = waiting.first; next !== undefined; next = waiting.first) {
      if (next.amount > this.available) break;
      this.available -= next.amount;
      waiting.remove(next);
      granted.push(next, Stage.GRANTED);
    }
    granted.wakeEach();
  }

  /** From now on nobody gets anything; who waits is refused. What was granted stays so. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.waiting.settleAll(Stage.REFUSED);
  }

  /** A waiter is given up: what it had or kept others from having is theirs. */
  abandon(waiter: Waiter): void {
    const granted = waiter.stage === Stage.GRANTED ? waiter.amount : 0;
    const waker = waiter.detach();
    this.give(granted);
    waker?.drop();
  }
}

/** A future that gets permits from a pool and makes something of them. */
export abstract class Acquisition<T, E> extends BaseFuture<T, E> {
  // `declare`: the constructor alone sets them. Defining them first as well took a sixth of the time
  // of a `send` that needs not wait.
  /** @internal */
  declare readonly pool: PermitPool;
  /** @internal */
  declare readonly amount: number;
  /** There while it waits, until it is over. @internal */
  waiter: Waiter | undefined = undefined;

  constructor(pool: PermitPool, amount: number) {
    super();
    this.pool = pool;
    this.amount = amount;
  }

  /** The permits are the caller's: what `poll` returns. */
  protected abstract granted(): T;

  /** The pool is closed: what `poll` returns or throws. */
  protected abstract refused(): T;

  poll(context: Context): Poll<T> {
    let waiter = this.waiter;
    if (waiter === undefined) {
      const { pool, amount } = this;
      if (pool.has(amount)) {
        if (!context.proceed()) return PENDING;
        pool.available -= amount;
        return this.granted();
      }
      if (pool.isClosed) return context.proceed() ? this.refused() : PENDING;
      waiter = this.waiter = new Waiter(amount);
      pool.waiting.push(waiter);
    }
    if (waiter.stage === Stage.WAITING) {
      waiter.keep(context.waker);
      // It may have been granted while the waker was cloned.
      if (waiter.stage === Stage.WAITING) return PENDING;
    }
    if (!context.proceed()) return PENDING;
    const { stage } = waiter;
    this.waiter = undefined;
    const waker = waiter.detach();
    if (waker === undefined) return stage === Stage.GRANTED ? this.granted() : this.refused();
    try {
      return stage === Stage.GRANTED ? this.granted() : this.refused();
    } finally {
      waker.drop();
    }
  }

  cancel(): void {
    const waiter = this.waiter;
    if (waiter === undefined) return;
    this.waiter = undefined;
    this.pool.abandon(waiter);
  }
}
