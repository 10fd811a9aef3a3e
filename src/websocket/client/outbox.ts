/**
 * What a client sends: messages become masked frames in pieces of the arena, which the transport
 * takes. An idle client holds no memory there.
 *
 *  1. At most `SENDS_MAX` pieces are with the transport, and at most `WINDOW_BYTES` of the arena
 *     are held. What comes after that waits in private memory and is encoded when there is room, so
 *     clients whose servers do not read cannot use the arena up.
 *  2. Frames are in the order of the calls, but a pong or ping goes before what waits. When more
 *     than `PONGS_MAX` pongs would wait, the last is enough (RFC 6455 §5.5.3).
 *  3. A frame that has begun is finished before another begins, whatever happens.
 *  4. Every frame has a masking key of its own that nobody can predict (RFC 6455 §5.3, §10.3).
 */
import { secureKey } from '../../base/index.ts';
import { COMPRESSED, MAX_HEAD_BYTES, Opcode, writeMaskedHead } from '../codec/index.ts';
import type { Compression } from './compression.ts';
import { Fifo } from './fifo.ts';
import type { Hub, Later } from './hub.ts';
import { Piece, type Transport } from './transport.ts';

const SENDS_MAX = 2;
const WINDOW_BYTES = 256 * 1024;
const PIECE_BYTES_MIN = 1024;
const PIECE_BYTES_MAX = 64 * 1024;
/** What a client may hold when memory is scarce. */
const SCARCE_BYTES = 4096;
/** Servers that match pongs with their pings send a few at once; one that sends more floods. */
const PONGS_MAX = 64;
/** Up to here a loop costs less than two calls. */
const SMALL_BYTES = 64;

/** What an application sends. */
export type Sendable = string | Uint8Array | Blob;

/** A frame that waits. */
interface Entry {
  opcode: number;
  /** As it was handed in. */
  readonly data: Sendable;
  /** What goes into the frame, once that is known. */
  wire: Uint8Array | undefined;
  /** Whether it is still to be compressed. */
  plain: boolean;
  /** Bytes that `bufferedAmount` counts. */
  readonly size: number;
}

/** Told how it goes. */
export interface OutboxOwner {
  /** Something has left. */
  progressed(): void;
  /** A Blob cannot be read. */
  unreadable(cause: unknown): void;
}

/** See the head of this file. */
export class Outbox implements Later {
  readonly #hub: Hub;
  readonly #transport: Transport;
  readonly #owner: OutboxOwner;
  readonly #compression: Compression | undefined;
  readonly #backlog: Fifo<Entry> = new Fifo();
  /** The ping that waits: the last. */
  #ping: Uint8Array | undefined;
  readonly #pongs: Fifo<Uint8Array> = new Fifo();
  /** The part of a frame that is not encoded, and how it goes on. */
  #rest: Uint8Array | undefined;
  #at = 0;
  #key = 0;
  /** What its bytes count: each by itself, or all of them with the last. */
  #counts = false;
  #countAtEnd = 0;
  /** Pieces that are not with the transport; the last of them is being written. */
  readonly #pieces: Fifo<Piece> = new Fifo();
  #open: Piece | undefined;
  #held = 0;
  #sends = 0;
  #buffered = 0;
  #flushAsked = false;
  /** The first entry is being read or compressed. */
  #preparing = false;
  /** The transport takes nothing any more. */
  #broken = false;
  #closed = false;

  constructor(
    hub: Hub,
    transport: Transport,
    owner: OutboxOwner,
    compression: Compression | undefined,
  ) {
    this.#hub = hub;
    this.#compression = compression;
    this.#transport = transport;
    this.#owner = owner;
  }

  /** Bytes of messages that were handed in and have not left. */
  get buffered(): number {
    return this.#buffered;
  }

  /** Everything is with the transport, or has left. */
  get isHandedOver(): boolean {
    return this.#pieces.length === 0 && !this.#waiting;
  }

