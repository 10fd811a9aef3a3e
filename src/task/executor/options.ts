/** Options of executors. */
import {
  booleanOption,
  choiceOption,
  integerOption,
  rejectUnknown,
  stringOption,
  type Random,
  systemRandom,
} from '../../base/index.ts';
import type { Arena } from '../../memory/index.ts';
import { PRIORITIES, type Priority } from './class-queue.ts';
import { resolveInboxOptions, type InboxOptions, type ResolvedInboxOptions } from './inbox.ts';
import type { TaskCountersOptions } from './task-counters.ts';
import type { WatchdogOptions } from './watchdog.ts';

/** How an executor chooses the next task. */
export type Scheduling =
  /** Four classes with aging. */
  | 'priority'
  /** The same, and tasks move between the classes by what they use. */
  | 'feedback'
  /** Earliest deadline first. */
  | 'deadline';

/** How an executor is made; all optional. */
export interface ExecutorOptions {
  /** For the console and for messages. @default 'main' */
  readonly name?: string;
  /** @default 'priority' */
  readonly scheduling?: Scheduling;
  /** Operations of the library that one poll may do before it yields, 1 to 65,535. @default 128 */
  readonly budget?: number;
  /** Polls of one turn, 1 to 1,048,576; then the event loop has its turn. @default 1024 */
  readonly pollsPerTurn?: number;
  /**
   * Milliseconds of one turn, 1 to 1,000: looked at every 32 polls. Whichever of the two limits is
   * reached first ends the turn. @default 2
   */
  readonly turnMs?: number;
  /** Tasks that may live at once, 1 to 16,777,216. @default 4,194,304 */
  readonly tasks?: number;
  /** Milliseconds after which a task without `due` counts as due, with 'deadline'. @default 1000 */
  readonly horizonMs?: number;
  /**
   * Milliseconds that a cancelled coroutine has for its cleaning up, 1 to 3,600,000; then it is
   * ended wherever it waits. @default 5000
   */
  readonly graceMs?: number;
  /** Keeps where each task was spawned: costs microseconds a spawn. @default false */
  readonly locations?: boolean;
  /** How polls are measured, and what is told of slow ones. @default see `WatchdogOptions` */
  readonly watchdog?: WatchdogOptions;
  /**
   * Where to keep counters of tasks that others may read, from the start: see `Executor.observe`.
   * @default none
   */
  readonly counters?: CounterOptions;
  /** How much can come from other threads at once. @default 4096 wakers, 1024 messages */
  readonly inbox?: Pick<InboxOptions, 'slots' | 'messages'>;
  /** What fair choices are drawn from. @default the machine's */
  readonly random?: Random;
}

/** Where counters of tasks are kept. */
export interface CounterOptions extends TaskCountersOptions {
  readonly arena: Arena;
}

/** Options with every default filled in. */
export interface ResolvedExecutorOptions {
  readonly name: string;
  readonly scheduling: Scheduling;
  readonly budget: number;
  readonly pollsPerTurn: number;
  readonly turnMs: number;
  readonly tasks: number;
  readonly horizonMs: number;
  readonly graceMs: number;
  readonly locations: boolean;
  readonly watchdog: WatchdogOptions;
  readonly counters: CounterOptions | undefined;
  readonly inbox: ResolvedInboxOptions;
  readonly random: Random;
}

const KEYS = [
  'name',
  'scheduling',
  'budget',
  'pollsPerTurn',
  'turnMs',
  'tasks',
  'horizonMs',
  'graceMs',
  'locations',
  'watchdog',
  'counters',
  'inbox',
  'random',
] as const;

/** Checks and fills in. */
export function resolveExecutorOptions(options: ExecutorOptions): ResolvedExecutorOptions {
  rejectUnknown('Executor', options, KEYS);
  const name = stringOption('name', options.name, 'main');
  return Object.freeze({
    name,
    scheduling: choiceOption('scheduling', options.scheduling, 'priority', [
      'priority',
      'feedback',
      'deadline',
    ]),
    budget: integerOption('budget', options.budget, 128, 1, 65_535),
    pollsPerTurn: integerOption('pollsPerTurn', options.pollsPerTurn, 1024, 1, 1_048_576),
    turnMs: integerOption('turnMs', options.turnMs, 2, 1, 1000),
    tasks: integerOption('tasks', options.tasks, 4_194_304, 1, 16_777_216),
    horizonMs: integerOption('horizonMs', options.horizonMs, 1000, 1, 3_600_000),
    graceMs: integerOption('graceMs', options.graceMs, 5000, 1, 3_600_000),
    locations: booleanOption('locations', options.locations, false),
    watchdog: options.watchdog ?? {},
    counters: options.counters,
    inbox: resolveInboxOptions({ ...options.inbox, owner: name }),
    random: options.random ?? systemRandom,
  });
}

const SPAWN_KEYS = ['name', 'priority', 'due'] as const;

/** Spawn options that were checked. `level` is the index of the class. */
export interface ResolvedSpawnOptions {
  readonly name: string | undefined;
  readonly level: number | undefined;
  readonly due: number | undefined;
}

/** Checks the options of one spawn. */
export function resolveSpawnOptions(options: {
  readonly name?: string;
  readonly priority?: Priority;
  readonly due?: number;
}): ResolvedSpawnOptions {
  rejectUnknown('spawn', options, SPAWN_KEYS);
  const { priority, due } = options;
  return {
    name: options.name === undefined ? undefined : stringOption('name', options.name, ''),
    level:
      priority === undefined
        ? undefined
        : PRIORITIES.indexOf(choiceOption('priority', priority, 'normal', PRIORITIES)),
    due: due === undefined ? undefined : integerOption('due', due, 0, 0, 0x7fffffff),
  };
}
