/** Reads task counters from any thread that shares the arena; see `task-counters.ts`. */
import { fence, loadAcquire } from '#atomics';
import { misuse } from '../../base/index.ts';
import { Counters, type Arena } from '../../memory/index.ts';
import {
  CANCELLING,
  Cold,
  COLD_DOUBLES,
  Header,
  Hot,
  HOT_LAST_POLL,
  HOT_WORDS,
  KIND,
  MAGIC,
  NAME_BYTES,
  NAME_TEXT_BYTES,
  PRIORITY_SHIFT,
} from './task-counters-layout.ts';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** A task as its row shows it. */
export interface TaskRow {
  id: number;
  /** Id of the task that spawned it, 0 for none. */
  parent: number;
  state: 'idle' | 'scheduled' | 'running' | 'cancelling';
  /** Index of its class. */
  priority: number;
  polls: number;
  /** All of them, those that came when it had been woken already included. */
  wakes: number;
  selfWakes: number;
  /** Wakers that exist beside the task's own. */
  wakers: number;
  /** Being polled. */
  busyMicroseconds: number;
  /** In the queue. */
  waitedMicroseconds: number;
  /** Milliseconds of the executor's clock. */
  spawnedAt: number;
  /** Milliseconds of the executor's clock; 0 when it was never polled. */
  lastPollAt: number;
  /** The first 120 bytes of its name. */
  name: string;
  /** The last 120 bytes of where it was spawned; '' when that is not kept. */
  location: string;
}

/** A reader of one executor's tasks. It allocates when there are more tasks or new names only. */
export class TaskReader {
  /** The executor's totals. */
  readonly totals: Counters;
  readonly #arena: Arena;
  readonly #header: number;
  readonly #hot: number;
  readonly #cold: number;
  readonly #names: number;
  readonly #nameCount: number;
  readonly #rowsMax: number;
  readonly #rows: TaskRow[] = [];
  readonly #found: TaskRow[] = [];
  readonly #fence = new Int32Array(new SharedArrayBuffer(4));
  readonly #known = new Map<number, { version: number; text: string }>();

  /**
   * The reader of the counters at an arena offset.
   * @throws {TypeError} ERR_REGION_RELEASED, ERR_REGION_KIND
   */
  constructor(arena: Arena, offset: number) {
    const region = arena.regionAt(offset);
    const { words } = arena;
    const header = region.offset / 4;
    if (region.kind !== KIND || loadAcquire(words, header) !== MAGIC) {
      throw misuse(
        'ERR_REGION_KIND',
        `Cannot read tasks of region "${region.name}": its kind is "${region.kind}"`,
      );
    }
    this.#arena = arena;
    this.#header = header;
    this.#rowsMax = words[header + Header.ROWS]!;
    this.#hot = header + words[header + Header.HOT_AT]! / 4;
    this.#cold = (region.offset + words[header + Header.COLD_AT]!) / 8;
    this.#names = region.offset + words[header + Header.NAMES_AT]!;
    this.#nameCount = words[header + Header.NAMES]!;
    this.totals = Counters.attach(arena, words[header + Header.TOTALS]!);
  }

  /** The tasks that live now. The array and its rows are good until the next call. */
  read(): readonly TaskRow[] {
    const used = Math.min(this.#arena.words[this.#header + Header.USED]!, this.#rowsMax);
    this.#found.length = 0;
    for (let i = 0; i < used; i++) {
      this.#rows[this.#found.length] ??= emptyRow();
      const row = this.#rows[this.#found.length]!;
      if (this.#readRow(i, row)) this.#found.push(row);
    }
    return this.#found;
  }

  #readRow(index: number, into: TaskRow): boolean {
    const { words, unsigned, doubles } = this.#arena;
    const row = this.#hot + index * HOT_WORDS;
    const cold = this.#cold + index * COLD_DOUBLES;
    const id = doubles[cold + Cold.ID]!;
    if (id === 0) return false;
    const flags = words[row + Hot.FLAGS]!;
    const polls = unsigned[row + Hot.POLLS]!;
    const scheduled = unsigned[row + Hot.SCHEDULED]!;
    const running = words[this.#header + Header.RUNNING];
    into.id = id;
    into.parent = doubles[cold + Cold.PARENT]!;
    if ((flags & CANCELLING) !== 0) into.state = 'cancelling';
    else if (running === index) into.state = 'running';
    else into.state = scheduled === polls ? 'idle' : 'scheduled';
    into.priority = flags >>> PRIORITY_SHIFT;
    into.polls = polls;
    // That it was spawned put it in the queue, too.
    into.wakes = Math.max(0, scheduled + unsigned[row + Hot.WOKEN_AGAIN]! - 1);
    into.selfWakes = unsigned[row + Hot.WOKEN_BY_SELF]!;
    into.wakers = words[row + Hot.WAKERS]!;
    into.busyMicroseconds = doubles[cold + Cold.BUSY]!;
    into.waitedMicroseconds = doubles[cold + Cold.WAITED]!;
    into.spawnedAt = doubles[cold + Cold.SPAWNED]!;
    into.lastPollAt = doubles[row / 2 + HOT_LAST_POLL]!;
    const names = words[(cold + Cold.NAMES) * 2]!;
    into.name = this.#name(names & 0xffff);
    into.location = this.#name(names >>> 16);
    // Another task's by now: it will be there next time.
    return doubles[cold + Cold.ID] === id;
  }

  #name(index: number): string {
    if (index === 0 || index >= this.#nameCount) return '';
    const { words, bytes } = this.#arena;
    const offset = this.#names + index * NAME_BYTES;
    const word = offset / 4;
    // Acquires the text; partner: the second store of the version in `NameTable`.
    const version = loadAcquire(words, word);
    const known = this.#known.get(index);
    if (known?.version === version) return known.text;
    if ((version & 1) === 1) return '';
    const length = Math.min(words[word + 1]!, NAME_TEXT_BYTES);
    // A private copy: text must not be decoded in memory that another thread writes.
    const copy = bytes.slice(offset + 8, offset + 8 + length);
    // An acquire keeps what comes after it after it; the copy is complete before the version is
    // read.
    fence(this.#fence, 0);
    if (loadAcquire(words, word) !== version) return '';
    const text = decoder.decode(copy);
    this.#known.set(index, { version, text });
    return text;
  }
}

function emptyRow(): TaskRow {
  return {
    id: 0,
    parent: 0,
    state: 'idle',
    priority: 0,
    polls: 0,
    wakes: 0,
    selfWakes: 0,
    wakers: 0,
    busyMicroseconds: 0,
    waitedMicroseconds: 0,
    spawnedAt: 0,
    lastPollAt: 0,
    name: '',
    location: '',
  };
}
