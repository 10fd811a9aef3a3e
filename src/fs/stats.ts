/** What is known about a file. */
import type { Stats } from 'node:fs';
import type { Arena } from '../memory/index.ts';

/** What something in a file system is. */
export type FileKind = 'file' | 'directory' | 'symlink' | 'other';

/** What is known about a file. */
export interface FileStat {
  readonly kind: FileKind;
  /** Bytes. */
  readonly size: number;
  /** When it was last changed, milliseconds since 1970. */
  readonly modified: number;
  /** Permission bits. */
  readonly mode: number;
}

const TYPE_MASK = 0o170000;
const KINDS: ReadonlyMap<number, FileKind> = new Map([
  [0o100000, 'file'],
  [0o040000, 'directory'],
  [0o120000, 'symlink'],
]);

/** From size, time and mode with its type bits. */
export function statOf(size: number, modified: number, mode: number): FileStat {
  const kind = KINDS.get(mode & TYPE_MASK) ?? 'other';
  return { kind, size, modified, mode: mode & 0o7777 };
}

/** What a driver has written: see `STAT_BYTES`. */
export function readStat(arena: Arena, offset: number): FileStat {
  const { doubles, unsigned } = arena;
  return statOf(doubles[offset / 8]!, doubles[offset / 8 + 1]!, unsigned[offset / 4 + 4]!);
}

/** What Node has found out. */
export function nodeStat(stats: Stats): FileStat {
  return statOf(stats.size, stats.mtimeMs, stats.mode);
}
