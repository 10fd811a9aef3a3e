/**
 * What a gateway sends. Frames of one connection that follow each other are written next to each
 * other and leave in one send; an idle connection holds no memory.
 *
 *  1. One range of memory is open at a time, for one connection: at the tip of the segment that all
 *     connections share, or in a block of its own. It is handed over when another connection wants
 *     to write, when it is full, and by `flush` at the end of each completion.
 *  2. A connection has at most `SENDS_MAX` sends in the driver. What comes after that waits in the
 *     connection's backlog and is gathered there. So the driver's table of operations cannot be
 *     filled by peers that do not read, and an answer of -ENOBUFS is a defect.
 *  3. Bytes leave in the order of the calls: while there is a backlog, everything goes to its end.
 *  4. What several connections are sent is gathered in their backlogs, where there is place in the
 *     driver, and handed over when `gathering.ts` says so; before anything else that is written.
 *  5. `queued` is what was written and has not completed. Its limit is kept by the callers, who ask
 *     `hasRoom`; answers to a peer's close and the like do not ask.
 */
import { assert, Errno } from '../../base/index.ts';
import type { Driver } from '../../driver/index.ts';
import { Blocks } from '../../memory/index.ts';
import { headSize, writeHead, type BlockSource } from '../../websocket/index.ts';
import { FrameWriter } from './frame-writer.ts';
import { DUE, Gathering } from './gathering.ts';
import { Holds } from './holds.ts';
import { LARGE_BYTES, SegmentPool, Segments } from './segments.ts';
import { SharedFrames, type SharedFrame } from './shared-frames.ts';
import { Token, tokenOf } from '../engine/tokens.ts';

/** Sends of one connection in the driver at once: one under way, one gathered behind it. */
export const SENDS_MAX = 2;

/** What is larger and shared is referred to, not copied, when it waits in a backlog. */
const REFERRED_BYTES = 1024;
/** What is larger is sent from the block that it arrived in: a second buffer costs less by then. */
export const LENT_BYTES = 2048;
const BACKLOG_BYTES_MIN = 4096;
const BACKLOG_BYTES_MAX = 64 * 1024;
/** Messages in pieces begin at this size, so it is also what a slow one costs at least. */
const BLOCK_BYTES_MIN = 1024;
/** Ranges begin on 8 bytes, so that payloads are mostly copied by whole words. */
const ALIGNMENT = 8;

/** At most this much waits when a queue counts as short; more is not gathered. */
const SHORT_QUEUE_BYTES = 64 * 1024;
/** What waits hardly counts up to this: the answer to a handshake, a few small messages. */
const HARDLY_BYTES = 1024;

/** Where no message lies; an empty one that came in fragments lies at 0. */
const NO_BLOCK = -1;

/** Bit of `Outlet.ends`: somebody is to be told when the queue is short. */
export const WATCHED = 4;

/** State of `Outlet.shutdown`. */
export const Shutdown = { NONE: 0, ASKED: 1, SUBMITTED: 2 } as const;

/** Bytes that wait for their turn. */
interface Chunk {
  readonly hold: number;
  start: number;
  end: number;
  /** How far it may be written; `end` for what others are sent too. */
  limit: number;
  /** Where the frames in it end, when the oldest may have to be dropped. */
  readonly ends: number[] | null;
}

/** What the output keeps of a connection. */
export interface Outlet {
  readonly index: number;
  readonly handle: number;
  /** Bytes written and not completed. */
  queued: number;
  /** Sends in the driver. */
  sends: number;
  backlog: Chunk[] | null;
  shutdown: number;
  /** Bits, of which `WATCHED` and `DUE` are the output's. */
  ends: number;
}

/** What the output tells about connections, by index. */
export interface OutputEvents {
  /** A send has failed. */
  failed(index: number): void;
  /** The queue of one that was `WATCHED` is short. */
  drained(index: number): void;
  /** There is no memory for `size` bytes of a message that arrives: true when some was made. */
  exhausted(size: number): boolean;
}

/** How much an output may use. */
export interface OutputSettings {
  readonly owner: string;
  readonly memoryBytes: number;
  /** The most bytes that wait for a connection. */
  readonly limit: number;
  /** Whether `dropOldest` will be asked for. */
  readonly dropsOldest: boolean;
}

