/**
 * Feeds a `MessageReceiver` and writes down its events, on an arena of its own with a block source
 * that gives out exact sizes at odd offsets, poisons what is released, and knows what is held.
 */
import assert from 'node:assert/strict';
import {
  MessageReceiver,
  ReceiverContext,
  type BlockSource,
  type Failure,
  type InflaterSource,
  type MessageSink,
} from '../../src/websocket/index.ts';
import type { Event, Rules } from './reference-decoder.ts';

const PIECE_OFFSET = 1024;
const GUARD = 0xa5;
const POISON = 0xdd;

/** Blocks at offsets of every alignment; nothing is reused, so a use after release is seen. */
class ProbeBlocks implements BlockSource {
  readonly held: Map<number, number> = new Map<number, number>();
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #end: number;
  #next: number;
  /** How many more blocks there are. */
  left: number = Number.MAX_SAFE_INTEGER;
  /** The most bytes that were held at once. */
  peak = 0;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#next = start;
  }
  acquire(size: number): number {
    if (this.left-- <= 0) return 0;
    if (this.held.size === 0 && this.#next + size + 8 > this.#end) this.#next = this.#start;
    assert.ok(this.#next + size + 8 <= this.#end, 'the probe has enough memory');
    const offset = this.#next + (this.held.size % 4) + 1;
    this.#next = offset + size + 1;
    this.#bytes[offset + size] = GUARD;
    this.held.set(offset, size);
    const held = [...this.held.values()].reduce((sum, each) => sum + each, 0);
    this.peak = Math.max(this.peak, held);
    return offset;
  }
  release(offset: number): void {
    const size = this.held.get(offset);
    assert.ok(size !== undefined, `block ${offset} is held`);
    assert.equal(this.#bytes[offset + size], GUARD, 'nothing was written behind the block');
    this.#bytes.fill(POISON, offset, offset + size);
    this.held.delete(offset);
  }
  sizeOf(offset: number): number {
    return this.held.get(offset)!;
  }
}

function ownPlace(): ProbePlace {
  const bytes = new Uint8Array(new SharedArrayBuffer(1 << 20));
  return { bytes, start: 0, end: bytes.length, inflaters: null };
}

/** Where a probe works: a range of an arena that is its own, with inflaters of that arena. */
export interface ProbePlace {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly inflaters: InflaterSource | null;
}

/** One connection under test. */
export class ReceiverProbe implements MessageSink<string> {
  readonly events: Event[] = [];
  readonly blocks: ProbeBlocks;
  readonly bytes: Uint8Array;
  readonly receiver: MessageReceiver<string>;
  /** What message, ping and pong answer. */
  goOn = true;
  failure: Failure | undefined;

  /** How often the receiver was blocked. */
  blockedTimes = 0;

  readonly #pieces: number;
  readonly #piecesEnd: number;

  constructor(rules: Rules, place: ProbePlace = ownPlace()) {
    const { role, maxMessageSize, maxFrameSize } = rules;
    this.bytes = place.bytes;
    this.#pieces = place.start + PIECE_OFFSET;
    this.#piecesEnd = place.start + (place.end - place.start) / 2;
    this.blocks = new ProbeBlocks(this.bytes, this.#piecesEnd, place.end);
    const context = new ReceiverContext({
      bytes: this.bytes,
      blocks: this.blocks,
      sink: this,
      role,
      maxMessageSize,
      maxFrameSize,
      sliceMs: 0,
    });
    this.receiver = new MessageReceiver(context, 'probe', place.inflaters);
  }

  /**
   * Feeds one piece at an offset of the given alignment; returns how much of it was taken. What was
   * taken is poisoned at once: what the receiver still needs it must have copied.
   */
  feed(piece: ArrayLike<number>, alignment = 0): number {
    const offset = this.#pieces + alignment;
    const end = offset + piece.length;
    assert.ok(end < this.#piecesEnd, 'the piece fits');
    this.bytes[offset - 1] = GUARD;
    this.bytes[end] = GUARD;
    this.bytes.set(piece, offset);
    let taken = this.receiver.receive(offset, piece.length);
    while (this.receiver.blocked) {
      this.blockedTimes++;
      this.bytes.fill(POISON, offset, offset + taken);
      assert.equal(this.receiver.receive(offset + taken, piece.length - taken), 0);
      const welcome = this.receiver.proceed();
      if (!welcome) continue;
      taken += this.receiver.receive(offset + taken, piece.length - taken);
    }
    assert.equal(this.bytes[offset - 1], GUARD, 'nothing was written before the piece');
    assert.equal(this.bytes[end], GUARD, 'nothing was written behind the piece');
    if (this.receiver.stopped) assert.equal(this.blocks.held.size, 0, 'all blocks are back');
    this.bytes.fill(POISON, offset, end);
    return taken;
  }

  message(connection: string, opcode: number, offset: number, length: number): boolean {
    return this.#note(connection, 'message', opcode, offset, length);
  }
  ping(connection: string, offset: number, length: number): boolean {
    return this.#note(connection, 'ping', 0, offset, length);
  }
  pong(connection: string, offset: number, length: number): boolean {
    return this.#note(connection, 'pong', 0, offset, length);
  }
  close(connection: string, code: number, offset: number, length: number): void {
    assert.ok(this.receiver.stopped);
    this.#note(connection, 'close', code, offset, length);
  }
  fail(connection: string, failure: Failure): void {
    assert.ok(this.receiver.stopped);
    this.failure = failure;
    this.#note(connection, 'fail', failure.closeCode, 0, 0);
  }

  #note(who: string, kind: Event['kind'], code: number, offset: number, length: number): boolean {
    assert.equal(who, 'probe');
    const payload = [...this.bytes.subarray(offset, offset + length)];
    this.events.push({ kind, code, payload });
    return this.goOn;
  }
}
