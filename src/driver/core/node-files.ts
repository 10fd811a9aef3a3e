/**
 * File operations on Node's thread pool, reading into and writing from arena memory in place: Node
 * takes views over shared memory here. A file operation cannot be called back from the pool: a
 * cancelled one ends with what it achieved, and a cancelled open closes what it opened.
 */
import fs from 'node:fs';
import { Errno } from '../../base/index.ts';
import type { Arena } from '../../memory/index.ts';
import type { OpenFlags } from '../driver.ts';
import { HandleKind, type HandleTable } from './handles.ts';
import { errnoOf } from './node-errors.ts';
import { Op, OpFlag, type OperationTable } from './operations.ts';
import { writeStat } from './stat.ts';

const MODE_DEFAULT = 0o644;

/** What `NodeFiles` needs of its driver. */
export interface FileHost {
  readonly arena: Arena;
  readonly handles: HandleTable;
  readonly operations: OperationTable;
  finishLater(op: number, result: number): void;
  slotClosed(slot: number, op: number, allocated: boolean): void;
  /** Takes one of the connections and files that the limit allows. */
  reserve(): boolean;
  /** Gives it back: the slot of a handle now stands for it, or there is none. */
  unreserve(): void;
}

export class NodeFiles {
  readonly #host: FileHost;

  constructor(host: FileHost) {
    this.#host = host;
  }

  open(op: number, path: string, flags: OpenFlags): void {
    const host = this.#host;
    if (!host.reserve()) {
      host.finishLater(op, -Errno.EMFILE);
      return;
    }
    fs.open(path, openBits(flags), flags.mode ?? MODE_DEFAULT, (error, fd) => {
      host.unreserve();
      if (error) {
        host.finishLater(op, errnoOf(error));
        return;
      }
      if ((host.operations.flags[op]! & OpFlag.CANCELLED) !== 0) {
        // Completes when it is closed, so that `destroy` leaves no descriptor behind.
        fs.close(fd, () => host.finishLater(op, -Errno.ECANCELED));
        return;
      }
      const slot = host.handles.allocate(HandleKind.FILE);
      host.handles.fd[slot] = fd;
      host.finishLater(op, host.handles.handle(slot));
    });
  }

  /** A stat, read, write or sync; its offset and length are in the operation table. */
  start(op: number, slot: number, kind: number, position: number): void {
    const { arena, handles, operations } = this.#host;
    const fd = handles.fd[slot]!;
    const offset = operations.offset[op]!;
    const length = operations.length[op]!;
    const ended = (error: Error | null, count: number): void => {
      this.#host.finishLater(op, error ? errnoOf(error) : count);
    };
    if (kind === Op.READ) fs.read(fd, arena.bytes, offset, length, position, ended);
    else if (kind === Op.WRITE) fs.write(fd, arena.bytes, offset, length, position, ended);
    else if (kind === Op.SYNC) fs.fsync(fd, (error) => ended(error, 0));
    else this.#stat(fd, offset, ended);
  }

  /** Nothing is in flight on the file. */
  close(slot: number, op: number): void {
    fs.close(this.#host.handles.fd[slot]!, () => this.#host.slotClosed(slot, op, true));
  }

  #stat(fd: number, offset: number, ended: (error: Error | null, count: number) => void): void {
    fs.fstat(fd, (error, stats) => {
      if (!error) {
        writeStat(this.#host.arena, offset, stats.size, stats.mtimeMs, stats.mode);
      }
      ended(error, 0);
    });
  }
}

function openBits(flags: OpenFlags): number {
  const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = fs.constants;
  let bits = O_RDONLY;
  if (flags.access === 'write') bits = O_WRONLY;
  if (flags.access === 'read-write') bits = O_RDWR;
  if (flags.create === true) bits |= O_CREAT;
  if (flags.exclusive === true) bits |= O_EXCL;
  if (flags.truncate === true) bits |= O_TRUNC;
  return bits;
}
