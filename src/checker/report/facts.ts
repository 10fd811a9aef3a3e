/** What can be looked up in an execution. */
import type { ExecutionTrace, TraceEvent } from '../check/trace.ts';

/** See the head of this file. */
export class Facts {
  readonly trace: ExecutionTrace;
  readonly #events = new Map<number, TraceEvent>();
  /** By event: how many of its thread come before it. */
  readonly #positions = new Map<number, number>();
  /** By write: its place in coherence order, from 1; the initial value has 0. */
  readonly #places = new Map<number, number>();
  readonly #readers = new Map<string, TraceEvent[]>();

  constructor(trace: ExecutionTrace) {
    this.trace = trace;
    const counts: number[] = [];
    for (const event of trace.events) {
      this.#events.set(event.id, event);
      this.#positions.set(event.id, (counts[event.thread] ??= 0));
      counts[event.thread]! += 1;
      if (event.kind !== 'read') continue;
      const key = sourceKey(event);
      const readers = this.#readers.get(key);
      if (readers === undefined) this.#readers.set(key, [event]);
      else readers.push(event);
    }
    for (const writes of trace.coherence.values()) {
      for (const [index, write] of writes.entries()) this.#places.set(write, index + 1);
    }
  }

  event(id: number): TraceEvent | undefined {
    return this.#events.get(id);
  }

  /** How many events of its thread come before an event. */
  position({ id }: TraceEvent): number {
    return this.#positions.get(id) ?? 0;
  }

  /** The event right before one in its thread. */
  before(event: TraceEvent): TraceEvent | undefined {
    const previous = this.trace.events[this.trace.events.indexOf(event) - 1];
    return previous?.thread === event.thread ? previous : undefined;
  }

  /** Place of a write in coherence order, from 1, and 0 for 0; undefined when nobody knows. */
  place(write: number): number | undefined {
    return write === 0 ? 0 : this.#places.get(write);
  }

  /** Writes of a location in coherence order, as far as it is known, or else in any. */
  writes(location: string): readonly TraceEvent[] {
    const known = this.trace.coherence.get(location);
    if (known !== undefined) {
      return known.flatMap((id) => this.#events.get(id) ?? []);
    }
    return this.trace.events.filter((event) => {
      return event.kind === 'write' && event.location === location;
    });
  }

  /** The write before a write; 0 is the initial value, undefined when nobody knows. */
  coPrevious({ id, location }: TraceEvent): number | undefined {
    const writes = this.trace.coherence.get(location);
    const at = writes?.indexOf(id) ?? -1;
    if (at < 0) return undefined;
    return at === 0 ? 0 : writes![at - 1];
  }

  /** Reads that read from a write, or from the initial value of `location` when `write` is 0. */
  readers(write: number, location: string): readonly TraceEvent[] {
    return this.#readers.get(write === 0 ? `0 ${location}` : String(write)) ?? [];
  }

  /** Writes that come after the one that a read saw: it did not see them. */
  missed(read: TraceEvent): readonly TraceEvent[] {
    const seen = this.place(read.from ?? 0);
    return this.writes(read.location).filter((write) => {
      if (write.id === read.from) return false;
      const place = this.place(write.id);
      return place === undefined || seen === undefined || place > seen;
    });
  }

  /** Values at the end by location, for those that somebody wrote. */
  finalValues(): ReadonlyMap<string, unknown> {
    const values = new Map<string, unknown>();
    for (const [location, writes] of this.trace.coherence) {
      const last = this.#events.get(writes[writes.length - 1]!);
      if (last !== undefined && !last.isHidden) values.set(location, last.value);
    }
    return values;
  }
}

function sourceKey({ from, location }: TraceEvent): string {
  return from === 0 || from === undefined ? `0 ${location}` : String(from);
}
