/** Checking a test under a memory model: every execution that the model allows. */
import { type Clock, rejectUnknown } from '../../base/index.ts';
import { withGlobals } from '../program/globals.ts';
import { withSession } from '../program/current.ts';
import type { Trial } from '../program/run.ts';
import type { FaultKind } from '../program/faults.ts';
import { assertTest, type TestBody } from '../program/test.ts';
import { Exploration } from '../strategy/exploration.ts';
import { replayToken } from '../strategy/replay.ts';
import { Sampling } from '../strategy/sampling.ts';
import { type ReadToken, readToken, tokenError } from '../strategy/token.ts';
import { Examination } from './examination.ts';
import { consistencyOf, type Explored, MODEL_NAMES, type ModelName } from './models.ts';
import { CHECK_OPTIONS, type CheckOptions, resolveCheckOptions, type Settings } from './options.ts';
import type { ExecutionTrace } from './trace.ts';

export type { CheckOptions, CheckProgress, Strategy } from './options.ts';

/** `CheckResult.bounded` of a token's execution. */
export const TOKEN_BOUND = 'the one execution of a token';

/** What went wrong. */
export type FailureKind = 'error' | 'race' | 'deadlock' | 'livelock' | FaultKind;

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
  /**
   * A short text from which `check({ token }, body)` carries out exactly this execution again, of
   * the same test; in another one it is refused.
   */
  readonly token: string;
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
  /**
   * What was drawn, as `1000 random executions, seed 1`, when the executions are a sample;
   * `bounded` says so too.
   */
  readonly sample: string | undefined;
  readonly failure: Failure | undefined;
  /** Where data races were seen, by what the memory is called; at most 16. */
  readonly races: readonly string[];
  /** Names of the threads. */
  readonly threads: readonly string[];
}

/**
 * Explores every execution of a test that the model allows, and stops at the first that fails. The
 * test's function is called once for each run of a thread, and must do the same each time; plain
 * objects that it makes are not shared between threads.
 * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
 * @throws {RondoError} ERR_CHECKER_MODEL, ERR_CHECKER_NONDETERMINISTIC, ERR_CHECKER_UNSUPPORTED,
 * ERR_CHECKER_SIZE, ERR_CHECKER_TOKEN, ERR_CHECKER_RESUME
 */
export function check(options: CheckOptions, body: TestBody): CheckResult {
  return checkWith(options, body);
}

/** What the checker itself may ask for. */
export interface CheckExtras {
  /** Changes accesses, to see what would help. */
  readonly trial?: Trial;
  /** What bounds of time go by. @default the machine's */
  readonly clock?: Clock;
}

/** As `check`, with what only the checker asks for. */
export function checkWith(
  options: CheckOptions,
  body: TestBody,
  { trial, clock }: CheckExtras = {},
): CheckResult {
  rejectUnknown('check', options, CHECK_OPTIONS);
  assertTest(body);
  const read = options.token === undefined ? undefined : readToken(options.token);
  const settings = resolveCheckOptions(
    read === undefined ? options : tokenOptions(options, read),
    clock,
  );
  const explored = consistencyOf(settings.model, settings.failsOnRaces);
  const examination = new Examination(body, settings, explored);
  examination.session.trial = trial;
  const names = withGlobals(() =>
    withSession(examination.session, () => carryOut(examination, explored, settings, read)),
  );
  return resultOf(settings.model, examination, names);
}

function carryOut(
  examination: Examination,
  explored: Explored,
  settings: Settings,
  read: ReadToken | undefined,
): readonly string[] {
  if (read !== undefined) {
    const names = replayToken(examination, explored, read);
    examination.bound(TOKEN_BOUND);
    return names;
  }
  const all = settings.strategy === 'all' ? Exploration : Sampling;
  const run = new all(examination, explored, settings);
  run.run();
  return run.names;
}

/** What an examination has found. */
export function resultOf(
  model: ModelName,
  examination: Examination,
  names: readonly string[],
): CheckResult {
  return {
    model,
    executions: examination.executions,
    blocked: examination.blocked,
    bounded: examination.bounded,
    sample: examination.sample,
    failure: examination.failure,
    races: [...examination.races],
    threads: names,
  };
}

/** Options under which the execution of a token was found. */
function tokenOptions(options: CheckOptions, { token }: ReadToken): CheckOptions {
  const model = MODEL_NAMES[token.model];
  if (model === undefined || (options.model !== undefined && options.model !== model)) {
    throw tokenError(`it is of the model ${model ?? 'of another version'}, not ${options.model}`);
  }
  return { model, races: token.failsOnRaces ? 'fail' : 'allow', events: 1000 };
}
