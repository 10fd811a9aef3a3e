/** Where an access stands in the code that is checked. */

/** The folder of the checker, whose frames are not where users look. */
const OWN = new URL('..', import.meta.url).href;

const FRAME = /\(?((?:file:\/\/|\/|[A-Za-z]:\\)[^()]*:\d+:\d+)\)?$/;
const TEST = /\.test\.[cm]?[jt]s/;

/** The stack right now, so many frames of it, as the engine writes it. */
export function stackHere(frames: number): string {
  const limit = Error.stackTraceLimit;
  // A program may have its own way to write stacks, which need not tell places apart.
  const own = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
  Error.stackTraceLimit = frames;
  if (own !== undefined) Reflect.set(Error, 'prepareStackTrace', undefined);
  const { stack = '' } = new Error('here');
  if (own !== undefined) Object.defineProperty(Error, 'prepareStackTrace', own);
  Error.stackTraceLimit = limit;
  return stack;
}

/** Frames that are looked at: the checker's own lie above. */
const DEPTH = 32;

/** The place that calls the checker right now, as `path:line:column`; '' when none is known. */
export function siteHere(): string {
  for (const line of stackHere(DEPTH).split('\n').slice(1)) {
    const place = FRAME.exec(line)?.[1];
    if (place === undefined || place.includes('/atomics/index.')) continue;
    if (place.startsWith(OWN) && !TEST.test(place)) continue;
    return place.startsWith('file://') ? decodeURI(place.slice('file://'.length)) : place;
  }
  return '';
}
