/**
 * An execution as a graph again, with something changed: whether a model still allows it tells what
 * an order, a fence or a read-modify-write would have made of it.
 */
import type { ModelName } from '../check/models.ts';
import { consistencyOf } from '../check/models.ts';
import type { ExecutionTrace, TraceEvent } from '../check/trace.ts';
import { Flag, Graph, Kind, Order, Status } from '../explore/graph.ts';
import { Facts } from './facts.ts';

/** What is changed, by event. */
export interface Changes {
  /** Orders instead of those that were asked for. */
  readonly orders?: ReadonlyMap<number, TraceEvent['order']>;
  /** Events before which stands a full fence. */
  readonly fenced?: ReadonlySet<number>;
  /** Reads and writes that are halves of one read-modify-write. */
  readonly fused?: ReadonlySet<number>;
}

/** Orders by their strength, as graphs have them. */
export const ORDERS: Readonly<Record<TraceEvent['order'], number>> = {
  plain: Order.PLAIN,
  relaxed: Order.RELAXED,
  acquire: Order.ACQUIRE,
  release: Order.RELEASE,
  acq_rel: Order.ACQ_REL,
  seq_cst: Order.SEQ_CST,
};
const KINDS: Readonly<Record<TraceEvent['kind'], number>> = {
  read: Kind.READ,
  write: Kind.WRITE,
  fence: Kind.FENCE,
  choice: Kind.CHOICE,
  join: Kind.JOIN,
};
const WORDS_MAX = 32;

/** A graph made from an execution. */
export interface Rebuilt {
  readonly graph: Graph;
  /** By event of the execution: its number in the graph. */
  readonly numbers: ReadonlyMap<number, number>;
  /** Whether the model allows it. */
  readonly isAllowed: boolean;
}

/** Builds the graph event by event, each behind what it hangs on. */
class Builder {
  readonly #trace: ExecutionTrace;
  readonly #facts: Facts;
  readonly #changes: Changes;
  readonly #graph: Graph;
  readonly #allows: (graph: Graph, event: number) => boolean;
  readonly #numbers = new Map<number, number>();
  readonly #locations = new Map<string, number>();
  readonly #queues: TraceEvent[][];
  readonly #ends: number[] = [];
  #isAllowed = true;

