/**
 * A file as chunks, with reads under way ahead of the consumer. The queue holds reads in the order
 * of their positions, without gaps; the last of them ends where `#next` is. A read that brought
 * less than it was to bring is followed by one for the rest, so that only an empty one is the end.
 *
 * Memory is for the first of the queue before all others: reads ahead hold theirs until they are
 * asked for, so a first that waits for memory gives them up, and none are begun while memory is
 * scarce. Otherwise streams would wait for what only they could give back.
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
  /** Given up, and not over. */
  #leaving: ReadChunk[] = [];
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
      // What is not there yet asks for itself, when it is begun.
      if (this.#queue[0]?.hasResult === true && !context.proceed()) return PENDING;
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
    this.#giveUp(0, context);
    return this.#leaving.length > 0 ? PENDING : undefined;
  }

  /** Gives up the reads of the queue from that one on. */
  #giveUp(from: number, context: Context): void {
    this.#leaving.push(...this.#queue.splice(from));
    this.#leaving = this.#leaving.filter((read) => read.cancel(context) === PENDING);
  }

  /** The next chunk; undefined at the end. */
  #step(context: Context): Chunk | typeof PENDING | undefined {
    const queue = this.#queue;
    const depth = this.#reactor.buffers.isPressed ? 1 : this.#depth;
    while (queue.length < depth && this.#next < this.#end) this.#begin();
    const first = queue[0];
    if (first === undefined) return undefined;
    const chunk = first.poll(context);
    if (chunk === PENDING) {
      if (first.isWaiting) {
        this.#giveUp(1, context);
        this.#next = this.#position + first.length;
      } else {
        this.#pollAhead(context);
      }
      return PENDING;
    }
    queue.shift();
    if (chunk === undefined) return undefined;
    const taken = this.#taken(chunk, first.length, context);
    try {
      this.#pollAhead(context);
    } catch (error) {
      // It comes after what was read before it.
      this.#failure = { error };
      this.#isEnding = true;
    }
    return taken;
  }

  /** What is in the kernel wakes the task by itself; the others are begun while there is memory. */
  #pollAhead(context: Context): void {
    const { buffers } = this.#reactor;
    for (const read of this.#queue) {
      if (read.isSubmitted) continue;
      if (buffers.isPressed) return;
      read.poll(context);
      if (!read.isSubmitted) return;
    }
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
      this.cancel(context);
      return;
    }
    const rest = new ReadChunk(this.#reactor, this.#file, length, position);
    this.#queue.unshift(rest);
  }
}
