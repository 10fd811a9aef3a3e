/** The final states of a test, each known by a number: who reaches it, and what is found of it. */

import type { Condition, LitmusTest, Observable, Value } from '../contract.ts';
import { formatState, holds } from '../format/index.ts';
import type { Traces, Trace } from './traces.ts';

/** A final state. */
export interface Outcome {
  /** Bits of each observable. */
  readonly state: (observable: Observable) => Value;
  /** The test's filter lets it through. */
  readonly wanted: boolean;
  /** The test's condition holds. */
  readonly holds: boolean;
  /** An execution that the model allows reaches it. */
  allowed: boolean;
}

/** Everything that a test looks at. */
export interface Watched {
  /** By thread. */
  readonly registers: readonly (readonly Observable[])[];
  readonly locations: readonly (Observable & { readonly kind: 'location' })[];
}

/** What a test prints, asks for, or filters by. */
export function watchedBy(test: LitmusTest): Watched {
  const all = new Set<Observable>(test.observed);
  const visit = (condition: Condition): void => {
    if (condition.kind === 'equals') {
      all.add(condition.left);
      if (typeof condition.right === 'object') all.add(condition.right);
    } else if (condition.kind === 'not') visit(condition.of);
    else if ('left' in condition) {
      visit(condition.left);
      visit(condition.right);
    }
  };
  visit(test.condition);
  if (test.filter !== undefined) visit(test.filter);
  const registers: Observable[][] = test.threads.map(() => []);
  const locations: (Observable & { kind: 'location' })[] = [];
  for (const one of all) {
    if (one.kind === 'location') locations.push(one);
    else registers[one.thread]?.push(one);
  }
  return { registers, locations };
}

/** Sequences of numbers, all of one length, numbered. */
class Sequences {
  readonly #known = new Map<number, number>();

  /** The number of a sequence's beginning and its next element (below 2²⁶). */
  extend(beginning: number, next: number): number {
    const key = beginning * 0x400_0000 + next;
    let number = this.#known.get(key);
    if (number === undefined) {
      number = this.#known.size;
      this.#known.set(key, number);
    }
    return number;
  }
}

/** All final states of one test that a combination of traces may reach. */
export class Outcomes {
  /** Locations (or pieces) whose last value is part of a final state. */
  readonly locations: readonly number[];
  readonly #test: LitmusTest;
  readonly #traces: Traces;
  readonly #watched: Watched;
  readonly #covering: ReadonlyMap<Observable, readonly number[]>;
  readonly #sequences = new Sequences();
  readonly #known = new Map<number, Outcome>();

  constructor(test: LitmusTest, traces: Traces, watched: Watched) {
    this.#test = test;
    this.#traces = traces;
    this.#watched = watched;
    const locations = new Set<number>();
    const covering = new Map<Observable, readonly number[]>();
    for (const one of watched.locations) {
      const pieces = traces.layout.covering(one.address, one.size);
      covering.set(one, pieces);
      for (const piece of pieces) locations.add(piece);
    }
    this.locations = [...locations];
    this.#covering = covering;
  }

  /** The number of what the threads' registers are at the end. */
  registers(chosen: readonly Trace[]): number {
    let number = 0;
    for (const trace of chosen) number = this.#sequences.extend(number, trace.final);
    return number;
  }

  /** The final state; `last` is the last pair of each of `locations`. */
  outcome(registers: number, chosen: readonly Trace[], last: readonly number[]): Outcome {
    let number = registers;
    for (const pair of last) number = this.#sequences.extend(number, pair);
    let outcome = this.#known.get(number);
    if (outcome === undefined) {
      outcome = this.#make(chosen.slice(), last.slice());
      this.#known.set(number, outcome);
    }
    return outcome;
  }

  #make(chosen: readonly Trace[], last: readonly number[]): Outcome {
    const values = new Map<Observable, Value>();
    for (const [thread, registers] of this.#watched.registers.entries()) {
      for (const [at, one] of registers.entries()) values.set(one, chosen[thread]!.finals[at]!);
    }
    for (const one of this.#watched.locations) values.set(one, this.#final(one, last));
    const state = (one: Observable): Value => values.get(one) ?? 0;
    const test = this.#test;
    return {
      state,
      wanted: test.filter === undefined || holds(test, test.filter, state),
      holds: holds(test, test.condition, state),
      allowed: false,
    };
  }

  #final(one: Observable & { readonly kind: 'location' }, last: readonly number[]): Value {
    const { layout, values } = this.#traces;
    const parts = this.#covering.get(one)!.map((location) => ({
      ...layout.locations[location]!,
      value: values.pairs[last[this.locations.indexOf(location)]!]!.value,
    }));
    return layout.compose(one.address, one.size, parts);
  }

  /** All states that are allowed, as the test prints them, in order. */
  allowed(): { readonly texts: string[]; readonly outcomes: Outcome[] } {
    const texts = new Map<string, Outcome>();
    for (const outcome of this.#known.values()) {
      if (!outcome.allowed || !outcome.wanted) continue;
      texts.set(formatState(this.#test, outcome.state), outcome);
    }
    return { texts: [...texts.keys()].sort(), outcomes: [...texts.values()] };
  }
}
