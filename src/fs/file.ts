/**
 * An open file.
 *
 * Any number of operations may be under way at once; those without a position (`read`, `write` and
 * their kin) take turns at the cursor, one task at a time. Every operation may be given up: memory
 * stays the kernel's until it has let go of it, and giving up waits for that.
 */
import { Errno, misuse, show } from '../base/index.ts';
import type { Handle, OpenFlags } from '../driver/index.ts';
import { Chunk, type Reactor } from '../runtime/index.ts';
import { ready, type BaseFuture, type BaseStream } from '../task/index.ts';
import { Cursor } from './cursor.ts';
import { writable, type Writable } from './data.ts';
import {
  alignmentError,
  checkLength,
  checkPosition,
  closedError,
  DIRECT_BLOCK,
  failure,
  type FileError,
} from './errors.ts';
import { FileStream } from './file-stream.ts';
import { FileWriter } from './file-writer.ts';
import { CloseFile, ResizeFile, StatFile, SyncFile } from './operations.ts';
import {
  resolveStreamOptions,
  resolveWriterOptions,
  type FileStreamOptions,
  type FileWriterOptions,
} from './options.ts';
import { AT_CURSOR, ReadBytes, ReadChunk, ReadInto } from './reads.ts';
import type { FileStat } from './stats.ts';
import { WriteAll, WriteSome } from './writes.ts';

/** See the head of this file. Made by `open`. */
export class File implements AsyncDisposable {
  /** The path that it was opened by. */
  readonly path: string;
  /** @internal */
  readonly reactor: Reactor;
  /** @internal */
  readonly handle: Handle;
  /** @internal */
  readonly cursor: Cursor;
  /** Writes go to its end, in the order in which the system does them. @internal */
  readonly appends: boolean;
  readonly #direct: boolean;
  #isOpen = true;

  /** @internal */
  constructor(reactor: Reactor, handle: Handle, path: string, flags: OpenFlags) {
    this.reactor = reactor;
    this.handle = handle;
    this.path = path;
    this.cursor = new Cursor(path);
    this.appends = flags.append === true;
    this.#direct = flags.direct === true;
  }

  // ---- reading

