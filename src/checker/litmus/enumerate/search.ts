/**
 * Finds which final states a model allows: combinations of one trace of each thread, then for each
 * location its configurations (see place.ts), judged by the model. When only outcomes are asked
 * for, nothing is looked at that can only show again what is known to be allowed.
 */

import { RondoError } from '../../../base/index.ts';
import { Execution } from '../../execution/index.ts';
import type { ExecutionEvent } from '../../execution/index.ts';
import type { Judge } from '../../models/index.ts';
import type { Outcome, Outcomes } from './outcomes.ts';
import { Place } from './place.ts';
import type { Assumptions, Configuration } from './place.ts';
import type { Trace, Traces } from './traces.ts';

/** What a search looks for. */
export interface Goal {
  /** Count every execution instead of finding each outcome once. */
  readonly count: boolean;
  /** Tag bits of accesses that need not be coherent by themselves. */
  readonly incoherent: number;
  readonly assumptions: Assumptions;
  /**
   * Instead of all else: gets every candidate execution, judged or not, that reaches an outcome it
   * wants.
   */
  readonly visitor?: Visitor;
}

/** Who looks at executions itself. */
export interface Visitor {
  wants(outcome: Outcome): boolean;
  /** True: no more. The execution is only valid during the call. */
  visit(outcome: Outcome, execution: Execution, judge: Judge): boolean;
}

/** What a search has found, besides what it notes in the outcomes. */
export interface Found {
  /** Allowed executions in which the condition holds, and in which it does not. */
  positive: number;
  negative: number;
  /** What makes the behaviour of an allowed execution undefined. */
  undefinedBy: string | undefined;
  /** Executions judged. */
  candidates: number;
  /** Combinations of traces looked at. */
  combinations: number;
}

/** Executions judged at most. */
const MAX_CANDIDATES = 20_000_000;
/** Combinations of traces at most. */
const MAX_COMBINATIONS = 20_000_000;

/** A location of the combination at hand. */
interface Spot {
  readonly location: number;
  /** Events of its writes, as `Configuration.rows` has them. */
  readonly writes: readonly number[];
  readonly all: readonly Configuration[];
  /** Where its last value stands in an outcome; -1: nowhere. */
  readonly watched: number;
  /** Those that the current goal allows. */
  open: readonly Configuration[];
}

/** See the head of this file. */
export class Search {
  readonly found: Found = {
    positive: 0,
    negative: 0,
    undefinedBy: undefined,
    candidates: 0,
    combinations: 0,
  };
  readonly #traces: Traces;
  readonly #outcomes: Outcomes;
  readonly #judge: Judge;
  readonly #goal: Goal;
  readonly #execution = new Execution();
  readonly #place = new Place();
  readonly #chosen: Trace[] = [];
  #boundShapes = '';
  #initial: ExecutionEvent[] = [];
  #spots: Spot[] = [];

  constructor(traces: Traces, outcomes: Outcomes, judge: Judge, goal: Goal) {
    this.#traces = traces;
    this.#outcomes = outcomes;
    this.#judge = judge;
    this.#goal = goal;
  }

  /** Looks at one combination, which is complete (see combinations.ts). */
  combination(chosen: readonly Trace[]): void {
    this.found.combinations++;
    if (this.found.combinations > MAX_COMBINATIONS) tooLarge();
    for (const [thread, trace] of chosen.entries()) this.#chosen[thread] = trace;
    const registers = this.#outcomes.registers(chosen);
    const last = this.#outcomes.locations.map((location) => this.#traces.values.initial(location));
    if (!this.#exhaustive && last.length === 0) {
      const outcome = this.#outcomes.outcome(registers, chosen, last);
      if (outcome.allowed || !outcome.wanted) return;
    }
    this.#load(chosen);
    if (this.#spots.length === 0 && this.#execution.count === 0) {
      const outcome = this.#outcomes.outcome(registers, chosen, last);
      if (outcome.wanted) this.#note(outcome, 1);
      return;
    }
    if (this.#spots.some((spot) => spot.all.length === 0)) return;
    this.#eachLast(registers, last, 0);
  }

  /** Every execution has to be looked at. */
  get #exhaustive(): boolean {
    if (this.#goal.visitor !== undefined) return true;
    return this.#goal.count || (this.#judge.hasRaces && this.found.undefinedBy === undefined);
  }

  #load(chosen: readonly Trace[]): void {
    const shapes = chosen.map((trace) => trace.shape).join(' ');
    // A visitor looks at values too, which traces of one shape have their own of.
    if (shapes !== this.#boundShapes || this.#goal.visitor !== undefined) {
      this.#bind(chosen);
      this.#boundShapes = shapes;
    }
    this.#findSpots(chosen);
  }

