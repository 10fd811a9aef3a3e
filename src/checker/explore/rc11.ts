/**
 * RC11 (Lahav, Vafeiadis, Kang, Hur and Dreyer, "Repairing Sequential Consistency in C/C++11",
 * PLDI 2017), kept up as events are added: `src/checker/models/rc11.ts` says the same in relations,
 * and tests hold the two together.
 *
 * No event that is added happens before one that is there, so what happens before an event is known
 * once and for all when it is added (set 1 of its row), and so is what the readers of a write get
 * from it (set 2). Coherence is checked for the new event only. Program order and reads-from never
 * turn in a circle here, by the way graphs are built. What is left is the order of sequentially
 * consistent events (`psc`), which is checked over the whole graph when there are any.
 */
import type { Consistency } from './consistency.ts';
import { Flag, type Graph, Kind, Order } from './graph.ts';
import { PartialSc } from './partial-sc.ts';
import { Bytes, Words } from '../program/real.ts';

const HB = 1;
const RELEASED = 2;

function isAcquire(order: number): boolean {
  return order === Order.ACQUIRE || order === Order.ACQ_REL || order === Order.SEQ_CST;
}

function isRelease(order: number): boolean {
  return order === Order.RELEASE || order === Order.ACQ_REL || order === Order.SEQ_CST;
}

/** Whether `earlier` happens before `later`. */
export function happensBefore(graph: Graph, earlier: number, later: number): boolean {
  const word = graph.rows[graph.setAt(later, HB) + (earlier >>> 5)]!;
  return (word & (1 << (earlier & 31))) !== 0;
}

/** See the head of this file. */
export class Rc11 implements Consistency {
  readonly name = 'rc11';
  readonly #order: PartialSc;
  /** By event, for the location that is looked at: its place in coherence order. */
  #places = new Words(64);

  /** `isRaceFree` says that a data race ends everything: see `PartialSc`. */
  constructor(isRaceFree: boolean = false) {
    this.#order = new PartialSc(happensBefore, isRaceFree);
  }

  allows(graph: Graph, event: number): boolean {
    this.#synchronize(graph, event);
    const kind = graph.kind(event);
    if (kind === Kind.READ && !this.#isReadCoherent(graph, event)) return false;
    if (kind === Kind.WRITE && !this.#isWriteCoherent(graph, event)) return false;
    if (kind === Kind.WRITE && !this.#areReadersCoherent(graph, event)) return false;
    return this.#order.allows(graph);
  }

  restore(graph: Graph): void {
    // In the order of dependence: a read that was revisited stands before what it reads from.
    const done = new Bytes(graph.count);
    done[0] = 1;
    const visit = (event: number): void => {
      if (event < 0 || done[event] === 1) return;
      done[event] = 1;
      visit(graph.previous(event));
      visit(graph.rf(event));
      visit(graph.after(event));
      this.#synchronize(graph, event);
    };
    for (let event = 1; event < graph.count; event++) visit(event);
  }

  /** Makes both sets of an event. */
  #synchronize(graph: Graph, event: number): void {
    const { rows, words } = graph;
    const hb = graph.setAt(event, HB);
    rows.fill(0, hb, hb + words);
    const before = graph.previous(event);
    if (before >= 0) include(graph, hb, before);
    const after = graph.after(event);
    if (after > 0) include(graph, hb, after);
    const order = graph.order(event);
    const kind = graph.kind(event);
    if (kind === Kind.READ && isAcquire(order)) join(graph, hb, graph.rf(event));
    else if (kind === Kind.JOIN) include(graph, hb, graph.rf(event));
    else if (kind === Kind.FENCE && isAcquire(order)) {
      for (let read = before; read >= 0; read = graph.previous(read)) {
        const isRelaxed = graph.kind(read) === Kind.READ && graph.order(read) !== Order.PLAIN;
        if (isRelaxed) join(graph, hb, graph.rf(read));
      }
    }
    if (kind === Kind.WRITE) this.#release(graph, event);
  }

  /** What readers of a write get: [E rel];([F];po)?;[W rlx and more];(po-loc)?;(rf;rmw)*. */
  #release(graph: Graph, write: number): void {
    const { rows, words } = graph;
    const at = graph.setAt(write, RELEASED);
    rows.fill(0, at, at + words);
    const order = graph.order(write);
    if (order === Order.PLAIN) return;
    if (isRelease(order)) include(graph, at, write);
    const location = graph.location(write);
    for (let event = graph.previous(write); event >= 0; event = graph.previous(event)) {
      const kind = graph.kind(event);
      if (kind === Kind.FENCE && isRelease(graph.order(event))) include(graph, at, event);
      if (kind === Kind.WRITE && graph.location(event) === location) join(graph, at, event);
    }
    if ((graph.flags(write) & Flag.RMW) !== 0) join(graph, at, graph.rf(graph.previous(write)));
  }

  /** A read may not read what was overwritten before it, nor older than what was read before it. */
  #isReadCoherent(graph: Graph, read: number): boolean {
    const location = graph.location(read);
    const places = this.#placesOf(graph, location);
    const own = places[graph.rf(read)]!;
    for (let event = 1; event < graph.count; event++) {
      if (event === read || graph.location(event) !== location) continue;
      if (!happensBefore(graph, event, read)) continue;
      const seen = graph.kind(event) === Kind.READ ? graph.rf(event) : event;
      if (places[seen]! > own) return false;
    }
    return true;
  }

