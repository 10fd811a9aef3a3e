/** Checking a test under a memory model: what exploration found, put together. */
import { choiceOption, integerOption, rejectUnknown, RondoError } from '../../base/index.ts';
import { Explorer, type Visitor } from '../explore/explorer.ts';
import { type Graph, Kind, Status } from '../explore/graph.ts';
import { withGlobals } from '../program/globals.ts';
import { Resplit } from '../program/locations.ts';
import { Session } from '../program/session.ts';
import { type TestBody, TestInstance } from '../program/test.ts';
import { consistencyOf, type Explored, type ModelName } from './models.ts';
import { type ExecutionTrace, traceOf } from './trace.ts';

/** How a test is checked; all optional. */
export interface CheckOptions {
  /** The memory model. @default 'es' */
  readonly model?: ModelName;
  /** Executions at most, 1 to 2^31 - 1; when there are more the result is bounded. @default 1,000,000 */
  readonly executions?: number;
  /** Events of one thread in one execution, 1 to 1,000. @default 200 */
  readonly events?: number;
  /**
   * Whether a data race fails the test: two accesses that conflict, of which one is plain and neither
   * happens before the other. @default 'fail' under rc11, where it is undefined behaviour, else 'allow'
   */
  readonly races?: 'fail' | 'allow';
}

/** What went wrong. */
export type FailureKind = 'error' | 'race' | 'deadlock' | 'livelock';

/** The execution in which something went wrong. */
export interface Failure {
  readonly kind: FailureKind;
  readonly message: string;
  /** What was thrown, if something was. */
  readonly cause: unknown;
  /** The execution. */
  readonly trace: ExecutionTrace;
}

/** What a check found. */
export interface CheckResult {
  readonly model: ModelName;
  /** Executions in which all threads came to their end. */
  readonly executions: number;
  /** Executions that were given up because a thread waited in a loop for what did not come. */
  readonly blocked: number;
  /** Why nothing is claimed beyond what was visited; undefined when everything was. */
  readonly bounded: string | undefined;
  readonly failure: Failure | undefined;
  /** Where data races were seen, by what the memory is called; at most 16. */
  readonly races: readonly string[];
  /** Names of the threads. */
  readonly threads: readonly string[];
}

interface Limits {
  readonly executions: number;
  readonly events: number;
  readonly failsOnRaces: boolean;
}

/** Races that are named. */
const RACES_MAX = 16;

class Check implements Visitor {
  readonly session: Session;
  readonly #body: TestBody;
  readonly #limits: Limits;
  readonly #model: Explored;
  readonly races = new Set<string>();
  executions = 0;
  blocked = 0;
  bounded: string | undefined;
  failure: Failure | undefined;

  constructor(body: TestBody, limits: Limits, model: Explored) {
    this.#body = body;
    this.#limits = limits;
    this.#model = model;
    this.session = new Session(() => this.instance(), { events: limits.events });
  }

  instance(): TestInstance {
    return new TestInstance(this.session, this.#body);
  }

  step(): boolean {
    if (this.executions + this.blocked < this.#limits.executions) return true;
    this.bounded = `${this.#limits.executions} executions`;
    return false;
  }

  failed(graph: Graph): boolean {
    const cause = this.session.error;
    if (cause instanceof RondoError && cause.code === 'ERR_CHECKER_NONDETERMINISTIC') throw cause;
    if (cause instanceof Resplit) throw cause;
    return this.#fail('error', graph, messageOf(cause), cause);
  }

  visit(graph: Graph, ending: 'complete' | 'blocked'): boolean {
    const race = this.#findRace(graph);
    if (race !== undefined && this.#limits.failsOnRaces) {
      return this.#fail('race', graph, `data race on ${race}`, undefined);
    }
    // Such reads may see writes that hang on them: no such execution is built here.
    if (this.bounded === undefined && this.#model.isBuffering(graph, this.races.size > 0)) {
      this.bounded = 'no load buffering: reads without order might also see writes that come later';
    }
    if (ending === 'blocked') return this.#visitBlocked(graph);
    this.executions += 1;
    return this.#conclude(graph);
  }

  /** Where two accesses race, if any do. */
  #findRace(graph: Graph): string | undefined {
    if (this.races.size >= RACES_MAX) return undefined;
    const race = this.#model.races(graph);
    if (race === undefined) return undefined;
    const where = this.session.locations.at(graph.location(race[0])).label;
    this.races.add(where);
    return where;
  }

  #conclude(graph: Graph): boolean {
    const instance = this.instance();
    if (!instance.hasAfter) return true;
    this.session.error = undefined;
    const results = this.session.replay(graph, instance);
    const last = new Map<number, unknown>();
    for (let location = 0; location < this.session.locations.count; location++) {
      const write = graph.lastWrite(location);
      if (write > 0) last.set(location, graph.values[write]);
    }
    try {
      instance.conclude(last, results);
      return true;
    } catch (error) {
      return this.#fail('error', graph, messageOf(error), error);
    }
  }

