/**
 * The ways in which the calls of one execution may follow each other in time. An execution in which
 * threads take turns is a partial order of events, and stands for each way to put them into a row:
 * reads see the same in all of them. Who watches a clock sees one of these rows, in which some
 * calls are over before others begin. An object is linearizable when its results can be explained
 * in every one of them (Herlihy and Wing, "Linearizability: A Correctness Condition for Concurrent
 * Objects", 1990).
 */
import { type Graph, Kind } from '../explore/graph.ts';
import type { Span } from './order.ts';

/** A call begins or ends. */
export interface Moment {
  /** Index of the call. */
  readonly call: number;
  readonly kind: 'begin' | 'end';
}

/** A moment between events of its thread. */
interface Point extends Moment {
  /** The event right before which it may be put off, 0 for none; and the one that it follows. */
  readonly before: number;
  readonly after: number;
  /** By thread: how many of its points come before this one in every row. */
  readonly needs: number[];
}

/** What comes before what in all rows; undefined when threads do not take turns in it. */
class Precedence {
  readonly #graph: Graph;
  /** By event: those right behind it. */
  readonly #next: number[][];
  /** By event: all that must come before it. */
  readonly #earlier: bigint[];

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#next = Array.from({ length: graph.count }, () => []);
    this.#earlier = new Array<bigint>(graph.count).fill(0n);
  }

  static of(graph: Graph): Precedence | undefined {
    const precedence = new Precedence(graph);
    precedence.#link();
    return precedence.#sort() ? precedence : undefined;
  }

  /** Whether one comes before the other, or is it; 0 comes before nothing, nor behind. */
  reaches(earlier: number, later: number): boolean {
    if (earlier === 0 || later === 0) return false;
    return earlier === later || ((this.#earlier[later]! >> BigInt(earlier)) & 1n) === 1n;
  }

  #add(earlier: number, later: number): void {
    if (earlier > 0 && later > 0 && earlier !== later) this.#next[earlier]!.push(later);
  }

  #link(): void {
    const graph = this.#graph;
    for (let event = 1; event < graph.count; event++) {
      this.#add(graph.previous(event), event);
      this.#add(graph.after(event), event);
      const kind = graph.kind(event);
      if (kind === Kind.READ || kind === Kind.JOIN) this.#add(graph.rf(event), event);
      if (kind === Kind.WRITE) this.#add(graph.coPrevious(event), event);
      if (kind === Kind.READ) this.#add(event, this.#overwriterOf(event));
    }
  }

  /** The write right behind the one that a read sees; 0 when there is none. */
  #overwriterOf(read: number): number {
    const graph = this.#graph;
    const seen = graph.rf(read);
    if (seen > 0) return Math.max(0, graph.coNext(seen));
    let first = 0;
    const last = graph.lastWrite(graph.location(read));
    for (let write = last; write > 0; write = graph.coPrevious(write)) first = write;
    return first;
  }

  /** False when events go round in a circle. */
  #sort(): boolean {
    const counts = new Array<number>(this.#next.length).fill(0);
    for (const next of this.#next) for (const event of next) counts[event]! += 1;
    const ready = [...counts.keys()].filter((event) => event > 0 && counts[event] === 0);
    let left = this.#next.length - 1;
    for (let event = ready.pop(); event !== undefined; event = ready.pop()) {
      left -= 1;
      const sofar = this.#earlier[event]! | (1n << BigInt(event));
      for (const next of this.#next[event]!) {
        this.#earlier[next]! |= sofar;
        counts[next]! -= 1;
        if (counts[next] === 0) ready.push(next);
      }
    }
    return left === 0;
  }
}

/** Where a point is: its thread, and its place there. */
interface Place {
  readonly thread: number;
  readonly index: number;
}

/** See the head of this file. */
export class Interleavings {
  /** By thread, in order. */
  readonly #points: readonly Point[][];
  /** By call. */
  readonly #begins: Place[] = [];
  readonly #ends: Place[] = [];

