/** Files as a whole. */
import path from 'node:path';
import { Errno, SystemError } from '../base/index.ts';
import type { OpenFlags } from '../driver/index.ts';
import { currentReactor, type Chunk } from '../runtime/index.ts';
import { CoroutineFuture, END, type BaseFuture, type Coroutine } from '../task/index.ts';
import { writable, type Writable } from './data.ts';
import { pathSystemOf } from './directories.ts';
import type { FileError } from './errors.ts';
import type { File } from './file.ts';
import { openFlags, type FileFlags } from './flags.ts';
import { OpenFile } from './open-file.ts';
import {
  resolveEncoding,
  resolveWriteOptions,
  type ReadFileOptions,
  type ResolvedWriteOptions,
  type WriteFileOptions,
} from './options.ts';
import { PathFuture } from './path-future.ts';
import type { PathSystem } from './path-system.ts';
import { pathText, type Path } from './paths.ts';
import type { FileStat } from './stats.ts';

/** How a whole file is read and written: pieces, and how many are under way. */
const CHUNK_BYTES = 256 * 1024;
const DEPTH = 4;
/** Pieces of what does not say how long it is. */
const UNKNOWN_BYTES = 64 * 1024;
/** The longest file that is read as a whole, as Node has it. */
const WHOLE_MAX = 2 ** 31 - 1;
const MODE = 0o666;
/** Links to what is not there that lead to each other, as Linux has it. */
const LINKS_MAX = 40;

/**
 * Opens a file: `flags` is one of Node's words ('r', 'w', 'a', 'r+' …) or the driver's flags.
 * Given up, it is closed again.
 * @throws {TypeError} ERR_FILE_PATH, ERR_OPTION_TYPE, ERR_OPTION_UNKNOWN
 * @throws {SystemError} ERR_SYSTEM (ENOENT, EACCES, EMFILE, also when the driver's limit of
 *   connections and files is reached; EINVAL for `direct` where the file system has no such thing)
 *
 * @example
 * const file = yield* open('data.bin');
 * try {
 *   using chunk = yield* file.readAt(4096, 0);
 * } finally {
 *   yield* file.close();
 * }
 */
export function open(what: Path, flags: FileFlags = 'r'): BaseFuture<File, FileError> {
  return new OpenFile(currentReactor(), pathText(what), openFlags(flags));
}

/**
 * Everything that is in a file, up to 2 GiB: bytes of the caller's own, or text with `encoding`.
 * @throws {TypeError} ERR_FILE_PATH, ERR_OPTION_TYPE
 * @throws {SystemError} ERR_SYSTEM (ENOENT, EISDIR; EFBIG when it is too long …)
 */
export function readFile(
  what: Path,
  options: ReadFileOptions & { readonly encoding: BufferEncoding },
): BaseFuture<string, FileError>;
export function readFile(what: Path, options?: ReadFileOptions): BaseFuture<Buffer, FileError>;
export function readFile(
  what: Path,
  options: ReadFileOptions = {},
): BaseFuture<Buffer | string, FileError> {
  return new CoroutineFuture(readWhole(pathText(what), resolveEncoding(options)));
}

function* readWhole(
  where: string,
  encoding: BufferEncoding | undefined,
): Coroutine<Buffer | string, FileError> {
  const file = yield* open(where);
  try {
    const bytes = yield* readAll(file);
    return encoding === undefined ? bytes : bytes.toString(encoding);
  } finally {
    yield* file.close();
  }
}

