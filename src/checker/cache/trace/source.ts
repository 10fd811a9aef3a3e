/** What a file for the simulator says. */
import type { Trace } from '../access.ts';

/** A trace, or a program whose accesses are to be interleaved in every way. */
export interface Source extends Trace {
  /** Whether the order counts for each core alone. */
  readonly isProgram: boolean;
}

/** Limits of what is read. */
export const LIMITS: { readonly BYTES: number; readonly NAMES: number; readonly SITE: number } = {
  /** Bytes of text. */
  BYTES: 2 ** 28,
  /** Names of pieces of memory. */
  NAMES: 1000,
  /** Characters of a site or of the name of a thread. */
  SITE: 200,
};
