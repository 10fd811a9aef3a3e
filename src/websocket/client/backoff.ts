/**
 * Exponential backoff with full jitter: the ceiling grows by a factor with each attempt, and the
 * delay is anything below it. So clients that were lost together do not come back together.
 */
import type { Random } from '../../base/index.ts';

/** What a backoff is made of. */
export interface BackoffSettings {
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  readonly factor: number;
}

/** The delay before an attempt (from 1 in a row), in whole milliseconds. */
export function backoffDelay(settings: BackoffSettings, attempt: number, random: Random): number {
  const { minDelayMs, maxDelayMs, factor } = settings;
  // Infinity is only more than any maximum.
  const ceiling = Math.min(maxDelayMs, minDelayMs * factor ** (attempt - 1));
  return random.below(Math.floor(ceiling) + 1);
}
