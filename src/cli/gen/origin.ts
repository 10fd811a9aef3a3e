/**
 * Where generated text comes from, which its first lines say. Paths are seen from the folder of the
 * file, so that the same schema gives the same text wherever the command is run.
 */
import { basename, dirname, extname, relative, sep } from 'node:path';

/** What stands for stdout instead of a file. */
export const STDOUT = '-';

/** What every generated file has in its first lines. */
export const HEADER_START = 'Generated from ';

/** The module and the command, as seen from the folder of the file that is written. */
export interface Origin {
  /** The module with the schemas. */
  readonly module: string;
  /** The command that writes the same again. */
  readonly command: string;
  /** A word for the file: its name without what is behind the dot. */
  readonly title: string;
}

/** `module` is absolute, and so is `file` unless it is `STDOUT`. */
export function originOf(module: string, flag: string, file: string): Origin {
  const folder = file === STDOUT ? process.cwd() : dirname(file);
  const shown = spelled(relative(folder, module));
  const target = file === STDOUT ? '' : ` ${spelled(basename(file))}`;
  const titled = basename(file === STDOUT ? module : file);
  return {
    module: shown,
    command: `rondo gen ${shown} --${flag}${target}`,
    title: basename(titled, extname(titled)),
  };
}

/** A path in a comment and in a command line: nothing in it may end either. */
function spelled(path: string): string {
  const slashed = sep === '/' ? path : path.replaceAll(sep, '/');
  return /^[\w./@+=:-]+$/.test(slashed) ? slashed : JSON.stringify(slashed).replaceAll('*/', '*?');
}

/** The first lines, without the marks of a comment. Nothing in them depends on when. */
export function headerLines({ module, command }: Origin): readonly string[] {
  return [
    `${HEADER_START}${module} by`,
    `  ${command}`,
    'Change the schema and run that again: changes made here are lost.',
  ];
}
