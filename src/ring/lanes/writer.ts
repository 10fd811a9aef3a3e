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
import { callAttention, isAwaited, ringBell } from '../waiting/bell.ts';
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
  /** Slots of the claim that were asked for: pieces go to the last of them, or to one before. */
  #asked = 0;
  /** Where the first piece of the claim is, on lossy rings of the message; -1 without any. */
  #firstPiece = -1;
  /** Whether the claim wanted a piece that found no room. */
  #lacksPiece = false;
  /** Where the slab goes on after an abort, when pieces fit from there only. */
  #restart = 0;
  #startsOver = false;
  #closed = false;
  #isFinishing = false;

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
    this.#claimStart = this.#slabTail;
    this.#slabFree = (this.#slabTail - this.size) | 0;
    this.#intent = this.#words[core.word(control + Lane.INTENT)]!;
    this.#slabIntent = this.#words[core.word(control + Lane.SLAB_INTENT)]!;
    if (this.#lossy && (this.#intent - this.#tail) >>> 0 > shape.slots) {
      this.#intent = (this.#tail + shape.slots) | 0;
      storeRelease(this.#words, core.word(control + Lane.INTENT), this.#intent);
    }
    if (this.#lossy && (this.#slabIntent - this.#slabTail) >>> 0 > this.size) {
      // A lie, or more than a slab was written and not published: nothing of the slab is good.
      this.#slabIntent = (this.#slabTail + this.size) | 0;
      storeRelease(this.#words, core.word(control + Lane.SLAB_INTENT), this.#slabIntent);
    }
    this.#heads.admit(this.#published);
    if (!this.#lossy) this.#findRoom();
    this.#closed = core.closed;
    storeRelease(this.#words, core.word(control + Lane.STATE), LaneState.OPEN);
  }

  /** Messages written and not published. */
  get unpublished(): number {
    return (this.#tail - this.#published) | 0;
  }

  /** Position behind the last message that consumers can see. */
  get published(): number {
    return this.#published;
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
      this.#startClaim();
      this.#ask(0);
    }
    return this.#slots + Math.imul(this.#tail & this.#slotMask, this.#stride);
  }

  /** Makes `count` slots claimable one by one with `slotAt`; false when they are not free. */
  claimMany(count: number): boolean {
    const isFree = this.#lossy
      ? count <= this.#slotMask + 1 && this.#intend(count)
      : this.hasRoom(count);
    if (isFree && this.size > 0) {
      this.#startClaim();
      // Of those that are committed without being asked for: too early is late enough.
      for (let index = 0; index < count; index++) this.#setStart(index, this.#slabTail);
    }
    return isFree;
  }

  /**
   * How many of `count` slots behind the next one are free and lie side by side, from `slotAt(0)` on.
   * What is written into them must be committed before more is asked for.
   */
  claimRun(count: number): number {
    const untilWrap = this.#slotMask + 1 - (this.#tail & this.#slotMask);
    const wanted = Math.min(count, untilWrap);
    if (this.size > 0) this.#startClaim();
    if (this.#lossy) {
      this.#intend(wanted);
      return wanted;
    }
    let room = (this.#limit - this.#tail) | 0;
    if (room < wanted) room = this.#findRoom();
    return Math.min(room, wanted);
  }

  /** Arena offset of the slot `index` behind the next one. */
  slotAt(index: number): number {
    const position = (this.#tail + index) | 0;
    if (this.size > 0) this.#ask(index);
    return this.#slots + Math.imul(position & this.#slotMask, this.#stride);
  }

  /** The first `count` claimed slots hold messages. Published with others, or by `publish`. */
  commit(count: number): void {
    this.#tail = (this.#tail + count) | 0;
    // The claim is over: what it has of the slab is the messages', and free when they are taken.
    this.#claimStart = this.#slabTail;
    if (((this.#tail - this.#published) | 0) >= this.#publishEvery) this.publish();
  }

  /** What was written into the claimed slots is no message. */
  abort(): void {
    this.#slabTail = this.#startsOver ? this.#restart : this.#claimStart;
    this.#claimStart = this.#slabTail;
    this.#words[this.#counters + 2]! += 1;
  }

  /** Whether a message that found no room in the slab, and was aborted, may find it at once. */
  get startsOver(): boolean {
    return this.#startsOver;
  }

  /** Whether the claim wanted a piece that finds no room before consumers have gone on. */
  get lacksPiece(): boolean {
    return this.#lacksPiece && !this.#startsOver;
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
    // Where several produce, the others must find out too.
    if (this.#closed) callAttention(this.#words, this.#bellWord);
    if (!this.#isFinishing) core.assertSound();
  }

  /**
   * Shows what is left, for the last time: with `isClosing`, consumers end when they have drained.
   * A poisoned ring is left like any other.
   */
  finish(isClosing: boolean): void {
    this.#isFinishing = true;
    this.publish();
    if (isClosing) {
      storeRelease(this.#words, this.#tailWord + Lane.STATE / 4, LaneState.CLOSED);
    }
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
    if (this.#lossy) {
      if (!this.#intendSlab(start, end)) return -1;
    } else if ((end - this.#slabFree) >>> 0 > size && !this.#findSlab(start, end)) {
      this.#lacksPiece = true;
      return -1;
    }
    if (this.#firstPiece < 0) this.#firstPiece = start >>> 0;
    this.#slabTail = end;
    return start >>> 0;
  }

  #startClaim(): void {
    this.#claimStart = this.#slabTail;
    this.#startsOver = false;
    this.#lacksPiece = false;
    this.#firstPiece = -1;
    this.#asked = 0;
  }

  /**
   * Marks where the pieces of a slot begin, and of those before it that were not asked for: only
   * the first time. A piece that a slot gets after later ones is freed with those.
   */
  #ask(index: number): void {
    if (index < this.#asked) return;
    for (let slot = this.#asked; slot <= index; slot++) this.#setStart(slot, this.#slabTail);
    this.#asked = index + 1;
    if (this.#lossy) this.#firstPiece = -1;
  }

  #setStart(index: number, start: number): void {
    this.#words[this.#startsWord + ((this.#tail + index) & this.#slotMask)] = start;
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
      // Of the oldest message in flight; its word is overwritten only when its slot is. With none,
      // what a claim has already is not free.
      this.#slabFree =
        head === this.#tail ? this.#claimStart : this.#words[this.#startsWord + index]!;
      if ((this.#slabTail - this.#slabFree) >>> 0 > 2 * this.size) this.#core.poison(Poison.HEAD);
    }
    return (limit - this.#tail) | 0;
  }

  #findSlab(start: number, end: number): boolean {
    const free = this.#findRoom();
    if (free === this.#slotMask + 1) {
      // Nothing is in flight: all is free but what this claim has already.
      this.#slabFree = this.#firstPiece < 0 ? start : this.#firstPiece | 0;
      this.#setStart(0, this.#slabFree);
      return (end - this.#slabFree) >>> 0 <= this.size || this.#startOver();
    }
    return (end - this.#slabFree) >>> 0 <= this.size;
  }

  /**
   * The pieces of a claim do not fit one after the other from where the slab stands, though nothing
   * is in flight: they may fit from its beginning on. Always false.
   */
  #startOver(): boolean {
    const index = this.#claimStart & (this.size - 1);
    if (index === 0) {
      if (this.#asked === 1) throw this.#tooLarge();
      // Fewer messages may fit.
      return false;
    }
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

  /** Says how far the slab may be overwritten; false when the message would overwrite itself. */
  #intendSlab(start: number, end: number): boolean {
    const last = ((this.#firstPiece < 0 ? start : this.#firstPiece) + this.size) | 0;
    if (((end - last) | 0) > 0) return this.#startOver();
    if (((end - this.#slabIntent) | 0) <= 0) return true;
    // A sixteenth ahead: one fence for many small pieces, at the price of losing that much earlier;
    // but never so far that this message would count as overwritten.
    const ahead = Math.min(this.size >>> 4, (last - start) | 0);
    this.#slabIntent = (Math.max((end - start) | 0, ahead) + start) | 0;
    storeRelease(this.#words, this.#tailWord + 3, this.#slabIntent);
    fence(this.#words, this.#counters + 6);
    return true;
  }

  #tooLarge(): Error {
    return new RondoError(
      'ERR_RING_MESSAGE_SIZE',
      `Cannot write a message into ${this.#core.label}: what it has of variable length does not ` +
        `fit the slab of ${this.size} bytes`,
    );
  }
}
