/**
 * An execution graph under construction: events in the order in which they were added, program
 * order, reads-from and coherence. The order of adding is the stamp that optimal exploration needs
 * (TruSt, POPL 2022), so an event's number is its stamp; taking events out (`restrict`) numbers
 * anew.
 *
 * Event 0 stands for the initial value of every location. Rows of one Int32Array, so that a copy is
 * one `slice`: exploration copies a graph for each choice that it puts off.
 */
import { assert } from '../../base/index.ts';
import { Bytes, Words } from '../program/real.ts';

/** What an event is. */
export const Kind = { INIT: 0, READ: 1, WRITE: 2, FENCE: 3, CHOICE: 4, JOIN: 5, END: 6 } as const;

/** Bits that say more of an event. */
export const Flag = {
  /** A read whose write, if it succeeds, is one step with it; or that write. */
  RMW: 1,
  /** Enters a queue of sleepers; the event before it is the read that decided to sleep. */
  QUEUE: 2,
  /** Of the checker's own words, such as queues of sleepers. */
  HIDDEN: 4,
  /** A read that waits for a certain value, and sleeps until it is there. */
  AWAIT: 8,
} as const;

/** Orders, weakest first; plain accesses have none. */
export const Order = {
  PLAIN: 0,
  RELAXED: 1,
  ACQUIRE: 2,
  RELEASE: 3,
  ACQ_REL: 4,
  SEQ_CST: 5,
} as const;

/** What a thread can do next, as far as is known. */
export const Status = {
  READY: 0,
  ENDED: 1,
  SPINNING: 2,
  SLEEPING: 3,
  JOINING: 4,
  DOZING: 5,
  /** What it assumes does not hold: it goes no further, and nothing is said of the execution. */
  UNASKED: 6,
} as const;

const KIND = 0;
const FLAGS = 1;
const THREAD = 2;
const LOCATION = 3;
const ORDER = 4;
/** A read: where it reads from. A JOIN: the END that it waits for. */
const RF = 5;
const CO_NEXT = 6;
const CO_PREV = 7;
const PREV = 8;
/** One more event that comes before this one, or -1: see `Flag.QUEUE`. */
const AFTER = 9;
const COLUMNS = 10;

/**
 * Rows of graphs that are done with, by words of a set: taking new memory costs more than copying.
 */
const spareRows: Int32Array[][] = [];
const SPARE_MAX = 4096;

function takeRows(stride: number, words: number): Int32Array {
  return spareRows[words]?.pop() ?? new Words(stride * 32 * words);
}

function giveRows(rows: Int32Array, words: number): void {
  const spare = (spareRows[words] ??= []);
  if (spare.length < SPARE_MAX) spare.push(rows);
}

/** See the head of this file. */
export class Graph {
  /** Events, with event 0. */
  count: number;
  /** Which part of all that is to be explored hangs on it, as far as one can guess: 0 to 1. */
  share: number = 1;
  readonly threads: number;
  /**
   * Words of a set of events. Each event has three: what comes before it by program order and
   * reads-from, and two that are the consistency's own.
   */
  readonly words: number;
  readonly stride: number;
  /** What each event reads or writes. */
  readonly values: unknown[];
  readonly #rows: Int32Array;
  /** The last event of each thread or -1, then states, then events of the loop that it spins in. */
  readonly #heads: Int32Array;
  /** The last write of each location in coherence order; 0 or nothing is the initial one. */
  readonly #last: number[];

  constructor(threads: number, words: number, from?: Graph) {
    this.threads = threads;
    this.words = words;
    this.stride = COLUMNS + 3 * words;
    if (from === undefined) {
      this.count = 1;
      this.values = [undefined];
      this.#rows = takeRows(this.stride, words);
      this.#rows.fill(0, 0, this.stride);
      this.#rows.fill(-1, THREAD, COLUMNS);
      this.#heads = new Words(3 * threads).fill(-1, 0, threads);
      this.#last = [];
    } else {
      this.count = from.count;
      this.values = from.values.slice();
      this.#rows = takeRows(this.stride, words);
      const length = this.count * this.stride;
      for (let word = 0; word < length; word++) this.#rows[word] = from.#rows[word]!;
      this.#heads = from.#heads.slice();
      this.#last = from.#last.slice();
    }
  }

