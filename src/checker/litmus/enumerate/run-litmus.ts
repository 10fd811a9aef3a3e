/** Runs a litmus test under a model. */

import { Features, judgeOf } from '../../models/index.ts';
import type { Model } from '../../models/index.ts';
import type { LitmusTest } from '../contract.ts';
import { combine } from './combinations.ts';
import { Outcomes, watchedBy } from './outcomes.ts';
import { Search } from './search.ts';
import { supported } from './supports.ts';
import { exploreThreads } from './traces.ts';

/** How a test is run. */
export interface LitmusOptions {
  /**
   * `outcomes` finds every final state, and looks at no more executions than that takes; `count`
   * looks at all, so that `positive` and `negative` are herd's.
   * @default 'outcomes'
   */
  readonly mode?: 'outcomes' | 'count';
}

/** What a model says of a test. */
export interface LitmusResult {
  /** Every final state that is allowed, as herd prints it, sorted. */
  readonly outcomes: readonly string[];
  /** How many final states are allowed. */
  readonly states: number;
  /** The answer to the test's question: `exists`, `~exists` or `forall` with its condition. */
  readonly holds: boolean;
  /** Whether the condition holds in some, all or none of the states. */
  readonly observation: 'Never' | 'Sometimes' | 'Always';
  /** Allowed executions in which the condition holds; complete in mode `count` only. */
  readonly positive: number;
  /** Allowed executions in which it does not. */
  readonly negative: number;
  /** The behaviour of the test is undefined, whatever the outcomes (C11: a data race). */
  readonly undef: boolean;
  /** What makes it undefined, by its name in the model. */
  readonly undefinedBy: string | undefined;
  /** Allowed executions that were found. */
  readonly executions: number;
  /** Executions that were judged. */
  readonly candidates: number;
  /** Runs of threads given up because a loop went beyond its bound. */
  readonly abandoned: number;
}

/**
 * Runs a test under a model.
 * @throws {RondoError} ERR_LITMUS_SIZE when it is too large; ERR_LITMUS_UNSUPPORTED when it does
 * what is known to be missing.
 */
export function runLitmus(
  test: LitmusTest,
  model: Model,
  options: LitmusOptions = {},
): LitmusResult {
  const watched = watchedBy(test);
  const incoherent = model.incoherent ?? 0;
  const shared = incoherent !== 0 || model.unorderedHalves === true;
  const isGrounded = !shared && model.thinAir !== true;
  const traces = exploreThreads(test, watched.registers, {
    own: incoherent !== 0,
    seeds: model.thinAir === true ? test.threads.flatMap((one) => one.conjectures ?? []) : [],
    grounded: isGrounded ? { porfAcyclic: model.porfAcyclic } : undefined,
  });
  const features = new Features();
  for (const thread of traces.threads) {
    for (const trace of thread) features.add(trace.events, traces.layout.mixed);
  }
  const outcomes = new Outcomes(test, traces, watched);
  const search = new Search(traces, outcomes, judgeOf(model, features), {
    count: options.mode === 'count',
    incoherent,
    assumptions: { unorderedHalves: model.unorderedHalves === true, nothing: false },
  });
  const initial = traces.values.initials();
  const threads =
    isGrounded && isMuch(traces.threads)
      ? supported({ threads: traces.threads, initial, porfAcyclic: model.porfAcyclic })
      : traces.threads;
  const pairs = traces.values.pairs.length;
  combine({ threads, initial, pairs, own: incoherent !== 0, shared }, (chosen) => {
    search.combination(chosen);
  });
  const { texts, outcomes: allowed } = outcomes.allowed();
  const matching = allowed.filter((outcome) => outcome.holds).length;
  const observation =
    matching === 0 ? 'Never' : matching === allowed.length ? 'Always' : 'Sometimes';
  const { positive, negative } = search.found;
  return {
    outcomes: texts,
    states: texts.length,
    holds:
      search.found.undefinedBy === undefined &&
      answer(test, { observation, states: allowed.length, cut: traces.abandoned > 0 }),
    observation,
    positive,
    negative,
    undef: search.found.undefinedBy !== undefined,
    undefinedBy: search.found.undefinedBy,
    executions: positive + negative,
    candidates: search.found.candidates,
    abandoned: traces.abandoned,
  };
}

/** Combinations from which on it pays to look first which traces can be part of one. */
const MANY = 20_000;

function isMuch(threads: readonly (readonly unknown[])[]): boolean {
  return threads.reduce((product, { length }) => product * length, 1) >= MANY;
}

/** `cut`: there are longer runs than were looked at, so that nothing is said of all of them. */
function answer(
  test: LitmusTest,
  { observation, states, cut }: Pick<LitmusResult, 'observation' | 'states'> & { cut: boolean },
): boolean {
  switch (test.quantifier) {
    case 'exists':
      return observation !== 'Never';
    case 'not exists':
      return observation === 'Never' && !cut;
    case 'forall':
      return (observation === 'Always' || states === 0) && !cut;
    default:
      return test.quantifier satisfies never;
  }
}
