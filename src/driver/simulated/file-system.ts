/**
 * The simulated file system: files by normalized path. Directories are there when they were made,
 * and those of every path that is there. What takes a path gives a negative errno on failure.
 */
import { posix } from 'node:path';
import { Errno } from '../../base/index.ts';
import type { OpenFlags } from '../driver.ts';

const REGULAR_FILE = 0o100000;
const DIRECTORY = 0o040755;
/** What O_DIRECT is aligned to here. */
const BLOCK = 512;
/** The longest file, as ext4 has it. */
const FILE_BYTES_MAX = 2 ** 44;

interface FileNode {
  data: Uint8Array;
  size: number;
  /** Milliseconds. */
  modified: number;
  mode: number;
  /** It has a name. One without lives until it is closed, and counts no more. */
  linked: boolean;
}

/** What a path stands for: times in milliseconds, `mode` with its type bits. */
export interface SimulatedStat {
  readonly size: number;
  readonly modified: number;
  readonly mode: number;
}

/** What can be done with paths in the simulated world, at once. See the head of this file. */
export interface SimulatedPaths {
  stat(path: string): SimulatedStat | number;
  /** Names in a directory, sorted. */
  list(path: string): readonly string[] | number;
  /** Makes a directory; those above it are there by that. */
  makeDirectory(path: string): number;
  /** Puts a file or directory in another place; a file there is replaced. */
  rename(from: string, to: string): number;
  /** A second file with the same bytes; a file there is replaced. */
  copyFile(from: string, to: string): number;
  removeFile(path: string): number;
  removeDirectory(path: string): number;
  setMode(path: string, mode: number): number;
}

/** An opened file. */
export interface OpenFile {
  readonly node: FileNode;
  readonly canRead: boolean;
  readonly canWrite: boolean;
  /** Writes go to the end. */
  readonly append: boolean;
  /** Memory, lengths and positions are multiples of BLOCK. */
  readonly direct: boolean;
}

export class FileSystem implements SimulatedPaths {
  readonly #nodes = new Map<string, FileNode>();
  readonly #directories = new Set<string>(['/', '/tmp']);
  readonly #capacity: number;
  #used = 0;

