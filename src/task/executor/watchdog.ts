/**
 * Measures polls, and names the task whose poll took too long.
 *
 * Reading the clock costs 40 ns, twice as much as a short poll, so it is not read around each. One
 * reading ends a measure and begins the next:
 *
 *  - the first polls of a turn are timed one by one: most turns have no more;
 *  - after that the clock is read once for a slice of 32 polls while they are short (below 2
 *    microseconds in the mean of the slice). Its time is charged to one of them, drawn by lot: over
 *    time each task gets its share, at a fraction of the cost of splitting;
 *  - where they are not short, the next 64 are timed one by one: the reading is 2 % of them at
 *    most. So what is drawn by lot is small, but for a poll that is slow for the first time;
 *  - a slice that took as long as a slow poll is reported with all its tasks as suspects, and the
 *    next 1024 polls are timed one by one, so that a task that does it again is named alone.
 *
 * A poll is slow from 50 ms on, the length from which browsers speak of a long task (W3C Long
 * Tasks): people notice it, and every other socket and timer of the thread has waited for it.
 */
import {
  choiceOption,
  integerOption,
  rejectUnknown,
  SeededRandom,
  type Clock,
} from '../../base/index.ts';

/** Polls at the start of a turn that are timed one by one. */
export const FIRST_POLLS = 4;
/** Polls between two readings of the clock while polls are short. */
export const SLICE_POLLS = 32;
/** Polls that are timed one by one after a slice whose mean was not short. */
export const LONG_POLLS = 64;
/** Polls that are timed one by one after a slow slice. */
export const WATCHED_POLLS = 1024;
/** Milliseconds in the mean from which polls are not short. */
const LONG_MEAN = 0.002;
const SLOW_POLL_MS = 50;
/** How many tasks a warning names. */
const NAMED_MAX = 8;
/** Warnings: a program with that many slow polls knows. */
const WARNED_MAX = 1024;

/** When the clock is read: see the head of this file; `every` after each poll; `off` never. */
export type Timing = 'adaptive' | 'every' | 'off';

/** What a report says of a task. */
export interface WatchedTask {
  readonly id: number;
  readonly name: string;
  /** Where it was spawned, if that is kept. */
  readonly location: string | undefined;
}

/** A poll that took too long. */
export interface SlowPoll {
  /** Milliseconds, of the poll or of the polls that were measured together. */
  readonly duration: number;
  /** The culprit, or those among which it is; then without tasks that have ended since. */
  readonly tasks: readonly WatchedTask[];
  /** Polls that were measured together: 1 when the culprit is known. */
  readonly polls: number;
}

/** What a watchdog needs of its executor. */
export interface Watched {
  readonly clock: Clock;
  /** Takes the time that the task in a slot has used: milliseconds. */
  readonly counters: { addBusy(slot: number, milliseconds: number): void };
  /** The task in a slot, if it has not ended. */
  taskAt(slot: number): WatchedTask | undefined;
  /** Gets what `onSlowPoll` throws. */
  report(error: unknown): void;
}

/** How polls are measured; all optional. */
export interface WatchdogOptions {
  /** @default 'adaptive' */
  readonly timing?: Timing;
  /** Milliseconds from which a poll is slow, 1 to 3,600,000. @default 50 */
  readonly slowPollMs?: number;
  /** Told of every slow poll. @default a process warning, once for each task */
  readonly onSlowPoll?: (poll: SlowPoll) => void;
}

/** The watchdog of one executor, which calls everything here. */
export class Watchdog {
  /** The last reading of the clock; inside of a turn at most 32 polls old, short ones. */
  recent = 0;
  /** Slow polls and slow slices so far. */
  slowPolls = 0;
  readonly #watched: Watched;
  readonly #timing: Timing;
  readonly #limit: number;
  readonly #told: (poll: SlowPoll) => void;
  /** Polls that are still to be timed one by one. */
  #exact = 0;
  /** Slots, not tasks: a reference stored at each poll costs a write barrier. */
  readonly #slice = new Int32Array(SLICE_POLLS);
  #sliceLength = 0;
  /** Of its own and always the same: a simulation's draws must not depend on what is measured. */
  readonly #lot = new SeededRandom(1);