/** See the head of this file. */
export class Output {
  /** Memory of messages, received and sent. */
  readonly blocks: Blocks;
  readonly #driver: Driver;
  readonly #bytes: Uint8Array;
  readonly #writer: FrameWriter;
  readonly #outlets: readonly (Outlet | undefined)[];
  readonly #events: OutputEvents;
  readonly #limit: number;
  readonly #shortQueue: number;
  readonly #dropsOldest: boolean;
  /** Held bytes above which memory is scarce, and below which it is not any more. */
  readonly #pressedAbove: number;
  readonly #relievedBelow: number;
  readonly #holds: Holds = new Holds();
  readonly #pool: SegmentPool;
  readonly #segments: Segments;
  readonly #shared: SharedFrames;
  readonly #gathering: Gathering;
  readonly #releaseBlock: (offset: number) => void;

  /** The open range: whose, in which hold, from where, how far written and how far it may go. */
  #open: Outlet | null = null;
  #hold = -1;
  #start = 0;
  #end = 0;
  #endLimit = 0;

  /** The block whose message is being handled, if that is large. */
  #current = NO_BLOCK;
  /** The same when it was sent from where it lies or is kept, and its hold. */
  #lent = 0;
  #lentHold = -1;

  /** There are no connections any more. */
  #over = false;

  /** Sends in the driver: whose, from which hold, how long. */
  readonly #sendIndex: number[] = [];
  readonly #sendHold: number[] = [];
  readonly #sendLength: number[] = [];
  readonly #freeSends: number[] = [];

