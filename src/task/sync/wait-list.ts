/**
 * The one queue of everything that waits in this folder. A waiter is a node of a doubly linked
 * list: joining, leaving and being chosen take constant time, however many wait.
 *
 *  1. `WaitList` alone writes `previous`, `next` and `list`; a waiter is in one list at most.
 *  2. Stages change only here and in the primitive that owns the list: GRANTED and REFUSED are set
 *     while the waiter is taken out, before anybody is woken.
 *  3. Wakers may be of other make and call back into the primitive from `wake`, `clone` or `drop`.
 *     So those are called when the state is consistent, and nothing read before is trusted after.
 */
import type { Waker } from '../future/index.ts';

/** Where a waiter stands; a primitive may add values of its own above these. */
export const Stage = {
  /** In no list; whoever holds it looks for itself. */
  IDLE: 0,
  WAITING: 1,
  /** It was chosen: what it waited for is set aside for it until it polls or leaves. */
  GRANTED: 2,
  /** It will never get what it waits for. */
  REFUSED: 3,
} as const;

/**
 * Keeps the waker of this poll in place of the one before. Foreign code may run: whatever was
 * waited for may be there afterwards, and then it was the waker before that was woken.
 */
export function keepWaker(place: { waker: Waker | undefined }, waker: Waker): void {
  if (place.waker !== undefined && place.waker.willWake(waker)) return;
  const clone = waker.clone();
  // Read only now: cloning may have used the one before up.
  const before = place.waker;
  place.waker = clone;
  before?.drop();
}

/** One that waits. Fields are plain, and the class is final, so that lists stay monomorphic. */
export class Waiter {
  stage: number = Stage.IDLE;
  /** How much it wants; the meaning is its primitive's. */
  readonly amount: number;
  previous: Waiter | undefined = undefined;
  next: Waiter | undefined = undefined;
  list: WaitList | undefined = undefined;
  waker: Waker | undefined = undefined;

  constructor(amount: number) {
    this.amount = amount;
  }

  /** Keeps the waker of this poll. Look at `stage` again afterwards. */
  keep(waker: Waker): void {
    keepWaker(this, waker);
  }

  /** Wakes once and forgets the waker. */
  wake(): void {
    const waker = this.waker;
    this.waker = undefined;
    waker?.wake();
  }

  /** Leaves its list and is idle; gives the waker, which the caller must drop when all is done. */
  detach(): Waker | undefined {
    this.list?.remove(this);
    this.stage = Stage.IDLE;
    const waker = this.waker;
    this.waker = undefined;
    return waker;
  }
}

/** Waiters in the order in which they came. */
export class WaitList {
  length: number = 0;
  first: Waiter | undefined = undefined;
  last: Waiter | undefined = undefined;

  /** Appends one that is in no list. */
  push(waiter: Waiter, stage: number = Stage.WAITING): void {
    const last = this.last;
    waiter.stage = stage;
    waiter.list = this;
    waiter.previous = last;
    if (last === undefined) this.first = waiter;
    else last.next = waiter;
    this.last = waiter;
    this.length += 1;
  }

  /** Takes one out that is in this list; its stage stays. */
  remove(waiter: Waiter): void {
    const { previous, next } = waiter;
    if (previous === undefined) this.first = next;
    else previous.next = next;
    if (next === undefined) this.last = previous;
    else next.previous = previous;
    waiter.previous = undefined;
    waiter.next = undefined;
    waiter.list = undefined;
    this.length -= 1;
  }

  /** Takes out one of this list, with a new stage. The caller wakes it. */
  settle(waiter: Waiter, stage: number): void {
    this.remove(waiter);
    waiter.stage = stage;
  }

  /**
   * Settles all of them, then wakes them in order. Until a waiter is woken it stays linked (in a
   * list of its own), so that it can still leave while others are being woken.
   */
  settleAll(stage: number): void {
    const first = this.first;
    if (first === undefined) return;
    if (first === this.last) {
      this.settle(first, stage);
      first.wake();
      return;
    }
    const settled = new WaitList();
    for (let waiter = this.first; waiter !== undefined; waiter = this.first) {
      this.remove(waiter);
      settled.push(waiter, stage);
    }
    settled.wakeEach();
  }

  /**
   * Takes them out one by one and wakes each. Wakers must not throw; if one does, the others are
   * woken all the same, and the first error is thrown at the end.
   */
  wakeEach(): void {
    let failure: { readonly error: unknown } | undefined;
    for (let waiter = this.first; waiter !== undefined; waiter = this.first) {
      this.remove(waiter);
      try {
        waiter.wake();
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure !== undefined) throw failure.error;
  }
}
