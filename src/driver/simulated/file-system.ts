/** The simulated file system: files by normalized path, directories implied by the paths. */
import { posix } from 'node:path';
import { Errno } from '../../base/index.ts';
import type { OpenFlags } from '../driver.ts';

const REGULAR_FILE = 0o100000;

interface FileNode {
  data: Uint8Array;
  size: number;
  /** Milliseconds. */
  modified: number;
  readonly mode: number;
}

/** An opened file. */
export interface OpenFile {
  readonly node: FileNode;
  readonly canRead: boolean;
  readonly canWrite: boolean;
}

export class FileSystem {
  readonly #nodes = new Map<string, FileNode>();
  readonly #capacity: number;
  #used = 0;

  /** `capacity`: bytes that all files may have together. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** An opened file, or a negative errno. */
  open(path: string, flags: OpenFlags, now: number): OpenFile | number {
    const name = posix.resolve('/', path);
    for (let up = posix.dirname(name); up !== '/'; up = posix.dirname(up)) {
      if (this.#nodes.has(up)) return -Errno.ENOTDIR;
    }
    let node = this.#nodes.get(name);
    if (!node && this.#isDirectory(name)) return -Errno.EISDIR;
    if (!node && flags.create !== true) return -Errno.ENOENT;
    if (node && flags.create === true && flags.exclusive === true) return -Errno.EEXIST;
    if (!node) {
      const mode = REGULAR_FILE | ((flags.mode ?? 0o644) & 0o7777);
      node = { data: new Uint8Array(0), size: 0, modified: now, mode };
      this.#nodes.set(name, node);
    }
    const canWrite = flags.access !== 'read';
    if (flags.truncate === true && canWrite) {
      this.#used -= node.size;
      node.data = new Uint8Array(0);
      node.size = 0;
      node.modified = now;
    }
    return { node, canRead: flags.access !== 'write', canWrite };
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
    const count = Math.max(0, Math.min(length, file.node.size - position));
    target.set(file.node.data.subarray(position, position + count), offset);
    return count;
  }

  /** Bytes written, all of `bytes`; or a negative errno. */
  write(file: OpenFile, bytes: Uint8Array, position: number, now: number): number {
    if (!file.canWrite) return -Errno.EBADF;
    const { node } = file;
    const size = Math.max(node.size, position + bytes.length);
    if (this.#used + size - node.size > this.#capacity) return -Errno.ENOSPC;
    if (size > node.data.length) {
      const grown = new Uint8Array(Math.max(size, Math.min(node.data.length * 2, this.#capacity)));
      grown.set(node.data);
      node.data = grown;
    }
    node.data.set(bytes, position);
    this.#used += size - node.size;
    node.size = size;
    node.modified = now;
    return bytes.length;
  }

  /** Writes what `STAT_BYTES` describes; `offset` is a multiple of 8. */
  stat(file: OpenFile, doubles: Float64Array, unsigned: Uint32Array, offset: number): void {
    unsigned.fill(0, offset / 4, offset / 4 + 8);
    doubles[offset / 8] = file.node.size;
    doubles[offset / 8 + 1] = file.node.modified;
    unsigned[offset / 4 + 4] = file.node.mode;
  }

  #isDirectory(name: string): boolean {
    if (name === '/') return true;
    for (const other of this.#nodes.keys()) if (other.startsWith(`${name}/`)) return true;
    return false;
  }
}
