/**
 * Which traces can be part of an execution at all, by where their values come from. A value that is
 * computed from itself comes from nothing, and so does one that is read before it can have been
 * written. Exploring the threads one by one does not see that: additions to one location by two
 * threads go on from each other's values without end. What is left out here saves their
 * combinations.
 */

import { Tag } from '../contract.ts';
import type { Trace } from './traces.ts';

/** Writes that a value takes, one bit each; a write is a thread and the number of its access. */
type Mask = number;
/** Ways to come by a value, none of which contains another. */
type Ways = readonly Mask[];

/** What is looked through. */
export interface Supportable {
  readonly threads: readonly (readonly Trace[])[];
  /** The pairs that are initial values. */
  readonly initial: readonly number[];
  /** No execution has a cycle of program order and reads-from; else of dependencies and it. */
  readonly porfAcyclic: boolean;
}

/** Writes that bits can stand for. */
const MAX_WRITES = 31;
/** Ways that are kept apart; more become what they have in common. */
const MAX_WAYS = 12;
const NOTHING: Ways = [0];

/** The traces of each thread whose values can all be come by. */
export function supported(what: Supportable): readonly (readonly Trace[])[] {
  const finder = new Supports(what);
  return finder.fits ? finder.traces() : what.threads;
}

/** The pairs that can be come by; undefined when there are too many writes to tell. */
export function waysOf(what: Supportable): ReadonlyMap<number, unknown> | undefined {
  const finder = new Supports(what);
  if (!finder.fits) return undefined;
  finder.traces();
  return finder.ways;
}

class Supports {
  /** There are not too many writes. */
  readonly fits: boolean;
  readonly #what: Supportable;
  /** By thread, then access: its bit. */
  readonly #bits: Mask[][] = [];
  /** By pair. */
  readonly ways: Map<number, Ways> = new Map();
  #changed = true;

  constructor(what: Supportable) {
    this.#what = what;
    let count = 0;
    for (const [thread, traces] of what.threads.entries()) {
      const bits: Mask[] = [];
      for (const { events } of traces) {
        for (const { kind, access } of events) {
          if (kind === 'W') bits[access] ??= 1 << Math.min(count++, MAX_WRITES);
        }
      }
      this.#bits[thread] = bits;
    }
    this.fits = count <= MAX_WRITES;
    for (const pair of what.initial) this.ways.set(pair, NOTHING);
  }

  traces(): readonly (readonly Trace[])[] {
    let kept: readonly (readonly Trace[])[] = [];
    while (this.#changed) {
      this.#changed = false;
      kept = this.#what.threads.map((traces, thread) =>
        traces.filter((trace) =>
          this.#what.porfAcyclic
            ? this.#inOrder(trace, thread)
            : this.#byDependencies(trace, thread),
        ),
      );
    }
    return kept;
  }

  /** Every access takes what comes before it in its thread. */
  #inOrder({ events, pairs }: Trace, thread: number): boolean {
    const bits = this.#bits[thread]!;
    let soFar = NOTHING;
    for (const [at, { kind, access }] of events.entries()) {
      const pair = pairs[at]!;
      if (kind === 'W') {
        soFar = minimal(soFar.map((way) => way | bits[access]!));
        this.#add(pair, soFar);
      } else if (kind === 'R') {
        let later = 0;
        for (let one = access; one < bits.length; one++) later |= bits[one] ?? 0;
        const ways = this.ways.get(pair) ?? [];
        const here = events.findLastIndex(
          (one, index) => index < at && one.kind === 'W' && pairs[index] === pair,
        );
        const possible = ways.filter((way) => (way & later) === 0);
        soFar = both(soFar, here < 0 ? possible : NOTHING);
      }
      if (soFar.length === 0) return false;
    }
    return true;
  }

  /** A write takes what it is computed from and what it is done for. */
  #byDependencies({ events, pairs }: Trace, thread: number): boolean {
    const bits = this.#bits[thread]!;
    const read = new Map<number, Ways>();
    const written = new Map<number, Ways>();
    for (const [at, event] of events.entries()) {
      const pair = pairs[at]!;
      const { kind, access } = event;
      if (kind === 'R') {
        const ways = minimal([...(this.ways.get(pair) ?? []), ...(written.get(pair) ?? [])]);
        const all = both(read.get(access) ?? NOTHING, ways);
        if (all.length === 0) return false;
        read.set(access, all);
      } else if (kind === 'W') {
        const bit = bits[access]!;
        const own = event.reads >= 0 && (event.tag & Tag.ATOMIC_RMW) !== 0 ? 1 << event.reads : 0;
        let from = event.addr | event.data | event.ctrl | own;
        from |= event.pickAddr | event.pickData | event.pickCtrl;
        let ways = NOTHING;
        for (const [number, some] of read) {
          if ((from & (1 << number)) !== 0) ways = both(ways, some);
        }
        ways = ways.filter((way) => (way & bit) === 0).map((way) => way | bit);
        if (ways.length === 0) return false;
        written.set(pair, ways);
        this.#add(pair, ways);
      }
    }
    return true;
  }

  #add(pair: number, more: Ways): void {
    const known = this.ways.get(pair) ?? [];
    const all = minimal([...known, ...more]);
    if (all.length === known.length && all.every((way) => known.includes(way))) return;
    this.ways.set(pair, all);
    this.#changed = true;
  }
}

/** Each way of one with each of another. */
function both(some: Ways, others: Ways): Ways {
  if (some === NOTHING) return others;
  if (others === NOTHING) return some;
  return minimal(some.flatMap((one) => others.map((other) => one | other)));
}

/** Without ways that contain others; what all have in common when there are too many. */
function minimal(ways: Ways): Ways {
  if (ways.length < 2) return ways;
  const kept = [...new Set(ways)].filter(
    (way, _, all) => !all.some((other) => other !== way && (other & way) === other),
  );
  if (kept.length <= MAX_WAYS) return kept;
  return [kept.reduce((common, way) => common & way)];
}