  /** @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE */
  constructor(watched: Watched, options: WatchdogOptions = {}) {
    rejectUnknown('Watchdog', options, ['timing', 'slowPollMs', 'onSlowPoll']);
    this.#watched = watched;
    this.#timing = choiceOption('timing', options.timing, 'adaptive', ['adaptive', 'every', 'off']);
    this.#limit = integerOption('slowPollMs', options.slowPollMs, SLOW_POLL_MS, 1, 3_600_000);
    this.#told = options.onSlowPoll ?? warnOnce();
    if (this.#timing === 'every') this.#exact = Number.POSITIVE_INFINITY;
  }

  /** A turn begins to poll; `now` is what the clock said just now. */
  begin(now: number): void {
    this.recent = now;
    if (this.#exact < FIRST_POLLS && this.#timing === 'adaptive') this.#exact = FIRST_POLLS;
  }

  /** A poll of `task`, which is or was in `slot`, has just ended, in whatever way. */
  polled(slot: number, task: WatchedTask): void {
    if (this.#exact > 0) {
      this.#measure(slot, task);
      return;
    }
    this.#slice[this.#sliceLength] = slot;
    this.#sliceLength += 1;
    if (this.#sliceLength === SLICE_POLLS) this.#endSlice();
  }

  /** The turn ends; returns the last reading of the clock. */
  end(): number {
    if (this.#sliceLength > 0) this.#endSlice();
    return this.recent;
  }

  /** Reads the clock; gives the time since the last reading. */
  #lap(): number {
    const now = this.#watched.clock.now();
    const duration = now - this.recent;
    this.recent = now;
    return duration;
  }

  #measure(slot: number, task: WatchedTask): void {
    const duration = this.#lap();
    this.#exact -= 1;
    this.#watched.counters.addBusy(slot, duration);
    if (duration >= this.#limit) this.#slow(duration, 1, [task]);
  }

  #endSlice(): void {
    const duration = this.#lap();
    const polls = this.#sliceLength;
    this.#sliceLength = 0;
    if (this.#timing === 'off') return;
    this.#watched.counters.addBusy(this.#slice[this.#lot.below(polls)]!, duration);
    if (duration >= LONG_MEAN * polls) this.#exact = LONG_POLLS;
    if (duration < this.#limit) return;
    this.#exact = WATCHED_POLLS;
    const slots = new Set(this.#slice.subarray(0, polls));
    this.#slow(
      duration,
      polls,
      Array.from(slots, (slot) => this.#watched.taskAt(slot)),
    );
  }

  /** `suspects` are undefined where they have ended. */
  #slow(duration: number, polls: number, suspects: readonly (WatchedTask | undefined)[]): void {
    this.slowPolls += 1;
    const tasks: WatchedTask[] = [];
    for (const task of suspects) {
      if (task === undefined) continue;
      tasks.push({ id: task.id, name: task.name, location: task.location });
    }
    try {
      this.#told({ duration, tasks, polls });
    } catch (error) {
      this.#watched.report(error);
    }
  }
}

/** Warns of each task once, and of suspects while one of them was not warned of. */
function warnOnce(): (poll: SlowPoll) => void {
  const warned = new Set<number>();
  let warnings = 0;
  return ({ duration, tasks, polls }) => {
    if (warnings >= WARNED_MAX) return;
    if (tasks.length > 0 && tasks.every(({ id }) => warned.has(id))) return;
    warnings += 1;
    for (const { id } of tasks) warned.add(id);
    const took = `took ${duration.toFixed(0)} ms without waiting`;
    const what = polls === 1 ? 'A poll of' : `One of ${polls} polls, of`;
    process.emitWarning(`${what} ${titleOf(tasks)} ${took}`, {
      type: 'SlowTaskWarning',
      code: 'RONDO_SLOW_POLL',
    });
  };
}

function titleOf(tasks: readonly WatchedTask[]): string {
  if (tasks.length === 0) return 'a task that has ended';
  const titles = tasks.slice(0, NAMED_MAX).map(({ id, name, location }) => {
    const title = name === '' ? `task ${id}` : `task ${id} (${name})`;
    return location === undefined ? title : `${title}, spawned ${location}`;
  });
  const more = tasks.length - titles.length;
  return titles.join('; ') + (more > 0 ? `; ${more} more` : '');
}
