/**
 * How much may pass in a time: token buckets in columns by index, so that a limit on each of a
 * hundred thousand connections is two numbers each and nothing is allocated when something passes.
 *
 *  1. What passes in any window of `t` ms is at most `t` × rate / 1000 + burst. Something larger than
 *     the burst passes when nothing is owed, and is paid off after it; it takes the burst's place.
 *  2. All arithmetic is on whole numbers below 2^53 and therefore exact: a debt is counted in
 *     thousandths of what is limited, and time in whole milliseconds of the clock; a fraction of a
 *     millisecond is dropped.
 *  3. A column of zeros owes nothing: an index needs no preparation, and growing is filling up.
 */

/** Thousandths: what one millisecond pays off is then as many as the rate says. */
const PARTS = 1000;
const FIRST_COLUMNS = 64;

/** See the head of this file. */
export class Rate {
  /** How much passes in a second; also what one millisecond pays off, in thousandths. */
  readonly perSecond: number;
  readonly #burst: number;
  /** What is owed, in thousandths. */
  #debt: Float64Array = new Float64Array(FIRST_COLUMNS);
  /** When that was so. */
  #since: Float64Array = new Float64Array(FIRST_COLUMNS);

  /**
   * `perSecond` is from 1 to 10^12; `burst`, what may pass at once after a pause, from 1 to 10^12.
   * @default burst: one second's worth
   */
  constructor(perSecond: number, burst: number = perSecond) {
    this.perSecond = perSecond;
    this.#burst = burst * PARTS;
  }

  /**
   * Milliseconds until `amount` may pass, 0 when it may now. Changes nothing that can be seen:
   * something else may come first.
   */
  wait(index: number, amount: number, now: number): number {
    const debt = this.#settle(index, now);
    const excess = debt + amount * PARTS - this.#burst;
    if (excess <= 0 || debt === 0) return 0;
    // More than the burst cannot fit beside anything: it passes when all is paid.
    return Math.ceil(Math.min(excess, debt) / this.perSecond);
  }

  /** Lets `amount` pass and returns 0, or returns the milliseconds to wait and counts nothing. */
  take(index: number, amount: number, now: number): number {
    const wait = this.wait(index, amount, now);
    if (wait === 0) this.#debt[index]! += amount * PARTS;
    return wait;
  }

  /**
   * Counts `amount`, whatever is owed. Returns the milliseconds until it is due, rounded up: what is
   * held back for that long keeps the rate, first come first served. (By the rounding a window may
   * be one millisecond short for what passes in it.)
   */
  reserve(index: number, amount: number, now: number): number {
    const wait = this.wait(index, amount, now);
    this.#debt[index]! += amount * PARTS;
    return wait;
  }

  /** Forgets what is owed: the index is somebody else's now. */
  clear(index: number): void {
    if (index < this.#debt.length) this.#debt[index] = 0;
  }

  /** Takes off what time has paid; returns what is left. */
  #settle(index: number, now: number): number {
    if (index >= this.#debt.length) this.#grow(index);
    const time = Math.floor(now);
    const since = this.#since[index]!;
    const owed = this.#debt[index]!;
    // Nothing owed: the time until now pays for nothing that comes later.
    if (owed === 0) {
      if (time > since) this.#since[index] = time;
      return 0;
    }
    if (time <= since) return owed;
    const debt = Math.max(0, owed - (time - since) * this.perSecond);
    this.#debt[index] = debt;
    this.#since[index] = time;
    return debt;
  }

  #grow(index: number): void {
    const columns = Math.max(index + 1, 2 * this.#debt.length);
    const debt = new Float64Array(columns);
    const since = new Float64Array(columns);
    debt.set(this.#debt);
    since.set(this.#since);
    this.#debt = debt;
    this.#since = since;
  }
}
