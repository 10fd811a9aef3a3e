/** The sanitizer of programs that run without `--conditions=sanitize`: there is none. */
import type { Sanitizer } from './contract.ts';

/** None. */
export const sanitizer: Sanitizer | undefined = undefined;