  /** Gives its memory back: it must not be used any more. */
  free(): void {
    giveRows(this.#rows, this.words);
  }

  /** A copy that shares nothing. */
  clone(): Graph {
    return new Graph(this.threads, this.words, this);
  }

  /** Whether another event has room in the sets. */
  get isFull(): boolean {
    return this.count >= 32 * this.words;
  }

  /** Adds an event behind the last one of its thread; nothing is read and nothing placed yet. */
  add(
    thread: number,
    kind: number,
    location: number,
    order: number,
    flags: number,
    value: unknown,
  ): number {
    assert(!this.isFull, 'an event has a bit in every set');
    const event = this.count;
    const at = event * this.stride;
    const rows = this.#rows;
    rows[at + KIND] = kind;
    rows[at + FLAGS] = flags;
    rows[at + THREAD] = thread;
    rows[at + LOCATION] = location;
    rows[at + ORDER] = order;
    rows[at + RF] = -1;
    rows[at + CO_NEXT] = -1;
    rows[at + CO_PREV] = -1;
    rows[at + PREV] = this.#heads[thread]!;
    rows[at + AFTER] = -1;
    rows.fill(0, at + COLUMNS, at + this.stride);
    this.values[event] = value;
    this.#heads[thread] = event;
    this.count += 1;
    return event;
  }

  /** Takes the event back that was added last; it must not be placed or read. */
  undo(): void {
    const event = this.count - 1;
    this.#heads[this.thread(event)] = this.previous(event);
    this.values.length = event;
    this.count = event;
  }

  kind(event: number): number {
    return this.#rows[event * this.stride + KIND]!;
  }

  flags(event: number): number {
    return this.#rows[event * this.stride + FLAGS]!;
  }

  thread(event: number): number {
    return this.#rows[event * this.stride + THREAD]!;
  }

  location(event: number): number {
    return this.#rows[event * this.stride + LOCATION]!;
  }

  order(event: number): number {
    return this.#rows[event * this.stride + ORDER]!;
  }

  /** What a read reads from; -1 while that is open. */
  rf(event: number): number {
    return this.#rows[event * this.stride + RF]!;
  }

  setRf(event: number, write: number): void {
    this.#rows[event * this.stride + RF] = write;
  }

  after(event: number): number {
    return this.#rows[event * this.stride + AFTER]!;
  }

  setAfter(event: number, earlier: number): void {
    this.#rows[event * this.stride + AFTER] = earlier;
  }

  /** The event before it in its thread, or -1. */
  previous(event: number): number {
    return this.#rows[event * this.stride + PREV]!;
  }

  /** The last event of a thread, or -1. */
  head(thread: number): number {
    return this.#heads[thread]!;
  }

  status(thread: number): number {
    return this.#heads[this.threads + thread]!;
  }

  setStatus(thread: number, status: number): void {
    this.#heads[this.threads + thread] = status;
  }

  /** How many of its last events are one round of the loop that a spinning thread is in. */
  round(thread: number): number {
    return this.#heads[2 * this.threads + thread]!;
  }

  setRound(thread: number, events: number): void {
    this.#heads[2 * this.threads + thread] = events;
  }

  /** The last write of a location in coherence order; 0 is the initial one. */
  lastWrite(location: number): number {
    return this.#last[location] ?? 0;
  }

  /** The write before it in coherence order; 0 is the initial one. */
  coPrevious(write: number): number {
    return this.#rows[write * this.stride + CO_PREV]!;
  }

  /** The write after it, or -1. Not for event 0. */
  coNext(write: number): number {
    return this.#rows[write * this.stride + CO_NEXT]!;
  }

  /** Puts a write right behind another of its location, or behind the initial one. */
  place(write: number, behind: number): void {
    const { stride } = this;
    const rows = this.#rows;
    const location = this.location(write);
    let next: number;
    if (behind === this.lastWrite(location)) {
      next = -1;
      this.#last[location] = write;
    } else if (behind === 0) {
      next = this.lastWrite(location);
      while (rows[next * stride + CO_PREV] !== 0) next = rows[next * stride + CO_PREV]!;
    } else next = rows[behind * stride + CO_NEXT]!;
    rows[write * stride + CO_PREV] = behind;
    rows[write * stride + CO_NEXT] = next;
    if (behind !== 0) rows[behind * stride + CO_NEXT] = write;
    if (next !== -1) rows[next * stride + CO_PREV] = write;
  }

  /** Takes a write out of the coherence order. */
  displace(write: number): void {
    const { stride } = this;
    const rows = this.#rows;
    const previous = rows[write * stride + CO_PREV]!;
    const next = rows[write * stride + CO_NEXT]!;
    if (previous === -1) return;
    if (previous !== 0) rows[previous * stride + CO_NEXT] = next;
    if (next === -1) this.#last[this.location(write)] = previous;
    else rows[next * stride + CO_PREV] = previous;
    rows[write * stride + CO_PREV] = -1;
    rows[write * stride + CO_NEXT] = -1;
  }

  /** Whether a write comes before another one of its location. */
  isCoBefore(earlier: number, later: number): boolean {
    if (earlier === later || later === 0) return false;
    for (let write = later; write !== 0;) {
      write = this.coPrevious(write);
      if (write === earlier) return true;
    }
    return false;
  }

  /**
   * Whether `earlier` must come before `later`: program order and reads-from, and what hangs on it.
   */
  precedes(earlier: number, later: number): boolean {
    const word = this.#rows[later * this.stride + COLUMNS + (earlier >>> 5)]!;
    return (word & (1 << (earlier & 31))) !== 0;
  }

  /** Makes the set of what comes before an event anew. */
  close(event: number): void {
    const { stride, words } = this;
    const rows = this.#rows;
    const at = event * stride + COLUMNS;
    rows.fill(0, at, at + words);
    this.#absorb(at, rows[event * stride + PREV]!);
    this.#absorb(at, rows[event * stride + RF]!);
    this.#absorb(at, rows[event * stride + AFTER]!);
  }

  #absorb(at: number, earlier: number): void {
    if (earlier < 0) return;
    const rows = this.#rows;
    const from = earlier * this.stride + COLUMNS;
    for (let word = 0; word < this.words; word++) rows[at + word]! |= rows[from + word]!;
    rows[at + (earlier >>> 5)]! |= 1 << (earlier & 31);
  }

