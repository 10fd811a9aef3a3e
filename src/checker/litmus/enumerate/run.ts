/**
 * One run of one thread: a prefix of decisions (pairs that reads return, and choices) is followed,
 * and beyond it each decision is the first possible one. What else could have been decided is
 * handed to the explorer.
 */

import { RondoError } from '../../../base/index.ts';
import type { ExecutionEvent } from '../../execution/index.ts';
import { Tag } from '../contract.ts';
import type { Access, Dependencies, ThreadContext, Value } from '../contract.ts';
import { join, slice } from './layout.ts';
import type { Layout } from './layout.ts';
import type { Values } from './values.ts';

/** Thrown through a thread to end its run; never seen outside. */
export class RunEnd extends Error {
  /**
   * `dead`: there is no such run, or nobody writes what it could read next; `restart`: the layout
   * became finer.
   */
  readonly why: 'abandoned' | 'dead' | 'restart';
  constructor(why: 'abandoned' | 'dead' | 'restart') {
    super(why);
    this.why = why;
  }
}

const ABANDONED = new RunEnd('abandoned');
const DEAD = new RunEnd('dead');
const RESTART = new RunEnd('restart');

/** Bits of a mask of accesses. */
const MAX_ACCESSES = 31;
/** A thread's events, so that a loop of fences ends. */
const MAX_EVENTS = 256;

/** Who is told of decisions that can be made otherwise. */
export interface Decisions {
  /** A read that could return `candidates`, and whatever others will write there. */
  read(prefix: readonly number[], location: number, candidates: readonly number[]): void;
  choice(prefix: readonly number[], count: number): void;
}

/** The context of one thread, for one run after another. */
export class Run implements ThreadContext {
  events: ExecutionEvent[] = [];
  /** The pair of each event; -1 of a fence. */
  pairs: number[] = [];
  /** Pairs that must come from another thread. */
  needs: number[] = [];
  /** Pairs that are written. */
  provides: number[] = [];
  accesses = 0;
  readonly #thread: number;
  readonly #layout: Layout;
  readonly #values: Values;
  readonly #decisions: Decisions;
  readonly #old: boolean;
  #path: number[] = [];
  #position = 0;
  #ctrl = 0;
  #pickCtrl = 0;
  /** By location: the thread's latest write, if any. */
  #latest: (number | undefined)[] = [];
  /** By location: it has read something newer than its latest write. */
  #stale: boolean[] = [];
  /** By access: how deep the value is that it read. */
  #depths: number[] = [];

  /** `old`: a read may return the initial value even behind a newer one. */
  constructor(thread: number, layout: Layout, values: Values, decisions: Decisions, old: boolean) {
    this.#thread = thread;
    this.#old = old;
    this.#layout = layout;
    this.#values = values;
    this.#decisions = decisions;
  }

  /** Begins a run. */
  begin(prefix: readonly number[]): void {
    this.events = [];
    this.pairs = [];
    this.needs = [];
    this.provides = [];
    this.accesses = 0;
    this.#path = prefix.slice();
    this.#position = 0;
    this.#ctrl = 0;
    this.#pickCtrl = 0;
    this.#latest = [];
    this.#stale = [];
    this.#depths = [];
  }

  read(access: Access): Value {
    const pieces = this.#pieces(access);
    if (pieces.length === 1) return this.#readPiece(access, pieces[0]!);
    let value: Value = 0;
    let offset = 0;
    const number = this.accesses;
    for (const piece of pieces) {
      this.accesses = number;
      value = join(value, this.#readPiece(access, piece), offset);
      offset += this.#layout.locations[piece]!.size;
    }
    return value;
  }

  #pieces(access: Access): readonly number[] {
    if (this.accesses >= MAX_ACCESSES) {
      throw new RondoError(
        'ERR_LITMUS_SIZE',
        `Thread ${this.#thread} makes more than ${MAX_ACCESSES} accesses`,
      );
    }
    const pieces = this.#layout.access(access.address, access.size);
    if (pieces === undefined) throw RESTART;
    return pieces;
  }

