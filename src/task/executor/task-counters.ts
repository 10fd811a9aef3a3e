/**
 * What tasks do, in shared memory, for whoever watches from outside: a row for each slot of the
 * executor's table of living tasks, and the executor's totals. One thread writes, with plain
 * stores, always; any thread reads (`TaskReader`).
 *
 * A reader never stops the owner, and no sequence lock makes the owner pay for atomic stores, so
 * what is read may be of two moments:
 *
 *  1. Each number is whole: an old value or a new one.
 *  2. Numbers of one row may be some polls apart.
 *  3. A row is one task's: its id is written last when a task enters the slot, and set to 0 first
 *     when it leaves; the reader compares ids before and after. On machines that reorder plain
 *     stores a row that changes hands at that moment may show numbers of both tasks, once.
 *
 * Tasks in slots beyond the rows share one row that nobody reads, and are counted (`untracked`).
 */
import { storeRelease } from '#atomics';
import { integerOption, rejectUnknown, stringOption } from '../../base/index.ts';
import { Counters, type Arena, type Region } from '../../memory/index.ts';
import {
  CANCELLING,
  Cold,
  COLD_DOUBLES,
  Header,
  HEADER_BYTES,
  Hot,
  HOT_LAST_POLL,
  HOT_WORDS,
  KIND,
  MAGIC,
  NAME_BYTES,
  NAME_TEXT_BYTES,
  NAMES_MAX,
  PRIORITY_SHIFT,
} from './task-counters-layout.ts';
import { NameTable } from './task-counters-names.ts';

const ROWS_DEFAULT = 4096;
const ROWS_MAX = 1_048_576;
const NAMES_DEFAULT = 1024;
const LINE_BYTES = 128;

/** Names of an executor's totals, in the order of `Total`. */
export const TOTAL_NAMES = [
  'spawned',
  'finished',
  'cancelled',
  'failed',
  'polls',
  'wakes',
  'remoteWakes',
  'budgetYields',
  'turns',
  'lifoHits',
  'slowPolls',
  'untracked',
  'namesLeftOut',
] as const;

/** The name of a total. */
export type TotalName = (typeof TOTAL_NAMES)[number];

/** Where a total is: `counters.totals[Total.POLLS] += 1`. */
export const Total = {
  SPAWNED: 0,
  FINISHED: 1,
  CANCELLED: 2,
  FAILED: 3,
  POLLS: 4,
  WAKES: 5,
  REMOTE_WAKES: 6,
  BUDGET_YIELDS: 7,
  TURNS: 8,
  LIFO_HITS: 9,
  SLOW_POLLS: 10,
  UNTRACKED: 11,
  NAMES_LEFT_OUT: 12,
} as const;

/** How task counters are made; all optional. */
export interface TaskCountersOptions {
  /** Slots that have a row, 1 to 1,048,576; 80 bytes each. @default 4096 */
  readonly rows?: number;
  /** Different names and locations at once, 1 to 65,535; 128 bytes each. @default 1024 */
  readonly names?: number;
  /** Of the regions, as `regions` lists it. @default '' */
  readonly owner?: string;
}

/**
 * The owner's side. Every method but `open` and `close` is a few plain loads and stores; a slot is
 * the caller's to give: what it does with one after `close` it does to the next task in it.
 */
export class TaskCounters {
  /** Totals, to be added to by the index in `Total`. */
  readonly totals: Float64Array;
  readonly #region: Region;
  readonly #counters: Counters<TotalName>;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #rows: number;
  /** Of each row when its task was put in the queue last: nobody else's business. */
  readonly #since: Float64Array;
  /** Word of the first hot row, double of the first cold one, words of the header. */
  readonly #hot: number;
  readonly #cold: number;
  readonly #running: number;
  readonly #used: number;
  readonly #names: NameTable;

