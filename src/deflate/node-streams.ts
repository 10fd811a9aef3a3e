/**
 * Streams by the documented synchronous functions of node:zlib, where the addon cannot be used.
 * Those have no state that goes on from call to call: what a message may refer back to is kept here
 * and handed in as the dictionary. They need private memory, so everything is copied in and out.
 *
 * A deflater works in parts of what it is given, and its caller chooses their size. An inflater can
 * only take a message as a whole: it collects until `last`, then inflates at once, up to
 * `maxMessageSize`. So one call can be as long as a message is large.
 */
import {
  constants,
  deflateRawSync,
  inflateRawSync,
  type InputType,
  type ZlibOptions,
} from 'node:zlib';
import type { Arena } from '../memory/index.ts';
import {
  OUTPUT_BYTES_MIN,
  StreamStatus,
  type Deflater,
  type DeflaterOptions,
  type Inflater,
  type InflaterOptions,
  type Streams,
} from './contract.ts';
import { resolveDeflaterOptions, resolveInflaterOptions, zlibWindowBits } from './options.ts';

const NOTHING: Uint8Array = new Uint8Array(0);
const TAIL_BYTES = 4;
/** The tail that every message ends with, and an empty block that says that all is over. */
const TAIL_AND_END: readonly number[] = [0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff];

/**
 * Blocks with BFINAL in one message: each is a stream of its own here, which costs thousands of
 * times what its two bytes cost the sender. Who writes one writes it at the end of a message.
 */
const FINAL_BLOCKS_MAX = 16;

/** What both have: output that waits to be taken, and the window. */
abstract class NodeStream {
  consumed = 0;
  produced = 0;
  protected readonly owner: NodeStreams;
  /** What the next bytes may refer back to. */
  protected history: Uint8Array = NOTHING;
  readonly #windowBytes: number;
  #waiting: Uint8Array = NOTHING;
  #accounted = 0;

  constructor(owner: NodeStreams, windowBits: number) {
    this.owner = owner;
    this.#windowBytes = 2 ** windowBits;
  }

  reset(): void {
    this.history = NOTHING;
    this.#waiting = NOTHING;
    this.account(0);
  }

  free(): void {
    this.reset();
  }

  protected wait(output: Uint8Array): void {
    this.#waiting = output;
  }