  constructor(
    driver: Driver,
    settings: OutputSettings,
    outlets: readonly (Outlet | undefined)[],
    events: OutputEvents,
  ) {
    const { owner, memoryBytes: size, limit, dropsOldest } = settings;
    this.#driver = driver;
    this.#bytes = driver.arena.bytes;
    this.#writer = new FrameWriter(driver.arena);
    this.#limit = limit;
    this.#shortQueue = Math.min(limit >>> 2, SHORT_QUEUE_BYTES);
    this.#dropsOldest = dropsOldest;
    this.#pressedAbove = size * 0.75;
    this.#relievedBelow = size * 0.5;
    this.#outlets = outlets;
    this.#events = events;
    const minBlock = BLOCK_BYTES_MIN;
    this.blocks = Blocks.create(driver.arena, { name: 'messages', owner, size, minBlock });
    this.#pool = new SegmentPool(this.blocks);
    this.#segments = new Segments(this.#pool, this.#holds, ALIGNMENT);
    this.#shared = new SharedFrames(this.blocks, this.#holds, this.#pool, this.#writer);
    this.#gathering = new Gathering(
      () => driver.now(),
      (outlet) => this.#goOn(outlet),
    );
    this.#releaseBlock = (offset) => this.blocks.release(offset);
  }

  /** Whether `size` more bytes may wait. One message always may when hardly anything does. */
  hasRoom(outlet: Outlet, size: number): boolean {
    return outlet.queued <= HARDLY_BYTES || outlet.queued + size <= this.#limit;
  }

  /** Whether what is written now waits for what was handed over before. */
  isBehind(outlet: Outlet): boolean {
    return outlet.sends > 0 || outlet.backlog !== null;
  }

  /** Whether memory is scarce. */
  get isPressed(): boolean {
    return this.blocks.held > this.#pressedAbove;
  }

  /** Whether there is plenty again. */
  get isRelieved(): boolean {
    return this.blocks.held < this.#relievedBelow;
  }

  /** Bytes of the memory that are in use. */
  get heldBytes(): number {
    const { idleBytes } = this.#pool;
    return this.blocks.held - idleBytes - this.#segments.idleBytes - this.#shared.idleBytes;
  }

  /** Memory for messages that arrive in pieces; what is lent stays until it is sent. */
  get source(): BlockSource {
    const { blocks } = this;
    return {
      acquire: (size) => {
        let block = blocks.acquire(size);
        while (block === 0 && size <= blocks.maxBlock && this.#events.exhausted(size)) {
          block = blocks.acquire(size);
        }
        return block;
      },
      sizeOf: (offset) => blocks.sizeOf(offset),
      release: (offset) => {
        if (offset !== this.#lent) {
          blocks.release(offset);
          return;
        }
        this.#lent = 0;
        this.#holds.release(this.#lentHold);
      },
    };
  }

  // ---- messages that are handled

  /** A message of `LENT_BYTES` or more is about to be handled: it may be sent from where it lies. */
  beginMessage(offset: number): void {
    this.#current = this.blocks.isHeld(offset) ? offset : NO_BLOCK;
  }

  /** It was handled. */
  endMessage(): void {
    this.#current = NO_BLOCK;
  }

  /** Keeps the memory of the message that is being handled: a hold, or -1 if it must be copied. */
  keep(offset: number): number {
    if (offset !== this.#current) return -1;
    this.#lendCurrent();
    this.#holds.share(this.#lentHold);
    return this.#lentHold;
  }

  /** Keeps what is kept once more. */
  keepAlso(hold: number): void {
    this.#holds.share(hold);
  }

  /** Gives back what `keep` gave. */
  letGo(hold: number): void {
    this.#holds.release(hold);
    if (this.#over && this.blocks.held === 0) this.blocks.destroy();
  }

  #lendCurrent(): void {
    if (this.#lent === this.#current) return;
    this.#lent = this.#current;
    this.#lentHold = this.#holds.take(this.#releaseBlock, this.#lent);
  }

  // ---- writing; false when there is no memory

  /**
   * A frame whose payload lies in the arena: in a receive buffer, or in the block of the message
   * that is being handled. A large one in a block is sent from there.
   */
  frame(outlet: Outlet, opcode: number, source: number, length: number): boolean {
    if (source === this.#current && !(this.#dropsOldest && this.isBehind(outlet))) {
      return this.#lend(outlet, opcode, source, length);
    }
    const at = this.#reserve(outlet, headSize(length) + length);
    if (at === 0) return false;
    this.#writer.frame(at, opcode, source, length);
    return true;
  }

  /** A frame whose payload is the beginning of private memory. */
  frameOf(outlet: Outlet, opcode: number, payload: Uint8Array, length: number): boolean {
    const at = this.#reserve(outlet, headSize(length) + length);
    if (at === 0) return false;
    this.#writer.frameOf(at, opcode, payload, length);
    return true;
  }

  /** Bytes as they are. */
  raw(outlet: Outlet, bytes: Uint8Array): boolean {
    const at = this.#reserve(outlet, bytes.length);
    if (at === 0) return false;
    this.#writer.raw(at, bytes, bytes.length);
    return true;
  }

  /**
   * A frame that several connections will be sent, written once: `sendShared` for each of them,
   * `endShared` at the end. The payload lies in the arena, or is the beginning of private memory.
   */
  beginShared(
    opcode: number,
    source: number | Uint8Array,
    length: number,
  ): SharedFrame | undefined {
    this.#gathering.published();
    return this.#shared.begin(opcode, source, length);
  }

  /**
   * Gathers it for one of them: see `gathering.ts`. False when there is no memory to let it wait.
   */
  sendShared(frame: SharedFrame, outlet: Outlet): boolean {
    const { backlog } = outlet;
    const last = backlog === null ? undefined : backlog.at(-1);
    if (last !== undefined && last.end === frame.start && last.hold === frame.hold) {
      last.end += frame.size;
      last.limit = last.end;
      last.ends?.push(last.end);
    } else if (backlog === null && this.#mayGather(outlet)) {
      this.#refer(outlet, frame);
      if ((outlet.ends & DUE) === 0) this.#gathering.add(outlet);
    } else if (!this.#wait(outlet, frame)) {
      return false;
    }
    outlet.queued += frame.size;
    if (outlet.queued > this.#shortQueue && outlet.sends < SENDS_MAX) this.#goOn(outlet);
    return true;
  }

  endShared(frame: SharedFrame): void {
    this.#shared.end(frame);
  }

  /** Whether what is gathered for one without a backlog will leave at once. */
  #mayGather(outlet: Outlet): boolean {
    if (this.#open === outlet) this.flush();
    return outlet.sends < SENDS_MAX;
  }

  /**
   * Puts it at the end of the backlog: a small one as a copy, or it would keep a segment. What will
   * leave at once needs no memory for that.
   */
  #wait(outlet: Outlet, frame: SharedFrame): boolean {
    const at = frame.size > REFERRED_BYTES ? 0 : this.#findInBacklog(outlet, frame.size);
    if (at !== 0) this.#writer.copy(at, frame.start, frame.size);
    else if (frame.size > REFERRED_BYTES || outlet.sends < SENDS_MAX) this.#refer(outlet, frame);
    else return false;
    return true;
  }

  #refer(outlet: Outlet, { hold, start, size }: SharedFrame): void {
    this.#holds.share(hold);
    const end = start + size;
    const ends = this.#dropsOldest ? [end] : null;
    (outlet.backlog ??= []).push({ hold, start, end, limit: end, ends });
  }

  /** A head of its own, and the payload from where it lies. */
  #lend(outlet: Outlet, opcode: number, block: number, length: number): boolean {
    const size = headSize(length);
    const at = this.#reserve(outlet, size);
    if (at === 0) return false;
    writeHead(this.#bytes, at, opcode, true, length);
    this.flush();
    this.#lendCurrent();
    const hold = this.#lentHold;
    this.#holds.share(hold);
    outlet.queued += length;
    if (outlet.backlog === null && outlet.sends < SENDS_MAX) {
      this.#submit(outlet, hold, block, length);
    } else {
      const end = block + length;
      (outlet.backlog ??= []).push({ hold, start: block, end, limit: end, ends: null });
    }
    return true;
  }

  // ---- finding memory; 0 when there is none

  #reserve(outlet: Outlet, size: number): number {
    const at = this.#end;
    if (this.#open === outlet && at + size <= this.#endLimit) {
      this.#end = at + size;
      outlet.queued += size;
      return at;
    }
    return this.#reserveElsewhere(outlet, size);
  }

  #reserveElsewhere(outlet: Outlet, size: number): number {
    this.flush();
    // What was gathered leaves before it, and at once.
    if (outlet.backlog !== null && outlet.sends < SENDS_MAX) this.#goOn(outlet);
    let at: number;
    if (outlet.backlog === null && outlet.sends < SENDS_MAX) {
      at = this.#find(size);
      if (at !== 0) this.#open = outlet;
    } else {
      at = this.#findInBacklog(outlet, size);
    }
    if (at !== 0) outlet.queued += size;
    return at;
  }

  /** Sets the range, which has no owner yet. A block's one count is that of the range. */
  #find(size: number): number {
    let at: number;
    if (size > LARGE_BYTES) {
      at = this.blocks.acquire(size);
      if (at === 0) return 0;
      this.#hold = this.#holds.take(this.#releaseBlock, at);
      this.#endLimit = at + this.blocks.sizeOf(at);
    } else {
      at = this.#segments.find(size);
      if (at === 0) return 0;
      this.#hold = this.#segments.hold;
      this.#endLimit = this.#segments.limit;
    }
    this.#start = at;
    this.#end = at + size;
    return at;
  }

  #findInBacklog(outlet: Outlet, size: number): number {
    const backlog = (outlet.backlog ??= []);
    const last = backlog.at(-1);
    if (last !== undefined && last.end + size <= last.limit) {
      last.end += size;
      last.ends?.push(last.end);
      return last.end - size;
    }
    // Who waits already waits for more: the next chunk is larger than all before it. But behind one
    // that is full by nature, a frame that many share, the next may be another of those.
    const likely = last !== undefined && last.end === last.limit ? 0 : outlet.queued;
    const usual = Math.min(Math.max(likely, BACKLOG_BYTES_MIN), BACKLOG_BYTES_MAX);
    const start = this.blocks.acquire(Math.max(size, usual));
    if (start === 0) return 0;
    const hold = this.#holds.take(this.#releaseBlock, start);
    const limit = start + this.blocks.sizeOf(start);
    const ends = this.#dropsOldest ? [start + size] : null;
    backlog.push({ hold, start, end: start + size, limit, ends });
    return start;
  }

  // ---- handing over

  /** Hands over what is written. */
  flush(): void {
    const outlet = this.#open;
    if (outlet === null) return;
    this.#open = null;
    const hold = this.#hold;
    if (hold === this.#segments.hold) {
      this.#segments.advance(this.#end);
      this.#holds.share(hold);
    }
    this.#submit(outlet, hold, this.#start, this.#end - this.#start);
  }

  /** Ends the sending side after everything that was written. */
  finish(outlet: Outlet): void {
    if (this.#open === outlet) this.flush();
    if (outlet.shutdown === Shutdown.NONE) outlet.shutdown = Shutdown.ASKED;
    this.#goOn(outlet);
  }

  /** A send has completed; returns whose it was. */
  completed(send: number, result: number): number {
    const outlet = this.#outlets[this.#sendIndex[send]!]!;
    this.#sendEnded(send, outlet);
    if (result < 0) this.#events.failed(outlet.index);
    else if (outlet.shutdown === Shutdown.ASKED || this.#waitsForPlace(outlet)) this.#goOn(outlet);
    if ((outlet.ends & WATCHED) !== 0 && outlet.queued <= this.#shortQueue && result >= 0) {
      outlet.ends &= ~WATCHED;
      this.#events.drained(outlet.index);
    }
    return outlet.index;
  }

  /** Whether something waits for the send that has completed, not for the end of the turn. */
  #waitsForPlace(outlet: Outlet): boolean {
    if (outlet.backlog === null) return false;
    return outlet.sends === SENDS_MAX - 1 || (outlet.ends & DUE) === 0;
  }

  /**
   * Drops frames that have waited longest until `size` more bytes have room; returns how many. What
   * the driver has was promised, so there may be no room after that.
   */
  dropOldest(outlet: Outlet, size: number): number {
    const { backlog } = outlet;
    let dropped = 0;
    while (backlog !== null && backlog.length > 0 && !this.hasRoom(outlet, size)) {
      const first = backlog[0]!;
      const end = first.ends?.shift();
      if (end === undefined) break;
      outlet.queued -= end - first.start;
      first.start = end;
      dropped += 1;
      if (first.start === first.end) this.#holds.release(backlog.shift()!.hold);
    }
    return dropped;
  }

  /** Forgets what was not handed over. */
  discard(outlet: Outlet): void {
    if (this.#open === outlet) {
      this.#open = null;
      if (this.#hold !== this.#segments.hold) this.#holds.release(this.#hold);
    }
    for (const chunk of outlet.backlog ?? []) this.#holds.release(chunk.hold);
    outlet.backlog = null;
    outlet.shutdown = Shutdown.SUBMITTED;
  }

  /**
   * Gives the memory back when nothing is to be sent any more: now, or when the last message goes
   * that the program keeps.
   */
  release(): void {
    this.#segments.release();
    this.#shared.release();
    this.#pool.release();
    this.#over = true;
    if (this.blocks.held === 0) this.blocks.destroy();
  }

  #goOn(outlet: Outlet): void {
    const { backlog } = outlet;
    if (backlog !== null) {
      while (backlog.length > 0 && outlet.sends < SENDS_MAX) {
        const { hold, start, end } = backlog.shift()!;
        this.#submit(outlet, hold, start, end - start);
      }
      if (backlog.length > 0) return;
      outlet.backlog = null;
    }
    if (outlet.shutdown !== Shutdown.ASKED) return;
    outlet.shutdown = Shutdown.SUBMITTED;
    const result = this.#driver.shutdown(outlet.handle, tokenOf(Token.SHUTDOWN, outlet.index));
    assert(result !== -Errno.ENOBUFS, 'the table of operations has room for every connection');
  }

  /** The send takes one count of the hold over. */
  #submit(outlet: Outlet, hold: number, offset: number, length: number): void {
    const send = this.#freeSends.pop() ?? this.#sendIndex.length;
    this.#sendIndex[send] = outlet.index;
    this.#sendHold[send] = hold;
    this.#sendLength[send] = length;
    outlet.sends += 1;
    const result = this.#driver.send(outlet.handle, tokenOf(Token.SEND, send), offset, length);
    if (result > 0) return;
    // A connection that is being closed takes nothing more; its final completions are on the way.
    assert(result === -Errno.EBADF, `a send is taken by the driver, got ${result}`);
    this.#sendEnded(send, outlet);
  }

  #sendEnded(send: number, outlet: Outlet): void {
    const hold = this.#sendHold[send]!;
    this.#freeSends.push(send);
    outlet.sends -= 1;
    outlet.queued -= this.#sendLength[send]!;
    this.#holds.release(hold);
    if (hold !== this.#segments.hold) this.#shared.rewind(hold);
    else if (this.#open === null) this.#segments.rewind();
  }
}
