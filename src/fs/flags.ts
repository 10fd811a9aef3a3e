/** How a file is opened: Node's short words, or the driver's flags. */
import { misuse, nearest, rejectUnknown } from '../base/index.ts';
import type { OpenFlags } from '../driver/index.ts';

/** Permission bits of a file that is made, before the process's mask; as Node has it. */
const MODE = 0o666;

/** The short words for flags, as `node:fs` has them. */
export type FlagWord = 'r' | 'r+' | 'w' | 'w+' | 'wx' | 'wx+' | 'a' | 'a+' | 'ax' | 'ax+';

const made: Omit<OpenFlags, 'access'> = { create: true, mode: MODE };
const fresh: Omit<OpenFlags, 'access'> = { ...made, truncate: true };
const behind: Omit<OpenFlags, 'access'> = { ...made, append: true };

const WORDS: Readonly<Record<FlagWord, OpenFlags>> = {
  r: { access: 'read' },
  'r+': { access: 'read-write' },
  w: { access: 'write', ...fresh },
  'w+': { access: 'read-write', ...fresh },
  wx: { access: 'write', ...fresh, exclusive: true },
  'wx+': { access: 'read-write', ...fresh, exclusive: true },
  a: { access: 'write', ...behind },
  'a+': { access: 'read-write', ...behind },
  ax: { access: 'write', ...behind, exclusive: true },
  'ax+': { access: 'read-write', ...behind, exclusive: true },
};

/** How a file is opened. */
export type FileFlags = FlagWord | OpenFlags;

const KEYS: readonly (keyof OpenFlags)[] = [
  'access',
  'create',
  'exclusive',
  'truncate',
  'append',
  'direct',
  'dataSync',
  'mode',
];

/** @throws {TypeError} ERR_OPTION_TYPE, ERR_OPTION_UNKNOWN */
export function openFlags(flags: FileFlags): OpenFlags {
  if (typeof flags === 'string') {
    const known = (WORDS as Readonly<Record<string, OpenFlags | undefined>>)[flags];
    if (known !== undefined) return known;
    const near = nearest(flags, Object.keys(WORDS));
    throw misuse(
      'ERR_OPTION_TYPE',
      `Cannot open with "${flags}": flags must be one of ${Object.keys(WORDS).join(', ')}` +
        (near === undefined ? '' : `; did you mean ${near}?`),
    );
  }
  rejectUnknown('open', flags, KEYS);
  if (['read', 'write', 'read-write'].includes(flags.access)) return { mode: MODE, ...flags };
  throw misuse('ERR_OPTION_TYPE', `Cannot open: access must be read, write or read-write`);
}
