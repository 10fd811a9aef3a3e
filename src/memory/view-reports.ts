/** How a program hears of the sanitizer's reports; `docs/guide/sanitizer.md` tells how to use it. */
import { sanitizer } from '#sanitizer';
import type { ReportListener } from './sanitizer/contract.ts';

/**
 * Hands the sanitizer's reports of this thread to `listener` instead of printing them and failing
 * the process; `undefined` takes that back. What is found where it is done throws all the same.
 * Returns whether the sanitizer runs: whether Node was started with `--conditions=sanitize`.
 */
export function onViewReport(listener: ReportListener | undefined): boolean {
  sanitizer?.listen(listener);
  return sanitizer !== undefined;
}
