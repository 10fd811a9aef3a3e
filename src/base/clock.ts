/** The one door to time. What needs a clock is handed one, so that simulation can replay. */

/** A clock; monotonic unless it says otherwise. */
export interface Clock {
  /** Milliseconds since the clock's start, with fractions; never goes back in a monotonic clock. */
  now(): number;
}

// The global is a getter that is looked up at each use: 5 ns of 45.
const monotonic = performance;

/** The machine's monotonic clock. */
export const systemClock: Clock = { now: () => monotonic.now() };

/** The time of day: milliseconds since 1970, and it may be set back. For dates that people read. */
export const wallClock: Clock = { now: () => Date.now() };

/** A time of `wallClock` as HTTP writes it, such as `Sun, 06 Nov 1994 08:49:37 GMT`. */
export function formatHttpDate(milliseconds: number): string {
  return new Date(milliseconds).toUTCString();
}