  #readPiece(access: Access, location: number): Value {
    const initial = this.#values.initial(location);
    const own = this.#latest[location] ?? initial;
    const stale = this.#stale[location] === true;
    let pair = this.#path[this.#position];
    if (pair === undefined) pair = this.#decide(location, stale ? -1 : own);
    this.#position++;
    if (stale || pair !== own) {
      if (!this.#old || pair !== initial) this.needs.push(pair);
      this.#stale[location] = true;
    }
    const { value, depth } = this.#values.pairs[pair]!;
    this.#depths[this.accesses] = Math.max(depth, this.#depths[this.accesses] ?? 0);
    this.#push('R', access, location, pair, value, 0, 0, -1);
    this.accesses++;
    return value;
  }

  #decide(location: number, own: number): number {
    const foreign = this.#values.foreign(this.#thread, location);
    const candidates = own < 0 ? foreign.slice() : [own, ...foreign.filter((one) => one !== own)];
    const initial = this.#values.initial(location);
    if (this.#old && !candidates.includes(initial)) candidates.push(initial);
    const prefix = this.#path.slice();
    this.#decisions.read(prefix, location, candidates);
    const first = candidates[0];
    if (first === undefined) throw DEAD;
    this.#path.push(first);
    return first;
  }

  write(
    access: Access,
    value: Value,
    valueFrom: Dependencies,
    reads: number = -1,
    valuePick: Dependencies = 0,
  ): void {
    const pieces = this.#pieces(access);
    // What an atomic instruction writes is taken to be computed from what it reads.
    const own = reads >= 0 && (access.tag & Tag.ATOMIC_RMW) !== 0 ? 1 << reads : 0;
    const from = valueFrom | valuePick | access.addressFrom | (access.addressPick ?? 0) | own;
    const depth = 1 + this.#depthOf(from | this.#ctrl | this.#pickCtrl);
    let offset = 0;
    for (const piece of pieces) {
      const size = this.#layout.locations[piece]!.size;
      const part = pieces.length === 1 ? value : slice(value, offset, size);
      offset += size;
      const pair = this.#values.number(piece, part);
      const known = this.#values.pairs[pair]!;
      if (depth < known.depth) known.depth = depth;
      this.#latest[piece] = pair;
      this.#stale[piece] = false;
      this.provides.push(pair);
      this.#push('W', access, piece, pair, part, valueFrom, valuePick, reads);
    }
    this.accesses++;
  }

  #depthOf(mask: number): number {
    let most = 0;
    for (let rest = mask; rest !== 0;) {
      const bit = 31 - Math.clz32(rest);
      rest ^= 1 << bit;
      const depth = this.#depths[bit] ?? 0;
      if (depth > most) most = depth;
    }
    return most;
  }

  #push(
    kind: 'R' | 'W',
    access: Access,
    location: number,
    pair: number,
    value: Value,
    data: number,
    pickData: number,
    reads: number,
  ): void {
    this.#limit();
    this.pairs.push(pair);
    this.events.push({
      kind,
      thread: this.#thread,
      access: this.accesses,
      location,
      value,
      tag: access.tag,
      fence: '',
      addr: access.addressFrom,
      data,
      ctrl: this.#ctrl,
      pickAddr: access.addressPick ?? 0,
      pickData,
      pickCtrl: this.#pickCtrl,
      unsequenced: access.unsequenced ?? 0,
      reads,
    });
  }

  #limit(): void {
    if (this.events.length < MAX_EVENTS) return;
    throw new RondoError(
      'ERR_LITMUS_SIZE',
      `Thread ${this.#thread} makes more than ${MAX_EVENTS} events`,
    );
  }

  fence(name: string): void {
    this.#limit();
    this.pairs.push(-1);
    this.events.push({
      kind: 'F',
      thread: this.#thread,
      access: -1,
      location: -1,
      value: 0,
      tag: 0,
      fence: name,
      addr: 0,
      data: 0,
      ctrl: this.#ctrl,
      pickAddr: 0,
      pickData: 0,
      pickCtrl: this.#pickCtrl,
      unsequenced: 0,
      reads: -1,
    });
  }

  branch(from: Dependencies, pick: Dependencies = 0): void {
    this.#ctrl |= from;
    this.#pickCtrl |= pick;
  }

  choose(count: number): number {
    let chosen = this.#path[this.#position];
    if (chosen === undefined) {
      this.#decisions.choice(this.#path.slice(), count);
      chosen = 0;
      this.#path.push(chosen);
    }
    this.#position++;
    return chosen;
  }

  abandon(_reason: string, impossible = false): never {
    throw impossible ? DEAD : ABANDONED;
  }
}
