/**
 * The accesses of one execution of a test, in the order in which they happened, for the simulator
 * of caches: threads take turns by chance, one access at a time.
 *
 * A thread that waits in a loop is shown the round that leaves it, and words that nobody writes are
 * not accessed: what is recorded is what threads tell each other.
 */
import { integerOption, rejectUnknown, RondoError, SeededRandom } from '../../base/index.ts';
import type { Access, Named, Trace } from '../cache/access.ts';
import { traceOf } from '../check/trace.ts';
import type { Visitor } from '../explore/explorer.ts';
import type { Graph } from '../explore/graph.ts';
import { sequential } from '../explore/sequential.ts';
import { withSession } from '../program/current.ts';
import { withGlobals } from '../program/globals.ts';
import { Resplit } from '../program/locations.ts';
import { Session } from '../program/session.ts';
import { assertTest, type TestBody, TestInstance } from '../program/test.ts';
import { EvenSchedule } from './schedules.ts';
import { Walker } from './walk.ts';

/** Options of a recording; all optional. */
export interface RecordOptions {
  /** The same seed gives the same turns: 0 to 2^32 - 1. @default 1 */
  readonly seed?: number;
}

/** Events of a thread, words of the set of events, and walks that come to nothing, at most. */
const EVENTS_MAX = 1000;
const WORDS = 128;
const TRIES = 20;

/** Where memories lie: each begins a page of its own; variables have 128 bytes each. */
const FIRST = 0x1_0000;
const PAGE = 4096;
const APART = 128;

/**
 * Runs a test once, and records what its threads do to shared memory: thread n on core n. Memories
 * lie one behind the other, each from a page's first byte.
 * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
 * @throws {RondoError} ERR_CHECKER_SIZE when an execution has more than 1,000 events of a thread;
 * ERR_CHECKER_USE, ERR_CHECKER_UNSUPPORTED, ERR_CHECKER_NONDETERMINISTIC as `check`
 */
export function recordAccesses(options: RecordOptions, body: TestBody): Trace {
  rejectUnknown('recordAccesses()', options, ['seed']);
  assertTest(body);
  const random = new SeededRandom(integerOption('seed', options.seed, 1, 0, 2 ** 32 - 1));
  const session: Session = new Session(() => instanceOf(session, body), {
    events: EVENTS_MAX,
    hasBarriers: false,
    splitsUnaligned: false,
  });
  session.rounds.isLearning = false;
  session.inputs.draw = (count) => random.below(count);
  return withGlobals(() => withSession(session, () => recordWith(session, body, random)));
}

function instanceOf(session: Session, body: TestBody): TestInstance {
  session.inputs.start();
  return new TestInstance(session, body);
}

function recordWith(session: Session, body: TestBody, random: SeededRandom): Trace {
  for (let left = TRIES; left > 0; left--) {
    const recorder = new Recorder(session, body);
    session.inputs.clear();
    try {
      session.prepare();
      const options = { random, schedule: new EvenSchedule(random), isInTurn: true };
      const walker = new Walker(sequential(), session, WORDS, options);
      session.use(walker);
      walker.walk(recorder);
    } catch (error) {
      if (!(error instanceof Resplit)) throw error;
      session.restart();
    }
    if (recorder.trace !== undefined) return recorder.trace;
  }
  throw new RondoError(
    'ERR_CHECKER_SIZE',
    `Cannot record the test: in ${TRIES} runs none came to its end within ${EVENTS_MAX} events`,
  );
}

/** Takes an execution for what memory sees of it. */
class Recorder implements Visitor {
  readonly #session: Session;
  readonly #body: TestBody;
  readonly #bases = new Map<string, number>();
  readonly #names: Named[] = [];
  #free = FIRST;
  trace: Trace | undefined;

  constructor(session: Session, body: TestBody) {
    this.#session = session;
    this.#body = body;
  }

  step(): boolean {
    return true;
  }

  /** What threw has ended its thread; what it did until then counts. */
  failed(graph: Graph): boolean {
    const { error } = this.#session;
    const { code = '' } = error as { code?: string };
    if (error instanceof Resplit || code.startsWith('ERR_CHECKER_')) throw error;
    return this.visit(graph);
  }

  visit(graph: Graph): boolean {
    const told = traceOf(this.#session, graph, instanceOf(this.#session, this.#body));
    const events = told.events.filter(({ isHidden, location }) => !isHidden && location !== '');
    const accesses: Access[] = [];
    for (const event of events.sort((one, other) => one.id - other.id)) {
      const { thread, kind, isRmw, id, site } = event;
      // The read stands for both halves: the line is asked for once.
      if (kind === 'write' && isRmw) continue;
      const { address, size } = this.#placeOf(graph.location(id));
      const done = isRmw ? 'update' : kind === 'write' ? 'write' : 'read';
      const where = site.split('/').pop()!.replace(/:\d+$/, '');
      accesses.push({ core: thread, kind: done, address, size, site: where });
    }
    this.trace = { accesses, threads: told.threads, names: this.#names };
    return false;
  }

  #placeOf(location: number): { address: number; size: number } {
    const { memory, offset, size, label } = this.#session.locations.at(location);
    if (memory < 0) {
      const name = /^cell \d+ (.*)$/s.exec(label)?.[1] ?? label;
      return { address: this.#baseOf(label, name, APART, APART), size: 8 };
    }
    const { name, byteLength } = this.#session.memoryAt(memory)!;
    return { address: this.#baseOf(`${memory}`, name, byteLength, PAGE) + offset, size };
  }

  #baseOf(key: string, name: string, bytes: number, alignment: number): number {
    let base = this.#bases.get(key);
    if (base === undefined) {
      base = Math.ceil(this.#free / alignment) * alignment;
      this.#free = base + bytes;
      this.#bases.set(key, base);
      this.#names.push({ name, address: base, size: bytes });
    }
    return base;
  }
}
