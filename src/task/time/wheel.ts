/**
 * The arithmetic of the timer wheel. A tick is a whole millisecond from 0 to `LAST_TICK`, above the
 * 32 bits that are cheap here, so it goes in two parts: `high * 2^30 + low`.
 *
 * Six levels of 64 slots: a slot of level L is 64^L ms wide. A tick lies on the level of the first
 * group of six bits in which it differs from the present, in the slot that this group names. So a
 * slot never holds two rounds of the wheel, everything on a level comes before everything on the
 * next, and on each level the slots come in the order of their numbers: the first slot that is
 * taken, counted from level 0, is the next one in time. What differs above the 36 bits of the six
 * levels is in the overflow.
 */

const LEVELS = 6;
const SLOTS = 64;

/** Number of slots; slot s of level L has the number `L * 64 + s`. */
export const WHEEL_SLOTS: number = LEVELS * SLOTS;
/** What `slotOf` gives for a tick beyond the wheel. */
export const OVERFLOW: number = WHEEL_SLOTS;
/** What the low part of a tick counts up to. */
export const HIGH_UNIT: number = 2 ** 30;
/** Milliseconds in one round of the wheel: about two years and two months. */
export const WHEEL_SPAN: number = 2 ** 36;
/** The last tick: some 71,000 years. High parts have 21 bits then. */
export const LAST_TICK: number = 2 ** 51 - 1;

/** The high part of a tick. */
export function highOf(tick: number): number {
  return (tick / HIGH_UNIT) | 0;
}

/** The low part of a tick, given its high part. */
export function lowOf(tick: number, high: number): number {
  return (tick - high * HIGH_UNIT) | 0;
}

/**
 * The number of the slot for the tick `high`, `low` when the present is `nowHigh`, `nowLow`; or
 * `OVERFLOW`. The tick must be later than the present.
 */
export function slotOf(nowHigh: number, nowLow: number, high: number, low: number): number {
  if (high === nowHigh) {
    // 43 / 256 divides by 6 as far as is needed here, up to 29.
    const level = ((31 - Math.clz32((low ^ nowLow) | 63)) * 43) >> 8;
    return (level << 6) | ((low >>> (level * 6)) & 63);
  }
  return (high ^ nowHigh) < SLOTS ? (5 << 6) | (high & 63) : OVERFLOW;
}

/** The first tick of a slot that is taken, when the present is `nowHigh`, `nowLow`. */
export function slotStart(slot: number, nowHigh: number, nowLow: number): number {
  const level = slot >>> 6;
  if (level === 5) return ((nowHigh & ~63) | (slot & 63)) * HIGH_UNIT;
  const shift = level * 6;
  return nowHigh * HIGH_UNIT + ((nowLow & -(SLOTS << shift)) | ((slot & 63) << shift));
}

/** How many ticks wide a slot is. */
export function slotWidth(slot: number): number {
  return 2 ** (6 * (slot >>> 6));
}