  /**
   * The next bytes, at most `length` and at most 1 MiB; undefined at the end of the file. The chunk
   * is memory of the runtime, of which there is so much (`RuntimeOptions.memory`): release it
   * (`using`). Waits while there is none.
   * @throws {SystemError} ERR_SYSTEM when the system refuses (EISDIR, EIO …)
   * @throws {RondoError} ERR_STREAM_CLOSED after `close`
   * @throws {TypeError} ERR_STREAM_BUSY when another task reads or writes at the cursor
   * @throws {RangeError} ERR_OPTION_RANGE; ERR_FILE_ALIGNMENT for a `direct` file
   */
  read(length: number): BaseFuture<Chunk | undefined, FileError> {
    checkLength(length);
    this.#checkAlignment('read', length, 0);
    return new ReadChunk(this.#use('read'), this, length, AT_CURSOR);
  }

  /** The same from `position` on; any number at once. The cursor stays where it is. */
  readAt(length: number, position: number): BaseFuture<Chunk | undefined, FileError> {
    checkLength(length);
    this.#check('read', length, position);
    return new ReadChunk(this.#use('read'), this, length, position);
  }

  /**
   * Fills the beginning of `target` with the next bytes; gives how many, 0 at the end of the file.
   * A chunk is read into where it lies, which costs neither memory nor copying: it is held until
   * the read is over. An array is copied to, at most 1 MiB at a time. Throws what `read` throws.
   */
  readInto(target: Uint8Array | Chunk): BaseFuture<number, FileError> {
    return this.#readInto(target, AT_CURSOR);
  }

  /** The same from `position` on; any number at once. The cursor stays where it is. */
  readIntoAt(target: Uint8Array | Chunk, position: number): BaseFuture<number, FileError> {
    checkPosition('position', position);
    return this.#readInto(target, position);
  }

  #readInto(target: Uint8Array | Chunk, position: number): BaseFuture<number, FileError> {
    const reactor = this.#use('read');
    if (!(target instanceof Chunk || target instanceof Uint8Array)) {
      throw misuse('ERR_OPTION_TYPE', 'Cannot read: the target must be bytes or a chunk');
    }
    if (target.length === 0) return ready(0);
    if (this.#direct) this.#checkAlignment('read', target.length, Math.max(0, position));
    return target instanceof Chunk
      ? new ReadInto(reactor, this, target, position)
      : new ReadBytes(reactor, this, target, position);
  }

  /**
   * Its bytes as chunks, each the caller's to release, with reads under way ahead of what is asked
   * for. Several streams of one file do not disturb each other.
   *
   * @example
   * yield* file.stream().forEach((chunk) => {
   *   using held = chunk;
   *   hash.update(held.bytes());
   * });
   */
  stream(options: FileStreamOptions = {}): BaseStream<Chunk, FileError> {
    const resolved = resolveStreamOptions(options);
    if (this.#direct) this.#checkAlignment('read', resolved.chunkBytes, resolved.start);
    return new FileStream(this.#use('read'), this, resolved, this.#direct);
  }

  // ---- writing

  /**
   * Writes the beginning of `data` at the cursor, at least one byte, and gives how many: a chunk
   * whole, of bytes and text 1 MiB, unless the system takes less. Bytes may be changed when it is
   * done. A chunk may be released at once.
   * @throws {SystemError} ERR_SYSTEM when the system refuses (ENOSPC, EBADF for a file that was
   *   opened to be read …)
   * @throws {RondoError} ERR_STREAM_CLOSED after `close`
   * @throws {TypeError} ERR_STREAM_BUSY when another task reads or writes at the cursor
   * @throws {RangeError} ERR_FILE_ALIGNMENT for a `direct` file
   */
  write(data: Writable): BaseFuture<number, FileError> {
    return new WriteSome(this.#uses('write'), this.#writable(data, 0), AT_CURSOR);
  }

  /** The same from `position` on; any number at once. The cursor stays where it is. */
  writeAt(data: Writable, position: number): BaseFuture<number, FileError> {
    checkPosition('position', position);
    return new WriteSome(this.#uses('write'), this.#writable(data, position), position);
  }

  /**
   * Writes all of `data` at the cursor. When it is given up or fails, a beginning may have been
   * written. Throws what `write` throws.
   */
  writeAll(data: Writable): BaseFuture<void, FileError> {
    return new WriteAll(this.#uses('write'), this.#writable(data, 0), AT_CURSOR);
  }

  /** The same from `position` on; any number at once. The cursor stays where it is. */
  writeAllAt(data: Writable, position: number): BaseFuture<void, FileError> {
    checkPosition('position', position);
    return new WriteAll(this.#uses('write'), this.#writable(data, position), position);
  }

  /**
   * A sink that gathers what it is sent and writes behind it: see `FileWriter`.
   *
   * @example
   * const writer = file.writer();
   * yield* source.forward(writer);
   */
  writer(options: FileWriterOptions = {}): FileWriter {
    const resolved = resolveWriterOptions(options);
    if (this.#direct) this.#checkAlignment('write', resolved.chunkBytes, resolved.start);
    return new FileWriter(this.#use('write'), this, resolved);
  }

  // ---- the rest

  /** Waits until everything that was written is on the device, metadata too. */
  sync(): BaseFuture<void, FileError> {
    return new SyncFile(this.#use('sync'), this, false);
  }

  /** The same for the data, and of the metadata only what reading them needs. */
  datasync(): BaseFuture<void, FileError> {
    return new SyncFile(this.#use('sync'), this, true);
  }

  /**
   * Cuts it to `size` bytes, or makes it that long with zeros.
   * @throws {RangeError} ERR_OPTION_RANGE
   */
  truncate(size: number = 0): BaseFuture<void, FileError> {
    checkPosition('size', size);
    return new ResizeFile(this.#use('truncate'), this, size);
  }

  /** What is known about it. */
  stat(): BaseFuture<FileStat, FileError> {
    return new StatFile(this.#use('stat'), this);
  }

  /** Where `read` and `write` go on, in bytes from the beginning. */
  get position(): number {
    return this.cursor.position;
  }

  /** @throws {RangeError} ERR_OPTION_RANGE */
  set position(position: number) {
    checkPosition('position', position);
    this.cursor.take('move in');
    this.cursor.giveBack(position - this.cursor.position);
  }

  /**
   * Closes it, when everything under way has ended: what waits throws ERR_STREAM_CLOSED. It begins
   * when the future is polled or given up. Again it does nothing.
   */
  close(): BaseFuture<void, FileError> {
    if (!this.#isOpen) return ready(undefined);
    this.#isOpen = false;
    return new CloseFile(this.reactor, this);
  }

  /** Whether `close` was not called. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Waits for `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // ---- for this folder

  /** What a result below 0 means. @internal */
  failure(action: string, result: number, length: number = 0, position: number = 0): Error {
    const isClosed = !this.#isOpen && (result === -Errno.EBADF || result === -Errno.ECANCELED);
    if (isClosed) return closedError(action, this.path);
    if (this.#direct && result === -Errno.EINVAL && length > 0) {
      return alignmentError(action, this.path, length, position);
    }
    return failure(action, result, this.path);
  }

  #use(action: string): Reactor {
    if (this.#isOpen) return this.reactor;
    throw closedError(action, this.path);
  }

  #uses(action: string): File {
    this.#use(action);
    return this;
  }

  #writable(data: Writable, position: number): Uint8Array | Chunk {
    const bytes = writable(data);
    this.#checkAlignment('write', bytes.length, position);
    return bytes;
  }

  #check(action: string, length: number, position: number): void {
    checkPosition('position', position);
    this.#checkAlignment(action, length, position);
  }

  #checkAlignment(action: string, length: number, position: number): void {
    if (!this.#direct) return;
    if (length % DIRECT_BLOCK === 0 && position % DIRECT_BLOCK === 0) return;
    throw alignmentError(action, this.path, length, position);
  }
}

show(File, ['path', 'isOpen', 'position']);
