/**
 * An execution: initial writes first, then the events of each thread in program order, and the
 * choices (reads-from, coherence, a total order) as matrices that the enumeration writes. One
 * object serves one candidate after another.
 */

import type { Value } from '../litmus/contract.ts';
import { Tag } from '../litmus/contract.ts';
import type { Plane, Source } from '../relation/index.ts';
import { widthFor } from '../relation/index.ts';

/** An event; masks are of accesses of the same thread, bit `n` for number `n`. */
export interface ExecutionEvent {
  readonly kind: 'R' | 'W' | 'F';
  /** -1: an initial write. */
  readonly thread: number;
  /** Number of its access in the thread, equal for all pieces of one access; -1: none. */
  readonly access: number;
  /** Number of the location (or of the piece of one); -1: none. */
  readonly location: number;
  readonly value: Value;
  /** Bits of `Tag`. */
  readonly tag: number;
  /** Name of a fence; '' otherwise. */
  readonly fence: string;
  readonly addr: number;
  readonly data: number;
  readonly ctrl: number;
  readonly pickAddr: number;
  readonly pickData: number;
  readonly pickCtrl: number;
  readonly unsequenced: number;
  /** The access with which a write is one read-modify-write; -1: none. */
  readonly reads: number;
}

/** See the head of this file. */
export class Execution implements Source {
  count = 0;
  width = 1;
  events: ExecutionEvent[] = [];
  /** Number of each thread's first event. */
  starts: number[] = [];
  /** Rows of `rf`: of a write, the reads of it. */
  readsFrom: Int32Array = new Int32Array(64);
  /** Rows of `co`. */
  coherence: Int32Array = new Int32Array(64);
  /** Rows of the total order that a model asks for. */
  total: Int32Array = new Int32Array(64);
  #locations: Int32Array = new Int32Array(64);

  /** Takes new events. The choices are empty afterwards. */
  load(initial: readonly ExecutionEvent[], threads: readonly (readonly ExecutionEvent[])[]): void {
    const events = this.events;
    let count = 0;
    for (const event of initial) events[count++] = event;
    for (let thread = 0; thread < threads.length; thread++) {
      this.starts[thread] = count;
      for (const event of threads[thread]!) events[count++] = event;
    }
    events.length = count;
    this.starts.length = threads.length;
    this.count = count;
    this.width = widthFor(count);
    const words = count * this.width;
    if (this.readsFrom.length < words) {
      this.readsFrom = new Int32Array(words * 2);
      this.coherence = new Int32Array(words * 2);
      this.total = new Int32Array(words * 2);
    } else {
      this.readsFrom.fill(0, 0, words);
      this.coherence.fill(0, 0, words);
      this.total.fill(0, 0, words);
    }
  }

  fill(name: string, sort: 'set' | 'relation', plane: Plane, at: number): void {
    if (sort === 'set') {
      this.#fillSet(name, plane, at);
      return;
    }
    const choice =
      name === 'rf'
        ? this.readsFrom
        : name === 'co'
          ? this.coherence
          : name === 'total'
            ? this.total
            : undefined;
    const words = plane.words;
    const length = plane.count * plane.width;
    if (choice !== undefined) {
      for (let word = 0; word < length; word++) words[at + word] = choice[word]!;
      return;
    }
    words.fill(name === 'all' ? -1 : 0, at, at + length);
    this.#fillRelation(name, plane, at);
  }

