/** Options of a check. */
import {
  choiceOption,
  type Clock,
  integerOption,
  misuse,
  rejectUnknown,
  RondoError,
  systemClock,
} from '../../base/index.ts';
import type { ModelName } from './models.ts';

/** How executions are chosen. */
export type Strategy = 'all' | 'random' | 'pct';

/** How far a check is. */
export interface CheckProgress {
  readonly executions: number;
  readonly blocked: number;
  /** Graphs that wait to be explored; each may lead to many more. */
  readonly pending: number;
  /**
   * How many executions there may be altogether, as far as can be guessed from what was explored so
   * far; often wrong by a factor of ten. Undefined for random executions.
   */
  readonly estimate: number | undefined;
}

/** How a test is checked; all optional. */
export interface CheckOptions {
  /** The memory model. @default 'es', or that of the token */
  readonly model?: ModelName;
  /**
   * Executions at most, 1 to 2^31 - 1; when there are more the result is bounded. @default
   * 1,000,000
   */
  readonly executions?: number;
  /** Events of one thread in one execution, 1 to 1,000. @default 200 */
  readonly events?: number;
  /**
   * Milliseconds at most, 1 to 2^31 - 1; the result is bounded when they are over. @default none
   */
  readonly milliseconds?: number;
  /**
   * Preemptions of one execution at most, 0 to 1,000: only under `sc`, where an execution is one
   * thing after another. Executions that cannot be had with so few are left out; most bugs need one
   * or two. @default none
   */
  readonly preemptions?: number;
  /**
   * Whether a data race fails the test: two accesses that conflict, of which one is plain and
   * neither happens before the other. @default 'fail' under rc11, where it is undefined behaviour,
   * else 'allow'
   */
  readonly races?: 'fail' | 'allow';
  /**
   * All executions, or a sample of random ones, for what is too large: `random` draws each step,
   * `pct` gives threads random priorities that change at `depth - 1` steps. @default 'all'
   */
  readonly strategy?: Strategy;
  /** Of a sample: the same seed gives the same one; 0 to 2^32 - 1. @default 1 */
  readonly seed?: number;
  /** Of a sample: how many executions are tried, 1 to 2^31 - 1. @default 10,000 */
  readonly samples?: number;
  /** Of a sample by `pct`: steps whose order makes the bug, 1 to 16. @default 3 */
  readonly depth?: number;
  /** Replays one failing execution: see `Failure.token`. */
  readonly token?: string;
  /**
   * A file. When the check ends at a bound, and now and then before, what is left to explore is
   * written there, and the next check of the same test goes on from it; its counts are the sums.
   * Bounds are those of each check. The file is gone when everything is explored, or has failed.
   */
  readonly resume?: string;
  /** Milliseconds between two writes of that file, 1 to 2^31 - 1. @default 10,000 */
  readonly resumeEvery?: number;
  /** Called about ten times a second while executions are explored; false ends it: `BOUNDED`. */
  readonly onProgress?: (progress: CheckProgress) => boolean | undefined;
}

/** Options with everything filled in. */
export interface Settings {
  readonly model: ModelName;
  readonly executions: number;
  readonly events: number;
  readonly milliseconds: number;
  readonly preemptions: number;
  readonly failsOnRaces: boolean;
  readonly strategy: Strategy;
  readonly seed: number;
  readonly samples: number;
  readonly depth: number;
  readonly resume: string | undefined;
  readonly resumeEvery: number;
  readonly onProgress: CheckOptions['onProgress'];
  readonly clock: Clock;
}

/** Names of all options. */
export const CHECK_OPTIONS: readonly string[] = [
  'model',
  'executions',
  'events',
  'milliseconds',
  'preemptions',
  'races',
  'strategy',
  'seed',
  'samples',
  'depth',
  'token',
  'resume',
  'resumeEvery',
  'onProgress',
];

const RACES: readonly ('fail' | 'allow')[] = ['fail', 'allow'];
const STRATEGIES: readonly Strategy[] = ['all', 'random', 'pct'];
const LARGE = 2 ** 31 - 1;

/** @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE */
export function resolveCheckOptions(options: CheckOptions, clock: Clock = systemClock): Settings {
  rejectUnknown('check', options, CHECK_OPTIONS);
  const { model = 'es', milliseconds, preemptions, resume } = options;
  const races = choiceOption('races', options.races, model === 'rc11' ? 'fail' : 'allow', RACES);
  if (resume !== undefined && typeof resume !== 'string') {
    throw misuse('ERR_OPTION_TYPE', 'Cannot use resume: it must be the path of a file');
  }
  if (preemptions !== undefined && model !== 'sc') {
    throw new RondoError(
      'ERR_CHECKER_MODEL',
      `Cannot bound preemptions under ${model}: only under sc one thing is done after another`,
    );
  }
  const strategy = choiceOption('strategy', options.strategy, 'all', STRATEGIES);
  if (resume !== undefined && strategy !== 'all') {
    throw misuse('ERR_OPTION_TYPE', 'Cannot resume a sample: it begins again by its seed');
  }
  return {
    model,
    executions: integerOption('executions', options.executions, 1_000_000, 1, LARGE),
    events: integerOption('events', options.events, 200, 1, 1000),
    milliseconds:
      milliseconds === undefined
        ? Infinity
        : integerOption('milliseconds', milliseconds, 1, 1, LARGE),
    preemptions:
      preemptions === undefined ? Infinity : integerOption('preemptions', preemptions, 0, 0, 1000),
    failsOnRaces: races === 'fail',
    strategy,
    seed: integerOption('seed', options.seed, 1, 0, 2 ** 32 - 1),
    samples: integerOption('samples', options.samples, 10_000, 1, LARGE),
    depth: integerOption('depth', options.depth, 3, 1, 16),
    resume,
    resumeEvery: integerOption('resumeEvery', options.resumeEvery, 10_000, 1, LARGE),
    onProgress: options.onProgress,
    clock,
  };
}
