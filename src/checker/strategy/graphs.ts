/**
 * Graphs as bytes: for those that wait while the rest is explored by another thread, or another
 * day. Locations have numbers that differ from run to run, so they go by what they are.
 */
import type { Consistency } from '../explore/consistency.ts';
import { Graph, Kind } from '../explore/graph.ts';
import type { Locations } from '../program/locations.ts';
import type { Session } from '../program/session.ts';
import type { Reader, Writer } from './codec.ts';

/** Largest graphs and numbers of threads that bytes are believed to hold. */
const EVENTS_MAX = 1024;
const THREADS_MAX = 16;
/** Parts of everything that is left to explore are told so exactly. */
const SHARES = 2 ** 48;

/** Writes what locations are, by their numbers, and how they are accessed. */
export function writePlaces(writer: Writer, locations: Locations): void {
  writer.number(locations.count);
  for (let number = 0; number < locations.count; number++) {
    const { memory, offset, size, label } = locations.at(number);
    writer.number(memory + 1);
    writer.number(offset);
    writer.number(size);
    writer.number((locations.mayTear(number) ? 1 : 0) + (locations.isWhole(number) ? 2 : 0));
    writer.text(label);
  }
}

/** Reads what locations are; gives the numbers that they have here. */
export function readPlaces(reader: Reader, locations: Locations): number[] {
  return Array.from({ length: reader.number(1 << 16) }, () => {
    const memory = reader.number() - 1;
    const offset = reader.number();
    const size = reader.number(8);
    const marks = reader.number(3);
    const label = reader.text();
    if (memory < 0) return locations.hidden(label);
    const number = locations.of(memory, offset, size, label);
    if ((marks & 1) > 0) locations.markTearable(number);
    if ((marks & 2) > 0) locations.markWhole(number);
    return number;
  });
}

/** Writes graphs. */
export function writeGraphs(writer: Writer, locations: Locations, graphs: readonly Graph[]): void {
  writePlaces(writer, locations);
  writer.number(graphs.length);
  for (const graph of graphs) writeGraph(writer, graph);
}

function writeGraph(writer: Writer, graph: Graph): void {
  writer.number(Math.round(graph.share * SHARES));
  writer.number(graph.threads);
  for (let thread = 0; thread < graph.threads; thread++) {
    writer.number(graph.status(thread));
    writer.number(graph.round(thread));
  }
  writer.number(graph.count);
  for (let event = 1; event < graph.count; event++) {
    writer.number(graph.thread(event));
    writer.number(graph.kind(event));
    writer.number(graph.flags(event));
    writer.number(graph.order(event));
    writer.number(graph.location(event) + 1);
    writer.number(graph.rf(event) + 1);
    writer.number(graph.coPrevious(event) + 1);
    writer.number(graph.after(event) + 1);
    writer.value(graph.values[event]);
  }
}

/** Reads graphs, with so many words for each set of events. */
export function readGraphs(
  reader: Reader,
  session: Session,
  consistency: Consistency,
  words: number,
): Graph[] {
  const numbers = readPlaces(reader, session.locations);
  return Array.from({ length: reader.number(1 << 24) }, () => {
    const graph = readGraph(reader, numbers, words);
    consistency.restore?.(graph);
    return graph;
  });
}

function readGraph(reader: Reader, numbers: readonly number[], words: number): Graph {
  const share = reader.number() / SHARES;
  const threads = reader.number(THREADS_MAX);
  const graph = new Graph(threads, words);
  graph.share = share;
  for (let thread = 0; thread < threads; thread++) {
    graph.setStatus(thread, reader.number());
    graph.setRound(thread, reader.number());
  }
  const count = reader.number(EVENTS_MAX);
  const behind: number[] = [];
  for (let event = 1; event < count; event++) {
    const thread = reader.number(threads - 1);
    const kind = reader.number(Kind.END);
    const flags = reader.number();
    const order = reader.number();
    const location = reader.number(numbers.length);
    graph.add(thread, kind, location === 0 ? -1 : numbers[location - 1]!, order, flags, undefined);
    graph.setRf(event, reader.number(count) - 1);
    behind[event] = reader.number(count) - 1;
    graph.setAfter(event, reader.number(count) - 1);
    graph.values[event] = reader.value();
  }
  placeAll(graph, behind);
  graph.closeAll();
  return graph;
}

/** Puts each write behind the one that is before it, which must be there first. */
function placeAll(graph: Graph, behind: readonly number[]): void {
  const place = (write: number): void => {
    const previous = behind[write]!;
    if (graph.coPrevious(write) >= 0) return;
    if (previous > 0) place(previous);
    graph.place(write, previous);
  };
  for (let event = 1; event < graph.count; event++) {
    if (graph.kind(event) === Kind.WRITE && behind[event]! >= 0) place(event);
  }
}

/**
 * The same graph with its events in another order: `order[event]` is the new number of an event,
 * and of two events of one thread the earlier has the lower one.
 */
export function renumber(graph: Graph, consistency: Consistency, order: readonly number[]): Graph {
  const result = new Graph(graph.threads, graph.words);
  const old: number[] = [0];
  for (let event = 1; event < graph.count; event++) old[order[event]!] = event;
  const moved = (event: number): number => (event > 0 ? order[event]! : event);
  const behind: number[] = [];
  for (let event = 1; event < graph.count; event++) {
    const from = old[event]!;
    result.add(
      graph.thread(from),
      graph.kind(from),
      graph.location(from),
      graph.order(from),
      graph.flags(from),
      graph.values[from],
    );
    result.setRf(event, moved(graph.rf(from)));
    result.setAfter(event, moved(graph.after(from)));
    behind[event] = moved(graph.coPrevious(from));
  }
  for (let thread = 0; thread < graph.threads; thread++) {
    result.setStatus(thread, graph.status(thread));
    result.setRound(thread, graph.round(thread));
  }
  placeAll(result, behind);
  result.closeAll();
  consistency.restore?.(result);
  return result;
}