  get #waiting(): boolean {
    return (
      this.#backlog.length > 0 ||
      this.#rest !== undefined ||
      this.#pongs.length > 0 ||
      this.#ping !== undefined
    );
  }

  /**
   * A message, or a close frame. Bytes that are `lent` are the caller's again afterwards; `size`
   * is what it counts in `buffered`.
   */
  push(opcode: number, data: Sendable, size: number, lent: boolean): void {
    if (this.#closed) return;
    this.#buffered += size;
    const plain = opcode < Opcode.CLOSE && this.#compression?.wants(size) === true;
    if (!this.#waiting && !plain && !(data instanceof Blob)) {
      const bytes = typeof data === 'string' ? Buffer.from(data) : data;
      if (this.#begin(opcode, bytes, opcode < Opcode.CLOSE)) {
        // A copy: `slice` of a Buffer would be none.
        if (this.#rest !== undefined && lent) this.#rest = new Uint8Array(this.#rest);
        this.#askFlush();
        return;
      }
    }
    const kept = lent && data instanceof Uint8Array ? new Uint8Array(data) : data;
    this.#backlog.push({ opcode, data: kept, wire: undefined, plain, size });
    this.#askFlush();
  }

  /** A ping or pong with 0 to 125 bytes, which are the outbox's now. */
  control(opcode: number, payload: Uint8Array): void {
    if (this.#closed) return;
    if (opcode === Opcode.PING) {
      this.#ping = payload;
    } else {
      if (this.#pongs.length === PONGS_MAX) this.#pongs.drain();
      this.#pongs.push(payload);
    }
    this.#askFlush();
  }

  /** Forgets what waits, and gives back the messages that nothing was encoded of. */
  dropWaiting(): Sendable[] {
    this.#ping = undefined;
    this.#pongs.drain();
    this.#preparing = false;
    return this.#backlog
      .drain()
      .filter(({ opcode }) => (opcode & ~COMPRESSED) < Opcode.CLOSE)
      .map(({ data }) => data);
  }

  /** Encodes what there is room for and hands it over. */
  flush(): void {
    this.#flushAsked = false;
    if (this.#closed || this.#broken) return;
    this.#encode();
    while (this.#sends < SENDS_MAX && this.#pieces.length > 0) {
      const piece = this.#pieces.shift()!;
      if (piece === this.#open) this.#open = undefined;
      this.#sends += 1;
      this.#transport.send(piece);
    }
  }

  /** A piece is back from the transport. What has not left is the end of all sending. */
  sent(piece: Piece, left: boolean): void {
    this.#sends -= 1;
    this.#giveBack(piece);
    if (!left) this.#broken = true;
    if (this.#closed || this.#broken) return;
    this.#buffered -= piece.payload;
    if (this.#waiting || this.#pieces.length > 0) this.flush();
    this.#owner.progressed();
  }

  /** Nothing is handed over any more. Pieces with the transport come back by `sent`. */
  close(): Sendable[] {
    if (this.#closed) return [];
    this.#closed = true;
    this.#open = undefined;
    this.#rest = undefined;
    for (const piece of this.#pieces.drain()) this.#giveBack(piece);
    return this.dropWaiting();
  }

  #giveBack(piece: Piece): void {
    this.#held -= piece.limit - piece.start;
    this.#hub.release(piece.start);
  }

  #askFlush(): void {
    if (this.#flushAsked) return;
    this.#flushAsked = true;
    this.#hub.flushLater(this);
  }

  // ---- encoding

  #encode(): void {
    for (;;) {
      if (this.#rest !== undefined && !this.#copy(this.#rest)) return;
      if (this.#pongs.length > 0) {
        if (!this.#begin(Opcode.PONG, this.#pongs.first, false)) return;
        this.#pongs.shift();
      } else if (this.#ping !== undefined) {
        if (!this.#begin(Opcode.PING, this.#ping, false)) return;
        this.#ping = undefined;
      } else if (!this.#encodeNext()) {
        return;
      }
    }
  }

  /** False when nothing waits, or for room, or for the next to be prepared. */
  #encodeNext(): boolean {
    if (this.#backlog.length === 0 || this.#preparing) return false;
    const entry = this.#backlog.first;
    const { data, wire } = entry;
    if (wire === undefined && data instanceof Blob) {
      this.#load(entry, data);
      return false;
    }
    entry.wire ??= typeof data === 'string' ? Buffer.from(data) : (data as Uint8Array);
    if (entry.plain) {
      this.#compress(entry, entry.wire);
      return !this.#preparing;
    }
    const compressed = (entry.opcode & COMPRESSED) !== 0;
    const each = !compressed && entry.opcode < Opcode.CLOSE;
    if (!this.#begin(entry.opcode, entry.wire, each, compressed ? entry.size : 0)) return false;
    this.#backlog.shift();
    return true;
  }

  #load(entry: Entry, blob: Blob): void {
    this.#preparing = true;
    blob.arrayBuffer().then(
      (buffer) => {
        if (this.#prepared(entry, new Uint8Array(buffer))) this.flush();
      },
      (cause: unknown) => {
        if (!this.#closed) this.#owner.unreadable(cause);
      },
    );
  }

  #compress(entry: Entry, bytes: Uint8Array): void {
    this.#preparing = true;
    entry.plain = false;
    let atOnce = true;
    this.#compression!.compress(bytes, (compressed) => {
      const isNext = this.#prepared(entry, compressed ?? bytes);
      if (compressed !== undefined) entry.opcode |= COMPRESSED;
      if (isNext && !atOnce) this.flush();
    });
    atOnce = false;
  }

  /** False when it was dropped meanwhile. */
  #prepared(entry: Entry, wire: Uint8Array): boolean {
    if (this.#backlog.length === 0 || this.#backlog.first !== entry) return false;
    this.#preparing = false;
    entry.wire = wire;
    return true;
  }

  /** Begins a frame: false when there is no room even for its head. */
  #begin(opcode: number, bytes: Uint8Array, counts: boolean, countAtEnd = 0): boolean {
    const piece = this.#room(MAX_HEAD_BYTES, bytes.length);
    if (piece === undefined) return false;
    this.#key = secureKey();
    const { length } = bytes;
    piece.end += writeMaskedHead(this.#hub.bytes, piece.end, opcode, true, length, this.#key);
    this.#at = 0;
    this.#counts = counts;
    this.#countAtEnd = countAtEnd;
    this.#copy(bytes);
    return true;
  }

  /** Goes on with a frame: false when there is no more room, and `#rest` is what is left. */
  #copy(bytes: Uint8Array): boolean {
    const { length } = bytes;
    let from = 0;
    while (from < length) {
      const piece = this.#room(1, length - from);
      if (piece === undefined) {
        this.#rest = bytes.subarray(from);
        return false;
      }
      const count = Math.min(length - from, piece.limit - piece.end);
      this.#mask(bytes, from, piece.end, count);
      piece.end += count;
      if (this.#counts) piece.payload += count;
      this.#at += count;
      from += count;
      if (from === length) piece.payload += this.#countAtEnd;
    }
    this.#rest = undefined;
    return true;
  }

  #mask(source: Uint8Array, from: number, to: number, count: number): void {
    const { bytes, kernels } = this.#hub;
    const key = this.#key;
    if (count > SMALL_BYTES) {
      bytes.set(source.subarray(from, from + count), to);
      kernels.unmask(to, count, key, this.#at & 3);
      return;
    }
    let phase = this.#at;
    for (let i = 0; i < count; i++) {
      bytes[to + i] = source[from + i]! ^ (key >>> ((phase++ & 3) << 3));
    }
  }

  /** A piece with at least `least` bytes of room, if there is one or memory for one. */
  #room(least: number, wanted: number): Piece | undefined {
    const open = this.#open;
    if (open !== undefined && open.limit - open.end >= least) return open;
    if (this.#held >= WINDOW_BYTES) return undefined;
    // Who sends much at a time gets larger pieces.
    const usual = open === undefined ? PIECE_BYTES_MIN : (open.limit - open.start) * 4;
    const size = Math.min(Math.max(usual, wanted + MAX_HEAD_BYTES), PIECE_BYTES_MAX);
    const start = this.#memory(size);
    if (start === 0) return undefined;
    const piece = new Piece(start, start + this.#hub.sizeOf(start));
    this.#held += piece.limit - start;
    this.#pieces.push(piece);
    this.#open = piece;
    return piece;
  }

  /**
   * While memory is scarce each client has a little, so that those whose servers do not read cannot
   * keep the others from sending.
   */
  #memory(size: number): number {
    const spare = this.#hub.acquireSpare(size);
    if (spare !== 0 || this.#held > 0) return spare;
    const start = this.#hub.acquire(Math.min(size, SCARCE_BYTES));
    if (start === 0) this.#hub.awaitMemory(this);
    return start;
  }
}
