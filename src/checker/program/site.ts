/** Where an access stands in the code that is checked. */

/** The folder of the checker, whose frames are not where users look. */
const OWN = new URL('..', import.meta.url).href;

const FRAME = /\(?((?:file:\/\/|\/|[A-Za-z]:\\)[^()]*:\d+:\d+)\)?$/;
const TEST = /\.test\.[cm]?[jt]s/;

/** Frames that are looked at: the checker's own lie above. */
const DEPTH = 32;

/** The place that calls the checker right now, as `path:line:column`; '' when none is known. */
export function siteHere(): string {
  const depth = Error.stackTraceLimit;
  Error.stackTraceLimit = DEPTH;
  const { stack = '' } = new Error('site');
  Error.stackTraceLimit = depth;
  for (const line of stack.split('\n').slice(1)) {
    const place = FRAME.exec(line)?.[1];
    if (place === undefined || place.includes('/atomics/index.')) continue;
    if (place.startsWith(OWN) && !TEST.test(place)) continue;
    return place.startsWith('file://') ? decodeURI(place.slice('file://'.length)) : place;
  }
  return '';
}
