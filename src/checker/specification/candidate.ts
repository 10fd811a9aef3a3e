/**
 * A candidate execution before it is known who reads from whom: one run of each thread, put
 * together.
 */
import { equalRanges, INIT, type Event, type MemoryEvent, type Trace } from './events.ts';
import type { Memory } from './memory.ts';

/** An edge that orders two events whatever is read. */
export interface Edge {
  readonly from: number;
  readonly to: number;
  readonly why: 'agent order' | 'message' | 'critical section';
}

/** One run of each thread; events are numbered through all threads. */
export class Candidate {
  readonly memory: Memory;
  readonly traces: readonly Trace[];
  readonly events: readonly Event[];
  /** The thread of each event. */
  readonly threadOf: readonly number[];
  /** The first event of each thread. */
  readonly first: readonly number[];
  /** Events that read, and events that write: read-modify-writes are both. */
  readonly reads: readonly number[];
  readonly writes: readonly number[];

  constructor(memory: Memory, traces: readonly Trace[]) {
    this.memory = memory;
    this.traces = traces;
    const events: Event[] = [];
    const threadOf: number[] = [];
    const first: number[] = [];
    traces.forEach((trace, thread) => {
      first.push(events.length);
      for (const event of trace.events) {
        events.push(event);
        threadOf.push(thread);
      }
    });
    this.events = events;
    this.threadOf = threadOf;
    this.first = first;
    const all = [...events.keys()];
    this.reads = all.filter((event) => this.access(event)?.reads);
    this.writes = all.filter((event) => this.access(event)?.writes);
  }

  /** The memory event of that number; undefined when it is another kind of event. */
  access(event: number): MemoryEvent | undefined {
    const found = this.events[event];
    return found?.kind === 'memory' ? found : undefined;
  }

  /** As `access`, of an event that is one. */
  at(event: number): MemoryEvent {
    return this.events[event] as MemoryEvent;
  }

  /** Whether a write that a read reads from synchronizes with it. */
  synchronizes(write: number, read: number): boolean {
    if (write === INIT) return false;
    const from = this.at(write);
    const to = this.at(read);
    return from.seqCst && to.seqCst && equalRanges(from, to);
  }

  /** The order of events within threads, each to its next; and messages, each from its sending. */
  fixedEdges(): Edge[] {
    const found: Edge[] = [];
    this.events.forEach((event, number) => {
      const next = number + 1;
      if (this.threadOf[next] === this.threadOf[number]) {
        found.push({ from: number, to: next, why: 'agent order' });
      }
      if (event.kind !== 'await') return;
      for (const from of this.signalsOf(event.of)) found.push({ from, to: number, why: 'message' });
    });
    return found;
  }

  /** The sendings of a message. */
  signalsOf(message: number): number[] {
    return [...this.events.keys()].filter((number) => {
      const event = this.events[number]!;
      return event.kind === 'signal' && event.of === message;
    });
  }

  /** Whether threads get messages if, and only if, these are sent. */
  messagesAgree(): boolean {
    const sent = (message: number): boolean => this.signalsOf(message).length > 0;
    const got = this.events.every((event) => event.kind !== 'await' || sent(event.of));
    return got && this.traces.every(({ blockedOn }) => blockedOn === undefined || !sent(blockedOn));
  }
}