  /** Index of the first word of set 0, 1 or 2 of an event. */
  setAt(event: number, set: number): number {
    return event * this.stride + COLUMNS + set * this.words;
  }

  /** The memory of all rows. */
  get rows(): Int32Array {
    return this.#rows;
  }

  /**
   * A graph of the events that `keep` holds, in their order; coherence is what is left of it. What
   * is kept must read from what is kept. `numbers[old]` becomes the new number or -1.
   */
  restrict(keep: Uint8Array, numbers: Int32Array): Graph {
    const result = new Graph(this.threads, this.words);
    numbers[0] = 0;
    for (let event = 1; event < this.count; event++) {
      if (keep[event] === 0) {
        numbers[event] = -1;
        continue;
      }
      const copy = result.add(
        this.thread(event),
        this.kind(event),
        this.location(event),
        this.order(event),
        this.flags(event),
        this.values[event],
      );
      numbers[event] = copy;
      const rf = this.rf(event);
      const after = this.after(event);
      if (rf >= 0) result.setRf(copy, numbers[rf]!);
      if (after >= 0) result.setAfter(copy, numbers[after]!);
    }
    this.#last.forEach((last) => {
      // From the end: each is put in front of those that are there.
      for (let write = last; write > 0; write = this.coPrevious(write)) {
        if (keep[write] === 1) result.place(numbers[write]!, 0);
      }
    });
    // A read that was revisited earlier may stand before what it reads from.
    for (let event = 1; event < this.count; event++) {
      if (keep[event] === 1) {
        const rf = this.rf(event);
        if (rf > event) result.setRf(numbers[event]!, numbers[rf]!);
      }
    }
    result.closeAll();
    return result;
  }

  /** Makes all sets anew. Events may stand before what they read from: in order of dependence. */
  closeAll(): void {
    const done = new Bytes(this.count);
    done[0] = 1;
    const visit = (event: number): void => {
      if (event < 0 || done[event] === 1) return;
      done[event] = 1;
      visit(this.previous(event));
      visit(this.rf(event));
      visit(this.after(event));
      this.close(event);
    };
    for (let event = 1; event < this.count; event++) visit(event);
  }

  /** The events of a thread in program order, into `into`; returns how many. */
  log(thread: number, into: number[]): number {
    let count = 0;
    for (let event = this.head(thread); event >= 0; event = this.previous(event)) count += 1;
    let index = count;
    for (let event = this.head(thread); event >= 0; event = this.previous(event)) {
      into[--index] = event;
    }
    return count;
  }
}
