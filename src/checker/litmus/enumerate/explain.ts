/**
 * Why a model does not allow a final state: of the candidate executions that reach it, the one that
 * comes nearest to being allowed, and what each of its broken axioms finds in it.
 */

import type { Execution } from '../../execution/index.ts';
import { Features, judgeOf } from '../../models/index.ts';
import type { Axiom, Judge, Model } from '../../models/index.ts';
import type { LitmusTest, Value } from '../contract.ts';
import { formatState } from '../format/index.ts';
import { combine } from './combinations.ts';
import { Outcomes, watchedBy } from './outcomes.ts';
import type { Outcome } from './outcomes.ts';
import { Paths } from './path.ts';
import { runLitmus } from './run-litmus.ts';
import { Search } from './search.ts';
import { exploreThreads } from './traces.ts';
import type { Traces } from './traces.ts';

/** An event of a candidate execution, as a person reads it. */
export interface NamedEvent {
  /** `a`, `b`, … in the order of threads; initial writes are `i` and the location. */
  readonly name: string;
  /** -1: an initial write. */
  readonly thread: number;
  /** Number of the access in its thread; -1 for fences and initial writes. */
  readonly access: number;
  readonly kind: 'R' | 'W' | 'F';
  /** The location; of a fence its name. */
  readonly what: string;
  /** The value read or written; '' of a fence. */
  readonly value: string;
}

/** A broken axiom. */
export interface BrokenAxiom {
  readonly axiom: string;
  readonly kind: Axiom['kind'];
  /** A cycle, or for `empty` a path, step by step. */
  readonly steps: readonly {
    readonly from: NamedEvent;
    readonly relation: string;
    readonly to: NamedEvent;
  }[];
}

/** Why a final state is not allowed. */
export interface Explanation {
  /** The state, as the test prints it. */
  readonly state: string;
  /** Candidate executions that reach it, all forbidden. */
  readonly candidates: number;
  /** Of the candidate that breaks fewest, in the order of the model. */
  readonly broken: readonly BrokenAxiom[];
  /** The events of that candidate. */
  readonly events: readonly NamedEvent[];
}

/** Candidates looked at for one test. */
const MAX_EXPLAINED = 20_000;

interface Best {
  candidates: number;
  weight: number;
  broken: readonly BrokenAxiom[];
  events: readonly NamedEvent[];
}

/**
 * Explains the forbidden final states that answer the test's question: those in which its condition
 * holds, or for `forall` does not. States that no run of the threads can reach whatever the memory
 * does are not among them.
 * @throws {RondoError} ERR_LITMUS_SIZE when the test is too large.
 */
export function explainLitmus(test: LitmusTest, model: Model): readonly Explanation[] {
  const allowed = new Set(runLitmus(test, model).outcomes);
  const traces = exploreThreads(test, watchedBy(test).registers, { own: true, seeds: [] });
  const features = new Features();
  for (const thread of traces.threads) {
    for (const trace of thread) features.add(trace.events, traces.layout.mixed);
  }
  const explainer = new Explainer(test, traces, allowed);
  const outcomes = new Outcomes(test, traces, watchedBy(test));
  const search = new Search(traces, outcomes, judgeOf(model, features), {
    count: true,
    incoherent: 0,
    assumptions: { unorderedHalves: false, nothing: true },
    visitor: explainer,
  });
  const combinable = {
    threads: traces.threads,
    initial: traces.values.initials(),
    pairs: traces.values.pairs.length,
    own: true,
    shared: true,
  };
  combine(combinable, (chosen) => {
    if (explainer.left > 0) search.combination(chosen);
  });
  return explainer.explanations();
}

class Explainer {
  left = MAX_EXPLAINED;
  readonly #test: LitmusTest;
  readonly #traces: Traces;
  readonly #allowed: ReadonlySet<string>;
  readonly #best = new Map<string, Best>();

  constructor(test: LitmusTest, traces: Traces, allowed: ReadonlySet<string>) {
    this.#test = test;
    this.#traces = traces;
    this.#allowed = allowed;
  }

  wants(outcome: Outcome): boolean {
    if (this.left <= 0 || outcome.holds === (this.#test.quantifier === 'forall')) return false;
    return !this.#allowed.has(formatState(this.#test, outcome.state));
  }

  visit(outcome: Outcome, execution: Execution, judge: Judge): boolean {
    this.left--;
    const state = formatState(this.#test, outcome.state);
    const violations = judge.violations();
    // Axioms about one location alone say little: a candidate that breaks only others is nearer.
    const length = violations.reduce((sum, { events }) => sum + events.length, 0);
    const weight = violations.length === 0 ? Infinity : violations.length * 1000 + length;
    let best = this.#best.get(state);
    if (best === undefined) {
      best = { candidates: 0, weight: Infinity, broken: [], events: [] };
      this.#best.set(state, best);
    }
    best.candidates++;
    if (weight < best.weight) {
      const events = this.#name(execution);
      const paths = new Paths(judge, execution.count);
      best.weight = weight;
      best.events = events;
      best.broken = violations.map(({ axiom, events: found }) => ({
        axiom: axiom.name,
        kind: axiom.kind,
        steps: (axiom.kind === 'empty'
          ? paths.edge(axiom.relation, found[0]!, found[1]!)
          : paths.cycle(axiom.relation, found)
        ).map(({ from, relation, to }) => ({ from: events[from]!, relation, to: events[to]! })),
      }));
    }
    return this.left <= 0;
  }

  #name(execution: Execution): NamedEvent[] {
    let named = 0;
    return execution.events.map((event) => {
      const what = event.kind === 'F' ? event.fence : this.#show(this.#addressOf(event.location));
      return {
        name: event.thread < 0 ? `i${what}` : letters(named++),
        thread: event.thread,
        access: event.access,
        kind: event.kind,
        what,
        value: event.kind === 'F' ? '' : this.#show(event.value),
      };
    });
  }

  #addressOf(location: number): Value {
    return this.#traces.layout.locations[location]!.address;
  }

  #show(value: Value): string {
    return this.#test.symbols.nameOf(value) ?? String(value);
  }

  explanations(): Explanation[] {
    return [...this.#best]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([state, { candidates, broken, events }]) => ({ state, candidates, broken, events }));
  }
}

/** `a` … `z`, `a1`, … */
function letters(number: number): string {
  const letter = String.fromCharCode(97 + (number % 26));
  return number < 26 ? letter : `${letter}${Math.floor(number / 26)}`;
}
