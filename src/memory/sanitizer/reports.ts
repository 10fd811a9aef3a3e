/** What the sanitizer has found: errors with every site, told once and never lost. */
import { type ErrorCode, RondoError } from '../../base/index.ts';
import type { ReportListener, ReportSite, ViewReport } from './contract.ts';
import type { Site } from './sites.ts';

/** The codes of reports. */
export type ReportCode = Extract<ErrorCode, `ERR_VIEW_${string}`>;

/** What happened at a site, before it is formatted. */
export type Happened = readonly [what: string, site: Site];

class ViewError extends RondoError implements ViewReport {
  readonly sites: readonly ReportSite[];

  constructor(code: ReportCode, message: string, sites: readonly ReportSite[]) {
    const text = sites.map(({ what, frames }) => {
      const shown = frames.length === 0 ? ['at an unknown place'] : frames;
      return `\n  ${what}\n${shown.map((frame) => `    ${frame}`).join('\n')}`;
    });
    super(code, message + text.join(''));
    this.sites = sites;
  }
}

/** An error with its sites, in the order in which things happened. */
export function viewError(
  code: ReportCode,
  message: string,
  happened: readonly Happened[],
): ViewReport {
  const sites = happened.map(([what, site]) => ({ what, frames: site.frames }));
  return new ViewError(code, message, sites);
}

let listener: ReportListener | undefined;
let isLoud = false;

/** Tells `to` of every report from now on, instead of the standard error. */
export function listenToReports(to: ReportListener | undefined): void {
  listener = to;
}

/**
 * Tells of a report. Products catch what a handler throws, and go on: so it is printed too, and the
 * process ends with a code that is not 0.
 */
function tell(report: ViewReport): void {
  if (listener !== undefined) {
    listener(report);
    return;
  }
  process.stderr.write(`rondo: the sanitizer has found a misuse of memory\n${report.message}\n`);
  if (isLoud) return;
  isLoud = true;
  process.once('exit', () => {
    process.exitCode ||= 1;
  });
}

/** For what is found where it is done. */
export function reportHere(report: ViewReport): never {
  tell(report);
  throw report;
}

/**
 * For what is found later, from inside of somebody who must not be disturbed, such as the turn of a
 * driver: an uncaught exception, unless there is a listener.
 */
export function reportLater(report: ViewReport): void {
  const isTaken = listener !== undefined;
  tell(report);
  if (isTaken) return;
  queueMicrotask(() => {
    throw report;
  });
}
