import { booleanOption, integerOption, misuse, outOfRange, rejectUnknown } from '../base/index.ts';

const SAFE = Number.MAX_SAFE_INTEGER;
const CHUNK_DEFAULT = 65536;
const CHUNK_MIN = 512;
const CHUNK_MAX = 1 << 20;
const AHEAD_MAX = 64;

/** How a file is streamed. */
export interface FileStreamOptions {
  /** The first byte. @default 0 */
  readonly start?: number;
  /** Where to end: the byte after the last. @default the end of the file */
  readonly end?: number;
  /** Bytes of a chunk, 512 to 1 MiB; memory is taken in powers of two. @default 65536 */
  readonly chunkBytes?: number;
  /** Reads under way at once, 1 to 64; each has the memory of a chunk. @default 2 */
  readonly readAhead?: number;
}

/** How a file is written to as a sink. */
export interface FileWriterOptions {
  /** Where the first byte goes. @default 0 */
  readonly start?: number;
  /** Bytes that are gathered before they are written, 512 to 1 MiB. @default 65536 */
  readonly chunkBytes?: number;
  /**
   * Writes under way at once, 1 to 64; each has the memory of a chunk. Of a file that was opened to
   * append it is one. @default 2
   */
  readonly writeBehind?: number;
  /** Whether `close` waits until the data are on the device. @default false */
  readonly sync?: boolean;
}

/** Stream options with every default filled in. */
export interface ResolvedStreamOptions {
  readonly start: number;
  readonly end: number;
  readonly chunkBytes: number;
  readonly readAhead: number;
}

/** Writer options with every default filled in. */
export interface ResolvedWriterOptions {
  readonly start: number;
  readonly chunkBytes: number;
  readonly writeBehind: number;
  readonly sync: boolean;
}

/** Checks and fills in. */
export function resolveStreamOptions(options: FileStreamOptions): ResolvedStreamOptions {
  rejectUnknown('File.stream', options, ['start', 'end', 'chunkBytes', 'readAhead']);
  const start = integerOption('start', options.start, 0, 0, SAFE);
  const end = integerOption('end', options.end, SAFE, 0, SAFE);
  if (end < start) {
    throw outOfRange('ERR_OPTION_RANGE', `Cannot use end: it must not be before start, got ${end}`);
  }
  return Object.freeze({
    start,
    end,
    chunkBytes: chunkBytes(options.chunkBytes),
    readAhead: integerOption('readAhead', options.readAhead, 2, 1, AHEAD_MAX),
  });
}

/** Checks and fills in. */
export function resolveWriterOptions(options: FileWriterOptions): ResolvedWriterOptions {
  rejectUnknown('File.writer', options, ['start', 'chunkBytes', 'writeBehind', 'sync']);
  return Object.freeze({
    start: integerOption('start', options.start, 0, 0, SAFE),
    chunkBytes: chunkBytes(options.chunkBytes),
    writeBehind: integerOption('writeBehind', options.writeBehind, 2, 1, AHEAD_MAX),
    sync: booleanOption('sync', options.sync, false),
  });
}

function chunkBytes(value: number | undefined): number {
  return integerOption('chunkBytes', value, CHUNK_DEFAULT, CHUNK_MIN, CHUNK_MAX);
}

/** How a whole file is read. */
export interface ReadFileOptions {
  /** Gives text in this encoding instead of bytes. */
  readonly encoding?: BufferEncoding;
}

/** How a whole file is written. */
export interface WriteFileOptions {
  /**
   * The file has its old content or all of the new one at any time, also after a crash: it is
   * written beside it, pushed to the device and renamed. @default false
   */
  readonly atomic?: boolean;
  /** Waits until the data are on the device. @default `atomic` */
  readonly sync?: boolean;
  /**
   * Permission bits of a file that is made, before the process's mask; a file that is replaced
   * keeps its own. @default 0o666
   */
  readonly mode?: number;
}

/** Options of `writeFile` with every default filled in. */
export interface ResolvedWriteOptions {
  readonly atomic: boolean;
  readonly sync: boolean;
  readonly mode: number | undefined;
}

/** Checks and fills in. */
export function resolveWriteOptions(
  what: string,
  options: WriteFileOptions,
  known: readonly string[] = ['atomic', 'sync', 'mode'],
): ResolvedWriteOptions {
  rejectUnknown(what, options, known);
  const atomic = booleanOption('atomic', options.atomic, false);
  const sync = booleanOption('sync', options.sync, atomic);
  if (options.mode === undefined) return Object.freeze({ atomic, sync, mode: undefined });
  return Object.freeze({ atomic, sync, mode: integerOption('mode', options.mode, 0, 0, 0o7777) });
}

/** The encoding that is asked for. @throws {TypeError} ERR_OPTION_TYPE, ERR_OPTION_UNKNOWN */
export function resolveEncoding(options: ReadFileOptions): BufferEncoding | undefined {
  rejectUnknown('readFile', options, ['encoding']);
  const { encoding } = options;
  if (encoding === undefined || Buffer.isEncoding(encoding)) return encoding;
  throw misuse('ERR_OPTION_TYPE', `Cannot decode with ${JSON.stringify(encoding)}`);
}
