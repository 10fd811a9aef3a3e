/** An execution as people look at it: who did what, where in the source, and what each read saw. */
import { Flag, type Graph, Kind, Order } from '../explore/graph.ts';
import type { Session } from '../program/session.ts';
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
  /** What the memory is called, with the offset in bytes behind it; '' for none. */
  readonly location: string;
  /** Order in which it was asked for. */
  readonly order: 'plain' | 'relaxed' | 'acquire' | 'release' | 'acq_rel' | 'seq_cst';
  /** Half of one read-modify-write with the event before or behind it in its thread. */
  readonly isRmw: boolean;
  /** Of the checker's own words: queues of sleepers. */
  readonly isHidden: boolean;
  /** What was read or written. */
  readonly value: unknown;
  /** A read: the write that it saw, 0 for the initial value. A join: the last event of the thread. */
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
}

const ORDERS = ['plain', 'relaxed', 'acquire', 'release', 'acq_rel', 'seq_cst'] as const;
const STATES = ['stopped', 'ended', 'spinning', 'sleeping', 'joining', 'sleeping'] as const;
const KINDS: Readonly<Record<number, TraceKind>> = {
  [Kind.READ]: 'read',
  [Kind.WRITE]: 'write',
  [Kind.FENCE]: 'fence',
  [Kind.CHOICE]: 'choice',
  [Kind.JOIN]: 'join',
};

/** The folder of the checker, whose frames are not where users look. */
const OWN = new URL('..', import.meta.url).href;

/** Where in the source the caller is, outside of the checker: `file:line:column`, or ''. */
export function callSite(): string {
  for (const line of (new Error('site').stack ?? '').split('\n').slice(1)) {
    const place = /\(?((?:file:\/\/|\/|[A-Za-z]:\\)[^()]*:\d+:\d+)\)?$/.exec(line)?.[1];
    if (place === undefined || place.startsWith(OWN) || place.includes('/atomics/index.')) continue;
    return place.startsWith('file://') ? decodeURI(place.slice('file://'.length)) : place;
  }
  return '';
}

/** Tells an execution, by running its threads once more. */
export function traceOf(session: Session, graph: Graph, instance: TestInstance): ExecutionTrace {
  const sites: string[] = [];
  const depth = Error.stackTraceLimit;
  Error.stackTraceLimit = 64;
  session.onEvent = (event) => {
    sites[event] = callSite();
  };
  try {
    session.replay(graph, instance);
  } finally {
    session.onEvent = undefined;
    Error.stackTraceLimit = depth;
  }
  const events: TraceEvent[] = [];
  const initial = new Map<string, unknown>();
  const label = (location: number): string =>
    location < 0 ? '' : session.locations.at(location).label;
  for (let thread = 0; thread < graph.threads; thread++) {
    const log: number[] = [];
    const length = graph.log(thread, log);
    for (let index = 0; index < length; index++) {
      const event = log[index]!;
      const kind = KINDS[graph.kind(event)];
      if (kind === undefined) continue;
      const location = graph.location(event);
      const from = kind === 'read' || kind === 'join' ? graph.rf(event) : undefined;
      const first = location < 0 ? undefined : instance.initial(location);
      if (location >= 0) initial.set(label(location), first);
      events.push({
        id: event,
        thread,
        kind,
        location: label(location),
        order: ORDERS[graph.order(event)] ?? ORDERS[Order.PLAIN],
        isRmw: (graph.flags(event) & Flag.RMW) !== 0,
        isHidden: (graph.flags(event) & Flag.HIDDEN) !== 0,
        value: kind === 'read' && from === 0 ? first : graph.values[from ?? event],
        from,
        site: sites[event] ?? '',
      });
    }
  }
  return {
    threads: instance.names,
    states: instance.names.map((_, thread) => STATES[graph.status(thread)] ?? 'stopped'),
    events,
    coherence: coherenceOf(graph, session, label),
    initial,
  };
}

function coherenceOf(
  graph: Graph,
  session: Session,
  label: (location: number) => string,
): Map<string, number[]> {
  const all = new Map<string, number[]>();
  for (let location = 0; location < session.locations.count; location++) {
    const writes: number[] = [];
    for (let write = graph.lastWrite(location); write > 0; write = graph.coPrevious(write)) {
      writes.unshift(write);
    }
    if (writes.length > 0) all.set(label(location), writes);
  }
  return all;
}

/** As `traceOf`, of what threads did without a graph: each read is taken to see the write of its value. */
export function traceOfSteps(
  session: Session,
  instance: TestInstance,
  threads: readonly (readonly Step[])[],
): ExecutionTrace {
  const events: TraceEvent[] = [];
  const initial = new Map<string, unknown>();
  const writes = new Map<string, number>();
  const label = ({ location }: Step): string =>
    location < 0 ? '' : session.locations.at(location).label;
  let id = 0;
  threads.forEach((steps, thread) => {
    for (const step of steps) {
      id += 1;
      if (step.location >= 0) initial.set(label(step), instance.initial(step.location));
      if (step.kind === Kind.WRITE) writes.set(`${step.location} ${String(step.value)}`, id);
      events.push({
        id,
        thread,
        kind: KINDS[step.kind] ?? 'fence',
        location: label(step),
        order: ORDERS[step.order] ?? 'plain',
        isRmw: (step.flags & Flag.RMW) !== 0,
        isHidden: false,
        value: step.value,
        from: step.kind === Kind.READ ? step.location : undefined,
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
        : { ...event, from: writes.get(`${event.from} ${String(event.value)}`) ?? 0 },
    ),
    coherence: new Map(),
    initial,
  };
}
