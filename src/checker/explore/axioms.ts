/**
 * Any model of `src/checker/models/`, judged anew for each graph: its relations are computed from
 * the axioms as they are written there. Slower than what keeps its sets up as events are added, and
 * used where there is no such thing.
 *
 * Nothing is known of what a thread computes between its accesses, so there are no dependencies:
 * more is allowed than hardware does with code that a compiler leaves as it was written.
 */
import {
  EMPTY,
  Evaluator,
  type EventSet,
  type Plane,
  type Relation,
  type Requirement,
  Simplifier,
  type Source,
} from '../relation/index.ts';
import type { Model } from '../models/contract.ts';
import { Words } from '../program/real.ts';
import type { Consistency } from './consistency.ts';
import { type Graph, Kind, Order } from './graph.ts';
import { isHalf, type Lowering } from './lowering.ts';

/** What is never there: threads of tests have no dependencies, and no exclusives. */
const ABSENT = new Set([
  'addr',
  'data',
  'ctrl',
  'pick-addr',
  'pick-data',
  'pick-ctrl',
  'unsequenced',
  'lxsx',
  'none',
]);

/**
 * A graph as the evaluator wants it: initial writes first, then events and the fences around them.
 */
class Lowered implements Source {
  count = 0;
  readonly #lower: Lowering;
  /** By row: thread (-1: initial), kind, location, bits, fence, and the event it comes from. */
  readonly #threads: number[] = [];
  readonly #kinds: number[] = [];
  readonly #locations: number[] = [];
  readonly #tags: number[] = [];
  readonly #fences: string[] = [];
  /** By row of a read: the row of what it reads from; -1 for others. */
  readonly #sources: number[] = [];
  /** By row of an RMW's write: the row of its read; -1 for others. */
  readonly #pairs: number[] = [];
  /** By event: its row; by location: the row of its initial write. */
  readonly #rowOf: number[] = [];
  readonly #initial = new Map<number, number>();
  #graph: Graph | undefined;
  /** Locations of threads' ends: below all others. */
  #order: Words32 = new Words(64);

  constructor(lower: Lowering) {
    this.#lower = lower;
  }

  load(graph: Graph): void {
    this.#graph = graph;
    this.count = 0;
    this.#initial.clear();
    for (let event = 1; event < graph.count; event++) {
      const location = this.#locationOf(graph, event);
      if (location !== NOWHERE && !this.#initial.has(location)) {
        this.#initial.set(location, this.#push(-1, Kind.WRITE, location, 0, ''));
      }
    }
    if (this.#order.length < graph.count) this.#order = new Words(2 * graph.count);
    for (let thread = 0; thread < graph.threads; thread++) this.#loadThread(graph, thread);
    for (let event = 1; event < graph.count; event++) this.#linkReads(graph, event);
  }

  #loadThread(graph: Graph, thread: number): void {
    let count = 0;
    for (let event = graph.head(thread); event >= 0; event = graph.previous(event)) {
      this.#order[count++] = event;
    }
    while (count > 0) this.#loadEvent(graph, thread, this.#order[--count]!);
  }