  #bind(chosen: readonly Trace[]): void {
    const locations = new Set<number>();
    for (const trace of chosen) {
      for (const event of trace.events) if (event.location >= 0) locations.add(event.location);
    }
    this.#initial = [...locations].map((location) => this.#initialWrite(location));
    this.#execution.load(
      this.#initial,
      chosen.map((trace) => trace.events),
    );
    this.#judge.bind(this.#execution);
  }

  #initialWrite(location: number): ExecutionEvent {
    return {
      kind: 'W',
      thread: -1,
      access: -1,
      location,
      value: this.#traces.layout.locations[location]!.initial,
      tag: 0,
      fence: '',
      addr: 0,
      data: 0,
      ctrl: 0,
      pickAddr: 0,
      pickData: 0,
      pickCtrl: 0,
      unsequenced: 0,
      reads: -1,
    };
  }

  #findSpots(chosen: readonly Trace[]): void {
    this.#spots = [];
    for (const [index, { location }] of this.#initial.entries()) {
      const place = this.#place;
      const pair = this.#traces.values.initial(location);
      place.begin(this.#execution, index, pair, this.#goal.assumptions);
      for (const [thread, trace] of chosen.entries()) this.#fillPlace(thread, trace, location);
      const all = place.configurations();
      const watched = this.#outcomes.locations.indexOf(location);
      const writes = place.writes.map((write) => write.event);
      this.#spots.push({ location, writes, all, watched, open: all });
      if (all.length === 0) return;
    }
  }

  #fillPlace(thread: number, trace: Trace, location: number): void {
    const start = this.#execution.starts[thread]!;
    for (const [at, event] of trace.events.entries()) {
      if (event.location !== location) continue;
      let reads = -1;
      if (event.reads >= 0) {
        reads = trace.events.findIndex(
          (one) => one.access === event.reads && one.location === location,
        );
        if (reads >= 0) reads += start;
      }
      this.#place.add({
        event: start + at,
        thread,
        pair: trace.pairs[at]!,
        free: event.unsequenced !== 0 || (event.tag & this.#goal.incoherent) !== 0,
        write: event.kind === 'W',
        reads,
      });
    }
  }

  /** Goes through the last values that the watched locations may have. */
  #eachLast(registers: number, last: number[], index: number): void {
    const spot = this.#spots[index];
    if (spot === undefined) {
      const outcome = this.#outcomes.outcome(registers, this.#chosen, last);
      if (!outcome.wanted || (outcome.allowed && !this.#exhaustive)) return;
      this.#find(outcome);
      return;
    }
    if (spot.watched < 0) {
      this.#eachLast(registers, last, index + 1);
      return;
    }
    for (const pair of new Set(spot.all.map((one) => one.last))) {
      spot.open = spot.all.filter((one) => one.last === pair);
      last[spot.watched] = pair;
      this.#eachLast(registers, last, index + 1);
    }
  }

  /** Looks for executions that reach an outcome by the open configurations. */
  #find(outcome: Outcome): void {
    if (this.#goal.visitor?.wants(outcome) === false) return;
    const spots = [...this.#spots].sort((a, b) => a.open.length - b.open.length);
    let ways = 1;
    for (const spot of spots) {
      this.#applyCommon(spot);
      ways *= spot.open.length;
    }
    if (ways > 2 && this.#hopeless()) return;
    const single = spots.findIndex((spot) => spot.open.length > 1);
    this.#descend(outcome, spots, single < 0 ? spots.length : single, ways);
  }

  /** Whether no choice of what is still open can be allowed. */
  #hopeless(): boolean {
    if (this.#goal.visitor !== undefined) return false;
    this.#judge.changed();
    return !this.#judge.possible();
  }

  /** True: the outcome is allowed and that was all that was asked. */
  #descend(outcome: Outcome, spots: readonly Spot[], index: number, ways: number): boolean {
    const spot = spots[index];
    if (spot === undefined) return this.#judgeOne(outcome);
    const left = ways / spot.open.length;
    for (const configuration of spot.open) {
      this.#apply(spot, configuration.rows);
      if (left > 2 && this.#hopeless()) continue;
      if (this.#descend(outcome, spots, index + 1, left)) return true;
    }
    this.#applyCommon(spot);
    return false;
  }

  #judgeOne(outcome: Outcome): boolean {
    this.found.candidates++;
    if (this.found.candidates > MAX_CANDIDATES) tooLarge();
    this.#judge.changed();
    const { visitor } = this.#goal;
    if (visitor !== undefined) return visitor.visit(outcome, this.#execution, this.#judge);
    const allowed = this.#judge.allowed(this.#goal.count ? Infinity : 1);
    if (allowed === 0) return false;
    this.#note(outcome, allowed);
    this.found.undefinedBy ??= this.#judge.undefinedBy();
    return !this.#exhaustive;
  }

  #note(outcome: Outcome, executions: number): void {
    outcome.allowed = true;
    if (outcome.holds) this.found.positive += executions;
    else this.found.negative += executions;
  }

  #apply(spot: Spot, rows: Int32Array): void {
    const { readsFrom, coherence, width } = this.#execution;
    const { writes } = spot;
    for (let at = 0; at < writes.length; at++) {
      const event = writes[at]!;
      for (let word = 0; word < width; word++) {
        readsFrom[event * width + word] = rows[at * width + word]!;
        coherence[event * width + word] = rows[(writes.length + at) * width + word]!;
      }
    }
  }

  /** What all open configurations of a location have in common. */
  #applyCommon(spot: Spot): void {
    const [first] = spot.open;
    if (spot.open.length === 1) {
      this.#apply(spot, first!.rows);
      return;
    }
    const rows = first!.rows.slice();
    for (const { rows: others } of spot.open) {
      for (let word = 0; word < rows.length; word++) rows[word]! &= others[word]!;
    }
    this.#apply(spot, rows);
  }
}

function tooLarge(): never {
  throw new RondoError('ERR_LITMUS_SIZE', 'The test has too many candidate executions');
}
