/** What threads ask for. */
import { type Graph, Kind } from '../explore/graph.ts';
import type { Locations } from './locations.ts';

/** What a thread asks for. */
export interface Label {
  readonly kind: number;
  readonly location: number;
  readonly order: number;
  readonly flags: number;
}

/** What an event of a graph was asked for as. */
export function labelOf(graph: Graph, event: number): Label {
  return {
    kind: graph.kind(event),
    location: graph.location(event),
    order: graph.order(event),
    flags: graph.flags(event),
  };
}

/** Whether two ask for the same. */
export function isSame(one: Label, other: Label): boolean {
  return (
    one.kind === other.kind &&
    one.location === other.location &&
    one.order === other.order &&
    one.flags === other.flags
  );
}

/** Whether an event was asked for as this. */
export function matches(
  graph: Graph,
  event: number,
  kind: number,
  location: number,
  order: number,
  flags: number,
): boolean {
  return (
    graph.kind(event) === kind &&
    graph.location(event) === location &&
    graph.order(event) === order &&
    graph.flags(event) === flags
  );
}

const NAMES: Readonly<Record<number, string>> = {
  [Kind.INIT]: 'init',
  [Kind.READ]: 'read',
  [Kind.WRITE]: 'write',
  [Kind.FENCE]: 'fence',
  [Kind.CHOICE]: 'choice',
  [Kind.JOIN]: 'join',
  [Kind.END]: 'end',
};

/** An event as errors call it. */
export function nameOf(graph: Graph, event: number, locations: Locations): string {
  const location = graph.location(event);
  const place = location < 0 ? '' : ` of ${locations.at(location).label}`;
  return `${NAMES[graph.kind(event)]}${place}`;
}