  #fillSet(name: string, plane: Plane, at: number): void {
    const { words, width } = plane;
    words.fill(0, at, at + width);
    const [kind, detail] = name.split(':') as [string, string | undefined];
    const bits = kind === 'tag' ? Number(detail) : 0;
    for (let index = 0; index < this.count; index++) {
      const event = this.events[index]!;
      let member = false;
      if (kind === 'events') member = true;
      else if (kind === 'IW') member = event.thread < 0;
      else if (kind === 'tag') member = event.thread >= 0 && (event.tag & bits) === bits;
      else if (kind === 'fence') member = event.kind === 'F' && name === `fence:${event.fence}`;
      else member = event.kind === kind;
      if (member) words[at + (index >> 5)]! |= 1 << (index & 31);
    }
  }

  #fillRelation(name: string, plane: Plane, at: number): void {
    switch (name) {
      case 'po':
      case 'int':
      case 'si':
        this.#fillThreads(name, plane, at);
        return;
      case 'loc':
        this.#fillLocations(plane, at);
        return;
      case 'id':
        for (let index = 0; index < this.count; index++) mark(plane, at, index, index);
        return;
      case 'all':
        this.#trim(plane, at);
        return;
      case 'none':
        return;
      case 'amo':
      case 'lxsx':
        this.#fillPairs(name === 'amo' ? Tag.ATOMIC_RMW : Tag.EXCLUSIVE, plane, at);
        return;
      default:
        this.#fillDependencies(name, plane, at);
    }
  }

  /** Bits beyond the last event stay 0 in every matrix. */
  #trim(plane: Plane, at: number): void {
    const { words, count, width } = plane;
    const last = count & 31;
    if (last === 0) return;
    for (let row = 0; row < count; row++) words[at + row * width + width - 1]! &= (1 << last) - 1;
  }

  #fillThreads(name: 'po' | 'int' | 'si', plane: Plane, at: number): void {
    const first = this.starts[0] ?? this.count;
    for (let index = 0; index < first; index++) {
      if (name !== 'po') mark(plane, at, index, index);
    }
    for (let thread = 0; thread < this.starts.length; thread++) {
      const end = this.starts[thread + 1] ?? this.count;
      for (let from = this.starts[thread]!; from < end; from++) {
        const access = this.events[from]!.access;
        for (let to = from; to < end; to++) {
          const same = from === to || (access >= 0 && access === this.events[to]!.access);
          if (name === 'si') {
            if (!same) continue;
            mark(plane, at, from, to);
            mark(plane, at, to, from);
          } else if (name === 'int') {
            mark(plane, at, from, to);
            mark(plane, at, to, from);
          } else if (!same) mark(plane, at, from, to);
        }
      }
    }
  }

  #fillLocations(plane: Plane, at: number): void {
    const { words, count, width } = plane;
    let most = 0;
    for (let index = 0; index < count; index++) {
      const location = this.events[index]!.location;
      if (location >= most) most = location + 1;
    }
    if (this.#locations.length < most * width) this.#locations = new Int32Array(most * width * 2);
    const rows = this.#locations;
    rows.fill(0, 0, most * width);
    for (let index = 0; index < count; index++) {
      const location = this.events[index]!.location;
      if (location >= 0) rows[location * width + (index >> 5)]! |= 1 << (index & 31);
    }
    for (let index = 0; index < count; index++) {
      const location = this.events[index]!.location;
      if (location < 0) continue;
      for (let word = 0; word < width; word++) {
        words[at + index * width + word] = rows[location * width + word]!;
      }
    }
  }

  #fillPairs(tag: number, plane: Plane, at: number): void {
    for (let thread = 0; thread < this.starts.length; thread++) {
      const start = this.starts[thread]!;
      const end = this.starts[thread + 1] ?? this.count;
      for (let write = start; write < end; write++) {
        const event = this.events[write]!;
        if (event.kind !== 'W' || event.reads < 0 || (event.tag & tag) === 0) continue;
        for (let read = start; read < write; read++) {
          const other = this.events[read]!;
          if (other.kind === 'R' && other.access === event.reads) mark(plane, at, read, write);
        }
      }
    }
  }

  #fillDependencies(name: string, plane: Plane, at: number): void {
    const both = name === 'unsequenced';
    for (let thread = 0; thread < this.starts.length; thread++) {
      const start = this.starts[thread]!;
      const end = this.starts[thread + 1] ?? this.count;
      for (let to = start; to < end; to++) {
        const mask = dependencies(this.events[to]!, name);
        if (mask === 0) continue;
        for (let from = start; from < to; from++) {
          const access = this.events[from]!.access;
          if (access < 0 || (mask & (1 << access)) === 0) continue;
          mark(plane, at, from, to);
          if (both) mark(plane, at, to, from);
        }
      }
    }
  }
}

function mark(plane: Plane, at: number, row: number, column: number): void {
  plane.words[at + row * plane.width + (column >> 5)]! |= 1 << (column & 31);
}

function dependencies(event: ExecutionEvent, name: string): number {
  switch (name) {
    case 'addr':
      return event.addr;
    case 'data':
      return event.data;
    case 'ctrl':
      return event.ctrl;
    case 'pick-addr':
      return event.pickAddr;
    case 'pick-data':
      return event.pickData;
    case 'pick-ctrl':
      return event.pickCtrl;
    default:
      return event.unsequenced;
  }
}