  /** `capacity`: bytes that all files may have together. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** An opened file, or a negative errno. */
  open(path: string, flags: OpenFlags, now: number): OpenFile | number {
    const name = posix.resolve('/', path);
    if (this.#isBelowFile(name)) return -Errno.ENOTDIR;
    let node = this.#nodes.get(name);
    if (!node && this.#isDirectory(name)) return -Errno.EISDIR;
    if (!node && flags.create !== true) return -Errno.ENOENT;
    if (node && flags.create === true && flags.exclusive === true) return -Errno.EEXIST;
    if (!node) {
      const mode = REGULAR_FILE | ((flags.mode ?? 0o644) & 0o7777);
      node = { data: new Uint8Array(0), size: 0, modified: now, mode, linked: true };
      this.#nodes.set(name, node);
    }
    const canWrite = flags.access !== 'read';
    if (flags.truncate === true && canWrite) {
      this.#account(node, -node.size);
      node.data = new Uint8Array(0);
      node.size = 0;
      node.modified = now;
    }
    const canRead = flags.access !== 'write';
    const { append = false, direct = false } = flags;
    return { node, canRead, canWrite, append, direct };
  }

  /** Bytes read into `target` at `offset`, at most `length`; or a negative errno. */
  read(
    file: OpenFile,
    target: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): number {
    if (!file.canRead) return -Errno.EBADF;
    if (file.direct && (offset | length | (position % BLOCK)) % BLOCK !== 0) return -Errno.EINVAL;
    const count = Math.max(0, Math.min(length, file.node.size - position));
    target.set(file.node.data.subarray(position, position + count), offset);
    return count;
  }

  /** Bytes written, all of `bytes`; or a negative errno. */
  write(file: OpenFile, bytes: Uint8Array, where: number, now: number): number {
    if (!file.canWrite) return -Errno.EBADF;
    const { node } = file;
    const position = file.append ? node.size : where;
    if (file.direct && (bytes.byteOffset | bytes.length | (position % BLOCK)) % BLOCK !== 0) {
      return -Errno.EINVAL;
    }
    if (position + bytes.length > FILE_BYTES_MAX) return -Errno.EFBIG;
    const size = Math.max(node.size, position + bytes.length);
    if (this.#used + size - node.size > this.#capacity) return -Errno.ENOSPC;
    if (size > node.data.length) {
      const grown = new Uint8Array(Math.max(size, Math.min(node.data.length * 2, this.#capacity)));
      grown.set(node.data);
      node.data = grown;
    }
    node.data.set(bytes, position);
    this.#account(node, size - node.size);
    node.size = size;
    node.modified = now;
    return bytes.length;
  }

  /** Cuts it, or makes it longer with zeros. 0, or a negative errno. */
  resize(file: OpenFile, size: number, now: number): number {
    if (!file.canWrite) return -Errno.EINVAL;
    const { node } = file;
    if (size > FILE_BYTES_MAX) return -Errno.EFBIG;
    if (this.#used + size - node.size > this.#capacity) return -Errno.ENOSPC;
    if (size > node.data.length) {
      const grown = new Uint8Array(size);
      grown.set(node.data.subarray(0, node.size));
      node.data = grown;
    } else {
      node.data.fill(0, Math.min(size, node.size));
    }
    this.#account(node, size - node.size);
    node.size = size;
    node.modified = now;
    return 0;
  }

  #account(node: FileNode, bytes: number): void {
    if (node.linked) this.#used += bytes;
  }

  /** Writes what `STAT_BYTES` describes; `offset` is a multiple of 8. */
  statFile(file: OpenFile, doubles: Float64Array, unsigned: Uint32Array, offset: number): void {
    unsigned.fill(0, offset / 4, offset / 4 + 8);
    doubles[offset / 8] = file.node.size;
    doubles[offset / 8 + 1] = file.node.modified;
    unsigned[offset / 4 + 4] = file.node.mode;
  }

  // ---- paths

  stat(path: string): SimulatedStat | number {
    const name = posix.resolve('/', path);
    const node = this.#nodes.get(name);
    if (node) return { size: node.size, modified: node.modified, mode: node.mode };
    if (this.#isDirectory(name)) return { size: 0, modified: 0, mode: DIRECTORY };
    return this.#isBelowFile(name) ? -Errno.ENOTDIR : -Errno.ENOENT;
  }

  list(path: string): readonly string[] | number {
    const name = posix.resolve('/', path);
    if (this.#nodes.has(name)) return -Errno.ENOTDIR;
    if (!this.#isDirectory(name)) return -Errno.ENOENT;
    return [...this.#below(name)].sort();
  }

  makeDirectory(path: string): number {
    const name = posix.resolve('/', path);
    if (this.#nodes.has(name) || this.#isDirectory(name)) return -Errno.EEXIST;
    if (this.#isBelowFile(name)) return -Errno.ENOTDIR;
    this.#directories.add(name);
    return 0;
  }

  rename(from: string, to: string): number {
    const [source, target] = [posix.resolve('/', from), posix.resolve('/', to)];
    if (source === target) return this.stat(source) === -Errno.ENOENT ? -Errno.ENOENT : 0;
    if (this.#isBelowFile(target)) return -Errno.ENOTDIR;
    const node = this.#nodes.get(source);
    if (node) {
      if (this.#isDirectory(target)) return -Errno.EISDIR;
      this.#unlink(target);
      this.#directories.add(posix.dirname(source));
      this.#nodes.delete(source);
      this.#nodes.set(target, node);
      return 0;
    }
    if (!this.#isDirectory(source)) return -Errno.ENOENT;
    if (target.startsWith(`${source}/`)) return -Errno.EINVAL;
    if (this.#nodes.has(target)) return -Errno.ENOTDIR;
    if (this.#isDirectory(target) && this.#below(target).size > 0) return -Errno.ENOTEMPTY;
    const moved = (name: string): string => target + name.slice(source.length);
    const inside = (name: string): boolean => name === source || name.startsWith(`${source}/`);
    for (const [name, file] of [...this.#nodes].filter(([other]) => inside(other))) {
      this.#nodes.delete(name);
      this.#nodes.set(moved(name), file);
    }
    this.#directories.add(posix.dirname(source)).add(target);
    for (const name of [...this.#directories].filter(inside)) {
      this.#directories.delete(name);
      this.#directories.add(moved(name));
    }
    return 0;
  }

  copyFile(from: string, to: string): number {
    const [source, target] = [posix.resolve('/', from), posix.resolve('/', to)];
    const node = this.#nodes.get(source);
    if (!node) return this.#isDirectory(source) ? -Errno.EISDIR : -Errno.ENOENT;
    if (this.#isDirectory(target)) return -Errno.EISDIR;
    if (this.#isBelowFile(target)) return -Errno.ENOTDIR;
    if (source === target) return 0;
    if (this.#used + node.size > this.#capacity) return -Errno.ENOSPC;
    this.#unlink(target);
    this.#nodes.set(target, { ...node, data: node.data.slice(0, node.size), linked: true });
    this.#used += node.size;
    return 0;
  }

  removeFile(path: string): number {
    const name = posix.resolve('/', path);
    if (this.#unlink(name)) return 0;
    return this.#isDirectory(name) ? -Errno.EISDIR : -Errno.ENOENT;
  }

  removeDirectory(path: string): number {
    const name = posix.resolve('/', path);
    if (this.#nodes.has(name)) return -Errno.ENOTDIR;
    if (!this.#isDirectory(name)) return -Errno.ENOENT;
    if (this.#below(name).size > 0 || name === '/') return -Errno.ENOTEMPTY;
    this.#directories.delete(name);
    this.#directories.add(posix.dirname(name));
    return 0;
  }

  setMode(path: string, mode: number): number {
    const node = this.#nodes.get(posix.resolve('/', path));
    if (!node) return -Errno.ENOENT;
    node.mode = (node.mode & ~0o7777) | (mode & 0o7777);
    return 0;
  }

  #unlink(name: string): boolean {
    const node = this.#nodes.get(name);
    if (!node) return false;
    // The directory that it was in stays.
    this.#directories.add(posix.dirname(name));
    this.#account(node, -node.size);
    node.linked = false;
    this.#nodes.delete(name);
    return true;
  }

  #isBelowFile(name: string): boolean {
    for (let up = posix.dirname(name); up !== '/'; up = posix.dirname(up)) {
      if (this.#nodes.has(up)) return true;
    }
    return false;
  }

  /** Names of what is directly in a directory. */
  #below(name: string): Set<string> {
    const prefix = name === '/' ? '/' : `${name}/`;
    const names = new Set<string>();
    for (const other of [...this.#nodes.keys(), ...this.#directories]) {
      if (other.startsWith(prefix) && other !== '/') {
        names.add(other.slice(prefix.length).split('/')[0]!);
      }
    }
    return names;
  }

  #isDirectory(name: string): boolean {
    if (this.#directories.has(name)) return true;
    for (const other of this.#directories) if (other.startsWith(`${name}/`)) return true;
    for (const other of this.#nodes.keys()) if (other.startsWith(`${name}/`)) return true;
    return false;
  }
}