/** The length that it says to have is a hint: files of /proc say 0, and others may grow. */
function* readAll(file: File): Coroutine<Buffer, FileError> {
  const { kind, size } = yield* file.stat();
  if (kind === 'directory') throw new SystemError('read', Errno.EISDIR, file.path);
  if (size > WHOLE_MAX) throw new SystemError('read', Errno.EFBIG, file.path);
  // One more, so that the read that finds the end is as large as the others.
  const chunkBytes = size === 0 ? UNKNOWN_BYTES : Math.max(512, Math.min(CHUNK_BYTES, size + 1));
  const stream = file.stream({ chunkBytes, readAhead: size > CHUNK_BYTES ? DEPTH : 1 });
  let bytes: Buffer = Buffer.allocUnsafeSlow(size);
  let filled = 0;
  try {
    for (let chunk: Chunk | typeof END; (chunk = yield* stream.next()) !== END;) {
      using held = chunk;
      if (filled + held.length > WHOLE_MAX) throw new SystemError('read', Errno.EFBIG, file.path);
      if (filled + held.length > bytes.length) bytes = grown(bytes, filled, held.length);
      bytes.set(held.view(), filled);
      filled += held.length;
    }
  } finally {
    yield* stream.giveUp();
  }
  return bytes.subarray(0, filled);
}

function grown(bytes: Buffer, filled: number, more: number): Buffer {
  const length = Math.min(WHOLE_MAX, Math.max(filled + more, bytes.length * 2));
  const larger = Buffer.allocUnsafeSlow(length);
  larger.set(bytes.subarray(0, filled));
  return larger;
}

/**
 * Makes `data` everything that is in a file, which is made if it is not there. Not `atomic`, the
 * file may be seen half-written, and stays so when it fails or is given up; `atomic`, it is left
 * alone then. A path that is a link is followed; a device or a pipe is written to in place. What is
 * replaced keeps its permissions, but becomes the property of this process.
 * @throws {TypeError | RangeError} ERR_FILE_PATH, ERR_OPTION_…
 * @throws {SystemError} ERR_SYSTEM (ENOSPC, EACCES …)
 */
export function writeFile(
  what: Path,
  data: Writable,
  options: WriteFileOptions = {},
): BaseFuture<void, FileError> {
  const where = pathText(what);
  const bytes = writable(data);
  const resolved = resolveWriteOptions('writeFile', options);
  const steps = resolved.atomic ? replaceWhole : writeWhole;
  return new CoroutineFuture(steps(where, bytes, resolved));
}

/**
 * Puts `data` behind what is in a file, which is made if it is not there. Throws as `writeFile`
 * does.
 */
export function appendFile(
  what: Path,
  data: Writable,
  options: Pick<WriteFileOptions, 'sync' | 'mode'> = {},
): BaseFuture<void, FileError> {
  const where = pathText(what);
  const bytes = writable(data);
  const resolved = resolveWriteOptions('appendFile', options, ['sync', 'mode']);
  return new CoroutineFuture(appendWhole(where, bytes, resolved));
}

function* writeWhole(
  where: string,
  data: Uint8Array | Chunk,
  { sync, mode = MODE }: ResolvedWriteOptions,
): Coroutine<void, FileError> {
  const file = yield* open(where, { access: 'write', create: true, truncate: true, mode });
  yield* filling(file, data, sync);
}

function* appendWhole(
  where: string,
  data: Uint8Array | Chunk,
  { sync, mode = MODE }: ResolvedWriteOptions,
): Coroutine<void, FileError> {
  const file = yield* open(where, { access: 'write', create: true, append: true, mode });
  try {
    // One after the other: the end of the file is where the last one left it.
    yield* file.writeAll(data);
    if (sync) yield* file.datasync();
  } finally {
    yield* file.close();
  }
}

/** Writes everything to a file that is closed then. */
function* filling(file: File, data: Uint8Array | Chunk, sync: boolean): Coroutine<void, FileError> {
  try {
    if (data.length <= CHUNK_BYTES) {
      yield* file.writeAllAt(data, 0);
      if (sync) yield* file.datasync();
    } else {
      yield* fillingAhead(file, data, sync);
    }
  } finally {
    yield* file.close();
  }
}

function* fillingAhead(
  file: File,
  data: Uint8Array | Chunk,
  sync: boolean,
): Coroutine<void, FileError> {
  const writer = file.writer({ chunkBytes: CHUNK_BYTES, writeBehind: DEPTH, sync });
  try {
    // The writer takes chunks over; this one is the caller's.
    yield* writer.send(data instanceof Uint8Array ? data : data.share());
    yield* writer.close();
  } finally {
    yield* writer.abort();
  }
}