  /** Some thread waits: for ever, unless it only waits in a loop for what may still come. */
  #visitBlocked(graph: Graph): boolean {
    this.blocked += 1;
    let isSpinning = false;
    let asleep: number | undefined;
    for (let thread = 0; thread < graph.threads; thread++) {
      const status = graph.status(thread);
      if (status === Status.SPINNING) {
        if (!this.#seesAll(graph, thread)) return true;
        isSpinning = true;
      } else if (status === Status.DOZING) {
        // That it is woken by its time is another execution.
        return true;
      } else if (status !== Status.ENDED) asleep ??= thread;
    }
    if (asleep === undefined && isSpinning) {
      return this.#fail(
        'livelock',
        graph,
        'a thread waits in a loop for what never comes',
        undefined,
      );
    }
    return this.#fail(
      'deadlock',
      graph,
      'a thread sleeps, and nobody is left to wake it',
      undefined,
    );
  }

  /** Whether what a spinning thread reads is the last that was written. */
  #seesAll(graph: Graph, thread: number): boolean {
    for (let event = graph.head(thread); event >= 0; event = graph.previous(event)) {
      const kind = graph.kind(event);
      if (kind === Kind.WRITE) break;
      if (kind === Kind.READ && graph.rf(event) !== graph.lastWrite(graph.location(event))) {
        return false;
      }
    }
    return true;
  }

  #fail(kind: FailureKind, graph: Graph, message: string, cause: unknown): boolean {
    const trace = traceOf(this.session, graph, this.instance());
    this.failure = { kind, message, cause, trace };
    return false;
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

const RACES: readonly ('fail' | 'allow')[] = ['fail', 'allow'];

/** Words of the sets of events, at first and at most: 64 and 1,024 events. */
const WORDS_FIRST = 2;
const WORDS_MAX = 32;

/**
 * Explores every execution of a test that the model allows, and stops at the first that fails. The
 * test's function is called once for each run of a thread, and must do the same each time; plain
 * objects that it makes are not shared between threads.
 * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
 * @throws {RondoError} ERR_CHECKER_MODEL, ERR_CHECKER_NONDETERMINISTIC, ERR_CHECKER_UNSUPPORTED,
 * ERR_CHECKER_SIZE
 */
export function check(options: CheckOptions, body: TestBody): CheckResult {
  rejectUnknown('check', options, ['model', 'executions', 'events', 'races']);
  const model = options.model ?? 'es';
  const limits: Limits = {
    executions: integerOption('executions', options.executions, 1_000_000, 1, 2 ** 31 - 1),
    events: integerOption('events', options.events, 200, 1, 1000),
    failsOnRaces:
      choiceOption('races', options.races, model === 'rc11' ? 'fail' : 'allow', RACES) === 'fail',
  };
  return withGlobals(() => {
    let words = WORDS_FIRST;
    const explored = consistencyOf(model, limits.failsOnRaces);
    const run = new Check(body, limits, explored);
    for (;;) {
      run.executions = 0;
      run.blocked = 0;
      run.bounded = undefined;
      run.races.clear();
      run.session.isCut = false;
      run.session.locations.reset();
      try {
        const names = (run.session.prepare() as TestInstance).names;
        const explorer = new Explorer(explored.consistency, run.session, run, words);
        run.session.use(explorer);
        explorer.explore();
        if (run.session.isCut && run.failure === undefined) {
          if (words < WORDS_MAX) {
            words *= 2;
            continue;
          }
          run.bounded ??= `${limits.events} events of a thread`;
        }
        return {
          model,
          executions: run.executions,
          blocked: run.blocked,
          bounded: run.bounded,
          failure: run.failure,
          races: [...run.races],
          threads: names,
        };
      } catch (error) {
        // Accesses of other sizes were found: everything anew, with smaller pieces.
        if (!(error instanceof Resplit)) throw error;
        run.failure = undefined;
      }
    }
  });
}
