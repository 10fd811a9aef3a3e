/**
 * A file as a sink. Small pieces are gathered into a buffer, large chunks are written from where
 * they lie; up to `writeBehind` writes are under way while the next is gathered. What was sent is
 * written when `close` (or `flush`) is over, not before; an error of a write comes with the next
 * call, and all that follow throw it: `close` or `abort` it then.
 */
import { Chunk, type Reactor } from '../runtime/index.ts';
import {
  BaseFuture,
  PENDING,
  type Context,
  type Future,
  type Poll,
  type Sink,
} from '../task/index.ts';
import { writable, type Writable } from './data.ts';
import { busyError, closedError, type FileError } from './errors.ts';
import type { File } from './file.ts';
import type { ResolvedWriterOptions } from './options.ts';
import { WriteAll } from './writes.ts';

/** See the head of this file. Made by `File.writer`. One task at a time sends. */
export class FileWriter implements Sink<Writable, FileError> {
  readonly #reactor: Reactor;
  readonly #file: File;
  readonly #chunkBytes: number;
  readonly #depth: number;
  readonly #sync: boolean;
  /** Under way, in the order of their positions. */
  readonly #writes: WriteAll[] = [];
  /** Being filled. */
  #buffer: Chunk | undefined;
  #filled = 0;
  #waiting: (Future<Chunk> & { cancel?(context: Context): Poll<void> }) | undefined;
  #syncing: BaseFuture<void, FileError> | undefined;
  /** Where the next write goes. */
  #position: number;
  #error: { readonly error: unknown } | undefined;
  #user: object | undefined;
  #isOpen = true;

  /** @internal */
  constructor(reactor: Reactor, file: File, options: ResolvedWriterOptions) {
    this.#reactor = reactor;
    this.#file = file;
    this.#chunkBytes = options.chunkBytes;
    // The end of a file is where the write before has left it: one at a time.
    this.#depth = file.appends ? 1 : options.writeBehind;
    this.#sync = options.sync;
    this.#position = options.start;
  }

  /** Bytes sent so far: where the next one goes in the file. */
  get position(): number {
    return this.#position + this.#filled;
  }

  /**
   * Takes data to be written; over when there is room for the next. Bytes may be changed then; a
   * chunk is the writer's from now on, which releases it. Given up, a part may have been taken.
   * @throws {SystemError} ERR_SYSTEM when a write has failed, this one or one before it
   * @throws {RondoError} ERR_STREAM_CLOSED after `close` or `abort`
   * @throws {TypeError} ERR_STREAM_BUSY while another task sends
   */
  send(data: Writable): BaseFuture<void, FileError> {
    return new Send(this, writable(data));
  }

  /** Waits until everything sent so far is written. Throws what `send` throws. */
  flush(): BaseFuture<void, FileError> {
    return new Flush(this, false, false);
  }

