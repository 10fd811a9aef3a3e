/**
 * Streams in C (native/src/deflate.c). A call is a record of words in the arena, so that it costs
 * one argument and no allocation.
 */
import { assert, Errno } from '../base/index.ts';
import type { Arena, Region } from '../memory/index.ts';
import type { Native } from '../native/index.ts';
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

/** Words of a record; see `Native.zlibDeflate`. */
const Word = {
  STREAM: 0,
  FLAGS: 1,
  SOURCE: 2,
  LENGTH: 3,
  TARGET: 4,
  CAPACITY: 5,
  CONSUMED: 6,
  PRODUCED: 7,
} as const;
const RECORD_BYTES = 32;
const FLAG_RESET = 1;
const FLAG_LAST = 2;

const CLOSED = -1;

/** What both kinds have: an id in C while open, and whether the window is to be emptied. */
abstract class NativeStream {
  consumed = 0;
  produced = 0;
  protected readonly owner: NativeStreams;
  protected readonly takeover: boolean;
  #id = CLOSED;
  #fresh = true;

  constructor(owner: NativeStreams, takeover: boolean) {
    this.owner = owner;
    this.takeover = takeover;
  }

  reset(): void {
    this.#fresh = true;
  }

  free(): void {
    if (this.#id === CLOSED) return;
    this.owner.native.zlibClose(this.#id);
    this.#id = CLOSED;
    this.owner.open.delete(this);
  }

  /** Opens the stream in C: its id, or a negative errno. */
  protected abstract openStream(): number;

  /** Fills the record; false when there is no memory for the stream. */
  protected prepare(
    source: number,
    length: number,
    last: boolean,
    target: number,
    capacity: number,
  ): boolean {
    if (this.#id === CLOSED && !this.#open()) return false;
    const { words, base } = this.owner;
    words[base + Word.STREAM] = this.#id;
    words[base + Word.FLAGS] = (this.#fresh ? FLAG_RESET : 0) | (last ? FLAG_LAST : 0);
    words[base + Word.SOURCE] = source;
    words[base + Word.LENGTH] = length;
    words[base + Word.TARGET] = target;
    words[base + Word.CAPACITY] = capacity;
    this.#fresh = false;
    return true;
  }

  /** Takes the results of the record over. */
  protected conclude(status: number): number {
    const { words, base } = this.owner;
    this.consumed = words[base + Word.CONSUMED]!;
    this.produced = words[base + Word.PRODUCED]!;
    if (status === StreamStatus.DONE && !this.takeover) this.#fresh = true;
    return status;
  }

  /** For what needs no call. */
  protected without(status: number, produced: number): number {
    this.consumed = 0;
    this.produced = produced;
    return status;
  }

  #open(): boolean {
    const { owner } = this;
    if (owner.closed) return false;
    const id = this.openStream();
    assert(id >= 0 || id === -Errno.ENOMEM, 'a stream with checked options opens, given memory');
    if (id < 0) return false;
    this.#id = id;
    this.#fresh = false;
    owner.open.add(this);
    return true;
  }
}

class NativeDeflater extends NativeStream implements Deflater {
  readonly #options: Required<DeflaterOptions>;
  /** In the middle of a message. */
  #begun = false;

  constructor(owner: NativeStreams, options: Required<DeflaterOptions>) {
    super(owner, options.takeover);
    this.#options = options;
  }

  compress(
    source: number,
    length: number,
    last: boolean,
    target: number,
    capacity: number,
  ): number {
    if (!this.#begun && last && length === 0) return this.#empty(target, capacity);
    if (!this.prepare(source, length, last, target, capacity)) {
      return this.without(StreamStatus.NO_MEMORY, 0);
    }
    const { native, record } = this.owner;
    const status = this.conclude(native.zlibDeflate(record));
    this.#begun = status !== StreamStatus.DONE;
    return status;
  }

  override reset(): void {
    super.reset();
    this.#begun = false;
  }

  override free(): void {
    super.free();
    this.#begun = false;
  }

  /** zlib writes nothing for nothing; an empty message is one empty block (RFC 7692 §7.2.3.6). */
  #empty(target: number, capacity: number): number {
    if (capacity < OUTPUT_BYTES_MIN) return this.without(StreamStatus.OUTPUT, 0);
    this.owner.bytesOfArena[target] = 0;
    return this.without(StreamStatus.DONE, 1);
  }

  protected override openStream(): number {
    const { level, windowBits, memoryLevel } = this.#options;
    const { native, maxBytes } = this.owner;
    return native.zlibOpenDeflate(level, zlibWindowBits(windowBits), memoryLevel, maxBytes);
  }
}

class NativeInflater extends NativeStream implements Inflater {
  readonly #windowBits: number;
  #begun = false;

  constructor(owner: NativeStreams, options: Required<InflaterOptions>) {
    super(owner, options.takeover);
    this.#windowBits = options.windowBits;
  }

  inflate(source: number, length: number, last: boolean, target: number, capacity: number): number {
    if (!this.#begun && last && length === 0) return this.without(StreamStatus.DONE, 0);
    if (!this.prepare(source, length, last, target, capacity)) {
      return this.without(StreamStatus.NO_MEMORY, 0);
    }
    const { native, record } = this.owner;
    const status = this.conclude(native.zlibInflate(record));
    this.#begun = status !== StreamStatus.DONE;
    return status;
  }

  override reset(): void {
    super.reset();
    this.#begun = false;
  }

  override free(): void {
    super.free();
    this.#begun = false;
  }

  protected override openStream(): number {
    return this.owner.native.zlibOpenInflate(this.#windowBits, this.owner.maxBytes);
  }
}

/** See the head of this file. */
export class NativeStreams implements Streams {
  readonly kind = 'native';
  /** @internal */
  readonly native: Native;
  /** @internal */
  readonly maxBytes: number;
  /** The arena as words, and where the record is in it. @internal */
  readonly words: Uint32Array;
  /** @internal */
  readonly base: number;
  /** @internal */
  readonly record: number;
  /** @internal */
  readonly bytesOfArena: Uint8Array;
  /** The streams that hold memory. @internal */
  readonly open: Set<{ free(): void }> = new Set();
  /** @internal */
  closed = false;
  readonly #region: Region;

  /** The addon has the arena attached. */
  constructor(arena: Arena, native: Native, maxBytes: number) {
    this.native = native;
    this.maxBytes = maxBytes;
    this.words = arena.unsigned;
    this.bytesOfArena = arena.bytes;
    this.#region = arena.allocate('zlib record', RECORD_BYTES, { owner: 'deflate' });
    this.record = this.#region.offset;
    this.base = this.record / 4;
  }

  get bytes(): number {
    return this.native.zlibBytes();
  }

  deflater(options: DeflaterOptions = {}): Deflater {
    return new NativeDeflater(this, resolveDeflaterOptions(options));
  }

  inflater(options: InflaterOptions = {}): Inflater {
    return new NativeInflater(this, resolveInflaterOptions(options));
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const stream of this.open) stream.free();
    this.#region.release();
  }
}