/**
 * Beside it, to the device, renamed, and the name to the device: in this order, so that there is a
 * whole file under the name after a crash at any moment.
 */
function* replaceWhole(
  where: string,
  data: Uint8Array | Chunk,
  options: ResolvedWriteOptions,
): Coroutine<void, FileError> {
  const { sync, mode = MODE } = options;
  const system = pathSystemOf(currentReactor());
  const target = yield* targetOf(where, system);
  const old = yield* statOrNothing(target, system);
  if (old?.kind === 'directory') throw new SystemError('write', Errno.EISDIR, target);
  // A device or a pipe has no content that could be replaced.
  if (old?.kind === 'other') yield* writeWhole(where, data, options);
  else yield* replaceFile(target, data, sync, system, old?.mode, mode);
}

function* replaceFile(
  target: string,
  data: Uint8Array | Chunk,
  sync: boolean,
  system: PathSystem,
  oldMode: number | undefined,
  newMode: number,
): Coroutine<void, FileError> {
  const directory = path.dirname(target);
  const name = `.${path.basename(target).slice(0, 64)}.${system.uniqueName()}`;
  const beside = path.join(directory, name);
  // Never open to more people than what it replaces, not even while it is written.
  const mode = oldMode ?? newMode;
  const flags = { access: 'write', create: true, exclusive: true, mode } as const;
  let isLeft = true;
  try {
    // Within the try: given up, it may have been made all the same.
    const file = yield* openOwn(beside, flags, () => (isLeft = false));
    yield* filling(file, data, sync);
    // What the process's mask has taken away.
    if (oldMode !== undefined) yield* done('set mode', beside, () => system.setMode(beside, mode));
    yield* done('rename', beside, async () => {
      await system.rename(beside, target);
      isLeft = false;
    });
  } finally {
    // What was wrong before is what its caller is told, not that it cannot be cleaned up either.
    const removed = (): Promise<void> =>
      system.remove(beside, { force: true }).catch(() => undefined);
    if (isLeft) yield* done('remove', beside, removed);
  }
  if (sync && system.syncsDirectories) yield* syncDirectory(directory);
}

/** Opens what is to be made; calls `failed` when it was not, so that nobody else's is removed. */
function* openOwn(where: string, flags: OpenFlags, failed: () => void): Coroutine<File, FileError> {
  try {
    return yield* open(where, flags);
  } catch (error) {
    if (error instanceof SystemError) failed();
    throw error;
  }
}

function done<T>(action: string, where: string, run: () => Promise<T>): PathFuture<T> {
  return new PathFuture(action, where, { run });
}

/** Where the file is, or is to be, that a link leads to. */
function* targetOf(where: string, system: PathSystem): Coroutine<string, FileError> {
  let link = where;
  for (let hops = 0; hops < LINKS_MAX; hops++) {
    const known = yield* done('resolve', link, () => orNothing(system.realPath(link)));
    if (known !== undefined) return known;
    const leadsTo = yield* done('resolve', link, () => orNothing(system.readLink(link)));
    // It is not there; what else is wrong shows when the file beside it is made.
    if (leadsTo === undefined) return path.resolve(link);
    const from = yield* done('resolve', link, () => system.realPath(path.dirname(link)));
    link = path.resolve(from, leadsTo);
  }
  throw new SystemError('resolve', Errno.ELOOP, where);
}

/** What is to be replaced. */
function* statOrNothing(
  target: string,
  system: PathSystem,
): Coroutine<FileStat | undefined, FileError> {
  return yield* done('stat', target, () => orNothing(system.stat(target, true)));
}

function orNothing<T>(result: Promise<T>): Promise<T | undefined> {
  return result.catch(() => undefined);
}

function* syncDirectory(directory: string): Coroutine<void, FileError> {
  const file = yield* open(directory);
  try {
    yield* file.sync();
  } finally {
    yield* file.close();
  }
}
