/** Checking a test under a memory model: every execution that the model allows. */
import { choiceOption, integerOption, rejectUnknown } from '../../base/index.ts';
import { Explorer } from '../explore/explorer.ts';
import { withGlobals } from '../program/globals.ts';
import { withSession } from '../program/current.ts';
import { Unasked } from '../program/inputs.ts';
import { Resplit } from '../program/locations.ts';
import type { TestBody, TestInstance } from '../program/test.ts';
import { Examination, type Limits } from './examination.ts';
import { consistencyOf, type Explored, type ModelName } from './models.ts';
import type { ExecutionTrace } from './trace.ts';

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
  /** The execution; undefined when it went wrong before any thread. */
  readonly trace: ExecutionTrace | undefined;
  /** What the test took while it was set up, in order. */
  readonly inputs: readonly number[];
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
  const races = choiceOption('races', options.races, model === 'rc11' ? 'fail' : 'allow', RACES);
  const limits: Limits = {
    executions: integerOption('executions', options.executions, 1_000_000, 1, 2 ** 31 - 1),
    events: integerOption('events', options.events, 200, 1, 1000),
    failsOnRaces: races === 'fail',
  };
  const explored = consistencyOf(model, limits.failsOnRaces);
  const { examination, names } = withGlobals(() => examine(explored, limits, body));
  return {
    model,
    executions: examination.executions,
    blocked: examination.blocked,
    bounded: examination.bounded,
    failure: examination.failure,
    races: [...examination.races],
    threads: names,
  };
}

interface Examined {
  readonly examination: Examination;
  readonly names: readonly string[];
}

/** Explores, and begins anew when the size of locations or of graphs turns out to be another. */
function examine(explored: Explored, limits: Limits, body: TestBody): Examined {
  const examination = new Examination(body, limits, explored);
  const { session } = examination;
  return withSession(session, () => exploreAll(explored, limits, examination));
}

function exploreAll(explored: Explored, limits: Limits, examination: Examination): Examined {
  const { session } = examination;
  for (let words = WORDS_FIRST; ;) {
    examination.restart();
    session.restart();
    try {
      const names = exploreInputs(explored, examination, words);
      if (session.cut !== 'all' || words === WORDS_MAX || examination.failure !== undefined) {
        if (examination.failure === undefined && session.cut === undefined) examination.enumerate();
        if (session.cut === 'all') examination.bound(`${32 * words} events`);
        if (session.cut === 'thread') examination.bound(`${limits.events} events of a thread`);
        return { examination, names };
      }
      words *= 2;
    } catch (error) {
      // Accesses of other sizes were found: everything anew, with smaller pieces.
      if (!(error instanceof Resplit)) throw error;
    }
  }
}

/** Explores each combination of what the test takes while it is set up. */
function exploreInputs(explored: Explored, examination: Examination, words: number): string[] {
  const { session } = examination;
  for (;;) {
    let names: string[] = [];
    try {
      const instance = session.prepare() as TestInstance;
      names = instance.names;
      const explorer = new Explorer(explored.consistency, session, examination, words);
      session.use(explorer);
      if (!explorer.explore()) return names;
    } catch (error) {
      if (!(error instanceof Unasked)) {
        if (error instanceof Resplit || hasCode(error)) throw error;
        examination.failSetUp(error);
        return names;
      }
    }
    if (!session.inputs.advance()) return names;
  }
}

/** Whether an error is the checker's own: a test that is not as it must be, rather than one that fails. */
function hasCode(error: unknown): boolean {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' && /^ERR_(CHECKER|OPTION)_/.test(code);
}
