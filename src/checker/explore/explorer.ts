/**
 * Optimal exploration of all executions that a memory model allows: TruSt (Kokologiannakis,
 * Marmanis, Gladstein and Vafeiadis, "Truly Stateless, Optimal Dynamic Partial Order Reduction",
 * POPL 2022). Every execution graph is visited once, and nothing is remembered between two of them.
 *
 * Threads run one after the other until each has ended or cannot go on; the events they ask for are
 * added to the graph. A read may read from each write that is there; what else it could have read
 * waits as a copy of the graph. A write may be placed at each point of its location's coherence
 * order; and reads that were added before it may read from it after all, with everything that was
 * added after them, and is not needed for the write, taken out again (`#revisit`). That is done only
 * when what is taken out was added in the one way that every execution has (`#isMaximal`), so that
 * of all orders in which one execution could be built, one is.
 */
import { assert } from '../../base/index.ts';
import type { Consistency } from './consistency.ts';
import { Flag, Graph, Kind, Status } from './graph.ts';

/** How a run of one thread went. */
export type RunEnd =
  'ended' | 'stopped' | 'spinning' | 'sleeping' | 'joining' | 'dozing' | 'failed';

/** What exploration calls to run threads. */
export interface Threads {
  readonly count: number;
  /** Runs a thread from its start: first what is in its log, then on, asking `Explorer` for events. */
  run(thread: number, graph: Graph): RunEnd;
}

/** What exploration found at the end of one execution. */
export type Ending = 'complete' | 'blocked';

/** Who is told of executions. */
export interface Visitor {
  /** An execution is over; the graph is good until this returns. `blocked` when some thread cannot go on. Returning false stops it all. */
  visit(graph: Graph, ending: Ending): boolean;
  /** A thread has thrown. */
  failed(graph: Graph, thread: number): boolean;
  /** Called once for each graph that is taken up; returning false stops it all. */
  step(pending: number): boolean;
}

/** See the head of this file. */
export class Explorer {
  readonly #consistency: Consistency;
  readonly #threads: Threads;
  readonly #visitor: Visitor;
  /** Graphs that wait, each with its last event's place decided. */
  readonly #pending: Graph[] = [];
  #graph: Graph;

  constructor(consistency: Consistency, threads: Threads, visitor: Visitor, words: number) {
    this.#consistency = consistency;
    this.#threads = threads;
    this.#visitor = visitor;
    this.#graph = new Graph(threads.count, words);
  }

  /** The graph that is being built. */
  get graph(): Graph {
    return this.#graph;
  }

  /** Graphs that wait. */
  get pending(): number {
    return this.#pending.length;
  }

  /** Explores everything; false when the visitor stopped it. */
  explore(first: Graph = this.#graph): boolean {
    this.#pending.push(first);
    for (;;) {
      const graph = this.#pending.pop();
      if (graph === undefined) return true;
      if (!this.#visitor.step(this.#pending.length)) return false;
      this.#graph = graph;
      const goesOn = this.#build();
      graph.free();
      if (!goesOn) return false;
    }
  }

  /** Runs threads until none can go on. */
  #build(): boolean {
    for (;;) {
      const thread = this.#nextThread();
      if (thread < 0) break;
      const end = this.#threads.run(thread, this.#graph);
      const graph = this.#graph;
      switch (end) {
        case 'stopped':
          return true;
        case 'failed':
          return this.#visitor.failed(graph, thread);
        case 'ended':
          graph.setStatus(thread, Status.ENDED);
          this.#wake(Status.JOINING);
          this.wakeSleepers();
          break;
        case 'spinning':
          graph.setStatus(thread, Status.SPINNING);
          break;
        case 'sleeping':
          graph.setStatus(thread, Status.SLEEPING);
          break;
        case 'dozing':
          graph.setStatus(thread, Status.DOZING);
          break;
        case 'joining':
          graph.setStatus(thread, Status.JOINING);
          break;
      }
    }
    return this.#visitor.visit(this.#graph, this.#isComplete() ? 'complete' : 'blocked');
  }