  private constructor(points: readonly Point[][]) {
    this.#points = points;
    for (const [thread, own] of points.entries()) {
      for (const [index, { call, kind }] of own.entries()) {
        (kind === 'begin' ? this.#begins : this.#ends)[call] = { thread, index };
      }
    }
  }

  /** Undefined when the execution is none in which threads take turns. */
  static of(graph: Graph, spans: readonly Span[]): Interleavings | undefined {
    const precedence = Precedence.of(graph);
    if (precedence === undefined) return undefined;
    const points = Array.from({ length: graph.threads }, (_, thread) => {
      return pointsOf(graph, thread, spans);
    });
    for (const point of points.flat()) {
      for (const others of points) {
        const earlier = others.filter(({ before }) => precedence.reaches(before, point.after));
        point.needs.push(others.includes(point) ? 0 : earlier.length);
      }
    }
    return new Interleavings(points);
  }

  /** Whether a call is over before another begins in every row. */
  isBefore(earlier: number, later: number): boolean {
    const end = this.#ends[earlier]!;
    const begin = this.#begins[later]!;
    if (end.thread === begin.thread) return end.index < begin.index;
    return this.#points[begin.thread]![begin.index]!.needs[end.thread]! > end.index;
  }

  /**
   * A row in which none of these orders of the calls is possible: each has a call behind one that
   * began after its end. Undefined when there is none.
   */
  without(orders: readonly (readonly number[])[]): Moment[] | undefined {
    const places = orders.map((order) => {
      const place: number[] = [];
      order.forEach((call, index) => (place[call] = index));
      return place;
    });
    return new Search(this.#points, places).find();
  }
}

/** Looks for a row that rules orders out; what was tried with the same left is not tried again. */
class Search {
  readonly #points: readonly Point[][];
  readonly #places: readonly (readonly number[])[];
  readonly #positions: number[];
  readonly #ended: number[] = [];
  readonly #row: Moment[] = [];
  readonly #seen = new Set<string>();

  constructor(points: readonly Point[][], places: readonly (readonly number[])[]) {
    this.#points = points;
    this.#places = places;
    this.#positions = points.map(() => 0);
  }

  find(): Moment[] | undefined {
    return this.#extend(this.#places) ? this.#row : undefined;
  }

  /** `possible` are the orders that were not ruled out so far. */
  #extend(possible: readonly (readonly number[])[]): boolean {
    const threads = [...this.#points.keys()].filter((thread) => this.#isNext(thread));
    if (threads.length === 0) return possible.length === 0;
    const indices = possible.map((places) => this.#places.indexOf(places));
    const key = `${this.#positions.join()} ${indices.join()}`;
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    for (const thread of threads) {
      const { call, kind } = this.#points[thread]![this.#positions[thread]!]!;
      this.#positions[thread]! += 1;
      this.#row.push({ call, kind });
      if (kind === 'end') this.#ended.push(call);
      const left = kind === 'end' ? possible : this.#stillPossible(possible, call);
      if (this.#extend(left)) return true;
      if (kind === 'end') this.#ended.pop();
      this.#row.pop();
      this.#positions[thread]! -= 1;
    }
    return false;
  }

  /** Whether what must come before the next point of a thread has come. */
  #isNext(thread: number): boolean {
    const point = this.#points[thread]![this.#positions[thread]!];
    return point?.needs.every((count, other) => this.#positions[other]! >= count) ?? false;
  }

  /** Orders in which a call that begins now comes behind all that have ended. */
  #stillPossible(
    possible: readonly (readonly number[])[],
    call: number,
  ): readonly (readonly number[])[] {
    return possible.filter((places) => this.#ended.every((each) => places[each]! < places[call]!));
  }
}

/**
 * The points of a thread. A call begins right before its first event and ends right behind its last
 * one: that it does so sooner, or later, makes fewer calls follow each other. One without events is
 * somewhere between those around it.
 */
function pointsOf(graph: Graph, thread: number, spans: readonly Span[]): Point[] {
  const log: number[] = [];
  const length = graph.log(thread, log);
  const at = (index: number): number => (index >= 0 && index < length ? log[index]! : 0);
  const points: { readonly turn: number; readonly point: Point }[] = [];
  for (const [call, { thread: own, begin, end, began, ended }] of spans.entries()) {
    if (own !== thread) continue;
    const isEmpty = begin === end;
    const [first, last] = [at(begin), at(end - 1)];
    const start = { before: first, after: isEmpty ? last : first };
    const stop = { before: isEmpty ? first : last, after: last };
    points.push({ turn: began, point: { call, kind: 'begin', ...start, needs: [] } });
    points.push({ turn: ended, point: { call, kind: 'end', ...stop, needs: [] } });
  }
  return points.sort((one, other) => one.turn - other.turn).map(({ point }) => point);
}
