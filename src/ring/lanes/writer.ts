/**
 * The producer's end of a lane (`spec/ring.md`, §7, §9, §10).
 *
 * One thread. Invariants: `published` ≤ `tail` ≤ `limit`; slots in [head, tail) are not written;
 * what lies in [published, tail) nobody else can see. Atomics calls: none per message, two per
 * publication (the store of `tail`, the load of the bell), three on gated broadcast rings; one more
 * whenever the lane looks full; lossy rings add a store and a fence for `publishEvery` messages.
 */
import { fence, loadAcquire, storeRelease } from '#atomics';
import { RondoError } from '../../base/index.ts';
import type { RingCore } from '../core.ts';
import { Lane, LaneState, Poison } from '../layout.ts';
import { isAwaited, ringBell } from '../waiting/bell.ts';
import { GatedHeads, type Heads, OneHead } from './heads.ts';

/** No slot is free: no arena offset of a slot is 0. */
export const NO_SLOT = 0;
/** Slab pieces begin at multiples of this, so that what is inside may be aligned too. */
const PIECE_ALIGNMENT = 8;

/** See the head of this file. It is the slab side of the cursors that write its slots. */
export class LaneWriter {
  /** Arena offset of the slab. */
  readonly base: number;
  /** Bytes of the slab. */
  readonly size: number;
  readonly #core: RingCore;
  readonly #words: Int32Array;
  readonly #heads: Heads;
  readonly #lossy: boolean;
  readonly #gated: boolean;
  readonly #publishEvery: number;
  readonly #slotMask: number;
  readonly #stride: number;
  readonly #slots: number;
  readonly #tailWord: number;
  readonly #bellWord: number;
  readonly #startsWord: number;
  /** Index of the first of this lane's words that nobody else writes: its counters. */
  readonly #counters: number;
  #tail: number;
  #published: number;
  /** The first position that may not be written yet. */
  #limit: number;
  /** Lossy: the first position that readers do not yet take for overwritten. */
  #intent: number;
  #slabTail: number;
  #slabFree: number;
  #slabIntent: number;
  /** `slabTail` before the slots that are claimed, to which an abort goes back. */
  #claimStart = 0;
  /** Position of the message that gets pieces, and where its first one is, or -1. */
  #message = 0;
  #firstPiece = -1;
  /** Where the slab goes on after an abort, when pieces fit from there only. */
  #restart = 0;
  #startsOver = false;
  #closed = false;

