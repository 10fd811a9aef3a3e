/** What went wrong, as a person wants to read it: no stack of Rondo's or of Node's own. */
import { spawnSync } from 'node:child_process';
import { dirname, isAbsolute, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { RondoError } from '../base/index.ts';
import { UsageError } from './flags.ts';

/** The code that says what was wrong, where there is one. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** Whether a person can do something about it: a defect is shown with all there is to it. */
export function isExpected(error: unknown): error is Error {
  return isMistake(error) || error instanceof RondoError;
}

/** Whether what was asked for is wrong, so that asking again is no use. */
function isMistake(error: unknown): boolean {
  // A wrong option comes from the gateway, with a code that says so.
  return error instanceof UsageError || /^ERR_(OPTION|ADDRESS)_/.test(codeOf(error) ?? '');
}

/** 2 for a mistake in the command line or the options, 1 for anything else. */
export function exitCodeOf(error: unknown): number {
  return isMistake(error) ? 2 : 1;
}

const FRAME = /^\s+at /;
/** Where Rondo itself is. */
const own = dirname(dirname(fileURLToPath(import.meta.url)));
const ownPlaces = [pathToFileURL(own).href, own];

/** Takes the frames of Rondo and of Node out of a text that has a stack in it. */
export function withoutOwnFrames(text: string): string {
  const lines = text.split('\n').filter((line) => {
    if (!FRAME.test(line)) return true;
    return (
      !/node:internal|\(node:|at node:|at new Promise|at async Promise/.test(line) &&
      !ownPlaces.some((place) => line.includes(place))
    );
  });
  return lines.join('\n').replaceAll(/file:\/\/\/[^\s()'"]+/g, shortened);
}

/** `file:///home/me/app/handlers.js:3:9` in /home/me/app is `handlers.js:3:9`. */
function shortened(url: string): string {
  const place = /^(.*?)((?::\d+)*)$/.exec(url)!;
  try {
    return shownPath(fileURLToPath(place[1]!)) + place[2]!;
  } catch {
    return url;
  }
}

/** A path as a person in the current folder would write it. */
export function shownPath(path: string): string {
  const near = relative(process.cwd(), path);
  return near === '' || near.startsWith('..') || isAbsolute(near) ? path : near;
}

/** Errors that were caused by others are shown with those, but they may go round in a circle. */
const CAUSES_MAX = 5;

/** What a module of the user's threw, with the places in the user's own files. */
export function describeFault(error: unknown, depth: number = 0): string {
  if (!(error instanceof Error)) return `${inspect(error)} was thrown`;
  const text = withoutOwnFrames(error.stack ?? String(error)).trimEnd();
  if (error.cause === undefined || depth === CAUSES_MAX) return text;
  return `${text}\ncaused by ${describeFault(error.cause, depth + 1)}`;
}

/** What nobody caught: with its whole stack when it is no place of the user's that it came from. */
export function describeUncaught(error: unknown): string {
  const fault = describeFault(error);
  const isOurs = codeOf(error) === 'ERR_ASSERTION' || !fault.split('\n').some((l) => FRAME.test(l));
  return isOurs ? inspect(error) : fault;
}

/** Long enough for any module that only has to be read. */
const LOCATE_MS = 10_000;

/**
 * What `import()` of a module threw. A syntax error does not say where it is, except when a process
 * ends by it: so one does. Nothing of the module has run then, here or there.
 */
export function describeImportFault(error: unknown, url: string): string {
  const fault = describeFault(error);
  if (!(error instanceof SyntaxError) || /:\d+/.test(fault)) return fault;
  const program = 'await import(process.argv[1])';
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program, url], {
    encoding: 'utf8',
    timeout: LOCATE_MS,
  });
  const excerpt = /^(file:\S+:\d+\n[^]*?)\n\s*\n/.exec(stderr)?.[1];
  return excerpt === undefined ? fault : `${fault}\n${withoutOwnFrames(excerpt)}`;
}
