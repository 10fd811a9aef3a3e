/** Writing: one operation, and as many as it takes. */
import { Errno } from '../base/index.ts';
import type { Driver } from '../driver/index.ts';
import { Chunk, Operation, type Reactor } from '../runtime/index.ts';
import { BaseFuture, PENDING, type Context, type Poll } from '../task/index.ts';
import type { Cursor } from './cursor.ts';
import { failure, type FileError } from './errors.ts';
import type { File } from './file.ts';
import { MemoryOperation } from './memory-operation.ts';
import { AT_CURSOR } from './reads.ts';

/** Bytes of one write that copies. */
const WRITE_MAX = 1 << 20;

/** One write at a place that is known. */
interface OneWrite extends BaseFuture<number, FileError> {
  cancel(context: Context): Poll<void>;
  /** What was written although it was given up. */
  readonly written: number;
}

/** Copies the bytes when it is first polled. */
class WriteCopy extends MemoryOperation<number> implements OneWrite {
  readonly #file: File;
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #position: number;
  written = 0;

  constructor(reactor: Reactor, file: File, bytes: Uint8Array, start: number, position: number) {
    super(reactor, Math.min(bytes.length - start, WRITE_MAX, reactor.buffers.maxBlock));
    this.#file = file;
    this.#bytes = bytes;
    this.#start = start;
    this.#position = position;
  }

  protected submit(driver: Driver, token: number): number {
    const { block, size } = this;
    if (!this.isSubmitted) {
      this.isSubmitted = true;
      const part = this.#bytes.subarray(this.#start, this.#start + size);
      this.reactor.arena.bytes.set(part, block);
    }
    return driver.writeFile(this.#file.handle, token, block, size, this.#position);
  }

  protected finish(result: number): number {
    this.giveBack();
    if (result < 0) throw this.#file.failure('write', result, this.size, this.#position);
    return result;
  }

  protected override discard(result: number): void {
    this.written = result;
  }
}

/** Writes from a chunk that its owner holds until this is over. */
class WriteChunk extends Operation<number, FileError> implements OneWrite {
  readonly #file: File;
  readonly #chunk: Chunk;
  readonly #start: number;
  readonly #position: number;
  written = 0;

  constructor(reactor: Reactor, file: File, chunk: Chunk, start: number, position: number) {
    super(reactor);
    this.#file = file;
    this.#chunk = chunk;
    this.#start = start;
    this.#position = position;
  }

  protected submit(driver: Driver, token: number): number {
    const { offset, length } = this.#chunk;
    const start = this.#start;
    const { handle } = this.#file;
    return driver.writeFile(handle, token, offset + start, length - start, this.#position);
  }

  protected finish(result: number): number {
    if (result >= 0) return result;
    const length = this.#chunk.length - this.#start;
    throw this.#file.failure('write', result, length, this.#position);
  }

  protected override discard(result: number): void {
    this.written = result;
  }
}

/**
 * Writes some or all of it. When it is given up, what was written by then was written, and the
 * cursor stands behind that. A chunk is held from the first poll to the end.
 */
abstract class Write<T> extends BaseFuture<T, FileError> {
  readonly #file: File;
  readonly #data: Uint8Array | Chunk;
  #position: number;
  #hasBegun = false;
  #held: Chunk | undefined = undefined;
  #cursor: Cursor | undefined = undefined;
  #one: OneWrite | undefined = undefined;
  protected done = 0;

  constructor(file: File, data: Uint8Array | Chunk, position: number) {
    super();
    this.#file = file;
    this.#data = data;
    this.#position = position;
  }

  protected abstract readonly isEnough: boolean;
  protected abstract result(): T;

  protected get length(): number {
    return this.#data.length;
  }

  poll(context: Context): Poll<T> {
    if (this.#data.length === 0) return this.result();
    if (!this.#hasBegun) this.#begin();
    try {
      while (!this.isEnough) {
        this.#one ??= this.#next();
        const count = this.#one.poll(context);
        if (count === PENDING) return PENDING;
        this.#one = undefined;
        this.done += count;
        // Nothing written and no error: a device that is full and does not say so.
        if (count === 0) throw failure('write', -Errno.ENOSPC, this.#file.path);
      }
    } catch (error) {
      this.#one = undefined;
      this.#end();
      throw error;
    }
    this.#end();
    return this.result();
  }

  cancel(context: Context): Poll<void> {
    if (this.#one?.cancel(context) === PENDING) return PENDING;
    this.done += this.#one?.written ?? 0;
    this.#one = undefined;
    this.#end();
    return undefined;
  }

  #begin(): void {
    if (this.#data instanceof Chunk) this.#held = this.#data.share();
    this.#hasBegun = true;
    if (this.#position !== AT_CURSOR) return;
    const { cursor } = this.#file;
    try {
      cursor.take('write');
    } catch (error) {
      this.#end();
      throw error;
    }
    this.#cursor = cursor;
    this.#position = cursor.position;
  }

  #next(): OneWrite {
    const { reactor } = this.#file;
    const position = this.#position + this.done;
    return this.#data instanceof Chunk
      ? new WriteChunk(reactor, this.#file, this.#data, this.done, position)
      : new WriteCopy(reactor, this.#file, this.#data, this.done, position);
  }

  #end(): void {
    this.#cursor?.giveBack(this.done);
    this.#cursor = undefined;
    this.#held?.release();
    this.#held = undefined;
  }
}

/** As much as one operation writes. */
export class WriteSome extends Write<number> {
  protected get isEnough(): boolean {
    return this.done > 0;
  }

  protected result(): number {
    return this.done;
  }
}

/** Everything. */
export class WriteAll extends Write<void> {
  protected get isEnough(): boolean {
    return this.done === this.length;
  }

  protected result(): void {
    // Nothing to tell.
  }
}