  #loadEvent(graph: Graph, thread: number, event: number): void {
    const kind = graph.kind(event);
    const location = this.#locationOf(graph, event);
    if (kind === Kind.CHOICE) return;
    if (kind === Kind.END || kind === Kind.JOIN) {
      const role = kind === Kind.END ? Kind.WRITE : Kind.READ;
      const { tag } = this.#lower(role, Order.SEQ_CST, false);
      this.#rowOf[event] = this.#push(thread, role, location, tag, '');
      return;
    }
    const after = graph.after(event);
    if (after > 0) {
      // Read inside of a queue's lock: as if it had looked at the queue before.
      const { tag } = this.#lower(Kind.READ, Order.SEQ_CST, false);
      const row = this.#push(thread, Kind.READ, graph.location(after), tag, '');
      this.#sources[row] = -2 - after;
    }
    const isRmw = isHalf(graph.flags(event));
    const { before, tag, behind } = this.#lower(kind, graph.order(event), isRmw);
    if (before !== '') this.#push(thread, Kind.FENCE, NOWHERE, 0, before);
    if (kind === Kind.FENCE) {
      if (behind !== '') this.#push(thread, Kind.FENCE, NOWHERE, 0, behind);
      return;
    }
    const row = this.#push(thread, kind, location, tag, '');
    this.#rowOf[event] = row;
    if (isRmw && kind === Kind.WRITE) this.#pairs[row] = this.#rowOf[graph.previous(event)]!;
    if (behind !== '') this.#push(thread, Kind.FENCE, NOWHERE, 0, behind);
  }

  #linkReads(graph: Graph, event: number): void {
    const kind = graph.kind(event);
    if (kind !== Kind.READ && kind !== Kind.JOIN) return;
    const write = graph.rf(event);
    const row = this.#rowOf[event]!;
    const location = this.#locationOf(graph, event);
    this.#sources[row] = write > 0 ? this.#rowOf[write]! : this.#initial.get(location)!;
  }

  #locationOf(graph: Graph, event: number): number {
    switch (graph.kind(event)) {
      case Kind.READ:
      case Kind.WRITE:
        return graph.location(event);
      case Kind.END:
        return -2 - graph.thread(event);
      case Kind.JOIN:
        return -2 - graph.thread(graph.rf(event));
      default:
        return NOWHERE;
    }
  }

  #push(thread: number, kind: number, location: number, tag: number, fence: string): number {
    const row = this.count;
    this.count += 1;
    this.#threads[row] = thread;
    this.#kinds[row] = kind;
    this.#locations[row] = location;
    this.#tags[row] = tag;
    this.#fences[row] = fence;
    this.#sources[row] = -1;
    this.#pairs[row] = -1;
    return row;
  }

  fill(name: string, sort: 'set' | 'relation', plane: Plane, at: number): void {
    const { words, width, count } = plane;
    words.fill(0, at, at + (sort === 'set' ? width : count * width));
    if (sort === 'set') this.#fillSet(name, plane, at);
    else this.#fillRelation(name, plane, at);
  }

  #fillSet(name: string, { words }: Plane, at: number): void {
    const [kind, detail] = name.split(':') as [string, string | undefined];
    const bits = kind === 'tag' ? Number(detail) : 0;
    for (let row = 0; row < this.count; row++) {
      let isMember: boolean;
      if (kind === 'events') isMember = true;
      else if (kind === 'IW') isMember = this.#threads[row]! < 0;
      else if (kind === 'R') isMember = this.#kinds[row] === Kind.READ;
      else if (kind === 'W') isMember = this.#kinds[row] === Kind.WRITE;
      else if (kind === 'F') isMember = this.#kinds[row] === Kind.FENCE;
      else if (kind === 'tag') {
        isMember =
          this.#threads[row]! >= 0 &&
          this.#kinds[row] !== Kind.FENCE &&
          (this.#tags[row]! & bits) === bits;
      } else isMember = this.#fences[row] !== '' && this.#fences[row] === detail;
      if (isMember) words[at + (row >> 5)]! |= 1 << (row & 31);
    }
  }

  #fillRelation(name: string, plane: Plane, at: number): void {
    if (name === 'none') return;
    if (name === 'rf' || name === 'co' || name === 'amo') {
      if (name === 'co') this.#fillCoherence(plane, at);
      else this.#fillEdges(name, plane, at);
      return;
    }
    for (let from = 0; from < this.count; from++) {
      switch (name) {
        case 'id':
        case 'si':
          mark(plane, at, from, from);
          break;
        case 'po':
          this.#markLater(plane, at, from);
          break;
        case 'int':
          mark(plane, at, from, from);
          this.#markLater(plane, at, from, true);
          break;
        case 'loc':
          this.#markSameLocation(plane, at, from);
          break;
        default:
          for (let to = 0; to < this.count; to++) mark(plane, at, from, to);
      }
    }
  }

  /** From a row to those behind it in its thread, which follow it; and back, if `isBothWays`. */
  #markLater(plane: Plane, at: number, from: number, isBothWays: boolean = false): void {
    const thread = this.#threads[from]!;
    if (thread < 0) return;
    for (let to = from + 1; to < this.count && this.#threads[to] === thread; to++) {
      mark(plane, at, from, to);
      if (isBothWays) mark(plane, at, to, from);
    }
  }

  #markSameLocation(plane: Plane, at: number, from: number): void {
    const location = this.#locations[from]!;
    if (location === NOWHERE) return;
    for (let to = 0; to < this.count; to++) {
      if (this.#locations[to] === location) mark(plane, at, from, to);
    }
  }

  #fillEdges(name: string, plane: Plane, at: number): void {
    for (let row = 0; row < this.count; row++) {
      if (name === 'amo') {
        if (this.#pairs[row]! >= 0) mark(plane, at, this.#pairs[row]!, row);
        continue;
      }
      const source = this.#sources[row]!;
      if (source >= 0) mark(plane, at, source, row);
      else if (source < -1) mark(plane, at, this.#rowOf[-2 - source]!, row);
    }
  }

  #fillCoherence(plane: Plane, at: number): void {
    const graph = this.#graph!;
    for (const [location, first] of this.#initial) {
      if (location < 0) {
        // The end of a thread is its only write.
        for (let row = first + 1; row < this.count; row++) {
          if (this.#locations[row] === location && this.#kinds[row] === Kind.WRITE) {
            mark(plane, at, first, row);
          }
        }
        continue;
      }
      for (let later = graph.lastWrite(location); later > 0; later = graph.coPrevious(later)) {
        const row = this.#rowOf[later]!;
        mark(plane, at, first, row);
        for (let write = graph.coPrevious(later); write > 0; write = graph.coPrevious(write)) {
          mark(plane, at, this.#rowOf[write]!, row);
        }
      }
    }
  }

  /** Whether a base expression is empty in this graph. */
  isEmpty(name: string): boolean {
    if (ABSENT.has(name)) return true;
    if (name.startsWith('fence:')) return !this.#has(this.#fences, name.slice(6));
    if (name === 'F') return !this.#kinds.slice(0, this.count).includes(Kind.FENCE);
    if (name === 'amo') return !this.#pairs.slice(0, this.count).some((pair) => pair >= 0);
    if (!name.startsWith('tag:')) return false;
    const bits = Number(name.slice(4));
    for (let row = 0; row < this.count; row++) {
      if (this.#threads[row]! >= 0 && (this.#tags[row]! & bits) === bits) return false;
    }
    return true;
  }

  #has(names: readonly string[], wanted: string): boolean {
    for (let row = 0; row < this.count; row++) if (names[row] === wanted) return true;
    return false;
  }

  /** The same for graphs of which the same expressions are empty. */
  get key(): string {
    const seen = new Set<string>();
    for (let row = 0; row < this.count; row++) {
      if (this.#fences[row] !== '') seen.add(this.#fences[row]!);
      else if (this.#threads[row]! >= 0) seen.add(String(this.#tags[row]));
    }
    return [...seen].sort().join(' ');
  }
}

type Words32 = Int32Array;

/** No location. */
const NOWHERE = -1;

function mark({ words, width }: Plane, at: number, from: number, to: number): void {
  words[at + from * width + (to >> 5)]! |= 1 << (to & 31);
}

/** A model's axioms for graphs that use the same kinds of accesses and fences. */
interface Reduced {
  readonly evaluator: Evaluator;
  readonly count: number;
}

/** See the head of this file. */
export class AxiomConsistency implements Consistency {
  readonly name: string;
  readonly #model: Model;
  readonly #lowered: Lowered;
  readonly #reduced = new Map<string, Reduced>();

  constructor(name: string, model: Model, lower: Lowering) {
    this.name = name;
    this.#model = model;
    this.#lowered = new Lowered(lower);
  }

  allows(graph: Graph): boolean {
    this.#lowered.load(graph);
    const { evaluator, count } = this.#reduce();
    evaluator.bind(this.#lowered);
    return evaluator.violated(0, count) < 0;
  }

  #reduce(): Reduced {
    const { key } = this.#lowered;
    const known = this.#reduced.get(key);
    if (known !== undefined) return known;
    const isEmpty = (base: EventSet | Relation): boolean => this.#lowered.isEmpty(base.name);
    const simplifier = new Simplifier(isEmpty, true);
    const requirements: Requirement[] = [];
    for (const { kind, relation } of this.#model.axioms) {
      const left = simplifier.relation(relation);
      if (left !== EMPTY) requirements.push({ kind, relation: left });
    }
    const reduced = { evaluator: new Evaluator(requirements), count: requirements.length };
    this.#reduced.set(key, reduced);
    return reduced;
  }
}