  /** Hands out what waits; returns whether that was all. */
  protected drain(target: number, capacity: number): boolean {
    const count = Math.min(capacity, this.#waiting.length);
    if (count > 0) this.owner.bytesOfArena.set(this.#waiting.subarray(0, count), target);
    this.#waiting = count === this.#waiting.length ? NOTHING : this.#waiting.subarray(count);
    this.produced += count;
    return this.#waiting.length === 0;
  }

  protected remember(bytes: Uint8Array): void {
    const size = this.#windowBytes;
    if (bytes.length >= size) {
      this.history = bytes.slice(bytes.length - size);
      return;
    }
    const keep = Math.min(this.history.length, size - bytes.length);
    const joined = new Uint8Array(keep + bytes.length);
    joined.set(this.history.subarray(this.history.length - keep));
    joined.set(bytes, keep);
    this.history = joined;
  }

  protected account(collected: number): void {
    const now = this.history.length + this.#waiting.length + collected;
    this.owner.bytes += now - this.#accounted;
    this.#accounted = now;
  }

  /** Node refuses an empty dictionary. */
  protected dictionary(): ZlibOptions {
    return this.history.length === 0 ? {} : { dictionary: this.history };
  }
}

class NodeDeflater extends NodeStream implements Deflater {
  readonly #takeover: boolean;
  readonly #options: ZlibOptions;
  /** Everything is compressed; the rest waits to be taken. */
  #complete = false;

  constructor(owner: NodeStreams, options: Required<DeflaterOptions>) {
    super(owner, options.windowBits);
    this.#takeover = options.takeover;
    this.#options = {
      level: options.level,
      windowBits: zlibWindowBits(options.windowBits),
      memLevel: options.memoryLevel,
      finishFlush: constants.Z_SYNC_FLUSH,
    };
  }

  compress(
    source: number,
    length: number,
    last: boolean,
    target: number,
    capacity: number,
  ): number {
    this.consumed = 0;
    this.produced = 0;
    if (this.owner.isFull) return StreamStatus.NO_MEMORY;
    if (capacity < OUTPUT_BYTES_MIN) return StreamStatus.OUTPUT;
    for (;;) {
      const drained = this.drain(target + this.produced, capacity - this.produced);
      this.account(0);
      if (!drained) return StreamStatus.OUTPUT;
      if (this.#complete) break;
      if (this.consumed === length && !last) return StreamStatus.INPUT;
      this.#take(this.owner.copy(source, length), last);
      this.consumed = length;
      this.#complete = last;
    }
    this.#complete = false;
    if (!this.#takeover) this.reset();
    return StreamStatus.DONE;
  }

  override reset(): void {
    super.reset();
    this.#complete = false;
  }

  /** Each part ends at a byte, with a tail of its own, of which only the last is left out. */
  #take(part: Uint8Array, last: boolean): void {
    if (part.length === 0) {
      // The empty block that a message must end with (RFC 7692 §7.2.1).
      if (last) this.wait(new Uint8Array(1));
      return;
    }
    const output = deflateRawSync(part, { ...this.#options, ...this.dictionary() });
    this.wait(last ? output.subarray(0, output.length - TAIL_BYTES) : output);
    this.remember(part);
  }
}

/** A run of one stream of zlib's, which may end before its input does. */
interface Inflated {
  readonly output: Uint8Array;
  readonly taken: number;
}

class NodeInflater extends NodeStream implements Inflater {
  readonly #options: Required<InflaterOptions>;
  #collected: Uint8Array[] = [];
  #collectedBytes = 0;
  #complete = false;

  constructor(owner: NodeStreams, options: Required<InflaterOptions>) {
    super(owner, options.windowBits);
    this.#options = options;
  }

  inflate(source: number, length: number, last: boolean, target: number, capacity: number): number {
    this.consumed = 0;
    this.produced = 0;
    if (this.owner.isFull) return StreamStatus.NO_MEMORY;
    if (!this.#complete) {
      if (length > 0) this.#collected.push(this.owner.copy(source, length));
      this.#collectedBytes += length;
      this.consumed = length;
      this.account(this.#collectedBytes);
      if (!last) return StreamStatus.INPUT;
      const status = this.#inflateAll();
      if (status !== StreamStatus.DONE) return status;
    }
    const drained = this.drain(target, capacity);
    this.account(0);
    if (!drained) return StreamStatus.OUTPUT;
    this.#complete = false;
    if (!this.#options.takeover) this.reset();
    return StreamStatus.DONE;
  }

  override reset(): void {
    this.#collected = [];
    this.#collectedBytes = 0;
    this.#complete = false;
    super.reset();
  }

  #inflateAll(): number {
    const size = this.#collectedBytes;
    const input = Buffer.concat([...this.#collected, Uint8Array.from(TAIL_AND_END)]);
    this.#collected = [];
    this.#collectedBytes = 0;
    const outputs: Uint8Array[] = [];
    let room = this.#options.maxMessageSize;
    let at = 0;
    let runs = 0;
    // A block with BFINAL ends a stream of zlib's; the next begins at the next byte.
    while (at < size) {
      // One more for the end that was added.
      if (runs++ > FINAL_BLOCKS_MAX) return StreamStatus.BAD_DATA;
      let inflated: Inflated;
      try {
        inflated = this.#run(input.subarray(at), room);
      } catch (error) {
        const code = (error as { code?: string }).code;
        return code === 'ERR_BUFFER_TOO_LARGE' ? StreamStatus.TOO_BIG : StreamStatus.BAD_DATA;
      }
      outputs.push(inflated.output);
      this.remember(inflated.output);
      room -= inflated.output.length;
      at += inflated.taken;
    }
    // The end lies behind the message itself, behind the tail, or behind the block that was added.
    const rest = input.length - at;
    const ends = [TAIL_AND_END.length, TAIL_AND_END.length - TAIL_BYTES, 0];
    if (size > 0 && !ends.includes(rest)) return StreamStatus.BAD_DATA;
    this.wait(outputs.length === 1 ? outputs[0]! : Buffer.concat(outputs));
    this.#complete = true;
    return StreamStatus.DONE;
  }

  #run(input: InputType, room: number): Inflated {
    // The types of this function do not know `info`.
    const { buffer, engine } = inflateRawSync(input, {
      windowBits: this.#options.windowBits,
      maxOutputLength: Math.max(room, 1),
      info: true,
      ...this.dictionary(),
    }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
    if (buffer.length > room) {
      throw Object.assign(new RangeError('above the limit'), { code: 'ERR_BUFFER_TOO_LARGE' });
    }
    return { output: buffer, taken: engine.bytesWritten };
  }
}

/** See the head of this file. */
export class NodeStreams implements Streams {
  readonly kind = 'node';
  bytes = 0;
  /** @internal */
  readonly bytesOfArena: Uint8Array;
  readonly #maxBytes: number;
  #closed = false;

  constructor(arena: Arena, maxBytes: number) {
    this.bytesOfArena = arena.bytes;
    this.#maxBytes = maxBytes;
  }

  /** No stream may go on. @internal */
  get isFull(): boolean {
    return this.#closed || this.bytes > this.#maxBytes;
  }

  deflater(options: DeflaterOptions = {}): Deflater {
    return new NodeDeflater(this, resolveDeflaterOptions(options));
  }

  inflater(options: InflaterOptions = {}): Inflater {
    return new NodeInflater(this, resolveInflaterOptions(options));
  }

  /** @internal */
  copy(offset: number, length: number): Uint8Array {
    return this.bytesOfArena.slice(offset, offset + length);
  }

  close(): void {
    this.#closed = true;
  }
}
