/**
 * Reading. A read that is given up at the cursor leaves it where it was, so nothing is lost: the
 * same bytes are there for the next.
 */
import type { Driver } from '../driver/index.ts';
import { Chunk, Operation, type Reactor } from '../runtime/index.ts';
import { PENDING, type Context, type Poll } from '../task/index.ts';
import type { Cursor } from './cursor.ts';
import type { FileError } from './errors.ts';
import type { File } from './file.ts';
import { MemoryOperation } from './memory-operation.ts';

/** Bytes of one read. */
const READ_MAX = 1 << 20;

/** What a position is when the cursor says it. */
export const AT_CURSOR = -1;

/** Bytes into memory of the operation's own. */
abstract class Read<T> extends MemoryOperation<T> {
  protected readonly file: File;
  #position: number;
  /** While it is taken. */
  #cursor: Cursor | undefined = undefined;

  constructor(reactor: Reactor, file: File, length: number, position: number) {
    super(reactor, Math.min(length, READ_MAX, reactor.buffers.maxBlock));
    this.file = file;
    this.#position = position;
  }

  override poll(context: Context): Poll<T> {
    if (this.#position === AT_CURSOR) {
      this.file.cursor.take('read');
      this.#cursor = this.file.cursor;
      this.#position = this.#cursor.position;
    }
    return super.poll(context);
  }

  override cancel(context: Context): Poll<void> {
    const over = super.cancel(context);
    if (over !== PENDING) this.#leaveCursor(0);
    return over;
  }

  protected submit(driver: Driver, token: number): number {
    this.isSubmitted = true;
    return driver.readFile(this.file.handle, token, this.block, this.size, this.#position);
  }

  protected finish(result: number): T {
    this.#leaveCursor(Math.max(0, result));
    if (result > 0) return this.value(result);
    this.giveBack();
    if (result < 0) throw this.file.failure('read', result, this.size, this.#position);
    return this.end();
  }

  /** Of so many bytes, more than 0, at `block`. */
  protected abstract value(length: number): T;
  /** At the end of the file. */
  protected abstract end(): T;

  #leaveCursor(bytes: number): void {
    this.#cursor?.giveBack(bytes);
    this.#cursor = undefined;
  }
}

/** A chunk, undefined at the end of the file. */
export class ReadChunk extends Read<Chunk | undefined> {
  /** Bytes that it asks for. */
  get length(): number {
    return this.size;
  }

  protected value(length: number): Chunk {
    const { arena, buffers } = this.reactor;
    const chunk = new Chunk(arena, buffers, this.block, this.block, length);
    this.block = 0;
    return chunk;
  }

  protected end(): undefined {
    return undefined;
  }
}

/** Copies to an array of the caller's. */
export class ReadBytes extends Read<number> {
  readonly #target: Uint8Array;

  constructor(reactor: Reactor, file: File, target: Uint8Array, position: number) {
    super(reactor, file, target.length, position);
    this.#target = target;
  }

  protected value(length: number): number {
    const { block } = this;
    this.#target.set(this.reactor.arena.bytes.subarray(block, block + length));
    this.giveBack();
    return length;
  }

  protected end(): number {
    return 0;
  }
}

/** Reads into a chunk of the caller's, which is held until the kernel has let go of it. */
export class ReadInto extends Operation<number, FileError> {
  readonly #file: File;
  readonly #chunk: Chunk;
  #position: number;
  #held: Chunk | undefined = undefined;
  #cursor: Cursor | undefined = undefined;

  constructor(reactor: Reactor, file: File, chunk: Chunk, position: number) {
    super(reactor);
    this.#file = file;
    this.#chunk = chunk;
    this.#position = position;
  }

  override poll(context: Context): Poll<number> {
    if (this.#position === AT_CURSOR) {
      this.#file.cursor.take('read');
      this.#cursor = this.#file.cursor;
      this.#position = this.#cursor.position;
    }
    return super.poll(context);
  }

  override cancel(context: Context): Poll<void> {
    const over = super.cancel(context);
    if (over !== PENDING) this.#leaveCursor(0);
    return over;
  }

  protected submit(driver: Driver, token: number): number {
    const { offset, length, released } = this.#chunk;
    if (this.#held === undefined && !released) this.#held = this.#chunk.share();
    const { handle } = this.#file;
    return driver.readFile(
      handle,
      token,
      this.#held === undefined ? 0 : offset,
      length,
      this.#position,
    );
  }

  protected override released(): void {
    this.#held?.release();
    this.#held = undefined;
  }

  protected finish(result: number): number {
    this.#leaveCursor(Math.max(0, result));
    if (result >= 0) return result;
    // Says that it was released, when that is what was wrong.
    this.#chunk.view();
    throw this.#file.failure('read', result, this.#chunk.length, this.#position);
  }

  #leaveCursor(bytes: number): void {
    this.#cursor?.giveBack(bytes);
    this.#cursor = undefined;
  }
}
