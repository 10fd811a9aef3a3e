/**
 * Writes a response piece by piece. Little waits to be sent at any time: what is iterated is asked
 * for its next piece when `WATER_BYTES` or less wait, and what is large is cut. While memory is
 * scarce the pieces are small, and nothing may wait.
 */
import { misuse } from '../../base/index.ts';
import { CHUNK_OVERHEAD_MAX, formatChunk, LAST_CHUNK } from '../../http/index.ts';
import type { Engine } from '../engine/engine.ts';
import { WATCHED } from '../output/output.ts';
import type { Connection } from '../sockets/connection.ts';
import { isWritable, SCARCE_BYTES, WATER_BYTES } from './exchange.ts';
import type { BodySource } from './source.ts';

/** A piece as it is written. With the framing of a chunk it still fits into 64 KiB. */
const PIECE_BYTES = 64 * 1024;
const CHUNK_BYTES = PIECE_BYTES - CHUNK_OVERHEAD_MAX;

/** Who wants to know. */
export interface ReplyOwner {
  /** Everything is written. */
  sent(): void;
  /** The source of the body has failed; its beginning is written. It may be over already. */
  failed(error: unknown): void;
}

/** See the head of this file. */
export class ReplyWriter {
  readonly #engine: Engine;
  readonly #connection: Connection;
  readonly #owner: ReplyOwner;
  /** What waits to be written, and how far the first of it is. */
  readonly #waiting: Uint8Array[] = [];
  #at = 0;
  #framed = false;
  /** A source is still to be asked. */
  #isOpen = false;
  #stopped = false;
  #written = 0;
  #wake: (() => void) | undefined;
  #source: BodySource | undefined;
  /** The last piece of the source is not written yet. */
  #hasPiece = false;

  constructor(engine: Engine, connection: Connection, owner: ReplyOwner) {
    this.#engine = engine;
    this.#connection = connection;
    this.#owner = owner;
  }

  /** Bytes written so far. */
  get written(): number {
    return this.#written;
  }

  /** Writes a head, then the body, in chunks if `framed`. */
  write(head: Uint8Array, body: Uint8Array | BodySource, framed: boolean): void {
    this.#waiting.push(head);
    if (body instanceof Uint8Array) {
      if (body.length > 0) this.#waiting.push(body);
      this.goOn();
      return;
    }
    this.#isOpen = true;
    this.#source = body;
    this.goOn();
    void this.#pump(body, framed);
  }

  /** There is room, or there may be. */
  goOn(): void {
    if (this.#stopped) return;
    const waiting = this.#waiting;
    while (waiting.length > 0) {
      const first = waiting[0]!;
      if (this.#at >= first.length) {
        this.#stopped = true;
        this.#fail(transferred());
        return;
      }
      const end = Math.min(first.length, this.#at + this.#pieceBytes);
      const piece = first.subarray(this.#at, end);
      if (!this.#send(this.#framed ? formatChunk(piece) : piece)) return;
      this.#at = end < first.length ? end : 0;
      if (this.#at === 0) waiting.shift();
    }
    const { queued } = this.#connection;
    if (this.#isOpen ? !this.#isWritable : queued > WATER_BYTES) {
      this.#connection.ends |= WATCHED;
    } else if (this.#isOpen) {
      this.#wake?.();
    } else {
      this.#stopped = true;
      this.#owner.sent();
    }
  }

  /** The connection is over: nothing more is wanted of the source, whatever it waits for. */
  stop(): void {
    this.#stopped = true;
    this.#waiting.length = 0;
    const source = this.#source;
    this.#source = undefined;
    if (source !== undefined) void source.close().catch((error: unknown) => this.#fail(error));
    this.#wake?.();
  }

  get #isWritable(): boolean {
    return isWritable(this.#engine, this.#connection);
  }

  get #pieceBytes(): number {
    if (this.#engine.output.isPressed) return SCARCE_BYTES;
    return this.#framed ? CHUNK_BYTES : PIECE_BYTES;
  }

  #send(bytes: Uint8Array): boolean {
    const { output } = this.#engine;
    const connection = this.#connection;
    const sent =
      this.#isWritable && output.hasRoom(connection, bytes.length) && output.raw(connection, bytes);
    if (sent) {
      this.#written += bytes.length;
      this.#engine.written();
    } else {
      // Without memory it is tried again when some was sent, or when time has passed.
      connection.ends |= WATCHED;
    }
    return sent;
  }

  async #pump(source: BodySource, framed: boolean): Promise<void> {
    try {
      // The head is no chunk, also when it has to wait.
      await this.#room();
      this.#framed = framed;
      for (;;) {
        await this.#room();
        if (this.#stopped) return;
        if (this.#hasPiece) source.taken();
        this.#hasPiece = false;
        const piece = await source.next();
        if (this.#stopped) return;
        if (piece === undefined) break;
        const bytes = toBytes(piece);
        if (bytes.length === 0) continue;
        this.#hasPiece = true;
        this.#waiting.push(bytes);
        this.goOn();
        if (this.#waiting.length > 0) continue;
        this.#hasPiece = false;
        source.taken();
      }
    } catch (error) {
      this.#fail(error);
      this.stop();
      return;
    }
    this.#source = undefined;
    await this.#room();
    this.#isOpen = false;
    if (this.#framed) {
      this.#framed = false;
      this.#waiting.push(LAST_CHUNK);
    }
    this.goOn();
  }

  #fail(error: unknown): void {
    this.#owner.failed(error);
  }

  async #room(): Promise<void> {
    const hasRoom = this.#waiting.length === 0 && this.#isWritable;
    if (hasRoom || this.#stopped) return;
    await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#wake = undefined;
  }
}

/** Nothing that waits is empty, unless its memory was given to somebody else. */
function transferred(): TypeError {
  const rule = 'they must stay as they are until they are sent';
  return misuse('ERR_HTTP_REPLY', `Cannot go on with the bytes of a body: ${rule}`);
}

function toBytes(piece: unknown): Uint8Array {
  if (typeof piece === 'string') return Buffer.from(piece);
  if (piece instanceof Uint8Array) return piece;
  throw misuse(
    'ERR_HTTP_REPLY',
    `Cannot send ${typeof piece} as a part of a body: it must be a string or a Uint8Array`,
  );
}
