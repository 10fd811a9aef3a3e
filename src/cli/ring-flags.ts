/** Flags that the commands of `rondo ring` share. */
import { UsageError, type Flag } from './flags.ts';

/** Where the names are. */
export const DIRECTORY_FLAG: Flag & { readonly value: string } = {
  help: 'the directory of names',
  value: 'PATH',
  fallback: '/dev/shm/rondo-<uid>',
};

/** For programs. */
export const JSON_FLAG: { readonly help: string } = { help: 'JSON instead of text' };

/** The options of what was given. */
export function directoryOf(given: { readonly directory?: string }): { directory?: string } {
  return given.directory === undefined ? {} : { directory: given.directory };
}

/** The one word of a command. @throws {UsageError} */
export function nameOf(words: readonly string[], command: string): string {
  const [name] = words;
  if (name === undefined) {
    throw new UsageError(`which ring? rondo ring ${command} NAME; rondo ring ls lists the names`);
  }
  return name;
}
