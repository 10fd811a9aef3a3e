/** Mutants that no test catches, and why they need not be. */

/** A mutant that survives. */
export interface Survivor {
  readonly id: string;
  readonly because: string;
}

export const survivors: readonly Survivor[] = [];
