/**
 * Files on the ring: ordinary descriptors, because statx does not take direct ones. Each stat has
 * memory of its own until it completes.
 */
import { Errno } from '../../base/index.ts';
import { Slab, type Arena } from '../../memory/index.ts';
import type { Native } from '../../native/index.ts';
import type { BaseDriver } from '../core/base-driver.ts';
import { HandleKind } from '../core/handles.ts';
import { openBits } from '../core/open-bits.ts';
import { Op } from '../core/operations.ts';
import { writeStat } from '../core/stat.ts';
import type { OpenFlags } from '../driver.ts';
import { Opcode, STATX_BYTES } from './abi.ts';
import type { Ring } from './ring.ts';
import type { Scratch } from './scratch.ts';
import type { Submissions } from './submissions.ts';

/** O_CLOEXEC of open(2) on Linux, the same on all architectures that Node runs on. */
const CLOSE_ON_EXEC = 0o2000000;

/** Stats in the kernel at once; one more waits its turn. */
const STATS_MAX = 64;

export class UringFiles {
  readonly #driver: BaseDriver;
  readonly #arena: Arena;
  readonly #native: Native;
  readonly #submit: Submissions;
  readonly #emptyPath: number;
  readonly #stats: Slab;
  /** Kernel's memory of each stat in flight, by operation. */
  readonly #statMemory = new Map<number, number>();
  /** Stats that wait for such memory: operations, first come first served. */
  readonly #waiting = new Set<number>();

  constructor(driver: BaseDriver, native: Native, submit: Submissions, emptyPath: number) {
    this.#driver = driver;
    this.#arena = driver.arena;
    this.#native = native;
    this.#submit = submit;
    this.#emptyPath = emptyPath;
    this.#stats = Slab.create(driver.arena, {
      name: 'statx',
      owner: driver.name,
      slotSize: STATX_BYTES,
      slots: STATS_MAX,
    });
  }

  open(op: number, path: string, flags: OpenFlags, scratch: Scratch, ring: Ring): void {
    const encoded = Buffer.from(`${path}\0`);
    if (encoded.length > 4096) return this.#driver.finishLater(op, -Errno.ENAMETOOLONG);
    if (!this.#driver.reserve()) return this.#driver.finishLater(op, -Errno.EMFILE);
    const memory = scratch.take(ring, encoded.length);
    this.#arena.bytes.set(encoded, memory);
    const id = this.#driver.operations.id(op);
    return this.#submit.open(memory, openBits(flags) | CLOSE_ON_EXEC, flags.mode ?? 0o644, id);
  }

  start(op: number, slot: number, kind: number, position: number): void {
    const { operations, handles } = this.#driver;
    const id = operations.id(op);
    const fd = handles.fd[slot]!;
    if (kind === Op.SYNC) return this.#submit.sync(fd, false, id);
    if (kind === Op.DATA_SYNC) return this.#submit.sync(fd, true, id);
    if (kind === Op.RESIZE) return this.#submit.resize(fd, position, id);
    if (kind === Op.STAT) {
      if (!this.#startStat(op)) this.#waiting.add(op);
      return undefined;
    }
    const opcode = kind === Op.READ ? Opcode.READ : Opcode.WRITE;
    const offset = operations.offset[op]!;
    return this.#submit.transfer(opcode, fd, offset, operations.length[op]!, position, id);
  }

  /** False when there is no memory for it. */
  #startStat(op: number): boolean {
    const memory = this.#stats.acquire();
    if (memory === 0) return false;
    const { operations, handles } = this.#driver;
    this.#statMemory.set(op, memory);
    const fd = handles.fd[operations.handle[op]!]!;
    this.#submit.stat(fd, this.#emptyPath, memory, operations.id(op));
    return true;
  }

  /** Whether an operation was not in the kernel yet: it is forgotten, the caller completes it. */
  forget(op: number): boolean {
    return this.#waiting.delete(op);
  }

  /** A completion of an operation on a file. */
  done(op: number, result: number): void {
    const { operations } = this.#driver;
    const kind = operations.kind[op]!;
    if (kind === Op.OPEN) return this.#opened(op, result);
    if (kind === Op.STAT) {
      const memory = this.#statMemory.get(op)!;
      this.#statMemory.delete(op);
      if (result === 0) this.#convert(memory, operations.offset[op]!);
      this.#stats.release(memory);
      this.#startWaiting();
    }
    return this.#driver.complete(op, result);
  }

  #startWaiting(): void {
    for (const op of this.#waiting) {
      if (!this.#startStat(op)) return;
      this.#waiting.delete(op);
    }
  }

  /** The descriptor is handed over even when a cancel was on its way: rule 8. */
  #opened(op: number, result: number): void {
    const { handles } = this.#driver;
    this.#driver.unreserve();
    if (result < 0) return this.#driver.complete(op, result);
    const slot = handles.allocate(HandleKind.FILE);
    if (slot === -1) {
      this.#native.closeDescriptor(result);
      return this.#driver.complete(op, -Errno.EMFILE);
    }
    this.#native.ownDescriptor(result);
    handles.fd[slot] = result;
    return this.#driver.complete(op, handles.handle(slot));
  }

  /** struct statx: mode u16 at 28, size u64 at 40, mtime i64 seconds at 112 and u32 ns at 120. */
  #convert(statx: number, target: number): void {
    const { unsigned, words, halves } = this.#arena;
    const size = unsigned[(statx + 40) >>> 2]! + unsigned[(statx + 44) >>> 2]! * 4294967296;
    const seconds = unsigned[(statx + 112) >>> 2]! + words[(statx + 116) >>> 2]! * 4294967296;
    const modified = seconds * 1000 + unsigned[(statx + 120) >>> 2]! / 1e6;
    writeStat(this.#arena, target, size, modified, halves[(statx + 28) >>> 1]!);
  }

  release(): void {
    this.#stats.destroy();
  }
}