  constructor(
    facts: Facts,
    changes: Changes,
    words: number,
    allows: (graph: Graph, event: number) => boolean,
  ) {
    this.#trace = facts.trace;
    this.#facts = facts;
    this.#changes = changes;
    this.#allows = allows;
    this.#graph = new Graph(facts.trace.threads.length, words);
    this.#queues = facts.trace.threads.map((_, thread) => {
      return facts.trace.events.filter((event) => event.thread === thread);
    });
  }

  /** Undefined when events hang on each other in a circle. */
  build(): Rebuilt | undefined {
    let left = this.#trace.events.length;
    for (let before = -1; left !== before;) {
      before = left;
      for (const queue of this.#queues) {
        while (queue.length > 0 && this.#tryAdd(queue[0]!)) {
          queue.shift();
          left -= 1;
        }
      }
      this.#endThreads();
    }
    if (left > 0) return undefined;
    return { graph: this.#graph, numbers: this.#numbers, isAllowed: this.#isAllowed };
  }

  #endThreads(): void {
    for (const [thread, queue] of this.#queues.entries()) {
      const isOver = this.#trace.states[thread] === 'ended' && queue.length === 0;
      if (!isOver || this.#ends[thread] !== undefined) continue;
      const end = this.#graph.add(thread, Kind.END, -1, Order.RELEASE, 0, undefined);
      this.#graph.close(end);
      this.#check(end);
      this.#graph.setStatus(thread, Status.ENDED);
      this.#ends[thread] = end;
    }
  }

  #tryAdd(event: TraceEvent): boolean {
    if (event.kind === 'read' && event.from !== 0 && !this.#numbers.has(event.from!)) return false;
    if (event.kind === 'join' && this.#ends[event.value as number] === undefined) return false;
    const graph = this.#graph;
    if (this.#changes.fenced?.has(event.id) === true) {
      const fence = graph.add(event.thread, Kind.FENCE, -1, Order.SEQ_CST, 0, undefined);
      graph.close(fence);
      this.#check(fence);
    }
    const order = ORDERS[this.#changes.orders?.get(event.id) ?? event.order];
    const location = event.location === '' ? -1 : this.#locationOf(event.location);
    const flags = this.#flagsOf(event);
    const added = graph.add(event.thread, KINDS[event.kind], location, order, flags, event.value);
    this.#numbers.set(event.id, added);
    if (event.kind === 'read') this.#read(event, added);
    if (event.kind === 'join') graph.setRf(added, this.#ends[event.value as number]!);
    graph.close(added);
    if (event.kind === 'write') this.#place(event, added, (flags & Flag.RMW) !== 0);
    this.#check(added);
    return true;
  }

  #flagsOf(event: TraceEvent): number {
    const isHalf = event.isRmw || this.#changes.fused?.has(event.id) === true;
    return (isHalf ? Flag.RMW : 0) | (event.isHidden ? Flag.HIDDEN : 0);
  }

  #read(event: TraceEvent, added: number): void {
    const graph = this.#graph;
    const source = event.from === 0 ? 0 : this.#numbers.get(event.from!)!;
    graph.setRf(added, source);
    if (!this.#isQueueing(event)) return;
    // As exploration has it: what a sleeper read before it queued up, it read inside.
    const value = graph.previous(added);
    graph.setAfter(value, source);
    graph.close(value);
    this.#check(value);
  }

  #isQueueing(event: TraceEvent): boolean {
    if (!event.isHidden || !event.isRmw) return false;
    const write = this.#trace.events[this.#trace.events.indexOf(event) + 1];
    const before = Array.isArray(event.value) ? event.value.length : 0;
    return Array.isArray(write?.value) && write.value.length > before;
  }

  #place(event: TraceEvent, added: number, isHalf: boolean): void {
    const writes = this.#trace.coherence.get(event.location) ?? [];
    let behind = 0;
    for (const write of writes) {
      if (write === event.id) break;
      behind = this.#numbers.get(write) ?? behind;
    }
    this.#graph.place(added, behind);
    // Exploration places it so, and not every model says it again.
    const source = this.#facts.before(event)?.from ?? 0;
    if (isHalf && this.#facts.coPrevious(event) !== source) this.#isAllowed = false;
  }

  #locationOf(name: string): number {
    const known = this.#locations.get(name);
    if (known !== undefined) return known;
    this.#locations.set(name, this.#locations.size);
    return this.#locations.size - 1;
  }

  #check(event: number): void {
    // Not stopped at the first no: the sets of later events are wanted all the same.
    if (!this.#allows(this.#graph, event)) this.#isAllowed = false;
  }
}

/** Rebuilds executions under one model. */
export class Rebuilder {
  readonly facts: Facts;
  readonly #model: ModelName;
  readonly #words: number;
  readonly #isPossible: boolean;

  constructor(trace: ExecutionTrace, model: ModelName) {
    this.facts = new Facts(trace);
    this.#model = model;
    const fences = trace.events.length;
    this.#words = Math.ceil((trace.events.length + fences + trace.threads.length + 2) / 32);
    // Executions that come from enumeration have no coherence order.
    const hasOrder = trace.events.every(({ kind, id }) => {
      return kind !== 'write' || this.facts.place(id) !== undefined;
    });
    this.#isPossible = hasOrder && this.#words <= WORDS_MAX;
  }

  /** The graph with the changes; undefined when it cannot be built. */
  build(changes: Changes = {}): Rebuilt | undefined {
    if (!this.#isPossible) return undefined;
    const { consistency } = consistencyOf(this.#model, false);
    return new Builder(this.facts, changes, this.#words, (graph, event) =>
      consistency.allows(graph, event),
    ).build();
  }

  /** Whether the model allows the execution with the changes; undefined when nobody can tell. */
  allows(changes: Changes): boolean | undefined {
    return this.build(changes)?.isAllowed;
  }

  /** The two accesses that race, by their numbers in the execution. */
  race(changes: Changes = {}): readonly [number, number] | undefined {
    const rebuilt = this.build(changes);
    if (rebuilt === undefined) return undefined;
    const race = consistencyOf(this.#model, false).races(rebuilt.graph);
    if (race === undefined) return undefined;
    const ids = new Map([...rebuilt.numbers].map(([id, number]) => [number, id]));
    return [ids.get(race[0])!, ids.get(race[1])!];
  }
}
