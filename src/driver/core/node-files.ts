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
import { openBits } from './open-bits.ts';
import { Op, OpFlag, type OperationTable } from './operations.ts';
import { writeStat } from './stat.ts';

const MODE_DEFAULT = 0o644;
/** In the flags of a file's handle: writes go to its end, which `fs` is told by no position. */
const APPEND = 1;

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
    const bits = openBits(flags);
    if (bits === -1) {
      host.unreserve();
      host.finishLater(op, -Errno.EINVAL);
      return;
    }
    fs.open(path, bits, flags.mode ?? MODE_DEFAULT, (error, fd) => {
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
      host.handles.flags[slot] = flags.append === true ? APPEND : 0;
      host.finishLater(op, host.handles.handle(slot));
    });
  }

  /** An operation on a file; its offset and length are in the operation table. */
  start(op: number, slot: number, kind: number, position: number): void {
    const { arena, handles, operations } = this.#host;
    const fd = handles.fd[slot]!;
    const offset = operations.offset[op]!;
    const length = operations.length[op]!;
    const ended = (error: Error | null, count: number): void => {
      this.#host.finishLater(op, error ? errnoOf(error) : count);
    };
    const at = handles.flags[slot] === APPEND ? null : position;
    if (kind === Op.READ) fs.read(fd, arena.bytes, offset, length, position, ended);
    else if (kind === Op.WRITE) fs.write(fd, arena.bytes, offset, length, at, ended);
    else if (kind === Op.SYNC) fs.fsync(fd, (error) => ended(error, 0));
    else if (kind === Op.DATA_SYNC) fs.fdatasync(fd, (error) => ended(error, 0));
    else if (kind === Op.RESIZE) fs.ftruncate(fd, position, (error) => ended(error, 0));
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