  /** A write comes after all writes of its location that happened, or were read, before it. */
  #isWriteCoherent(graph: Graph, write: number): boolean {
    const location = graph.location(write);
    const places = this.#placesOf(graph, location);
    const own = places[write]!;
    for (let event = 1; event < graph.count; event++) {
      if (event === write || graph.location(event) !== location) continue;
      if (!happensBefore(graph, event, write)) continue;
      const seen = graph.kind(event) === Kind.READ ? graph.rf(event) : event;
      if (places[seen]! > own) return false;
    }
    return true;
  }

  /** Who was made to read a write that was added later must still read nothing overwritten. */
  #areReadersCoherent(graph: Graph, write: number): boolean {
    for (let event = 1; event < write; event++) {
      const isReader = graph.kind(event) === Kind.READ && graph.rf(event) === write;
      if (isReader && !this.#isReadCoherent(graph, event)) return false;
    }
    return true;
  }

  #placesOf(graph: Graph, location: number): Int32Array {
    if (this.#places.length < graph.count) this.#places = new Words(2 * graph.count);
    const places = this.#places;
    places[0] = -1024;
    let place = 0;
    for (let write = graph.lastWrite(location); write > 0; write = graph.coPrevious(write)) {
      places[write] = place--;
    }
    return places;
  }
}

/** Adds an event and what happens before it. */
function include(graph: Graph, at: number, event: number): void {
  const { rows, words } = graph;
  const from = graph.setAt(event, HB);
  for (let word = 0; word < words; word++) rows[at + word]! |= rows[from + word]!;
  rows[at + (event >>> 5)]! |= 1 << (event & 31);
}

/** Adds what readers of a write get. */
function join(graph: Graph, at: number, write: number): void {
  if (write <= 0) return;
  const { rows, words } = graph;
  const from = graph.setAt(write, RELEASED);
  for (let word = 0; word < words; word++) rows[at + word]! |= rows[from + word]!;
}

/** Two accesses that conflict, one of them plain, neither of which happens before the other. */
export function findRace(
  graph: Graph,
  isAsked?: (location: number) => boolean,
): readonly [number, number] | undefined {
  for (let event = 1; event < graph.count; event++) {
    const kind = graph.kind(event);
    if (kind !== Kind.READ && kind !== Kind.WRITE) continue;
    if (isAsked?.(graph.location(event)) === false) continue;
    for (let other = 1; other < event; other++) {
      if (graph.location(other) !== graph.location(event)) continue;
      if (graph.thread(other) === graph.thread(event)) continue;
      if (graph.kind(other) !== Kind.WRITE && kind !== Kind.WRITE) continue;
      if (graph.order(other) !== Order.PLAIN && graph.order(event) !== Order.PLAIN) continue;
      if (happensBefore(graph, other, event) || happensBefore(graph, event, other)) continue;
      return [other, event];
    }
  }
  return undefined;
}
