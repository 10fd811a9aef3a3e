/**
 * Memory of another process, seen inside the arena.
 *
 * A window maps a shared file (a memfd, a file in /dev/shm) with MAP_FIXED over pages of a region,
 * so that all threads have it at one offset, through the views they have already, and nothing
 * dangles when JavaScript drops it. `release` puts anonymous pages back before the region is given
 * back: a view or an offset that was kept reads zeros then, never somebody else's segment.
 *
 * Touching a page behind the end of a mapped file ends the process with SIGBUS. A window therefore
 * stays inside the file and refuses one that could shrink: F_SEAL_SHRINK cannot be taken off again.
 */
import {
  booleanOption,
  Errno,
  integerOption,
  outOfRange,
  rejectUnknown,
  RondoError,
  stringOption,
  SystemError,
} from '../base/index.ts';
import { loadNative, type Native } from '../native/index.ts';
import type { Arena } from './arena.ts';
import { PAGE_BYTES } from './layout.ts';
import type { Region } from './region.ts';

/** Seals of a memfd. Source: fcntl(2), linux/fcntl.h. */
const Seal = { SEAL: 1, SHRINK: 2, GROW: 4 } as const;
/** The largest file that fits an arena. */
const SEGMENT_BYTES_MAX = 2 ** 32;

/** How a window is opened. */
export interface WindowOptions {
  /** Name of its region. */
  readonly name: string;
  /** @default '' */
  readonly owner?: string;
  /** Bytes to see, at least 1. @default all from `fileOffset` to the end of the file */
  readonly length?: number;
  /** Where in the file it begins: bytes, a multiple of 4096. @default 0 */
  readonly fileOffset?: number;
  /**
   * Writes go to the segment. A store into a window that is not writable ends the process.
   * @default false
   */
  readonly writable?: boolean;
  /**
   * Accept a file that can still shrink. Whoever has it open for writing can then end this process
   * at any time, with SIGBUS, by truncating it: only for files that nobody else can open.
   * @default false
   */
  readonly trustUnsealed?: boolean;
}

type ResolvedWindowOptions = Omit<Required<WindowOptions>, 'length'> & {
  readonly length: number | undefined;
};

function resolveWindowOptions(options: WindowOptions): ResolvedWindowOptions {
  rejectUnknown('Window.open', options, [
    'name',
    'owner',
    'length',
    'fileOffset',
    'writable',
    'trustUnsealed',
  ]);
  const fileOffset = integerOption('fileOffset', options.fileOffset, 0, 0, 2 ** 52);
  if (fileOffset % PAGE_BYTES !== 0) {
    throw outOfRange(
      'ERR_OPTION_RANGE',
      `Cannot use fileOffset: it must be a multiple of ${PAGE_BYTES}, got ${fileOffset}`,
    );
  }
  const { length } = options;
  if (length !== undefined) integerOption('length', length, 0, 1, SEGMENT_BYTES_MAX);
  return {
    name: options.name,
    owner: stringOption('owner', options.owner, ''),
    length,
    fileOffset,
    writable: booleanOption('writable', options.writable, false),
    trustUnsealed: booleanOption('trustUnsealed', options.trustUnsealed, false),
  };
}

function checked(syscall: string, result: number, detail: string): number {
  if (result < 0) throw new SystemError(syscall, -result, detail);
  return result;
}

/** The bytes to map, after everything that could make touching them fatal was refused. */
function checkedLength(native: Native, fd: number, options: ResolvedWindowOptions): number {
  const { name, fileOffset, trustUnsealed } = options;
  const seals = native.fileSeals(fd);
  // Files that know no seals answer EINVAL: they can shrink.
  if (seals < 0 && seals !== -Errno.EINVAL) checked('fcntl', seals, `window "${name}"`);
  if ((seals < 0 || (seals & Seal.SHRINK) === 0) && !trustUnsealed) {
    throw new RondoError(
      'ERR_WINDOW_UNSEALED',
      `Cannot open window "${name}": its file can still shrink, which would end the process; ` +
        'seal it with F_SEAL_SHRINK, or set trustUnsealed',
    );
  }
  // Only now: the size of a file that cannot shrink any more is the one to rely on.
  const fileSize = checked('fstat', native.fileSize(fd), `window "${name}"`);
  const available = fileSize - fileOffset;
  const length = options.length ?? available;
  if (length < 1 || length > available) {
    throw outOfRange(
      'ERR_OPTION_RANGE',
      `Cannot open window "${name}" on ${length} bytes at ${fileOffset}: ` +
        `the file has ${fileSize}`,
    );
  }
  return length;
}

