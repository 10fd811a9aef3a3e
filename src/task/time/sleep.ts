/** Waiting for a time. */
import { booleanOption, rejectUnknown } from '../../base/index.ts';
import { currentExecutor } from '../executor/current.ts';
import type { Executor } from '../executor/executor.ts';
import { BaseFuture, PENDING, type Context, type Poll, type Waker } from '../future/index.ts';
import { checkMs } from './options.ts';

/** How one sleeps; all optional. */
export interface SleepOptions {
  /** Keeps the process alive until then, as a timer of Node does without `unref`. @default true */
  readonly hold?: boolean;
}

/** `handle` of a sleep that is in no table: not yet, not any more; or over. */
const IDLE = 0;
const OVER = -1;

/**
 * A future that ends at a time of the executor's clock, up to a millisecond later and never
 * earlier. It is in the executor's table of timers only from its first poll to its end, so one that
 * is made and let go costs nothing. It may be polled again after its end, and used again by
 * `reset`, as it may after it was given up. Where the table is full, polling throws ERR_TIMER_LIMIT.
 *
 * 64 bytes, beside the 24 in the table. The fields are open to no one else; they are not private
 * ones since those take longer to make. `when` is rounded to whole milliseconds also to be a small
 * integer, not an object of its own, for the first 24 days of a process.
 */
export class Sleep extends BaseFuture<void, never> {
  /** @internal */
  readonly executor: Executor;
  /** @internal */
  readonly hold: boolean;
  /** @internal */
  when: number;
  /** @internal Of the timer, or IDLE or OVER. */
  handle: number = IDLE;
  /** @internal There exactly while the timer is. */
  waker: Waker | undefined = undefined;

  /** @internal Use `sleep` or `sleepUntil`: `when` is a whole number. */
  constructor(executor: Executor, when: number, hold: boolean) {
    super();
    this.executor = executor;
    this.when = when;
    this.hold = hold;
  }

  /** When it ends, in milliseconds of the executor's clock, rounded up to whole ones. */
  get deadline(): number {
    return this.when;
  }

  /** Its time has come: when it was made, or since, as seen by who polls it. */
  get isElapsed(): boolean {
    return this.handle === OVER;
  }

  poll(context: Context): Poll<void> {
    if (this.handle <= IDLE) {
      const { timers } = this.executor;
      if (this.handle === OVER || this.when <= timers.present) {
        this.handle = OVER;
        // So that a loop around a sleep of no time lets others have their turn.
        return context.proceed() ? undefined : PENDING;
      }
      this.handle = timers.insert(this.when, this, this.hold);
    }
    if (this.waker === undefined || !this.waker.willWake(context.waker)) {
      const waker = context.waker.clone();
      this.waker?.drop();
      this.waker = waker;
    }
    return PENDING;
  }

  cancel(): void {
    if (this.handle > IDLE) {
      this.executor.timers.cancel(this.handle);
      this.handle = IDLE;
      this.waker?.drop();
      this.waker = undefined;
    }
  }

  /**
   * Ends it at another time, in milliseconds of the executor's clock: who waits for it goes on
   * waiting, and a sleep that is over begins anew. With a time that has passed it is over at once.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE for no time
   */
  reset(deadline: number): void {
    checkMs('deadline', deadline, 0);
    const now = this.executor.now();
    this.when = wholeMs(deadline, now);
    if (this.when > now) {
      if (this.handle > IDLE) this.executor.timers.reset(this.handle, this.when);
      else this.handle = IDLE;
      return;
    }
    if (this.handle > IDLE) this.executor.timers.cancel(this.handle);
    this.fire();
  }

  /** @internal Called by the timer. */
  fire(): void {
    this.handle = OVER;
    const waker = this.waker;
    this.waker = undefined;
    waker?.wake();
  }
}

/** Never earlier than the deadline; not later than now when that has passed. */
function wholeMs(deadline: number, now: number): number {
  return deadline > now ? Math.ceil(deadline) : Math.floor(deadline);
}

function sleepTo(executor: Executor, deadline: number, now: number, hold: boolean): Sleep {
  const made = new Sleep(executor, wholeMs(deadline, now), hold);
  if (deadline <= now) made.handle = OVER;
  return made;
}

function holdOf(options: SleepOptions | undefined): boolean {
  if (options === undefined) return true;
  rejectUnknown('a sleep', options, ['hold']);
  return booleanOption('hold', options.hold, true);
}

/**
 * A future that ends after so many milliseconds, 0 to 2^50, counted from this call.
 *
 * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE for what is no duration
 * @example
 * yield* sleep(250);
 */
export function sleep(ms: number, options?: SleepOptions): Sleep {
  checkMs('ms', ms, 0);
  const executor = currentExecutor();
  const now = executor.now();
  return sleepTo(executor, now + ms, now, holdOf(options));
}

/**
 * A future that ends at a time of the executor's clock (`Executor.now`), in milliseconds from 0 to
 * 2^50; at once when that has passed.
 * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE for no time
 */
export function sleepUntil(deadline: number, options?: SleepOptions): Sleep {
  checkMs('deadline', deadline, 0);
  const executor = currentExecutor();
  return sleepTo(executor, deadline, executor.now(), holdOf(options));
}