  private constructor(arena: Arena, region: Region, counters: Counters<TotalName>) {
    const { words, doubles } = arena;
    const header = region.offset / 4;
    this.#region = region;
    this.#counters = counters;
    this.#words = words;
    this.#doubles = doubles;
    this.#rows = words[header + Header.ROWS]!;
    this.#since = new Float64Array(this.#rows + 1);
    this.#hot = header + words[header + Header.HOT_AT]! / 4;
    this.#cold = (region.offset + words[header + Header.COLD_AT]!) / 8;
    this.#running = header + Header.RUNNING;
    this.#used = header + Header.USED;
    const names = region.offset + words[header + Header.NAMES_AT]!;
    this.#names = new NameTable(arena, names, words[header + Header.NAMES]!);
    this.totals = doubles.subarray(counters.base, counters.base + TOTAL_NAMES.length);
  }

  /**
   * New counters, all 0.
   * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
   * @throws {RondoError} ERR_ARENA_EXHAUSTED, ERR_ARENA_REGIONS
   */
  static create(arena: Arena, options: TaskCountersOptions = {}): TaskCounters {
    rejectUnknown('TaskCounters', options, ['rows', 'names', 'owner']);
    const rows = integerOption('rows', options.rows, ROWS_DEFAULT, 1, ROWS_MAX);
    const names = 1 + integerOption('names', options.names, NAMES_DEFAULT, 1, NAMES_MAX - 1);
    const owner = stringOption('owner', options.owner, '');
    const coldAt = HEADER_BYTES + lines((rows + 1) * HOT_WORDS * 4);
    const namesAt = coldAt + lines((rows + 1) * COLD_DOUBLES * 8);
    const size = namesAt + names * NAME_BYTES;
    const region = arena.allocate('task rows', size, { owner, kind: KIND });
    const counters = Counters.create(arena, 'task totals', owner, TOTAL_NAMES);
    const { words } = arena;
    const header = region.offset / 4;
    words[header + Header.ROWS] = rows;
    words[header + Header.NAMES] = names;
    words[header + Header.HOT_AT] = HEADER_BYTES;
    words[header + Header.COLD_AT] = coldAt;
    words[header + Header.NAMES_AT] = namesAt;
    words[header + Header.TOTALS] = counters.offset;
    words[header + Header.RUNNING] = -1;
    // Publishes the header; partner: the load in `TaskReader`.
    storeRelease(words, header + Header.MAGIC, MAGIC);
    region.used = size;
    return new TaskCounters(arena, region, counters);
  }

  /** Where they are: what `TaskReader` takes. */
  get offset(): number {
    return this.#region.offset;
  }

