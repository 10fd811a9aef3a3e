/** Futures that stand in a queue, first come first served. */
import { BaseFuture, keepWaker, type Context, type Waker } from '../task/index.ts';

/** A future that may have to stand in a `WaitQueue`. The fields are the queue's. */
export abstract class Waiter<T, E = unknown> extends BaseFuture<T, E> {
  waker: Waker | undefined = undefined;
  queue: WaitQueue | undefined = undefined;
  ahead: Waiter<unknown> | undefined = undefined;
  behind: Waiter<unknown> | undefined = undefined;

  /** Keeps the waker of this poll. */
  protected keep(context: Context): void {
    this.waker = keepWaker(this.waker, context);
  }

  /** Leaves the queue and forgets the waker. */
  protected leave(): void {
    this.queue?.remove(this);
    this.waker?.drop();
    this.waker = undefined;
  }
}

/** A queue of futures, linked through them: everything is O(1), and nothing is allocated. */
export class WaitQueue {
  first: Waiter<unknown> | undefined;
  #last: Waiter<unknown> | undefined;
  size = 0;

  push(waiter: Waiter<unknown>): void {
    waiter.queue = this;
    waiter.ahead = this.#last;
    if (this.#last === undefined) this.first = waiter;
    else this.#last.behind = waiter;
    this.#last = waiter;
    this.size += 1;
  }

  remove(waiter: Waiter<unknown>): void {
    const { ahead, behind } = waiter;
    if (ahead === undefined) this.first = behind;
    else ahead.behind = behind;
    if (behind === undefined) this.#last = ahead;
    else behind.ahead = ahead;
    waiter.queue = undefined;
    waiter.ahead = undefined;
    waiter.behind = undefined;
    this.size -= 1;
  }

  /** Wakes the first, which stays in the queue until it is polled. */
  wakeFirst(): void {
    this.first?.waker?.wakeByRef();
  }

  /** Wakes all of them. */
  wakeAll(): void {
    for (let waiter = this.first; waiter !== undefined; waiter = waiter.behind) {
      waiter.waker?.wakeByRef();
    }
  }
}
