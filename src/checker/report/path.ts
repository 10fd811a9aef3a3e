/** Shortest ways from one event to another over the relations of an execution. */
import type { TraceEvent } from '../check/trace.ts';
import type { Facts } from './facts.ts';

/** Relations between threads. */
export type Relation = 'rf' | 'co' | 'fr' | 'join';

/** One step of a way. Those within a thread are `po`, and never follow each other. */
export interface Link {
  readonly from: TraceEvent;
  readonly to: TraceEvent;
  readonly relation: Relation | 'po';
  /** Of a link between threads: where the way came into the first thread, and leaves the second. */
  readonly entry?: TraceEvent;
  readonly exit?: TraceEvent;
}

interface Visit {
  readonly event: TraceEvent;
  readonly before: Visit | undefined;
  readonly relation: Relation | 'po' | undefined;
}

/** Events of other threads that an event is related to. */
function external(
  facts: Facts,
  event: TraceEvent,
  relations: readonly Relation[],
): [Relation, TraceEvent][] {
  const found: [Relation, TraceEvent][] = [];
  const add = (relation: Relation, to: TraceEvent | undefined): void => {
    if (to !== undefined && to.thread !== event.thread) found.push([relation, to]);
  };
  if (event.kind === 'write') {
    if (relations.includes('rf')) {
      for (const read of facts.readers(event.id, event.location)) add('rf', read);
    }
    if (relations.includes('co')) {
      const place = facts.place(event.id) ?? Infinity;
      for (const write of facts.writes(event.location)) {
        if ((facts.place(write.id) ?? 0) > place) add('co', write);
      }
    }
  }
  if (event.kind === 'read' && relations.includes('fr')) {
    for (const write of facts.missed(event)) add('fr', write);
  }
  if (relations.includes('join')) {
    for (const join of facts.trace.events) {
      if (join.kind === 'join' && join.value === event.thread) add('join', join);
    }
  }
  return found;
}

/** The shortest way from one event to another; undefined when there is none. */
export function pathBetween(
  facts: Facts,
  start: TraceEvent,
  end: TraceEvent,
  relations: readonly Relation[],
): readonly Link[] | undefined {
  const { events } = facts.trace;
  const seen = new Set<string>();
  const queue: Visit[] = [{ event: start, before: undefined, relation: undefined }];
  for (const visit of queue) {
    const { event } = visit;
    if (event === end) return linksOf(visit);
    const next: [Relation | 'po', TraceEvent][] = [];
    if (visit.relation !== 'po') {
      for (const later of events) {
        const isLater = facts.position(later) > facts.position(event);
        if (later.thread === event.thread && isLater) next.push(['po', later]);
      }
    }
    next.push(...external(facts, event, relations));
    for (const [relation, to] of next) {
      const key = `${to.id} ${relation === 'po'}`;
      if (seen.has(key)) continue;
      seen.add(key);
      queue.push({ event: to, before: visit, relation });
    }
  }
  return undefined;
}

function linksOf(last: Visit): Link[] {
  const links: Link[] = [];
  for (let visit = last; visit.before !== undefined; visit = visit.before) {
    links.unshift({ from: visit.before.event, to: visit.event, relation: visit.relation! });
  }
  return links.map((link, index) => {
    if (link.relation === 'po') return link;
    const before = links[index - 1];
    const behind = links[index + 1];
    return {
      ...link,
      ...(before?.relation === 'po' ? { entry: before.from } : {}),
      ...(behind?.relation === 'po' ? { exit: behind.to } : {}),
    };
  });
}
