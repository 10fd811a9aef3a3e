/** An execution as people look at it: who did what, where in the source, and what each read saw. */
import { Flag, type Graph, Kind, Order, Status } from '../explore/graph.ts';
import { type Place, placesOf } from '../program/places.ts';
import type { Session } from '../program/session.ts';
import { siteHere } from '../program/site.ts';
import type { TestInstance } from '../program/test.ts';
import type { Step } from './enumeration.ts';

/** What an event did. */
export type TraceKind = 'read' | 'write' | 'fence' | 'choice' | 'join';

/** One event of an execution. */
export interface TraceEvent {
  /** Number in the execution; the initial values have no number. */
  readonly id: number;
  readonly thread: number;
  readonly kind: TraceKind;
  /**
   * What the memory is called: with an index behind it, or an offset in bytes (`ring+128`) when it
   * has elements of several types. '' for none.
   */
  readonly location: string;
  /** Order in which it was asked for. */
  readonly order: 'plain' | 'relaxed' | 'acquire' | 'release' | 'acq_rel' | 'seq_cst';
  /** Half of one read-modify-write with the event before or behind it in its thread. */
  readonly isRmw: boolean;
  /** Of the checker's own words: queues of sleepers. */
  readonly isHidden: boolean;
  /** What was read or written, as the view has it; a join: the number of the thread. */
  readonly value: unknown;
  /**
   * A read: the write that it saw, 0 for the initial value. A join: the last event of the thread.
   */
  readonly from: number | undefined;
  /** Where in the test or the code under test: `file:line:column`; '' when it is not known. */
  readonly site: string;
}

/** One execution. */
export interface ExecutionTrace {
  /** Names of the threads. */
  readonly threads: readonly string[];
  /** How each thread stands at its end. */
  readonly states: readonly ('ended' | 'stopped' | 'spinning' | 'sleeping' | 'joining')[];
  /** Of all threads, those of one thread in program order. */
  readonly events: readonly TraceEvent[];
  /** By location: its writes in coherence order, without the initial one. */
  readonly coherence: ReadonlyMap<string, readonly number[]>;
  /** By location: the value before the threads started. */
  readonly initial: ReadonlyMap<string, unknown>;
  /** By thread: how many of its last events are one round of the loop that it waits in. */
  readonly rounds: readonly number[];
}

const ORDERS = ['plain', 'relaxed', 'acquire', 'release', 'acq_rel', 'seq_cst'] as const;
const STATES = [
  'stopped',
  'ended',
  'spinning',
  'sleeping',
  'joining',
  'sleeping',
  'stopped',
] as const;
const NOWHERE: Place = { name: '', decode: (raw) => raw };
const KINDS: Readonly<Record<number, TraceKind>> = {
  [Kind.READ]: 'read',
  [Kind.WRITE]: 'write',
  [Kind.FENCE]: 'fence',
  [Kind.CHOICE]: 'choice',
  [Kind.JOIN]: 'join',
};

/** Tells an execution, by running its threads once more. */
export function traceOf(session: Session, graph: Graph, instance: TestInstance): ExecutionTrace {
  const sites: string[] = [];
  session.onEvent = (event) => {
    sites[event] = siteHere();
  };
  try {
    session.replay(graph, instance);
  } finally {
    session.onEvent = undefined;
  }
  const events: TraceEvent[] = [];
  const initial = new Map<string, unknown>();
  const places = placesOf(session);
  for (let thread = 0; thread < graph.threads; thread++) {
    const log: number[] = [];
    const length = graph.log(thread, log);
    for (let index = 0; index < length; index++) {
      const event = log[index]!;
      const kind = KINDS[graph.kind(event)];
      if (kind === undefined) continue;
      const location = graph.location(event);
      const from = kind === 'read' || kind === 'join' ? graph.rf(event) : undefined;
      const place = places[location] ?? NOWHERE;
      const first = location < 0 ? undefined : place.decode(instance.initial(location));
      if (location >= 0) initial.set(place.name, first);
      const value = place.decode(graph.values[from ?? event]);
      events.push({
        id: event,
        thread,
        kind,
        location: place.name,
        order: ORDERS[graph.order(event)] ?? ORDERS[Order.PLAIN],
        isRmw: (graph.flags(event) & Flag.RMW) !== 0,
        isHidden: (graph.flags(event) & Flag.HIDDEN) !== 0,
        value:
          kind === 'join' ? graph.thread(from!) : kind === 'read' && from === 0 ? first : value,
        from,
        site: sites[event] ?? '',
      });
    }
  }
  return {
    threads: instance.names,
    states: instance.names.map((_, thread) => STATES[graph.status(thread)] ?? 'stopped'),
    events,
    coherence: coherenceOf(graph, places),
    initial,
    rounds: instance.names.map((_, thread) =>
      graph.status(thread) === Status.SPINNING ? graph.round(thread) : 0,
    ),
  };
}

function coherenceOf(graph: Graph, places: readonly Place[]): Map<string, number[]> {
  const all = new Map<string, number[]>();
  for (const [location, { name }] of places.entries()) {
    const writes: number[] = [];
    for (let write = graph.lastWrite(location); write > 0; write = graph.coPrevious(write)) {
      writes.unshift(write);
    }
    if (writes.length > 0) all.set(name, writes);
  }
  return all;
}

/**
 * As `traceOf`, of what threads did without a graph: each read is taken to see the write of its
 * value.
 */
export function traceOfSteps(
  session: Session,
  instance: TestInstance,
  threads: readonly (readonly Step[])[],
): ExecutionTrace {
  const events: TraceEvent[] = [];
  const initial = new Map<string, unknown>();
  const writes = new Map<string, number>();
  const places = placesOf(session);
  let id = 0;
  threads.forEach((steps, thread) => {
    for (const step of steps) {
      id += 1;
      const place = places[step.location] ?? NOWHERE;
      if (step.location >= 0)
        initial.set(place.name, place.decode(instance.initial(step.location)));
      const value = place.decode(step.value);
      if (step.kind === Kind.WRITE) writes.set(`${place.name} ${String(value)}`, id);
      events.push({
        id,
        thread,
        kind: KINDS[step.kind] ?? 'fence',
        location: place.name,
        order: ORDERS[step.order] ?? 'plain',
        isRmw: (step.flags & Flag.RMW) !== 0,
        isHidden: false,
        value,
        from: step.kind === Kind.READ ? 0 : undefined,
        site: step.site,
      });
    }
  });
  return {
    threads: instance.names,
    states: instance.names.map(() => 'ended'),
    events: events.map((event) =>
      event.from === undefined
        ? event
        : { ...event, from: writes.get(`${event.location} ${String(event.value)}`) ?? 0 },
    ),
    coherence: new Map(),
    initial,
    rounds: instance.names.map(() => 0),
  };
}
