/** Medians: of each figure over the rounds, and of each round's ratio to the reference. */

/** The middle value, or the mean of the two middle ones; NaN for an empty list. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] as number;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** A ratio over several rounds. */
export interface Ratio {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/**
 * The ratio of `values` to `references`, round by round: what disturbs the machine for a while
 * disturbs both sides of a round. Rounds that lack either side (undefined) are left out.
 */
export function ratioPerRound(
  values: readonly (number | undefined)[],
  references: readonly (number | undefined)[],
): Ratio {
  const ratios: number[] = [];
  values.forEach((value, round) => {
    const reference = references[round];
    if (value !== undefined && reference !== undefined) ratios.push(value / reference);
  });
  return { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) };
}
