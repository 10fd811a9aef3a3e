/**
 * The order of sequentially consistent events in RC11: `psc` must not turn in a circle.
 *
 *   scb  = po | po-other;hb;po-other | hb-loc | co | fr     (po-other: to another location)
 *   psc1 = ([SC] | [F sc];hb?) ; scb ; ([SC] | hb?;[F sc])
 *   psc2 = [F sc] ; (hb | hb;eco;hb) ; [F sc]
 *
 * Sets of events are words; rows of scratch matrices are used again for every graph.
 */
import { Machine } from './sequential.ts';
import { Flag, type Graph, Kind, Order } from './graph.ts';
import { Bytes, Words } from '../program/real.ts';

type Before = (graph: Graph, earlier: number, later: number) => boolean;

/** See the head of this file. */
export class PartialSc {
  readonly #happensBefore: Before;
  readonly #isRaceFree: boolean;
  readonly #machine = new Machine(false);
  /** Events that are sequentially consistent, in some order. */
  readonly #members: number[] = [];
  /** By event: the events that come right after it, as bits. */
  #edges = new Words(0);
  #words = 0;
  #colour = new Bytes(64);

  /**
   * `isRaceFree`: an execution with a data race ends everything. Where all that is not plain is
   * sequentially consistent, only sequentially consistent executions are left then, and if any
   * execution has a race, one of those has.
   */
  constructor(happensBefore: Before, isRaceFree: boolean) {
    this.#happensBefore = happensBefore;
    this.#isRaceFree = isRaceFree;
  }