/** See the head of this file. */
export class Window {
  /** Where it lies. */
  readonly region: Region;
  /** Bytes of the segment that can be seen, from `region.offset` on. */
  readonly length: number;
  /** Whether stores are allowed. */
  readonly writable: boolean;

  private constructor(region: Region, writable: boolean) {
    this.region = region;
    this.length = region.size;
    this.writable = writable;
  }

  /**
   * Maps a file. The descriptor stays the caller's, who may close it: the mapping holds the file.
   * @throws {RondoError} ERR_WINDOW_UNSEALED when the file can shrink
   * @throws {RondoError} ERR_NATIVE_UNAVAILABLE, ERR_ARENA_EXHAUSTED, ERR_ARENA_REGIONS
   * @throws {RangeError} ERR_OPTION_RANGE when it would reach behind the end of the file
   * @throws {SystemError} ERR_SYSTEM when the file cannot be mapped
   */
  static open(arena: Arena, fd: number, options: WindowOptions): Window {
    const resolved = resolveWindowOptions(options);
    const native = loadNative();
    native.attachArena(arena.bytes);
    const length = checkedLength(native, fd, resolved);
    const { name, owner, fileOffset, writable } = resolved;
    const region = arena.allocate(name, length, { owner, kind: 'window', alignment: PAGE_BYTES });
    const result = native.mapFile(region.offset, pageBytes(length), fd, fileOffset, writable);
    if (result < 0) {
      region.release();
      throw new SystemError('mmap', -result, `window "${name}"`);
    }
    region.used = length;
    return new Window(region, writable);
  }

  /** Arena offset of the first byte. */
  get offset(): number {
    return this.region.offset;
  }

  /**
   * Ends the mapping and gives the region back. The segment itself stays as long as others hold it.
   * @throws {TypeError} ERR_REGION_RELEASED when it was released before
   */
  release(): void {
    // The arena lays fresh pages over the range before it is used again.
    this.region.release();
  }
}

/** A piece of memory that other processes can map: a memfd that nobody can resize. */
export class Segment {
  /** Its descriptor, close-on-exec; to be handed to others over a Unix socket or /proc. */
  readonly fd: number;
  /** Bytes. */
  readonly size: number;
  readonly #native: Native;
  #closed = false;

  private constructor(native: Native, fd: number, size: number) {
    this.#native = native;
    this.fd = fd;
    this.size = size;
  }

  /**
   * A new one, all zero; `name` is for /proc, `size` in bytes from 1 to 4 GiB. All of its memory is
   * taken here, so that nobody who touches it later can fail for want of it; an eighth of what is
   * available must be left.
   * @throws {RondoError} ERR_NATIVE_UNAVAILABLE
   * @throws {SystemError} ERR_SYSTEM, with ENOMEM when there is not enough memory
   */
  static create(name: string, size: number): Segment {
    stringOption('name', name, '');
    integerOption('size', size, 0, 1, SEGMENT_BYTES_MAX);
    const native = loadNative();
    const detail = `segment "${name}"`;
    // The kernel refuses no memfd for its size: it takes the memory, and ends some process for it.
    if (size > process.availableMemory() * (7 / 8)) {
      throw new SystemError('fallocate', Errno.ENOMEM, detail);
    }
    const fd = checked('memfd_create', native.memfdCreate(name), detail);
    try {
      checked('fallocate', native.fileAllocate(fd, size), detail);
      checked('fcntl', native.addSeals(fd, Seal.SHRINK | Seal.GROW | Seal.SEAL), detail);
    } catch (error) {
      native.closeDescriptor(fd);
      throw error;
    }
    return new Segment(native, fd, size);
  }

  /** Closes the descriptor; windows on it stay. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#native.closeDescriptor(this.fd);
  }
}

function pageBytes(length: number): number {
  return Math.ceil(length / PAGE_BYTES) * PAGE_BYTES;
}
