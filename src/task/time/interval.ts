/** Ticks at regular times. */
import { booleanOption, choiceOption, rejectUnknown } from '../../base/index.ts';
import { currentExecutor } from '../executor/current.ts';
import { BaseFuture, PENDING, type Context, type Poll } from '../future/index.ts';
import { BaseStream, type StreamPoll } from '../stream/index.ts';
import { checkMs, LONGEST_WAIT } from './options.ts';
import { Sleep } from './sleep.ts';

/** What becomes of ticks whose time passed while nobody took them. */
export type MissedTicks =
  /** Each comes, at once, one after the other; then they are on time again. */
  | 'burst'
  /** One comes at once, the next a period after that: all later ones are shifted. */
  | 'delay'
  /** One comes at once, the next at the next of the times that were planned. */
  | 'skip';

/** How an interval is made; all optional. */
export interface IntervalOptions {
  /** @default 'burst' */
  readonly missed?: MissedTicks;
  /** The first tick comes at once, and not after one period. @default false */
  readonly immediate?: boolean;
  /** Keeps the process alive while it is waited for. @default true */
  readonly hold?: boolean;
}

/**
 * How late a tick may be taken without being missed, in milliseconds. A tick is taken a little late
 * as a rule, by the timer's resolution and the turns of others; 'delay' would drift by all of that.
 */
const TOLERANCE = 5;

/** The shortest period, in milliseconds; shorter ones are below what the timers resolve. */
const SHORTEST_PERIOD = 0.1;

/** See `interval`. Waits only while it is polled: ticks that nobody takes cost nothing. */
export class Interval extends BaseStream<number, never> {
  /** Milliseconds between two ticks. */
  readonly period: number;
  /** What becomes of ticks that were missed; may be changed at any time. */
  missed: MissedTicks;
  readonly #sleep: Sleep;
  readonly #tick: Tick;
  /** When the next tick is planned: exact, while the sleep rounds up. */
  #next: number;

  /** @internal Use `interval`. */
  constructor(sleep: Sleep, period: number, next: number, missed: MissedTicks) {
    super();
    this.period = period;
    this.missed = missed;
    this.#sleep = sleep;
    this.#next = next;
    this.#tick = new Tick(this);
  }

  /** The next tick: the time for which it was planned. Giving it up loses no tick. */
  tick(): BaseFuture<number, never> {
    return this.#tick;
  }

  /** The same as `tick`: given up, it is not waited for any more, and holds no process. */
  override next(): BaseFuture<number, never> {
    return this.#tick;
  }

  /** As `tick` polled. An interval does not end. */
  pollNext(context: Context): StreamPoll<number> {
    if (this.#sleep.poll(context) === PENDING) return PENDING;
    const planned = this.#next;
    this.#plan(this.#afterTick(planned));
    return planned;
  }

  override cancel(_context: Context): void {
    this.#sleep.cancel();
  }

  #afterTick(planned: number): number {
    const { period } = this;
    const now = this.#sleep.executor.now();
    const late = now - planned;
    if (late <= TOLERANCE || this.missed === 'burst') return planned + period;
    return this.missed === 'delay' ? now + period : now + period - (late % period);
  }

  #plan(next: number): void {
    this.#next = Math.min(next, LONGEST_WAIT);
    this.#sleep.reset(this.#next);
  }

  /** The next tick comes one period from now. */
  reset(): void {
    this.#plan(this.#sleep.executor.now() + this.period);
  }

  /** The next tick comes at once, the one after it a period later. */
  resetImmediately(): void {
    this.#plan(this.#sleep.executor.now());
  }

  /**
   * The next tick comes so many milliseconds from now, 0 to 2^50.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE for what is no duration
   */
  resetAfter(ms: number): void {
    checkMs('ms', ms, 0);
    this.#plan(this.#sleep.executor.now() + ms);
  }

  /**
   * The next tick comes at this time of the executor's clock, in milliseconds; times that have
   * passed are missed ticks.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE for no time
   */
  resetAt(deadline: number): void {
    checkMs('deadline', deadline, 0);
    this.#plan(deadline);
  }
}

/** Has no state of its own, so one does for all ticks of an interval. */
class Tick extends BaseFuture<number, never> {
  readonly #interval: Interval;

  constructor(interval: Interval) {
    super();
    this.#interval = interval;
  }

  poll(context: Context): Poll<number> {
    return this.#interval.pollNext(context) as Poll<number>;
  }

  cancel(context: Context): void {
    this.#interval.cancel(context);
  }
}

/**
 * Ticks every so many milliseconds (0.1 to 2^50, fractions are kept), counted from this call. A
 * stream of the times for which the ticks were planned, on the executor's clock.
 *
 * @throws {TypeError | RangeError} ERR_OPTION_… for a period or options that cannot be
 * @example
 * const ticks = interval(1000, { missed: 'skip' });
 * while (true) {
 *   yield* ticks.tick();
 *   report();
 * }
 */
export function interval(ms: number, options: IntervalOptions = {}): Interval {
  checkMs('ms', ms, SHORTEST_PERIOD);
  rejectUnknown('an interval', options, ['missed', 'immediate', 'hold']);
  const missed = choiceOption('missed', options.missed, 'burst', ['burst', 'delay', 'skip']);
  const hold = booleanOption('hold', options.hold, true);
  const immediate = booleanOption('immediate', options.immediate, false);
  const executor = currentExecutor();
  const now = executor.now();
  const next = immediate ? now : Math.min(now + ms, LONGEST_WAIT);
  const sleep = new Sleep(executor, Math.ceil(next), hold);
  if (immediate) sleep.fire();
  return new Interval(sleep, ms, next, missed);
}