  #nextThread(): number {
    const graph = this.#graph;
    for (let thread = 0; thread < graph.threads; thread++) {
      if (graph.status(thread) === Status.READY) return thread;
    }
    return -1;
  }

  #isComplete(): boolean {
    const graph = this.#graph;
    for (let thread = 0; thread < graph.threads; thread++) {
      if (graph.status(thread) !== Status.ENDED) return false;
    }
    return true;
  }

  /** Threads that waited for something look again. */
  #wake(status: number): void {
    const graph = this.#graph;
    for (let thread = 0; thread < graph.threads; thread++) {
      if (graph.status(thread) === status) graph.setStatus(thread, Status.READY);
    }
  }

  /** Something was written that sleepers may wait for. */
  wakeSleepers(): void {
    this.#wake(Status.SLEEPING);
    this.#wake(Status.DOZING);
  }

  /** Adds a choice of a thread among `count`; returns the first, the others are explored later. */
  choose(thread: number, count: number): number {
    const graph = this.#graph;
    const event = graph.add(thread, Kind.CHOICE, -1, 0, 0, 0);
    graph.close(event);
    this.#consistency.allows(graph, event);
    for (let choice = count - 1; choice > 0; choice--) {
      graph.values[event] = choice;
      this.#pending.push(graph.clone());
    }
    graph.values[event] = 0;
    return 0;
  }

  /** Adds a fence, or another event that neither reads nor writes; false when it cannot be. */
  addPlain(thread: number, kind: number, order: number, rf: number = -1): boolean {
    const graph = this.#graph;
    const event = graph.add(thread, kind, -1, order, 0, undefined);
    graph.setRf(event, rf);
    graph.close(event);
    return this.#consistency.allows(graph, event);
  }

  /**
   * Adds a read and gives what it reads from; -1 when there is nothing that it may read. With `wanted`
   * only writes of values that satisfy it are looked at.
   */
  addRead(
    thread: number,
    location: number,
    order: number,
    flags: number,
    wanted?: (value: unknown) => boolean,
  ): number {
    const graph = this.#graph;
    const read = graph.add(thread, Kind.READ, location, order, flags, undefined);
    let first = -1;
    for (let write = graph.lastWrite(location); write >= 0; write = graph.coPrevious(write)) {
      if (wanted === undefined || wanted(graph.values[write])) {
        this.#readFrom(graph, read, write);
        if (this.#consistency.allows(graph, read)) {
          if (first < 0) first = write;
          else this.#pending.push(graph.clone());
        }
      }
      if (write === 0) break;
    }
    if (first < 0) {
      graph.undo();
      return -1;
    }
    this.#readFrom(graph, read, first);
    const allowed = this.#consistency.allows(graph, read);
    assert(allowed, 'what was consistent before still is');
    return first;
  }

  #readFrom(graph: Graph, read: number, write: number): void {
    graph.setRf(read, write);
    if ((graph.flags(read) & Flag.QUEUE) !== 0) {
      // What a sleeper read before it queued up, it read inside: after whoever was inside before.
      const value = graph.previous(read);
      graph.setAfter(value, write);
      graph.close(value);
      this.#consistency.allows(graph, value);
    }
    graph.close(read);
  }

  /**
   * Adds a write, at each place that it may have, and lets earlier reads read from it. False when it
   * has no place in this graph: what could be was put off, and the thread stops.
   */
  addWrite(
    thread: number,
    location: number,
    order: number,
    flags: number,
    value: unknown,
  ): boolean {
    const graph = this.#graph;
    const write = graph.add(thread, Kind.WRITE, location, order, flags, value);
    graph.close(write);
    this.#revisit(graph, write);
    return this.#place(graph, write, true);
  }

  /** Puts a write at each place that it may have; the first in `graph` itself if `isHere`. */
  #place(graph: Graph, write: number, isHere: boolean): boolean {
    const location = graph.location(write);
    let first = -1;
    const isPair = (graph.flags(write) & Flag.RMW) !== 0;
    const source = isPair ? graph.rf(graph.previous(write)) : -1;
    for (let behind = graph.lastWrite(location); behind >= 0; behind = graph.coPrevious(behind)) {
      const isFree = isPair ? behind === source : true;
      if (isFree && !this.#splits(graph, behind, write)) {
        graph.place(write, behind);
        if (this.#consistency.allows(graph, write)) {
          if (isHere && first < 0) first = behind;
          else this.#pending.push(graph.clone());
        }
        graph.displace(write);
      }
      if (behind === 0) break;
    }
    if (first < 0) return false; // Everything that may be was put off.
    graph.place(write, first);
    return this.#consistency.allows(graph, write);
  }

  /** Whether the place behind `behind` is taken by a read-modify-write that read from it. */
  #splits(graph: Graph, behind: number, write: number): boolean {
    const location = graph.location(write);
    for (let event = 1; event < graph.count; event++) {
      if (
        event !== write &&
        graph.kind(event) === Kind.WRITE &&
        (graph.flags(event) & Flag.RMW) !== 0 &&
        graph.location(event) === location &&
        graph.rf(graph.previous(event)) === behind
      ) {
        return true;
      }
    }
    return false;
  }

  /** Lets each read that came before `write`, and was not needed for it, read from it. */
  #revisit(graph: Graph, write: number): void {
    const location = graph.location(write);
    for (let read = 1; read < write; read++) {
      if (graph.kind(read) !== Kind.READ || graph.location(read) !== location) continue;
      if (graph.precedes(read, write)) continue;
      if (this.#canTakeOut(graph, read, write)) this.#takeOut(graph, read, write);
    }
  }

  #isTakenOut(graph: Graph, event: number, read: number, write: number): boolean {
    return event > read && event !== write && !graph.precedes(event, write);
  }

  #canTakeOut(graph: Graph, read: number, write: number): boolean {
    for (let event = read; event < write; event++) {
      const isConcerned = event === read || this.#isTakenOut(graph, event, read, write);
      if (isConcerned && !this.#isMaximal(graph, event, write)) return false;
    }
    return true;
  }

  /**
   * Whether an event was added as every execution can have it: it reads the last write, or is the
   * last write, of what was there, and nobody who was there reads from it. There means: added before
   * it, or needed for `write`.
   */
  #isMaximal(graph: Graph, event: number, write: number): boolean {
    const kind = graph.kind(event);
    if (kind === Kind.CHOICE) return graph.values[event] === 0;
    if (kind !== Kind.READ && kind !== Kind.WRITE) return true;
    if (kind === Kind.WRITE) {
      for (let other = 1; other < write; other++) {
        const isThere = other <= event || graph.precedes(other, write);
        if (isThere && graph.kind(other) === Kind.READ && graph.rf(other) === event) return false;
      }
    }
    const place = kind === Kind.WRITE ? event : graph.rf(event);
    const location = graph.location(event);
    for (let later = graph.lastWrite(location); later !== place;) {
      if (later === 0) return false;
      if (later <= event || graph.precedes(later, write)) return false;
      later = graph.coPrevious(later);
    }
    return true;
  }

  #takeOut(graph: Graph, read: number, write: number): void {
    const keep = new Uint8Array(graph.count).fill(1);
    const isShorter = new Uint8Array(graph.threads);
    for (let event = read + 1; event < write; event++) {
      if (this.#isTakenOut(graph, event, read, write)) {
        keep[event] = 0;
        isShorter[graph.thread(event)] = 1;
      }
    }
    const numbers = new Int32Array(graph.count);
    const result = graph.restrict(keep, numbers);
    const revisited = numbers[read]!;
    const source = numbers[write]!;
    result.setRf(revisited, source);
    if ((result.flags(revisited) & Flag.QUEUE) !== 0) {
      result.setAfter(result.previous(revisited), source);
    }
    result.closeAll();
    isShorter[graph.thread(read)] = 1;
    for (let thread = 0; thread < graph.threads; thread++) {
      const status = graph.status(thread);
      const isOver = status === Status.ENDED && isShorter[thread] === 0;
      result.setStatus(thread, isOver ? Status.ENDED : Status.READY);
    }
    this.#consistency.restore?.(result);
    this.#place(result, source, false);
    result.free();
  }
}
