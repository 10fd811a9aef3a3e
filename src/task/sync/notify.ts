/** Telling tasks that something happened, without a value. */
import { BaseFuture, PENDING, type Context, type Poll } from '../future/index.ts';
import { Stage, Waiter, WaitList } from './wait-list.ts';

// By what a waiter was chosen; who is given up hands on what was meant for one, in the same way.
const BY_FIRST = Stage.GRANTED;
const BY_LAST = 4;
const BY_ALL = 5;

class NotifyState {
  readonly waiting = new WaitList();
  hasPermit = false;
  /** Calls of `notifyWaiters`: a `notified()` made before one is reached by it. */
  rounds = 0;

  /** Tells one; with nobody waiting the next to wait is told. */
  tell(by: number): void {
    const chosen = by === BY_LAST ? this.waiting.last : this.waiting.first;
    if (chosen === undefined) {
      this.hasPermit = true;
    } else {
      this.waiting.settle(chosen, by);
      chosen.wake();
    }
  }
}

/** Waits to be notified; made by `Notify.notified`. */
export class Notified extends BaseFuture<void, never> {
  readonly #notify: NotifyState;
  readonly #round: number;
  #waiter: Waiter | undefined;
  #isOver = false;

  /** @internal */
  constructor(notify: NotifyState) {
    super();
    this.#notify = notify;
    this.#round = notify.rounds;
  }

  /**
   * Waits from now on instead of from the first poll: a `notifyOne` from now on can choose it.
   * True when it is notified already. To miss nothing between looking and waiting: make it, enable
   * it, look, and then wait.
   */
  enable(): boolean {
    if (this.#isOver) return true;
    this.#waiter ??= this.#join();
    return this.#waiter.stage !== Stage.WAITING;
  }

  poll(context: Context): Poll<void> {
    const waiter = (this.#waiter ??= this.#join());
    if (waiter.stage === Stage.WAITING) {
      waiter.keep(context.waker);
      // It may have been notified while the waker was cloned.
      if (waiter.stage === Stage.WAITING) return PENDING;
    }
    if (!context.proceed()) return PENDING;
    this.#waiter = undefined;
    this.#isOver = true;
    waiter.detach()?.drop();
    return undefined;
  }

  /** What was meant for one goes to the next. */
  cancel(): void {
    this.#isOver = true;
    const waiter = this.#waiter;
    if (waiter === undefined) return;
    this.#waiter = undefined;
    const { stage } = waiter;
    const waker = waiter.detach();
    if (stage === BY_FIRST || stage === BY_LAST) this.#notify.tell(stage);
    waker?.drop();
  }

  #join(): Waiter {
    const notify = this.#notify;
    const waiter = new Waiter(1);
    if (this.#round !== notify.rounds) {
      waiter.stage = BY_ALL;
    } else if (notify.hasPermit) {
      notify.hasPermit = false;
      waiter.stage = BY_FIRST;
    } else {
      notify.waiting.push(waiter);
    }
    return waiter;
  }
}

/**
 * Lets tasks wait until they are told to go on. It keeps at most one notification for later, so it
 * is no counter: those who are told look for themselves what there is to do. Of one thread.
 *
 * @example
 * queue.push(job);
 * notify.notifyOne();
 * // elsewhere
 * while (queue.length === 0) yield* notify.notified();
 */
export class Notify {
  readonly #state = new NotifyState();

  /** How many wait. */
  get waiters(): number {
    return this.#state.waiting.length;
  }

  /** Whether a notification is kept for the next who waits. */
  get hasPermit(): boolean {
    return this.#state.hasPermit;
  }

  /**
   * Waits for a notification: one that is kept, a later `notifyOne` or `notifyLast` that chooses
   * it, or any `notifyWaiters` from now on, even before the first poll. Given up, it leaves the
   * queue; if it had been chosen alone, the next one is.
   */
  notified(): Notified {
    return new Notified(this.#state);
  }

  /** Tells the one that has waited longest; keeps one notification when nobody waits. */
  notifyOne(): void {
    this.#state.tell(BY_FIRST);
  }

  /** Tells the one that came last; keeps one notification when nobody waits. */
  notifyLast(): void {
    this.#state.tell(BY_LAST);
  }

  /** Tells all that wait or have called `notified`; keeps nothing for those who come later. */
  notifyWaiters(): void {
    this.#state.rounds += 1;
    this.#state.waiting.settleAll(BY_ALL);
  }
}
