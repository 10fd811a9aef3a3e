/** Tells tests apart: by their text, by how they are checked, and by what they do. */
import type { Explored } from '../check/models.ts';
import type { Settings } from '../check/options.ts';
import { SeededRandom } from '../../base/index.ts';
import type { Visitor } from '../explore/explorer.ts';
import type { Graph } from '../explore/graph.ts';
import { withSession } from '../program/current.ts';
import { Resplit } from '../program/locations.ts';
import { Session } from '../program/session.ts';
import { type TestBody, TestInstance } from '../program/test.ts';
import { Fingerprint } from './codec.ts';
import { EvenSchedule } from './schedules.ts';
import { labelsOf } from './token.ts';
import { Walker } from './walk.ts';

/** Walks whose events are looked at. */
const WALKS = 3;
const WORDS = 32;

/** The same text for the same test, checked in the same way. */
export function identityOf(body: TestBody, explored: Explored, settings: Settings): string {
  const { model, events, failsOnRaces, preemptions } = settings;
  const text = new Fingerprint().add(String(body)).sum;
  const behaviour = behaviourOf(body, explored, events);
  return [model, events, failsOnRaces, preemptions, text, behaviour].join(' ');
}

/** A sum over what threads do in a few random executions. */
function behaviourOf(body: TestBody, explored: Explored, events: number): number {
  const session: Session = new Session(() => new TestInstance(session, body), {
    events,
    hasBarriers: explored.hasBarriers,
    splitsUnaligned: explored.splitsUnaligned === true,
  });
  session.rounds.isLearning = false;
  for (;;) {
    session.restart();
    try {
      return withSession(session, () => walkThrough(session, explored));
    } catch (error) {
      // What a test does wrong is found, and told, when it is explored.
      if (!(error instanceof Resplit)) return 0;
    }
  }
}

function walkThrough(session: Session, { consistency }: Explored): number {
  const sum = new Fingerprint();
  const random = new SeededRandom(1);
  const { names } = session.prepare() as TestInstance;
  const look = (graph: Graph): boolean => {
    if (session.error instanceof Resplit) throw session.error;
    for (const label of labelsOf(session, graph, names)) sum.add(label);
    return true;
  };
  const visitor: Visitor = { visit: look, failed: look, step: () => true };
  for (let walk = 0; walk < WALKS; walk++) {
    const schedule = new EvenSchedule(random);
    const walker = new Walker(consistency, session, WORDS, { random, schedule, isInTurn: false });
    session.use(walker);
    walker.walk(visitor);
  }
  return sum.sum;
}
