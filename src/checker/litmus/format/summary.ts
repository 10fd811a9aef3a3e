/** What herd prints about a test: a few lines that other tools read too. */
import type { LitmusTest } from '../contract.ts';

/** What there is to say about a test under a model. */
export interface Verdict {
  /** The final states that are allowed, each as `formatState` gives it. */
  readonly outcomes: readonly string[];
  /** In how many of the states the condition holds. */
  readonly observation: 'Never' | 'Sometimes' | 'Always';
  /** Allowed executions in which the condition holds. */
  readonly positive: number;
  /** Allowed executions in which it does not. */
  readonly negative: number;
  /** The behaviour is undefined, whatever the states are (a race of C11). */
  readonly undef: boolean;
  /** Runs given up because a loop went on: states may be missing when there are some. */
  readonly abandoned: number;
}

const ASKED = { exists: 'Allowed', 'not exists': 'Forbidden', forall: 'Required' } as const;

/**
 * Herd's lines, without the end of the last. Of herd's own only `Hash` is left out: a digest of its
 * internal form of the test, which says nothing about the result.
 *
 * @param seconds how long it took
 */
export function litmusSummary(test: LitmusTest, verdict: Verdict, seconds: number): string {
  const { outcomes, observation, positive, negative, undef, abandoned } = verdict;
  // Witnesses are for the answer that the test asks for.
  const [witnesses, others] =
    test.quantifier === 'not exists' ? [negative, positive] : [positive, negative];
  // Of the states that were found, as herd has it, even when a loop was cut: it says so before.
  const isAsked = {
    exists: observation !== 'Never',
    'not exists': observation === 'Never',
    forall: observation === 'Always' || outcomes.length === 0,
  }[test.quantifier];
  const answer = isAsked ? 'Ok' : 'No';
  return [
    `Test ${test.name} ${ASKED[test.quantifier]}`,
    `States ${outcomes.length}`,
    ...outcomes,
    `${abandoned > 0 ? 'Loop ' : ''}${undef ? 'Undef' : answer}`,
    'Witnesses',
    `Positive: ${witnesses} Negative: ${others}`,
    ...(undef ? ['Flag *undef*'] : []),
    `Condition ${test.conditionText}`,
    `Observation ${test.name} ${observation} ${positive} ${negative}`,
    `Time ${test.name} ${seconds.toFixed(2)}`,
  ].join('\n');
}
