/** Evaluates a test: its whole set of outcomes, and whether it has a data race. */
import type { Candidate } from './candidate.ts';
import { candidatesOf } from './candidates.ts';
import { Budget, executionsOf, type Execution } from './executions.ts';
import { resolveEcmaOptions, type EcmaOptions, type ResolvedEcmaOptions } from './options.ts';
import { hiddenRace, racesOf, type RacingPair } from './races.ts';
import type { Scalar } from './script/index.ts';
import {
  formatAssignment,
  satisfies,
  variablesOf,
  type Assignment,
  type EcmaTest,
  type Variable,
} from './ecma-test.ts';
import { runsOf } from './values.ts';

/** An access in a report. */
export interface EcmaAccess {
  readonly thread: number;
  /** As written. */
  readonly statement: string;
}

/** Two accesses that race. */
export interface EcmaRace {
  readonly one: EcmaAccess;
  readonly other: EcmaAccess;
}

/** One outcome that the model allows. */
export interface EcmaOutcome {
  /** `a=1; b=0`, in the order of names. */
  readonly text: string;
  readonly values: Assignment;
}

/** What a test may do. */
export interface EcmaResult {
  readonly test: EcmaTest;
  readonly model: 'es' | 'es2019';
  /** The allowed outcomes, sorted by their texts. */
  readonly outcomes: readonly EcmaOutcome[];
  /** Whether what the test asks about is among them; undefined when it asks nothing. */
  readonly allowed: boolean | undefined;
  /**
   * Some execution has a data race, so that the test may behave as it would under no interleaving.
   */
  readonly racy: boolean;
  /** The data races of the first execution that has any. */
  readonly races: readonly EcmaRace[];
  /** Runs were left out because a loop went on for longer than `unroll`. */
  readonly bounded: boolean;
  /** Reads may also have torn values that were not looked at: `tearing: 'bytes'` does. */
  readonly tornOmitted: boolean;
  /** Steps of the search. */
  readonly steps: number;
}

/**
 * Evaluates a test by the specification's text.
 *
 * @throws {RondoError} ERR_LITMUS_SIZE when it is too large, ERR_LITMUS_SYNTAX when JavaScript
 * would throw, ERR_LITMUS_UNSUPPORTED
 * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
 */
export function evaluateEcma(test: EcmaTest, options?: EcmaOptions): EcmaResult {
  const resolved = resolveEcmaOptions(options);
  const runs = runsOf(test, resolved);
  const budget = new Budget(resolved.limit);
  const variables = variablesOf(test);
  const outcomes = new Map<string, EcmaOutcome>();
  let races: EcmaRace[] = [];
  for (const candidate of candidatesOf(runs, budget)) {
    const values = outcomeOf(candidate, variables);
    const text = formatAssignment(values);
    // Nothing is left to learn from it.
    if (outcomes.has(text) && races.length > 0) continue;
    for (const execution of executionsOf(candidate, resolved, budget)) {
      if (!outcomes.has(text)) outcomes.set(text, { text, values });
      if (races.length === 0) races = racesIn(execution, resolved);
      if (races.length > 0) break;
    }
  }
  const found = [...outcomes.values()].sort((one, other) => (one.text < other.text ? -1 : 1));
  const { ask } = test;
  return {
    test,
    model: resolved.model,
    outcomes: found,
    allowed: ask && found.some(({ values }) => satisfies(ask, values)),
    racy: races.length > 0,
    races,
    bounded: runs.bounded,
    tornOmitted: runs.tornOmitted,
    steps: budget.taken,
  };
}

/** The values that all threads end with. */
export function outcomeOf({ traces }: Candidate, variables: readonly Variable[]): Assignment {
  return new Map<string, Scalar>(
    variables.map(({ thread, name, shown }) => {
      const { locals, asleep, blockedOn } = traces[thread]!;
      const missing = asleep ? 'asleep' : blockedOn === undefined ? undefined : 'blocked';
      return [shown, locals.has(name) ? locals.get(name) : missing];
    }),
  );
}

/** The data races of an execution, or of one that differs from it in no outcome. */
export function racesIn(execution: Execution, { initTearing }: ResolvedEcmaOptions): EcmaRace[] {
  const { candidate, happensBefore, pairs, slots, chosen } = execution;
  const found: RacingPair[] = racesOf(candidate, happensBefore, pairs);
  if (found.length === 0) {
    const hidden = hiddenRace(candidate, happensBefore, slots, chosen, initTearing);
    if (hidden) found.push(hidden);
  }
  return found.map(({ one, other }) => {
    return { one: accessOf(candidate, one), other: accessOf(candidate, other) };
  });
}

/** An event as reports show it. */
export function accessOf({ threadOf, events }: Candidate, event: number): EcmaAccess {
  return { thread: threadOf[event]!, statement: events[event]!.statement };
}
