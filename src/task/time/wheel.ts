/**
 * The arithmetic of the timer wheel. A tick is a whole millisecond from 0 to `LAST_TICK`, above the
 * 32 bits that are cheap here, so it goes in two parts: `high * 2^32 + low`, both as the 32 bits of
 * a signed integer.
 *
 * Five levels of 256 slots: a slot of level L is 256^L ms wide. A tick lies on the level of the
 * first group of eight bits in which it differs from the present, in the slot that they name. So a
 * slot never holds two rounds of the wheel, everything on a level comes before everything on the
 * next, and on each level the slots come in the order of their numbers: the first slot that is
 * taken, counted from level 0, is the next one in time. What differs above the 40 bits of the five
 * levels is in the overflow.
 *
 * Few and wide levels, since every level that a timer goes down is a miss of the cache: what is due
 * within 65 seconds, as most timers are, goes down once.
 */

const LEVELS = 5;
const BITS = 8;
const TOP = LEVELS - 1;

/** Slots of a level; slot s of level L has the number `L * SLOTS + s`. */
export const SLOTS: number = 2 ** BITS;
const IN_LEVEL = SLOTS - 1;
/** Number of slots. */
export const WHEEL_SLOTS: number = LEVELS * SLOTS;
/** What `slotOf` gives for a tick beyond the wheel. */
export const OVERFLOW: number = LEVELS * SLOTS;
/** What the low part of a tick counts up to. */
const HIGH_UNIT: number = 2 ** 32;
/** Milliseconds in one round of the wheel: almost 35 years. */
export const WHEEL_SPAN: number = 2 ** (LEVELS * BITS);
/** The last tick: some 71,000 years. High parts have 19 bits then. */
export const LAST_TICK: number = 2 ** 51 - 1;

/** The high part of a tick. */
export function highOf(tick: number): number {
  return (tick / HIGH_UNIT) | 0;
}

/** The low part of a tick. */
export function lowOf(tick: number): number {
  return tick | 0;
}

/** The tick of two parts. */
export function tickOf(high: number, low: number): number {
  return high * HIGH_UNIT + (low >>> 0);
}

/**
 * The number of the slot for the tick `high`, `low` when the present is `nowHigh`, `nowLow`; or
 * `OVERFLOW`. The tick must be later than the present.
 */
export function slotOf(nowHigh: number, nowLow: number, high: number, low: number): number {
  if (high === nowHigh) {
    // The first bit that differs, rounded down to a multiple of eight.
    const shift = (31 - Math.clz32((low ^ nowLow) | IN_LEVEL)) & ~(BITS - 1);
    return shift * (SLOTS / BITS) + ((low >>> shift) & IN_LEVEL);
  }
  return (high ^ nowHigh) < SLOTS ? TOP * SLOTS + (high & IN_LEVEL) : OVERFLOW;
}

/** The first tick of a slot that is taken, when the present is `nowHigh`, `nowLow`. */
export function slotStart(slot: number, nowHigh: number, nowLow: number): number {
  const level = slot >>> BITS;
  const inLevel = slot & IN_LEVEL;
  if (level === TOP) return ((nowHigh & ~IN_LEVEL) | inLevel) * HIGH_UNIT;
  const shift = level * BITS;
  // What is above the level; shifted twice since all 32 bits at once would be none.
  const above = (((nowLow >>> shift) >>> BITS) << BITS) << shift;
  return tickOf(nowHigh, above | (inLevel << shift));
}

/** How many ticks wide a slot is. */
export function slotWidth(slot: number): number {
  return 2 ** (BITS * (slot >>> BITS));
}