  allows(graph: Graph): boolean {
    const members = this.#members;
    members.length = 0;
    let hasFence = false;
    let isOnlySc = true;
    for (let event = 1; event < graph.count; event++) {
      const kind = graph.kind(event);
      const isAccess = kind === Kind.READ || kind === Kind.WRITE;
      if (!isAccess && kind !== Kind.FENCE) continue;
      if (graph.order(event) === Order.SEQ_CST) {
        members.push(event);
        if (kind === Kind.FENCE) hasFence = true;
      } else if (isAccess && (graph.flags(event) & Flag.HIDDEN) === 0) {
        if (graph.order(event) !== Order.PLAIN || !this.#isRaceFree) isOnlySc = false;
      }
    }
    if (members.length < 2) return true;
    if (isOnlySc && !hasFence) return this.#machine.canRun(graph);
    return this.#isAcyclic(graph, hasFence);
  }

  #isAcyclic(graph: Graph, hasFence: boolean): boolean {
    const { count } = graph;
    this.#words = (count + 31) >>> 5;
    const size = count * this.#words;
    if (this.#edges.length < size) this.#edges = new Words(2 * size);
    this.#edges.fill(0, 0, size);
    if (this.#colour.length < count) this.#colour = new Bytes(2 * count);
    this.#colour.fill(0, 0, count);
    this.#link(graph, hasFence);
    return this.#members.every((event) => this.#visit(event));
  }

  #visit(event: number): boolean {
    if (this.#colour[event] === 2) return true;
    if (this.#colour[event] === 1) return false;
    this.#colour[event] = 1;
    const at = event * this.#words;
    for (let word = 0; word < this.#words; word++) {
      for (let bits = this.#edges[at + word]!; bits !== 0; bits &= bits - 1) {
        if (!this.#visit(32 * word + 31 - Math.clz32(bits & -bits))) return false;
      }
    }
    this.#colour[event] = 2;
    return true;
  }

  #add(from: number, to: number): void {
    this.#edges[from * this.#words + (to >>> 5)]! |= 1 << (to & 31);
  }

  /** Edges of psc between members. */
  #link(graph: Graph, hasFence: boolean): void {
    // Without fences psc1 is scb between members; with them, what stands before and after counts
    // too.
    for (let from = 1; from < graph.count; from++) {
      if (!isAccess(graph, from) && graph.kind(from) !== Kind.FENCE) continue;
      for (let to = 1; to < graph.count; to++) {
        if (from === to || (!isAccess(graph, to) && graph.kind(to) !== Kind.FENCE)) continue;
        if (!hasFence && (!isMember(graph, from) || !isMember(graph, to))) continue;
        if (!this.#isScb(graph, from, to)) continue;
        this.#linkEnds(graph, from, to);
      }
    }
    if (hasFence) this.#linkFences(graph);
  }

  #linkEnds(graph: Graph, from: number, to: number): void {
    for (const first of this.#members) {
      const begins =
        first === from || (isFence(graph, first) && this.#happensBefore(graph, first, from));
      if (!begins) continue;
      for (const last of this.#members) {
        const ends = last === to || (isFence(graph, last) && this.#happensBefore(graph, to, last));
        if (ends) this.#add(first, last);
      }
    }
  }

  #linkFences(graph: Graph): void {
    for (const first of this.#members) {
      if (!isFence(graph, first)) continue;
      for (const last of this.#members) {
        if (first === last || !isFence(graph, last)) continue;
        if (this.#happensBefore(graph, first, last) || this.#isEcoBetween(graph, first, last)) {
          this.#add(first, last);
        }
      }
    }
  }

  /** hb;eco;hb between two fences. */
  #isEcoBetween(graph: Graph, first: number, last: number): boolean {
    for (let from = 1; from < graph.count; from++) {
      if (!isAccess(graph, from) || !this.#happensBefore(graph, first, from)) continue;
      for (let to = 1; to < graph.count; to++) {
        if (from === to || !isAccess(graph, to) || !this.#happensBefore(graph, to, last)) continue;
        if (graph.location(from) === graph.location(to) && isEco(graph, from, to)) return true;
      }
    }
    return false;
  }

  #isScb(graph: Graph, from: number, to: number): boolean {
    const isSameThread = graph.thread(from) === graph.thread(to);
    if (isSameThread && from !== to && isPoBefore(graph, from, to)) return true;
    if (
      isAccess(graph, from) &&
      isAccess(graph, to) &&
      graph.location(from) === graph.location(to)
    ) {
      if (this.#happensBefore(graph, from, to)) return true;
      return isCoOrFr(graph, from, to);
    }
    return this.#happensBefore(graph, from, to) && this.#isThroughOthers(graph, from, to);
  }

  /** po-other;hb;po-other, with steps that may be left out nowhere. */
  #isThroughOthers(graph: Graph, from: number, to: number): boolean {
    const next = this.#nextOther(graph, from);
    const last = previousOther(graph, to);
    return next >= 0 && last >= 0 && this.#happensBefore(graph, next, last);
  }

  /** The first event after it in its thread that is not of its location, or -1. */
  #nextOther(graph: Graph, event: number): number {
    const location = graph.location(event);
    let found = -1;
    for (let later = graph.head(graph.thread(event)); later !== event;) {
      if (graph.location(later) !== location || location < 0) found = later;
      later = graph.previous(later);
    }
    return found;
  }
}

/** The last event before it in its thread that is not of its location, or -1. */
function previousOther(graph: Graph, event: number): number {
  const location = graph.location(event);
  for (let earlier = graph.previous(event); earlier >= 0; earlier = graph.previous(earlier)) {
    if (graph.location(earlier) !== location || location < 0) return earlier;
  }
  return -1;
}

function isAccess(graph: Graph, event: number): boolean {
  const kind = graph.kind(event);
  return kind === Kind.READ || kind === Kind.WRITE;
}

function isFence(graph: Graph, event: number): boolean {
  return graph.kind(event) === Kind.FENCE;
}

function isMember(graph: Graph, event: number): boolean {
  return graph.order(event) === Order.SEQ_CST;
}

function isPoBefore(graph: Graph, from: number, to: number): boolean {
  for (let event = graph.previous(to); event >= 0; event = graph.previous(event)) {
    if (event === from) return true;
  }
  return false;
}

function isCoOrFr(graph: Graph, from: number, to: number): boolean {
  if (graph.kind(to) !== Kind.WRITE) return false;
  if (graph.kind(from) === Kind.WRITE) return graph.isCoBefore(from, to);
  const source = graph.rf(from);
  return source === 0 || graph.isCoBefore(source, to);
}

/** Extended coherence: (rf | co | fr)+. */
function isEco(graph: Graph, from: number, to: number): boolean {
  const first = graph.kind(from) === Kind.WRITE ? from : graph.rf(from);
  const last = graph.kind(to) === Kind.WRITE ? to : graph.rf(to);
  if (first === last) return graph.kind(from) === Kind.WRITE && graph.kind(to) === Kind.READ;
  return last !== 0 && (first === 0 || graph.isCoBefore(first, last));
}
