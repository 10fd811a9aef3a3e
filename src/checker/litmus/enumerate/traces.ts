/**
 * All runs that the threads of a test can make: each is run for every combination of values that
 * its reads may return, and what it writes becomes what others may read, until nothing is new.
 * Nothing is run twice: a new value continues just those runs that stood before a read of its
 * location.
 */

import { RondoError } from '../../../base/index.ts';
import type { ExecutionEvent } from '../../execution/index.ts';
import type { LitmusTest, Observable, Value } from '../contract.ts';
import { Layout } from './layout.ts';
import { Run, RunEnd } from './run.ts';
import { waysOf } from './supports.ts';
import type { Supportable } from './supports.ts';
import { Values } from './values.ts';

/** One run of a thread from start to end. */
export interface Trace {
  readonly events: readonly ExecutionEvent[];
  /** The pair of each event; -1 of a fence. */
  readonly pairs: readonly number[];
  /** The same number for traces of the thread that differ in values only. */
  readonly shape: number;
  /** Final values of the thread's registers that the test names, in the order of `registers`. */
  readonly finals: readonly Value[];
  /** The same number for equal `finals`. */
  readonly final: number;
  /** Numbers of the pairs that another thread must write. */
  readonly needs: readonly number[];
  /** Numbers of the pairs that it writes. */
  readonly provides: readonly number[];
  /** Numbers of the pairs that its read-modify-writes read. */
  readonly claims: readonly number[];
}

/** What exploring the threads gives. */
export interface Traces {
  readonly layout: Layout;
  readonly values: Values;
  readonly threads: readonly (readonly Trace[])[];
  /** Runs given up because a loop went beyond its bound, or an assumption did not hold. */
  readonly abandoned: number;
}

/** Runs of all threads together. */
const MAX_RUNS = 400_000;
/** Cuts of memory at most, each of which begins everything again. */
const MAX_RESTARTS = 256;

interface Point {
  readonly prefix: readonly number[];
  /** Pairs that have been given to the read. */
  readonly tried: number[];
}

interface Work {
  readonly thread: number;
  readonly prefix: readonly number[];
  /** The decision behind the prefix; -1: none. */
  readonly next: number;
}

/** What else than the values that other threads write a read may return. */
export interface Extra {
  /** Any value that the thread itself writes, before or after, and the initial one at any time. */
  readonly own: boolean;
  /** These values at every location, written or not. */
  readonly seeds: readonly Value[];
  /** Values come from somewhere, and how: see `Supportable`. Undefined: they may be from nothing. */
  readonly grounded?: Pick<Supportable, 'porfAcyclic'> | undefined;
}

/** Explores the threads of a test. */
export function exploreThreads(
  test: LitmusTest,
  registers: readonly (readonly Observable[])[],
  extra: Extra,
): Traces {
  const layout = new Layout(test);
  for (let round = 0; round < MAX_RESTARTS; round++) {
    const found = new Explorer(test, registers, extra, layout).explore();
    if (found !== undefined) return found;
  }
  throw new RondoError('ERR_LITMUS_SIZE', `${test.name} accesses memory in too many sizes`);
}

class Explorer {
  readonly #test: LitmusTest;
  readonly #registers: readonly (readonly Observable[])[];
  readonly #own: boolean;
  readonly #grounded: Extra['grounded'];
  readonly #layout: Layout;
  readonly #values: Values;
  readonly #runs: readonly Run[];
  readonly #work: Work[] = [];
  readonly #traces: Trace[][];
  /** By thread, then location: reads that a new value continues. */
  readonly #points: Point[][][];
  readonly #shapes: Map<string, number>[];
  readonly #finals: Map<string, number>[];
  /** By thread: most writes in a run. */
  readonly #writes: number[];
  /**
   * Pairs that are too deep to be read while so few writes are known, or of which it must be seen
   * first whether they come from somewhere, with the bits of their writers.
   */
  #deferred = new Map<number, number>();
  #abandoned = 0;
  #count = 0;

