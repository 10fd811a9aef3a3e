/**
 * What is done with paths: Node's `fs` does it, on every driver. io_uring knows some of it (rename,
 * unlink, mkdir), but not reading directories, resolving links or removing trees; none of it is
 * frequent, the kernel gives it to threads of its own anyway, and Node has all of it on every
 * platform. The simulated driver has a world of its own: see `simulated-paths.ts`.
 */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { secureBytes } from '../base/index.ts';
import { nodeStat, type FileKind, type FileStat } from './stats.ts';

/** Something in a directory. */
export interface DirectoryEntry {
  readonly name: string;
  readonly kind: FileKind;
}

/** An open directory. */
export interface DirectoryReader {
  /** The next entries, in no order; empty at the end. */
  read(): Promise<readonly DirectoryEntry[]>;
  close(): Promise<void>;
}

/** How a directory is made. */
export interface MakeDirectoryOptions {
  /** Makes those above it too, and does nothing where it is there already. @default false */
  readonly recursive?: boolean;
  /** Permission bits, before the process's mask. @default 0o777 */
  readonly mode?: number;
}

/** How something is removed. */
export interface RemoveOptions {
  /** Removes directories with everything in them. @default false */
  readonly recursive?: boolean;
  /** Nothing there is no error. @default false */
  readonly force?: boolean;
}

/** How a file is copied. */
export interface CopyFileOptions {
  /** Fails with EEXIST when the target is there. @default false */
  readonly exclusive?: boolean;
}

/** See the head of this file. All of them reject with errors of Node's kind. */
export interface PathSystem {
  stat(path: string, followLinks: boolean): Promise<FileStat>;
  makeDirectory(path: string, options: MakeDirectoryOptions): Promise<void>;
  openDirectory(path: string): Promise<DirectoryReader>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string, options: RemoveOptions): Promise<void>;
  copy(from: string, to: string, options: CopyFileOptions): Promise<void>;
  symlink(target: string, path: string): Promise<void>;
  realPath(path: string): Promise<string>;
  /** Where a link leads to, as it is written in it; rejects when it is none. */
  readLink(path: string): Promise<string>;
  setMode(path: string, mode: number): Promise<void>;
  /** A name that nobody else has, as far as chance can tell. */
  uniqueName(): string;
  /** Where directories for a while are. */
  temporary(): string;
  /** Whether renames are pushed to the device by opening and syncing their directory. */
  readonly syncsDirectories: boolean;
}

/** Entries that are asked for at a time. */
const ENTRIES = 64;

interface NodeEntry {
  readonly name: string;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

function entryOf(entry: NodeEntry): DirectoryEntry {
  let kind: FileKind = 'other';
  if (entry.isFile()) kind = 'file';
  else if (entry.isDirectory()) kind = 'directory';
  else if (entry.isSymbolicLink()) kind = 'symlink';
  return { name: entry.name, kind };
}

/** The system's own. */
export const nodePaths: PathSystem = {
  syncsDirectories: process.platform !== 'win32',
  async stat(path, followLinks) {
    return nodeStat(await (followLinks ? fs.stat(path) : fs.lstat(path)));
  },
  async makeDirectory(path, { recursive = false, mode = 0o777 }) {
    await fs.mkdir(path, { recursive, mode });
  },
  async openDirectory(path) {
    const directory = await fs.opendir(path, { bufferSize: ENTRIES });
    return {
      async read() {
        const entries: DirectoryEntry[] = [];
        while (entries.length < ENTRIES) {
          const entry = await directory.read();
          if (entry === null) break;
          entries.push(entryOf(entry));
        }
        return entries;
      },
      close: () => directory.close(),
    };
  },
  rename: (from, to) => fs.rename(from, to),
  async remove(path, { recursive = false, force = false }) {
    if (recursive) return fs.rm(path, { recursive, force });
    const stat = await fs.lstat(path).catch((error: unknown) => {
      if (force && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    });
    if (stat?.isDirectory() === true) await fs.rmdir(path);
    else if (stat !== undefined) await fs.unlink(path);
  },
  copy: (from, to, { exclusive = false }) =>
    fs.copyFile(from, to, exclusive ? fs.constants.COPYFILE_EXCL : 0),
  symlink: (target, path) => fs.symlink(target, path),
  realPath: (path) => fs.realpath(path),
  readLink: (path) => fs.readlink(path),
  setMode: (path, mode) => fs.chmod(path, mode),
  uniqueName: () => secureBytes(8).toString('hex'),
  temporary: () => tmpdir(),
};
