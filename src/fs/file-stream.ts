/**
 * A file as chunks, with reads under way ahead of the consumer. The queue holds reads in the order
 * of their positions, without gaps; the last of them ends where `#next` is. A read that brought
 * less than it was to bring is followed by one for the rest, so that only an empty one is the end.
 */
import type { Chunk, Reactor } from '../runtime/index.ts';
import {
  BaseStream,
  END,
  PENDING,
  type Context,
  type Poll,
  type StreamPoll,
} from '../task/index.ts';
import { DIRECT_BLOCK, type FileError } from './errors.ts';
import type { File } from './file.ts';
import type { ResolvedStreamOptions } from './options.ts';
import { ReadChunk } from './reads.ts';

/** See the head of this file. Made by `File.stream`. */
export class FileStream extends BaseStream<Chunk, FileError> {
  readonly #reactor: Reactor;
  readonly #file: File;
  readonly #direct: boolean;
  readonly #chunkBytes: number;
  readonly #depth: number;
  readonly #end: number;
  readonly #queue: ReadChunk[] = [];
  /** Where the next read begins. */
  #next: number;
  /** Where the first of the queue begins. */
  #position: number;
  /** No more reads are begun: those under way are given up. */
  #isEnding = false;
  #failure: { readonly error: unknown } | undefined = undefined;

  constructor(reactor: Reactor, file: File, options: ResolvedStreamOptions, direct: boolean) {
    super();
    this.#reactor = reactor;
    this.#file = file;
    this.#direct = direct;
    this.#chunkBytes = options.chunkBytes;
    this.#depth = options.readAhead;
    this.#end = options.end;
    this.#next = options.start;
    this.#position = options.start;
  }

  pollNext(context: Context): StreamPoll<Chunk> {
    if (!this.#isEnding) {
      if (!context.proceed()) return PENDING;
      try {
        const chunk = this.#step(context);
        if (chunk !== undefined) return chunk;
      } catch (error) {
        this.#failure = { error };
      }
      this.#isEnding = true;
    }
    if (this.cancel(context) === PENDING) return PENDING;
    const failure = this.#failure;
    if (failure === undefined) return END;
    this.#failure = undefined;
    throw failure.error;
  }

  override cancel(context: Context): Poll<void> {
    this.#isEnding = true;
    const queue = this.#queue;
    let left = 0;
    for (const read of queue) if (read.cancel(context) === PENDING) queue[left++] = read;
    queue.length = left;
    return left > 0 ? PENDING : undefined;
  }

  /** The next chunk; undefined at the end. */
  #step(context: Context): Chunk | typeof PENDING | undefined {
    const queue = this.#queue;
    while (queue.length < this.#depth && this.#next < this.#end) this.#begin();
    const first = queue[0];
    if (first === undefined) return undefined;
    // What is in the kernel wakes the task by itself; the others stand in some queue.
    for (let i = 1; i < queue.length; i++) {
      if (!queue[i]!.isSubmitted) queue[i]!.poll(context);
    }
    const chunk = first.poll(context);
    if (chunk === PENDING) return PENDING;
    queue.shift();
    if (chunk === undefined) return undefined;
    return this.#taken(chunk, first.length, context);
  }

  #begin(): void {
    const left = this.#end - this.#next;
    // A direct read is of whole blocks: what is beyond the end is cut off.
    const length = this.#direct ? this.#chunkBytes : Math.min(this.#chunkBytes, left);
    const read = new ReadChunk(this.#reactor, this.#file, length, this.#next);
    this.#next += read.length;
    this.#queue.push(read);
  }

  #taken(chunk: Chunk, asked: number, context: Context): Chunk {
    const { length } = chunk;
    const from = this.#position;
    if (length < asked) this.#fillGap(from + length, asked - length, context);
    this.#position += length;
    if (this.#position <= this.#end) return chunk;
    const cut = chunk.slice(0, this.#end - from);
    chunk.release();
    return cut;
  }

  #fillGap(position: number, length: number, context: Context): void {
    if (this.#direct && length % DIRECT_BLOCK !== 0) {
      // Whole blocks are read but for the last one of the file.
      this.#isEnding = true;
      this.cancel(context);
      return;
    }
    const rest = new ReadChunk(this.#reactor, this.#file, length, position);
    this.#queue.unshift(rest);
  }
}
