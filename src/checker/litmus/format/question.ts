/** What a test asks: which locations it shows, which states it looks at, and the condition. */
import type { Condition, LitmusTest, Observable } from '../contract.ts';
import { readCondition, readObservables, readObserved } from './condition.ts';
import type { Declarations } from './declarations.ts';
import type { Tokens } from './tokens.ts';

/** The question with everything that it names. */
export interface Question {
  readonly quantifier: LitmusTest['quantifier'];
  readonly condition: Condition;
  readonly conditionText: string;
  readonly filter: Condition | undefined;
  readonly observed: readonly Observable[];
}

/** Reads the end of a test. Without a condition, all that is asked is which states there are. */
export function readQuestion(tokens: Tokens, declarations: Declarations): Question {
  const observed = new Set<Observable>();
  let filter: Condition | undefined;
  while (tokens.peek().kind !== 'end') {
    if (tokens.accept(';')) continue;
    if (tokens.accept('locations')) readLocations(tokens, declarations, observed);
    else if (tokens.accept('filter')) filter = readCondition(tokens, declarations).condition;
    else {
      const isObserved = tokens.accept('observed') || tokens.accept('Observed');
      const quantifier = isObserved ? 'exists' : readQuantifier(tokens);
      const read = isObserved ? readObserved : readCondition;
      const { condition, text, observables } = read(tokens, declarations);
      for (const observable of observables) observed.add(observable);
      readEnd(tokens);
      const conditionText = `${written(quantifier)} (${text})`;
      return { quantifier, condition, conditionText, filter, observed: [...observed] };
    }
  }
  return {
    quantifier: 'forall',
    condition: { kind: 'true' },
    conditionText: 'forall (true)',
    filter,
    observed: [...observed],
  };
}

function written(quantifier: LitmusTest['quantifier']): string {
  return quantifier === 'not exists' ? '~exists' : quantifier;
}

function readQuantifier(tokens: Tokens): LitmusTest['quantifier'] {
  if (tokens.accept('forall')) return 'forall';
  // `final`, of older tests, asks what `exists` does, and so does a condition alone.
  const isExists = tokens.accept('exists') || tokens.accept('final') || tokens.peek().text === '(';
  if (isExists) return 'exists';
  const { text, offset } = tokens.peek();
  if (text === 'regions' || text === 'scopes')
    tokens.source.unsupported(`${text} of memory`, offset);
  if (!tokens.accept('~') && !tokens.accept('not')) tokens.fail('expected a condition');
  tokens.expect('exists');
  return 'not exists';
}

/** `[x; 0:r1; t;]`, where a type may stand behind a name. */
function readLocations(
  tokens: Tokens,
  declarations: Declarations,
  observed: Set<Observable>,
): void {
  tokens.expect('[');
  while (!tokens.accept(']')) {
    for (const observable of readObservables(tokens, declarations)) observed.add(observable);
    while (tokens.peek().kind === 'word' || tokens.peek().text === '*') tokens.take();
    if (tokens.peek().text !== ']') tokens.expect(';');
  }
}

/** Behind the condition older tests have a list of verdicts by model, and commands in `<< >>`. */
function readEnd(tokens: Tokens): void {
  tokens.accept(';');
  if (tokens.accept('with')) return;
  if (tokens.peek().kind !== 'end' && tokens.peek().text !== '<') {
    tokens.fail('expected the end of the condition');
  }
}