  constructor(core: RingCore, lane: number, publishEvery: number) {
    const { plan, shape, view } = core;
    this.#core = core;
    this.#words = core.words;
    this.#lossy = shape.lossy;
    this.#gated = shape.topology === 'broadcast' && !shape.lossy;
    this.#heads = this.#gated ? new GatedHeads(core) : new OneHead(core, lane);
    this.#publishEvery = Math.min(publishEvery, shape.slots);
    this.#slotMask = shape.slots - 1;
    this.#stride = shape.stride;
    this.#slots = view.base + plan.slots(lane);
    this.#startsWord = core.word(plan.starts(lane));
    this.base = view.base + plan.slab(lane);
    this.size = shape.slabBytes;
    const control = plan.control(lane);
    this.#tailWord = core.word(control + Lane.TAIL);
    this.#counters = core.word(control + Lane.FULL);
    this.#bellWord = core.consumersBell >>> 2;
    // What the predecessor published, however it ended.
    this.#tail = loadAcquire(this.#words, this.#tailWord);
    this.#published = this.#tail;
    this.#limit = this.#tail;
    this.#slabTail = this.#words[core.word(control + Lane.SLAB_TAIL)]!;
    this.#slabFree = (this.#slabTail - this.size) | 0;
    this.#intent = this.#words[core.word(control + Lane.INTENT)]!;
    this.#slabIntent = this.#words[core.word(control + Lane.SLAB_INTENT)]!;
    if (this.#lossy && (this.#intent - this.#tail) >>> 0 > shape.slots) {
      this.#intent = (this.#tail + shape.slots) | 0;
      storeRelease(this.#words, core.word(control + Lane.INTENT), this.#intent);
    }
    this.#heads.admit(this.#published);
    if (!this.#lossy) this.#findRoom();
    storeRelease(this.#words, core.word(control + Lane.STATE), LaneState.OPEN);
  }

  /** Messages written and not published. */
  get unpublished(): number {
    return (this.#tail - this.#published) | 0;
  }

  /** Whether consumers want no more: looked at when publishing to sleepers, and when full. */
  get closed(): boolean {
    return this.#closed;
  }

  /** The first position that may not be written, as far as was looked. */
  get limit(): number {
    return this.#limit;
  }

  /** Free slots, as far as was looked. */
  get room(): number {
    return this.#lossy ? this.#slotMask + 1 : (this.#limit - this.#tail) | 0;
  }

  /** Looks whether `count` slots are free. A system call never; an atomic load if it seems full. */
  hasRoom(count: number): boolean {
    if (this.#lossy) return count <= this.#slotMask + 1;
    return ((this.#limit - this.#tail) | 0) >= count || this.#findRoom() >= count;
  }

  /** Looks how far the consumers are, however much room there is. */
  look(): void {
    if (!this.#lossy) this.#findRoom();
  }

  /** Arena offset of the next slot, or `NO_SLOT` when all are full. The caller writes, then commits. */
  claim(): number {
    if (this.#tail === this.#limit && (this.#lossy ? !this.#intend(1) : this.#findRoom() === 0)) {
      return NO_SLOT;
    }
    if (this.size > 0) {
      this.#claimStart = this.#slabTail;
      this.#startsOver = false;
      this.#startMessage(this.#tail);
    }
    return this.#slots + Math.imul(this.#tail & this.#slotMask, this.#stride);
  }

  /** Makes `count` slots claimable one by one with `slotAt`; false when they are not free. */
  claimMany(count: number): boolean {
    this.#claimStart = this.#slabTail;
    this.#startsOver = false;
    if (this.#lossy) return count <= this.#slotMask + 1 && this.#intend(count);
    return this.hasRoom(count);
  }

  /**
   * How many of `count` slots behind the next one are free and lie side by side, from `slotAt(0)` on.
   * What is written into them must be committed before more is asked for.
   */
  claimRun(count: number): number {
    const untilWrap = this.#slotMask + 1 - (this.#tail & this.#slotMask);
    const wanted = Math.min(count, untilWrap);
    this.#claimStart = this.#slabTail;
    this.#startsOver = false;
    if (this.#lossy) {
      this.#intend(wanted);
      return wanted;
    }
    let room = (this.#limit - this.#tail) | 0;
    if (room < wanted) room = this.#findRoom();
    return Math.min(room, wanted);
  }

  /** Arena offset of the slot `index` behind the next one. Pieces go to the slot asked for last. */
  slotAt(index: number): number {
    const position = (this.#tail + index) | 0;
    if (this.size > 0) this.#startMessage(position);
    return this.#slots + Math.imul(position & this.#slotMask, this.#stride);
  }

  /** The first `count` claimed slots hold messages. Published with others, or by `publish`. */
  commit(count: number): void {
    this.#tail = (this.#tail + count) | 0;
    if (((this.#tail - this.#published) | 0) >= this.#publishEvery) this.publish();
  }

  /** What was written into the claimed slots is no message. */
  abort(): void {
    if (this.size > 0) this.#slabTail = this.#startsOver ? this.#restart : this.#claimStart;
    this.#words[this.#counters + 2]! += 1;
  }

  /** Whether a message that found no room in the slab, and was aborted, may find it at once. */
  get startsOver(): boolean {
    return this.#startsOver;
  }

  /** Counts a message that found no room; `dropped` when it is not tried again. */
  refused(dropped: boolean): void {
    this.#words[this.#counters]! += 1;
    if (dropped) this.#words[this.#counters + 1]! += 1;
  }

  /** Counts a sleep. */
  slept(): void {
    this.#words[this.#counters + 4]! += 1;
  }

  /** Shows what was written to the consumers, and wakes them if they sleep. */
  publish(): void {
    const words = this.#words;
    if (this.#gated && isAwaited(words, this.#bellWord)) this.#heads.admit(this.#published);
    if (this.#tail === this.#published) return;
    if (this.size > 0) words[this.#tailWord + 2] = this.#slabTail;
    // Publishes slots, pieces, starts and slabTail; partner: the consumers' load of `tail`.
    storeRelease(words, this.#tailWord, this.#tail);
    this.#published = this.#tail;
    words[this.#counters + 5]! += 1;
    if (isAwaited(words, this.#bellWord)) this.#attend();
  }

  /** Somebody sleeps, asks for attention, or has closed. */
  #attend(): void {
    const core = this.#core;
    if (ringBell(core.arena, core.consumersBell) > 0) this.#words[this.#counters + 3]! += 1;
    this.#closed = core.closed;
    core.assertSound();
  }

  /** No more will come: consumers end when they have drained. */
  close(): void {
    this.publish();
    storeRelease(this.#words, this.#tailWord + Lane.STATE / 4, LaneState.CLOSED);
    ringBell(this.#core.arena, this.#core.consumersBell);
  }

  /** Gives a slab piece of `length` bytes: its position, or -1 when there is no room now. */
  reserve(length: number): number {
    const size = this.size;
    if (length > size) throw this.#tooLarge();
    let start = (this.#slabTail + PIECE_ALIGNMENT - 1) & -PIECE_ALIGNMENT;
    const index = start & (size - 1);
    // A piece never wraps: what is left before the end of the slab is skipped.
    if (index + length > size) start = (start + size - index) | 0;
    const end = (start + length) | 0;
    if (this.#lossy) this.#intendSlab(start, end);
    else if ((end - this.#slabFree) >>> 0 > size && !this.#findSlab(start, end)) return -1;
    if (this.#firstPiece < 0) this.#firstPiece = start >>> 0;
    this.#slabTail = end;
    return start >>> 0;
  }

  #startMessage(position: number): void {
    this.#words[this.#startsWord + (position & this.#slotMask)] = this.#slabTail;
    this.#message = position;
    this.#firstPiece = -1;
  }

  /** Looks how far the consumers are; returns how many slots are free. */
  #findRoom(): number {
    const { shape } = this.#core;
    const head = this.#heads.furthest(this.#tail, this.#published);
    const limit = (head + shape.slots) | 0;
    if (limit === this.#limit) {
      this.#closed = this.#core.closed;
      this.#core.assertSound();
      return (limit - this.#tail) | 0;
    }
    this.#limit = limit;
    if (this.size > 0) {
      const index = head & this.#slotMask;
      // Of the oldest message in flight; its word is overwritten only when its slot is.
      this.#slabFree =
        head === this.#tail ? this.#slabTail : this.#words[this.#startsWord + index]!;
      if ((this.#slabTail - this.#slabFree) >>> 0 > 2 * this.size) this.#core.poison(Poison.HEAD);
    }
    return (limit - this.#tail) | 0;
  }

  #findSlab(start: number, end: number): boolean {
    const free = this.#findRoom();
    if (free === this.#slotMask + 1 && this.#message === this.#tail) {
      // Nothing is in flight: all is free but what this message has already.
      this.#slabFree = this.#firstPiece < 0 ? start : this.#firstPiece | 0;
      this.#words[this.#startsWord + (this.#tail & this.#slotMask)] = this.#slabFree;
      return (end - this.#slabFree) >>> 0 <= this.size || this.#startOver();
    }
    return (end - this.#slabFree) >>> 0 <= this.size;
  }

  /**
   * The pieces of a message do not fit one after the other from where the slab stands, though
   * nothing is in flight: they may fit from its beginning on. Always false.
   */
  #startOver(): boolean {
    const index = this.#claimStart & (this.size - 1);
    if (index === 0) throw this.#tooLarge();
    this.#restart = (this.#claimStart + this.size - index) | 0;
    this.#startsOver = true;
    return false;
  }

  /** Says which slots may be overwritten from now on. Always true. */
  #intend(count: number): boolean {
    const wanted = (this.#tail + Math.max(count, this.#publishEvery)) | 0;
    if (((wanted - this.#intent) | 0) > 0) {
      this.#intent = wanted;
      storeRelease(this.#words, this.#tailWord + 1, wanted);
      fence(this.#words, this.#counters + 6);
    }
    this.#limit = this.#intent;
    return true;
  }

  #intendSlab(start: number, end: number): void {
    if (((end - this.#slabIntent) | 0) <= 0) return;
    // A sixteenth ahead: one fence for many small pieces, at the price of losing that much earlier.
    this.#slabIntent = Math.max(end - start, this.size >>> 4) + start;
    this.#slabIntent |= 0;
    storeRelease(this.#words, this.#tailWord + 3, this.#slabIntent);
    fence(this.#words, this.#counters + 6);
  }

  #tooLarge(): Error {
    return new RondoError(
      'ERR_RING_MESSAGE_SIZE',
      `Cannot write a message into ${this.#core.label}: what it has of variable length does not ` +
        `fit the slab of ${this.size} bytes`,
    );
  }
}