  /**
   * Writes what is left, and with `sync` waits until all of it is on the device. The file stays
   * open. Throws what `send` throws.
   */
  close(): BaseFuture<void, FileError> {
    return new Flush(this, this.#sync, true);
  }

  /** Gives up what is not written yet, and waits until no write is under way. */
  abort(): BaseFuture<void, never> {
    return new Abort(this);
  }

  // ---- for the futures below

  /** @internal */
  enter(user: object): void {
    if (this.#error !== undefined) throw this.#error.error;
    if (!this.#isOpen) throw closedError('write to', this.#file.path);
    if (this.#user !== undefined && this.#user !== user) {
      throw busyError('write to', this.#file.path);
    }
    this.#user = user;
  }

  /** @internal */
  leave(user: object): void {
    if (this.#user === user) this.#user = undefined;
  }

  /** Takes bytes from `start` on; how many so far, which are fewer while there is no room. @internal */
  take(data: Uint8Array | Chunk, start: number, context: Context): number {
    const { length } = data;
    let done = start;
    while (done < length) {
      if (!this.#reap(context)) return done;
      if (this.#filled === 0 && data instanceof Chunk && length - done >= this.#chunkBytes / 2) {
        this.#begin(data.slice(done), context);
        return length;
      }
      if (!this.#fill(context)) return done;
      const buffer = this.#buffer!;
      const part = Math.min(this.#chunkBytes - this.#filled, length - done);
      const bytes = data instanceof Chunk ? data.view() : data;
      buffer.view().set(bytes.subarray(done, done + part), this.#filled);
      this.#filled += part;
      done += part;
      if (this.#filled === this.#chunkBytes) this.#beginBuffer(context);
    }
    return done;
  }

  /** Writes everything; false while something is under way. @internal */
  finish(sync: boolean, context: Context): boolean {
    if (!this.#reap(context)) return false;
    if (this.#filled > 0) this.#beginBuffer(context);
    this.#reap(context);
    if (this.#writes.length > 0) return false;
    if (!sync) return true;
    try {
      this.#syncing ??= this.#file.datasync();
      if (this.#syncing.poll(context) === PENDING) return false;
    } catch (error) {
      throw this.#failed(error);
    }
    this.#syncing = undefined;
    return true;
  }

  /** No more is taken. @internal */
  end(context: Context): void {
    this.#isOpen = false;
    this.#giveUpBuffer(context);
  }

  /** Gives everything up; false while the kernel has some of it. @internal */
  giveUp(context: Context): boolean {
    this.end(context);
    const writes = this.#writes;
    let left = 0;
    for (const write of writes) if (write.cancel(context) === PENDING) writes[left++] = write;
    writes.length = left;
    const syncing = this.#syncing as Future<void> | undefined;
    if (syncing?.cancel?.(context) === PENDING) left += 1;
    return left === 0;
  }

  // ---- inside

  /** Looks after the writes under way. Whether there is room for another. */
  #reap(context: Context): boolean {
    const writes = this.#writes;
    let left = 0;
    for (const write of writes) {
      try {
        if (write.poll(context) === PENDING) writes[left++] = write;
      } catch (error) {
        this.#failed(error);
      }
    }
    writes.length = left;
    if (this.#error !== undefined) throw this.#error.error;
    return left < this.#depth;
  }

  #failed(error: unknown): unknown {
    this.#error ??= { error };
    return error;
  }

  /** Whether there is a buffer. */
  #fill(context: Context): boolean {
    if (this.#buffer !== undefined) return true;
    this.#waiting ??= this.#reactor.buffers.wait(this.#chunkBytes);
    const chunk = this.#waiting.poll(context);
    if (chunk === PENDING) return false;
    this.#waiting = undefined;
    this.#buffer = chunk;
    return true;
  }

  #beginBuffer(context: Context): void {
    const buffer = this.#buffer!;
    const chunk = buffer.slice(0, this.#filled);
    buffer.release();
    this.#buffer = undefined;
    this.#filled = 0;
    this.#begin(chunk, context);
  }

  /** Starts a write of a chunk that is the writer's. */
  #begin(chunk: Chunk, context: Context): void {
    const write = new WriteAll(this.#file, chunk, this.#position);
    this.#position += chunk.length;
    this.#writes.push(write);
    // The write holds the chunk itself from its first poll on.
    try {
      if (write.poll(context) !== PENDING) this.#writes.pop();
    } catch (error) {
      this.#writes.pop();
      throw this.#failed(error);
    } finally {
      chunk.release();
    }
  }

  #giveUpBuffer(context: Context): void {
    this.#buffer?.release();
    this.#buffer = undefined;
    this.#filled = 0;
    this.#waiting?.cancel?.(context);
    this.#waiting = undefined;
  }
}

class Send extends BaseFuture<void, FileError> {
  readonly #writer: FileWriter;
  readonly #data: Uint8Array | Chunk;
  #done = 0;
  #mayProceed = false;
  #isOver = false;

  constructor(writer: FileWriter, data: Uint8Array | Chunk) {
    super();
    this.#writer = writer;
    this.#data = data;
  }

  poll(context: Context): Poll<void> {
    try {
      this.#writer.enter(this);
      // Once: the writes that it begins ask for themselves.
      this.#mayProceed ||= context.proceed();
      if (!this.#mayProceed) return PENDING;
      this.#done = this.#writer.take(this.#data, this.#done, context);
    } catch (error) {
      this.#end();
      throw error;
    }
    if (this.#done < this.#data.length) return PENDING;
    this.#end();
    return undefined;
  }

  cancel(): void {
    this.#end();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#writer.leave(this);
    if (this.#data instanceof Chunk) this.#data[Symbol.dispose]();
  }
}

class Flush extends BaseFuture<void, FileError> {
  readonly #writer: FileWriter;
  readonly #sync: boolean;
  readonly #last: boolean;
  #failure: { readonly error: unknown } | undefined = undefined;

  constructor(writer: FileWriter, sync: boolean, last: boolean) {
    super();
    this.#writer = writer;
    this.#sync = sync;
    this.#last = last;
  }

  poll(context: Context): Poll<void> {
    const writer = this.#writer;
    if (this.#failure === undefined) {
      try {
        writer.enter(this);
        if (!writer.finish(this.#sync, context)) return PENDING;
      } catch (error) {
        this.#failure = { error };
      }
    }
    // A last one that fails leaves nothing under way.
    const isFailed = this.#failure !== undefined;
    if (isFailed && this.#last && !writer.giveUp(context)) return PENDING;
    writer.leave(this);
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#last) writer.end(context);
    return undefined;
  }

  cancel(): void {
    this.#writer.leave(this);
  }
}

class Abort extends BaseFuture<void, never> {
  readonly #writer: FileWriter;

  constructor(writer: FileWriter) {
    super();
    this.#writer = writer;
  }

  poll(context: Context): Poll<void> {
    return this.#writer.giveUp(context) ? undefined : PENDING;
  }

  cancel(context: Context): Poll<void> {
    return this.poll(context);
  }
}
