/** Carries out the one execution of a token. */
import type { Examination } from '../check/examination.ts';
import type { Explored } from '../check/models.ts';
import { Unasked } from '../program/inputs.ts';
import { Resplit } from '../program/locations.ts';
import type { TestInstance } from '../program/test.ts';
import { Follower } from './follow.ts';
import { labelsOf, type ReadToken, tokenError } from './token.ts';

const OTHER = 'it is of another test, or the test has changed since';

/**
 * Shows the examination the execution of a token; gives the names of the threads.
 * @throws {RondoError} ERR_CHECKER_TOKEN
 */
export function replayToken(
  examination: Examination,
  explored: Explored,
  read: ReadToken,
): readonly string[] {
  const { session } = examination;
  const { token } = read;
  session.rounds.isLearning = false;
  examination.putsOffTears = true;
  for (;;) {
    examination.restart();
    session.restart();
    session.inputs.set(token.inputs);
    if (token.form !== 'set-up') session.adopt(token.layout);
    try {
      return replayOnce(examination, explored, read);
    } catch (error) {
      if (!(error instanceof Resplit)) throw error;
    }
  }
}

function replayOnce(
  examination: Examination,
  explored: Explored,
  { token, isOf }: ReadToken,
): readonly string[] {
  const { session } = examination;
  let names: readonly string[];
  try {
    ({ names } = session.prepare() as TestInstance);
  } catch (error) {
    if (error instanceof Resplit || error instanceof Unasked) throw error;
    if (token.form === 'set-up' && isOf([])) examination.failSetUp(error);
    else throw tokenError(OTHER);
    return [];
  }
  if (token.form === 'set-up') {
    if (!isOf([])) throw tokenError(OTHER);
  } else if (token.form === 'values') {
    if (!isOf(examination.concludeValues(token.reads, token.last))) throw tokenError(OTHER);
  } else {
    const follower = new Follower(explored.consistency, session, token);
    session.use(follower);
    const graph = follower.follow(examination);
    if (!isOf(labelsOf(session, graph, names))) throw tokenError(OTHER);
  }
  return names;
}