  constructor(
    test: LitmusTest,
    registers: readonly (readonly Observable[])[],
    extra: Extra,
    layout: Layout,
  ) {
    this.#test = test;
    this.#registers = registers;
    this.#own = extra.own;
    this.#grounded = extra.grounded;
    this.#layout = layout;
    const count = test.threads.length;
    const each = <T>(make: () => T): T[] => Array.from({ length: count }, make);
    this.#values = new Values(layout, count, extra.seeds);
    this.#traces = each(() => []);
    this.#points = each(() => []);
    this.#shapes = each(() => new Map());
    this.#finals = each(() => new Map());
    this.#writes = each(() => 0);
    this.#runs = test.threads.map(
      (_, thread) =>
        new Run(
          thread,
          layout,
          this.#values,
          {
            read: (prefix, location, candidates) => {
              this.#reads(thread, prefix, location, candidates);
            },
            choice: (prefix, options) => {
              for (let next = 1; next < options; next++) this.#work.push({ thread, prefix, next });
            },
          },
          extra.own,
        ),
    );
  }

  /** Undefined when the layout became finer on the way. */
  explore(): Traces | undefined {
    for (let thread = 0; thread < this.#runs.length; thread++) {
      this.#work.push({ thread, prefix: [], next: -1 });
    }
    try {
      do {
        for (let work = this.#work.pop(); work !== undefined; work = this.#work.pop()) {
          this.#run(work);
        }
        this.#publishDeferred();
      } while (this.#work.length > 0);
    } catch (error) {
      if (error instanceof RunEnd) return undefined;
      throw error;
    }
    return {
      layout: this.#layout,
      values: this.#values,
      threads: this.#traces,
      abandoned: this.#abandoned,
    };
  }

  #reads(
    thread: number,
    prefix: readonly number[],
    location: number,
    candidates: readonly number[],
  ): void {
    for (const next of candidates.slice(1)) this.#work.push({ thread, prefix, next });
    const locations = this.#points[thread]!;
    const points = locations[location];
    const point = { prefix, tried: candidates.slice() };
    if (points === undefined) locations[location] = [point];
    else points.push(point);
  }

  #run({ thread, prefix, next }: Work): void {
    this.#count++;
    if (this.#count > MAX_RUNS) {
      throw new RondoError('ERR_LITMUS_SIZE', `${this.#test.name} has more than ${MAX_RUNS} runs`);
    }
    const run = this.#runs[thread]!;
    run.begin(next < 0 ? prefix : [...prefix, next]);
    let registers: ReadonlyMap<string, Value>;
    try {
      registers = this.#test.threads[thread]!.run(run);
    } catch (error) {
      if (!(error instanceof RunEnd) || error.why === 'restart') throw error;
      if (error.why === 'abandoned') this.#abandoned++;
      return;
    }
    const finals = this.#registers[thread]!.map((one) => registers.get(one.name) ?? 0);
    this.#traces[thread]!.push({
      events: run.events,
      pairs: run.pairs,
      shape: intern(this.#shapes[thread]!, shapeOf(run.events)),
      finals,
      final: intern(this.#finals[thread]!, finals.join(' ')),
      needs: run.needs,
      provides: run.provides,
      claims: claimsOf(run.events, run.pairs),
    });
    this.#writes[thread] = Math.max(this.#writes[thread]!, run.provides.length);
    for (const pair of run.provides) {
      const { depth, writers } = this.#values.pairs[pair]!;
      if ((writers & (1 << thread)) !== 0) continue;
      if (depth < 2 || this.#grounded === undefined) this.#publish(pair, thread);
      else this.#defer(pair, thread);
    }
  }

  #defer(pair: number, writer: number): void {
    this.#deferred.set(pair, (this.#deferred.get(pair) ?? 0) | (1 << writer));
  }

  /** A thread writes a pair: others may read it from now on. */
  #publish(pair: number, writer: number): void {
    const { location, writers, depth } = this.#values.pairs[pair]!;
    const bit = 1 << writer;
    if ((writers & bit) !== 0) return;
    if (depth > this.#writes.reduce((sum, one) => sum + one, 0)) {
      this.#defer(pair, writer);
      return;
    }
    this.#values.pairs[pair]!.writers |= bit;
    for (let thread = 0; thread < this.#runs.length; thread++) {
      const others = this.#own ? -1 : ~(1 << thread);
      if ((bit & others) === 0 || (writers & others) !== 0) continue;
      this.#values.foreign(thread, location).push(pair);
      for (const point of this.#points[thread]![location] ?? []) {
        if (point.tried.includes(pair)) continue;
        point.tried.push(pair);
        this.#work.push({ thread, prefix: point.prefix, next: pair });
      }
    }
  }

  #publishDeferred(): void {
    if (this.#deferred.size === 0) return;
    const deferred = this.#deferred;
    this.#deferred = new Map();
    const ways =
      this.#grounded &&
      waysOf({ threads: this.#traces, initial: this.#values.initials(), ...this.#grounded });
    for (const [pair, writers] of deferred) {
      for (let thread = 0; thread < this.#runs.length; thread++) {
        if ((writers & (1 << thread)) === 0) continue;
        if (ways?.has(pair) === false) this.#defer(pair, thread);
        else this.#publish(pair, thread);
      }
    }
  }
}

function intern(known: Map<string, number>, key: string): number {
  let number = known.get(key);
  if (number === undefined) {
    number = known.size;
    known.set(key, number);
  }
  return number;
}

function claimsOf(events: readonly ExecutionEvent[], pairs: readonly number[]): number[] {
  const claims: number[] = [];
  for (const { reads, location } of events) {
    if (reads < 0) continue;
    const at = events.findIndex((one) => one.access === reads && one.location === location);
    if (at >= 0) claims.push(pairs[at]!);
  }
  return claims;
}

function shapeOf(events: readonly ExecutionEvent[]): string {
  let key = '';
  for (const event of events) {
    key +=
      event.kind === 'F'
        ? `${event.fence} ${event.ctrl} ${event.pickCtrl};`
        : `${event.kind}${event.location} ${event.tag} ${event.addr} ${event.data} ${event.ctrl} ` +
          `${event.pickAddr} ${event.pickData} ${event.pickCtrl} ${event.unsequenced} ` +
          `${event.access} ${event.reads};`;
  }
  return key;
}
