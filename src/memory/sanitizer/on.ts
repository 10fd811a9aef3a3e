/** The sanitizer of programs that run with `--conditions=sanitize`: one for each thread. */
import { watchCopies } from './array-views.ts';
import type { Sanitizer } from './contract.ts';
import { watchDetaching } from './detached.ts';
import { ViewSanitizer } from './sanitizer.ts';

watchCopies();
watchDetaching();

/** This thread’s. */
export const sanitizer: Sanitizer | undefined = new ViewSanitizer();
