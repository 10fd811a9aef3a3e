/**
 * Combinations of one trace of each thread in which every value that is read is written by
 * somebody, and no more read-modify-writes read a value than there are writes of it (a write has
 * one direct successor). Threads are added one after another; a beginning that nobody left can
 * complete is given up at once.
 */

import type { Trace } from './traces.ts';

/** A set of pairs. */
type Bits = Int32Array;

interface Candidate {
  readonly trace: Trace;
  readonly needs: Bits;
  readonly provides: Bits;
  /** Pairs, each followed by how much the room for read-modify-writes of it changes. */
  readonly room: readonly number[];
}

/** What is combined. */
export interface Combinable {
  readonly threads: readonly (readonly Trace[])[];
  /** How many pairs there are. */
  readonly pairs: number;
  /** The pairs that are initial values. */
  readonly initial: readonly number[];
  /** What a thread needs it may also write itself. */
  readonly own: boolean;
  /** A write may be read by more than one read-modify-write. */
  readonly shared: boolean;
}

/** Calls `visit` with each combination, which it may not keep. */
export function combine(what: Combinable, visit: (chosen: readonly Trace[]) => void): void {
  new Combiner(what, visit).descend(0);
}

class Combiner {
  readonly #threads: readonly (readonly Candidate[])[];
  readonly #width: number;
  readonly #own: boolean;
  readonly #visit: (chosen: readonly Trace[]) => void;
  /** By thread: what it and those behind it can write at all. */
  readonly #behind: Bits[];
  readonly #chosen: Candidate[] = [];
  readonly #traces: Trace[] = [];
  readonly #offered: Bits;
  /**
   * By pair: writes of it less read-modify-writes that read it; threads that are not chosen yet
   * count with as many writes as they can make.
   */
  readonly #room: Int32Array;

  constructor(what: Combinable, visit: (chosen: readonly Trace[]) => void) {
    const width = Math.max(1, (what.pairs + 31) >>> 5);
    this.#width = width;
    this.#own = what.own;
    this.#visit = visit;
    this.#offered = new Int32Array(width);
    this.#room = new Int32Array(what.pairs);
    for (const pair of what.initial) this.#room[pair]!++;
    this.#threads = what.threads.map((traces) => this.#candidates(traces, what));
    this.#behind = Array.from({ length: what.threads.length + 1 }, () => new Int32Array(width));
    for (let thread = what.threads.length - 1; thread >= 0; thread--) {
      const set = this.#behind[thread]!;
      set.set(this.#behind[thread + 1]!);
      for (const { provides } of this.#threads[thread]!) add(set, provides);
    }
  }

  #candidates(traces: readonly Trace[], what: Combinable): Candidate[] {
    const bits = (numbers: readonly number[]): Bits => {
      const set = new Int32Array(this.#width);
      for (const number of numbers) set[number >> 5]! |= 1 << (number & 31);
      return set;
    };
    const claimed = !what.shared && traces.some((trace) => trace.claims.length > 0);
    const counts = traces.map((trace) => count(trace.provides));
    const most = new Map<number, number>();
    for (const one of what.shared ? [] : counts) {
      for (const [pair, writes] of one) most.set(pair, Math.max(writes, most.get(pair) ?? 0));
    }
    for (const [pair, writes] of most) this.#room[pair]! += writes;
    const made = traces.map((trace, index) => {
      const room: number[] = [];
      const claims = claimed ? count(trace.claims) : new Map<number, number>();
      for (const pair of new Set([...most.keys(), ...claims.keys()])) {
        const less = (most.get(pair) ?? 0) - (counts[index]!.get(pair) ?? 0);
        const change = -less - (claims.get(pair) ?? 0);
        if (change !== 0) room.push(pair, change);
      }
      return { trace, needs: bits(trace.needs), provides: bits(trace.provides), room };
    });
    // Neighbours of one shape are judged with the same fixed relations.
    return made.sort((a, b) => a.trace.shape - b.trace.shape);
  }

  descend(thread: number): void {
    const candidates = this.#threads[thread];
    if (candidates === undefined) {
      this.#visit(this.#traces);
      return;
    }
    for (const candidate of candidates) {
      this.#chosen[thread] = candidate;
      this.#traces[thread] = candidate.trace;
      const fits = this.#claim(candidate, 1);
      if (fits && this.#possible(thread)) this.descend(thread + 1);
      this.#claim(candidate, -1);
    }
  }

  /** Whether there is a write for each read-modify-write. `sign` -1 takes a candidate back. */
  #claim({ room }: Candidate, sign: number): boolean {
    let fits = true;
    for (let at = 0; at < room.length; at += 2) {
      const pair = room[at]!;
      this.#room[pair]! += sign * room[at + 1]!;
      if (this.#room[pair]! < 0) fits = false;
    }
    return fits;
  }

  /** Whether all that the threads up to this one need can still be written by another. */
  #possible(thread: number): boolean {
    const offered = this.#offered;
    const behind = this.#behind[thread + 1]!;
    for (let reader = 0; reader <= thread; reader++) {
      offered.set(behind);
      for (let writer = 0; writer <= thread; writer++) {
        if (writer !== reader || this.#own) add(offered, this.#chosen[writer]!.provides);
      }
      const { needs } = this.#chosen[reader]!;
      for (let word = 0; word < this.#width; word++) {
        if ((needs[word]! & ~offered[word]!) !== 0) return false;
      }
    }
    return true;
  }
}

function add(set: Bits, more: Bits): void {
  for (let word = 0; word < set.length; word++) set[word]! |= more[word]!;
}

function count(numbers: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const number of numbers) counts.set(number, (counts.get(number) ?? 0) + 1);
  return counts;
}
