/** Generated files on the disk. What was not generated is not overwritten. */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { RondoError } from '../../base/index.ts';
import { codeOf, shownPath } from '../faults.ts';
import { HEADER_START, type Origin } from './origin.ts';

/** Characters of a line that a message shows. */
const SHOWN_MAX = 120;
/** The mark that makes a file ours is in its first lines. */
const MARK_WITHIN = 200;

/**
 * Writes the text unless the file has it already, so that what is built from it stays built.
 * Returns whether it wrote.
 * @throws {RondoError} ERR_GEN_FILE
 */
export function writeFile(path: string, text: string): boolean {
  const before = contentsOf(path);
  if (before === text) return false;
  if (before && !before.slice(0, MARK_WITHIN).includes(HEADER_START)) {
    throw new RondoError(
      'ERR_GEN_FILE',
      `Cannot write ${shownPath(path)}: it was not generated; remove it, or choose another name`,
    );
  }
  try {
    writeFileSync(path, text);
  } catch (cause) {
    throw fileError('write', path, cause);
  }
  return true;
}

/**
 * What is wrong with a file that should have this text; undefined when nothing is.
 * @throws {RondoError} ERR_GEN_FILE
 */
export function checkFile(path: string, text: string, { command }: Origin): string | undefined {
  const found = contentsOf(path);
  if (found === text) return undefined;
  const shown = shownPath(path);
  const remedy = `in its folder: ${command}`;
  if (found === undefined) return `Cannot accept ${shown}: it is not there; ${remedy}`;
  const [is, must] = [found.split('\n'), text.split('\n')];
  const line = must.findIndex((each, index) => each !== is[index]);
  const at = line < 0 ? must.length : line;
  const labels = [`line ${at + 1} is`, 'and must be'];
  const width = Math.max(...labels.map((label) => label.length));
  return [
    `Cannot accept ${shown}: it is not what the schema gives; ${remedy}`,
    ...labels.map((label, index) => `  ${label.padEnd(width)}  ${lineOf(index ? must : is, at)}`),
  ].join('\n');
}

function lineOf(lines: readonly string[], at: number): string {
  const line = lines[at];
  if (line === undefined) return '(the end of the file)';
  return line.length > SHOWN_MAX ? `${line.slice(0, SHOWN_MAX)}…` : line;
}

function contentsOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw fileError('read', path, cause);
  }
}

function fileError(what: string, path: string, cause: unknown): RondoError {
  const folder = dirname(path);
  const isLost = what === 'write' && codeOf(cause) === 'ENOENT';
  const why = isLost ? `there is no folder ${shownPath(folder)}` : (cause as Error).message;
  return new RondoError('ERR_GEN_FILE', `Cannot ${what} ${shownPath(path)}: ${why}`, { cause });
}