  /** The hot row of a slot; the last one for all slots that have none. */
  #row(slot: number): number {
    return this.#hot + (slot < this.#rows ? slot : this.#rows) * HOT_WORDS;
  }

  #coldRow(slot: number): number {
    return this.#cold + (slot < this.#rows ? slot : this.#rows) * COLD_DOUBLES;
  }

  /**
   * A task enters a slot. `parent` is the id of the task that spawned it, 0 for none; `now` is in
   * milliseconds of the executor's clock.
   */
  open(
    slot: number,
    id: number,
    parent: number,
    priority: number,
    now: number,
    name: string,
    location: string | undefined,
  ): void {
    const words = this.#words;
    if (slot >= this.#rows) {
      this.totals[Total.UNTRACKED] = this.totals[Total.UNTRACKED]! + 1;
      return;
    }
    if (slot >= words[this.#used]!) words[this.#used] = slot + 1;
    const doubles = this.#doubles;
    const row = this.#row(slot);
    // A double of 0 clears two words.
    doubles[row >>> 1] = 0;
    doubles[(row + Hot.WOKEN_BY_SELF) >>> 1] = 0;
    doubles[(row >>> 1) + HOT_LAST_POLL] = 0;
    words[row + Hot.WAKERS] = 0;
    words[row + Hot.FLAGS] = priority << PRIORITY_SHIFT;
    const cold = this.#coldRow(slot);
    doubles[cold + Cold.BUSY] = 0;
    doubles[cold + Cold.WAITED] = 0;
    doubles[cold + Cold.SPAWNED] = now;
    doubles[cold + Cold.PARENT] = parent;
    const names = this.#hold(name) | (location === undefined ? 0 : this.#holdLocation(location));
    words[(cold + Cold.NAMES) * 2] = names;
    doubles[cold + Cold.ID] = id;
  }

  #holdLocation(location: string): number {
    // As much as fits, of its end: that is where the line is. The dots are 3 bytes.
    const fits = location.length <= NAME_TEXT_BYTES;
    return this.#hold(fits ? location : `…${location.slice(3 - NAME_TEXT_BYTES)}`) << 16;
  }

  #hold(text: string): number {
    if (text === '') return 0;
    const index = this.#names.hold(text);
    if (index === 0) this.totals[Total.NAMES_LEFT_OUT] = this.totals[Total.NAMES_LEFT_OUT]! + 1;
    return index;
  }

  /** The task leaves its slot. */
  close(slot: number): void {
    if (slot >= this.#rows) return;
    const cold = this.#coldRow(slot);
    this.#doubles[cold + Cold.ID] = 0;
    const names = this.#words[(cold + Cold.NAMES) * 2]!;
    if (names === 0) return;
    this.#names.drop(names & 0xffff);
    this.#names.drop(names >>> 16);
  }

  /** It was put in the queue, because it was spawned, woken or aborted; `now` in milliseconds. */
  scheduled(slot: number, now: number): void {
    this.#since[slot < this.#rows ? slot : this.#rows] = now;
    const at = this.#row(slot) + Hot.SCHEDULED;
    this.#words[at] = this.#words[at]! + 1;
  }

  /** It was woken while it was in the queue. */
  wokenAgain(slot: number): void {
    const at = this.#row(slot) + Hot.WOKEN_AGAIN;
    this.#words[at] = this.#words[at]! + 1;
  }

  /** Beside one of these two: it was woken while it was being polled. */
  wokenBySelf(slot: number): void {
    const at = this.#row(slot) + Hot.WOKEN_BY_SELF;
    this.#words[at] = this.#words[at]! + 1;
  }

  /** A poll begins; `now` in milliseconds, roughly. */
  polling(slot: number, now: number): void {
    const words = this.#words;
    const row = this.#row(slot);
    words[this.#running] = slot;
    words[row + Hot.POLLS] = words[row + Hot.POLLS]! + 1;
    const doubles = this.#doubles;
    doubles[(row >>> 1) + HOT_LAST_POLL] = now;
    const waited = this.#coldRow(slot) + Cold.WAITED;
    const since = this.#since[slot < this.#rows ? slot : this.#rows]!;
    doubles[waited] = doubles[waited]! + (now - since) * 1000;
  }

  /** Nothing is being polled any more. */
  turnEnded(): void {
    this.#words[this.#running] = -1;
  }

  /** Its waker was cloned (1) or dropped (-1). */
  addWakers(slot: number, change: number): void {
    const at = this.#row(slot) + Hot.WAKERS;
    this.#words[at] = this.#words[at]! + change;
  }

  /** Adds milliseconds that it was being polled. */
  addBusy(slot: number, milliseconds: number): void {
    const at = this.#coldRow(slot) + Cold.BUSY;
    this.#doubles[at] = this.#doubles[at]! + milliseconds * 1000;
  }

  /** It is in another class now. */
  setPriority(slot: number, priority: number): void {
    const at = this.#row(slot) + Hot.FLAGS;
    this.#words[at] = (this.#words[at]! & CANCELLING) | (priority << PRIORITY_SHIFT);
  }

  /** It is being cancelled from now on. */
  cancelling(slot: number): void {
    const at = this.#row(slot) + Hot.FLAGS;
    this.#words[at] = this.#words[at]! | CANCELLING;
  }

  /** Gives the memory back. @throws {TypeError} ERR_REGION_RELEASED */
  release(): void {
    this.#counters.release();
    this.#region.release();
  }
}

function lines(bytes: number): number {
  return Math.ceil(bytes / LINE_BYTES) * LINE_BYTES;
}
