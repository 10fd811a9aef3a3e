/** Says why an outcome is allowed, by an execution that has it, or which clause forbids it. */
import type { Candidate } from './candidate.ts';
import { candidatesOf } from './candidates.ts';
import { accessOf, outcomeOf, racesIn, type EcmaAccess } from './evaluate.ts';
import { INIT } from './events.ts';
import { Budget, executionsOf, pairsOf, type Execution } from './executions.ts';
import { resolveEcmaOptions, type EcmaOptions, type ResolvedEcmaOptions } from './options.ts';
import { formatAssignment, satisfies, variablesOf, type EcmaTest } from './ecma-test.ts';
import { runsOf } from './values.ts';
import { clauseText, failureOf, type Clause, type Failure } from './failures.ts';

/** Why an outcome is allowed or forbidden. */
export interface EcmaExplanation {
  readonly allowed: boolean;
  /**
   * The clause that forbids the execution that comes nearest to it; undefined when it is allowed.
   */
  readonly clause: Clause | undefined;
  /** For people: sentences, a line each. */
  readonly lines: readonly string[];
}

/**
 * Explains the outcome that a test asks about.
 *
 * @throws {RondoError} as `evaluateEcma`
 * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
 */
export function explainEcma(test: EcmaTest, options?: EcmaOptions): EcmaExplanation {
  const resolved = resolveEcmaOptions(options);
  const { ask } = test;
  if (!ask) return { allowed: true, clause: undefined, lines: ['Nothing is asked.'] };
  const variables = variablesOf(test);
  const budget = new Budget(resolved.limit);
  const wanted: Candidate[] = [];
  for (const candidate of candidatesOf(runsOf(test, resolved), budget)) {
    if (satisfies(ask, outcomeOf(candidate, variables))) wanted.push(candidate);
  }
  for (const candidate of wanted) {
    for (const execution of executionsOf(candidate, resolved, budget)) {
      const outcome = formatAssignment(outcomeOf(candidate, variables));
      return { allowed: true, clause: undefined, lines: witness(execution, outcome, resolved) };
    }
  }
  const failure = nearest(wanted, resolved, budget);
  const lines = [`Forbidden: ${ask.text}`, ...failure.lines, clauseText(failure.clause)];
  return { allowed: false, clause: failure.clause, lines };
}

/** The failure of the execution that satisfies most. */
function nearest(
  candidates: readonly Candidate[],
  options: ResolvedEcmaOptions,
  budget: Budget,
): Failure {
  let best: Failure | undefined;
  for (const candidate of candidates) {
    for (const failure of failureOf(candidate, options, budget)) {
      if (!best || failure.rank > best.rank) best = failure;
    }
  }
  return (
    best ?? {
      clause: 'valid chosen reads',
      rank: 0,
      lines: ['No run of the threads ends so: a value is neither an initial one nor ever written.'],
    }
  );
}

function witness(execution: Execution, outcome: string, options: ResolvedEcmaOptions): string[] {
  const { candidate, slots, chosen, memoryOrder } = execution;
  const lines = [`Allowed: ${outcome}`, 'Who reads from whom:'];
  for (const read of candidate.reads) {
    const own = slots.flatMap((slot, at) => (slot.read === read ? [at] : []));
    const pairs = pairsOf(
      own.map((at) => slots[at]!),
      own.map((at) => chosen[at]!),
    );
    const sources = pairs.map(({ write }) => sourceText(candidate, write, read));
    lines.push(`  ${show(accessOf(candidate, read))} reads ${sources.join(' and ')}`);
  }
  lines.push('A memory order that agrees:');
  const shown = memoryOrder.line().filter((event) => candidate.access(event));
  shown.forEach((event, at) => lines.push(`  ${at + 1}. ${show(accessOf(candidate, event))}`));
  for (const { one, other } of racesIn(execution, options)) {
    lines.push(`Data race: ${show(one)} and ${show(other)}`);
  }
  return lines;
}

function sourceText(candidate: Candidate, write: number, read: number): string {
  if (write === INIT) return 'the initial value';
  const synchronizes = candidate.synchronizes(write, read) ? ' (synchronizes)' : '';
  return `${show(accessOf(candidate, write))}${synchronizes}`;
}

function show({ thread, statement }: EcmaAccess): string {
  return `thread ${thread} \`${statement}\``;
}
