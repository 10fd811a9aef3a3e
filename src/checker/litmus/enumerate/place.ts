/**
 * One location of one combination of traces: every way in which its reads can read and its writes
 * can be ordered, so that each thread by itself is coherent and read-modify-writes are atomic. That
 * much holds under every model here; the model's own axioms judge the rest.
 */

import { RondoError } from '../../../base/index.ts';
import type { Execution } from '../../execution/index.ts';

/** Reads-from and coherence of one location. */
export interface Configuration {
  /** The pair of the write that is last. */
  readonly last: number;
  /** For each write of the place its row of reads-from, then for each its row of coherence. */
  readonly rows: Int32Array;
}

/** An access of the location. */
interface Member {
  /** Number of the event. */
  readonly event: number;
  readonly thread: number;
  readonly pair: number;
  /** Takes no part in its thread's coherence. */
  readonly free: boolean;
  readonly write: boolean;
  /** Of a write: the read of its read-modify-write, as an event; -1: none. */
  readonly reads: number;
}

/** What is taken for granted of a location. */
export interface Assumptions {
  /** See `Model.unorderedHalves`. */
  readonly unorderedHalves: boolean;
  /** Nothing at all: neither that threads are coherent nor that read-modify-writes are atomic. */
  readonly nothing: boolean;
}

/** Ways of one location. */
const MAX_CONFIGURATIONS = 200_000;

/** See the head of this file; one object serves one location after another. */
export class Place {
  readonly writes: Member[] = [];
  readonly #reads: Member[] = [];
  /** By thread: its accesses in program order. */
  readonly #threads: Member[][] = [];
  /**
   * Positions in coherence: of each write (by its place in `writes`), and of each read's source.
   */
  readonly #position = new Map<number, number>();
  #order: Member[] = [];
  #found: Configuration[] = [];
  #width = 1;
  #assumptions: Assumptions = { unorderedHalves: false, nothing: false };

  /** Empties it; `initial` is the event of the initial write. */
  begin(execution: Execution, initial: number, pair: number, assumptions: Assumptions): void {
    this.#width = execution.width;
    this.#assumptions = assumptions;
    this.writes.length = 0;
    this.#reads.length = 0;
    this.#threads.length = 0;
    this.writes.push({
      event: initial,
      thread: -1,
      pair,
      free: false,
      write: true,
      reads: -1,
    });
  }

  /** Adds an access, each thread's in program order. */
  add(member: Member): void {
    const own = this.#threads[member.thread];
    if (own === undefined) this.#threads[member.thread] = [member];
    else own.push(member);
    if (member.write) this.writes.push(member);
    else this.#reads.push(member);
  }

  /** Every way. */
  configurations(): Configuration[] {
    this.#found = [];
    this.#position.clear();
    this.#order = [this.writes[0]!];
    this.#position.set(this.writes[0]!.event, 0);
    this.#placeWrites();
    return this.#found;
  }

  #placeWrites(): void {
    if (this.#order.length === this.writes.length) {
      this.#readFrom(0);
      return;
    }
    for (const write of this.writes) {
      if (this.#position.has(write.event) || !this.#isNext(write)) continue;
      if (!this.#followsItsRead(write)) continue;
      this.#position.set(write.event, this.#order.length);
      this.#order.push(write);
      this.#placeWrites();
      this.#order.pop();
      this.#position.delete(write.event);
    }
  }

  /** Whether no write of its thread must come before it. */
  #isNext(write: Member): boolean {
    if (write.free || this.#assumptions.nothing) return true;
    for (const other of this.#threads[write.thread]!) {
      if (other === write) return true;
      if (other.write && !other.free && !this.#position.has(other.event)) return false;
    }
    return true;
  }

  /**
   * Whether a write that is next in the order can be one read-modify-write with its read: what was
   * read is the last, but for writes of its own thread.
   */
  #followsItsRead(write: Member): boolean {
    const { unorderedHalves, nothing } = this.#assumptions;
    if (write.reads < 0 || unorderedHalves || nothing) return true;
    const read = this.#reads.find((one) => one.event === write.reads);
    // A free one may even read what is written later.
    if (read === undefined || read.free) return true;
    for (let at = this.#order.length - 1; at >= 0; at--) {
      const earlier = this.#order[at]!;
      if (earlier.pair === read.pair) return true;
      if (earlier.thread !== write.thread && !earlier.free) return false;
    }
    return false;
  }

  #readFrom(index: number): void {
    const read = this.#reads[index];
    if (read === undefined) {
      this.#emit();
      return;
    }
    let first = 0;
    let end = this.#order.length;
    let pairedAt = -1;
    let before = true;
    for (const other of this.#threads[read.thread]!) {
      if (other === read) {
        before = false;
      } else if (before) {
        if (!other.free) first = Math.max(first, this.#position.get(other.event)!);
      } else if (other.write) {
        const at = this.#position.get(other.event)!;
        const paired = other.reads === read.event;
        if (paired) pairedAt = at;
        if (!other.free && at < end && !(paired && this.#assumptions.unorderedHalves)) end = at;
      }
    }
    if (read.free || this.#assumptions.nothing) {
      first = 0;
      end = this.#order.length;
    }
    for (let at = first; at < end; at++) {
      if (this.#order[at]!.pair !== read.pair) continue;
      if (pairedAt >= 0 && !this.#assumptions.nothing && !this.#alone(read.thread, at, pairedAt))
        continue;
      this.#position.set(read.event, at);
      this.#readFrom(index + 1);
    }
    this.#position.delete(read.event);
  }

  /** Whether no other thread writes between two positions. */
  #alone(thread: number, from: number, to: number): boolean {
    for (let at = from + 1; at < to; at++) {
      const write = this.#order[at]!;
      if (write.thread !== thread && !write.free) return false;
    }
    return true;
  }

  #emit(): void {
    if (this.#found.length >= MAX_CONFIGURATIONS) {
      throw new RondoError(
        'ERR_LITMUS_SIZE',
        'The accesses of a location can be ordered too freely',
      );
    }
    const width = this.#width;
    const count = this.writes.length;
    const rows = new Int32Array(2 * count * width);
    for (const read of this.#reads) {
      const source = this.#order[this.#position.get(read.event)!]!;
      const row = this.writes.indexOf(source);
      rows[row * width + (read.event >> 5)]! |= 1 << (read.event & 31);
    }
    for (let at = 0; at < count; at++) {
      const row = count + this.writes.indexOf(this.#order[at]!);
      for (let later = at + 1; later < count; later++) {
        const { event } = this.#order[later]!;
        rows[row * width + (event >> 5)]! |= 1 << (event & 31);
      }
    }
    this.#found.push({ last: this.#order[count - 1]!.pair, rows });
  }
}
