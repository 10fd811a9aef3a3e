/**
 * Optimal exploration of all executions that a memory model allows: TruSt (Kokologiannakis,
 * Marmanis, Gladstein and Vafeiadis, "Truly Stateless, Optimal Dynamic Partial Order Reduction",
 * POPL 2022). Every execution graph is visited once, and nothing is remembered between two of them.
 *
 * Threads run one after the other until each has ended or cannot go on; the events they ask for are
 * added to the graph. A read may read from each write that is there; what else it could have read
 * waits as a copy of the graph. A write may be placed at each point of its location's coherence
 * order; and reads that were added before it may read from it after all, with everything that was
 * added after them, and is not needed for the write, taken out again (`#revisit`). That is done
 * only when what is taken out was added in the one way that every execution has (`#isMaximal`), so
 * that of all orders in which one execution could be built, one is.
 */
import { assert } from '../../base/index.ts';
import type { Consistency } from './consistency.ts';
import { Flag, Graph, Kind, Status } from './graph.ts';
import { Bytes, Words } from '../program/real.ts';

/** How a run of one thread went. */
export type RunEnd =
  'ended' | 'stopped' | 'spinning' | 'sleeping' | 'joining' | 'dozing' | 'unasked' | 'failed';

/**
 * Who decides what the events of threads do: exploration, or who builds one execution only. Each
 * adds the event to the graph, at its place.
 */
export interface Builder {
  /**
   * A read: the write that it reads from, or -1 when there is nothing that it may read. With
   * `wanted` only writes of values that satisfy it are looked at.
   */
  addRead(
    thread: number,
    location: number,
    order: number,
    flags: number,
    wanted?: (value: unknown) => boolean,
  ): number;
  /** A write; false when it has no place, and the thread stops. */
  addWrite(thread: number, location: number, order: number, flags: number, value: unknown): boolean;
  /**
   * An event that neither reads nor writes; false when it cannot be. `rf` is what a join waits for.
   */
  addPlain(thread: number, kind: number, order: number, rf?: number): boolean;
  /** A choice among `count`; -1 when it cannot be now. */
  choose(thread: number, count: number): number;
  /** Something was written that sleepers may wait for. */
  wakeSleepers(): void;
}

/** What exploration calls to run threads. */
export interface Threads {
  readonly count: number;
  /**
   * Runs a thread from its start: first what is in its log, then on, asking `Explorer` for events.
   */
  run(thread: number, graph: Graph): RunEnd;
}

/** What exploration found at the end of one execution. */
export type Ending = 'complete' | 'blocked';

/** Who is told of executions. */
export interface Visitor {
  /**
   * An execution is over; the graph is good until this returns. `blocked` when some thread cannot
   * go on. Returning false stops it all.
   */
  visit(graph: Graph, ending: Ending): boolean;
  /** A thread has thrown. */
  failed(graph: Graph, thread: number): boolean;
  /** Called before each graph that is taken up; returning false stops it all. */
  step(pending: number): boolean;
  /** Called now and then while an execution is built; returning false stops it all. */
  looked?(pending: number): boolean;
  /** Whether what hangs on a graph that is taken up is to be explored. Default: always. */
  admits?(graph: Graph): boolean;
}

/** Events between two looks at the clock in the midst of an execution. */
const LOOK_EVENTS = 32;

/** See the head of this file. */
export class Explorer implements Builder {
  readonly #consistency: Consistency;
  readonly #threads: Threads;
  readonly #visitor: Visitor;
  /** Graphs that wait, each with its last event's place decided; the last is taken up next. */
  readonly #pending: Graph[] = [];
  /** What the event that is being added may read, or stand behind; and what is put off of that. */
  readonly #possible: number[] = [];
  readonly #held: Graph[] = [];
  #graph: Graph;
  /** Events since somebody looked at the clock, and whether it is over in the midst of a graph. */
  #unlooked = 0;
  #isOver = false;

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

  /** Graphs that wait, those with most behind them first. */
  get pending(): readonly Graph[] {
    return this.#pending;
  }

  /** Takes a graph to be explored. */
  add(graph: Graph): void {
    this.#pending.push(graph);
  }

  /** Gives graphs away, those with most behind them. */
  giveAway(count: number): Graph[] {
    return this.#pending.splice(0, count);
  }

  /** Explores everything that waits; false when the visitor stopped it. */
  explore(): boolean {
    const pending = this.#pending;
    const visitor = this.#visitor;
    for (;;) {
      if (pending.length === 0) return true;
      if (!visitor.step(pending.length)) return false;
      const graph = pending.pop()!;
      this.#graph = graph;
      const others = pending.length;
      const goesOn = visitor.admits?.(graph) === false || this.#build();
      if (this.#isOver) {
        // What is half built waits as it is: it can be taken up again.
        this.#isOver = false;
        pending.push(graph);
        return false;
      }
      this.#spread(graph.share, others);
      graph.free();
      if (!goesOn) return false;
    }
  }

  /**
   * What hung on one graph hangs on the one execution that was made of it and on what it put off.
   */
  #spread(share: number, others: number): void {
    const pending = this.#pending;
    const part = share / (1 + pending.length - others);
    for (let index = others; index < pending.length; index++) pending[index]!.share = part;
  }

  /** Runs threads until none can go on. */
  #build(): boolean {
    for (;;) {
      const thread = this.#nextThread();
      if (thread < 0) break;
      const end = this.#threads.run(thread, this.#graph);
      const graph = this.#graph;
      if (end === 'stopped') return true;
      if (end === 'failed') return this.#visitor.failed(graph, thread);
      settle(graph, thread, end);
    }
    return this.#visitor.visit(this.#graph, endingOf(this.#graph));
  }

  /** Whether another event may be added now. */
  #hasTime(): boolean {
    this.#unlooked += 1;
    if (this.#unlooked < LOOK_EVENTS) return true;
    this.#unlooked = 0;
    this.#isOver = this.#visitor.looked?.(this.#pending.length) === false;
    return !this.#isOver;
  }

  #nextThread(): number {
    const graph = this.#graph;
    for (let thread = 0; thread < graph.threads; thread++) {
      if (graph.status(thread) === Status.READY) return thread;
    }
    return -1;
  }

  wakeSleepers(): void {
    wakeSleepers(this.#graph);
  }

  /** Returns the first; the others are explored later. */
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

  addPlain(thread: number, kind: number, order: number, rf: number = -1): boolean {
    const graph = this.#graph;
    const event = graph.add(thread, kind, -1, order, 0, undefined);
    graph.setRf(event, rf);
    graph.close(event);
    return this.#consistency.allows(graph, event);
  }

  addRead(
    thread: number,
    location: number,
    order: number,
    flags: number,
    wanted?: (value: unknown) => boolean,
  ): number {
    if (!this.#hasTime()) return -1;
    const graph = this.#graph;
    const read = graph.add(thread, Kind.READ, location, order, flags, undefined);
    const sources = this.#possible;
    sources.length = 0;
    for (let write = graph.lastWrite(location); write >= 0; write = graph.coPrevious(write)) {
      if (wanted === undefined || wanted(graph.values[write])) sources.push(write);
      if (write === 0) break;
    }
    const source = this.#settle(graph, read, sources);
    if (source < 0) graph.undo();
    return source;
  }

  /**
   * Leaves the graph with the first of the possibilities that holds for a read or write that was
   * added, and puts the others off. They are tried from the last on, because the first nearly
   * always holds: then the graph is as it must be when all were tried, and nothing is judged twice.
   * -1 when none holds.
   */
  #settle(graph: Graph, event: number, possible: readonly number[]): number {
    const held = this.#held;
    const isWrite = graph.kind(event) === Kind.WRITE;
    let kept = -1;
    for (let index = possible.length - 1; index >= 0; index--) {
      const one = possible[index]!;
      if (this.#holds(graph, event, one, isWrite)) {
        kept = one;
        if (index === 0) break;
        held.push(graph.clone());
      }
      if (isWrite) graph.displace(event);
    }
    if (kept >= 0 && kept !== possible[0]) {
      held.pop()!.free();
      const isAllowed = this.#holds(graph, event, kept, isWrite);
      assert(isAllowed, 'what was consistent before still is');
    }
    while (held.length > 0) this.#pending.push(held.pop()!);
    return kept;
  }

  #holds(graph: Graph, event: number, one: number, isWrite: boolean): boolean {
    if (isWrite) graph.place(event, one);
    else readFrom(graph, this.#consistency, event, one);
    return this.#consistency.allows(graph, event);
  }

  /**
   * At each place that it may have; and earlier reads may read from it. False when it has no place
   * in this graph: what could be was put off.
   */
  addWrite(
    thread: number,
    location: number,
    order: number,
    flags: number,
    value: unknown,
  ): boolean {
    if (!this.#hasTime()) return false;
    const graph = this.#graph;
    const write = graph.add(thread, Kind.WRITE, location, order, flags, value);
    graph.close(write);
    this.#revisit(graph, write);
    return this.#settle(graph, write, this.#placesOf(graph, write)) >= 0;
  }

  /** The writes behind which a write may stand, the last first; whether it may is not judged. */
  #placesOf(graph: Graph, write: number): readonly number[] {
    const location = graph.location(write);
    const isPair = (graph.flags(write) & Flag.RMW) !== 0;
    const source = isPair ? graph.rf(graph.previous(write)) : -1;
    const places = this.#possible;
    places.length = 0;
    let next = -1;
    for (let behind = graph.lastWrite(location); behind >= 0; behind = graph.coPrevious(behind)) {
      if ((!isPair || behind === source) && !isTaken(graph, behind, next)) places.push(behind);
      if (behind === 0) break;
      next = behind;
    }
    return places;
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
   * last write, of what was there, and nobody who was there reads from it. There means: added
   * before it, or needed for `write`.
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
    const keep = new Bytes(graph.count).fill(1);
    const isShorter = new Bytes(graph.threads);
    for (let event = read + 1; event < write; event++) {
      if (this.#isTakenOut(graph, event, read, write)) {
        keep[event] = 0;
        isShorter[graph.thread(event)] = 1;
      }
    }
    const numbers = new Words(graph.count);
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
    for (const behind of this.#placesOf(result, source)) {
      result.place(source, behind);
      if (this.#consistency.allows(result, source)) this.#pending.push(result.clone());
      result.displace(source);
    }
    result.free();
  }
}

/** Notes how a thread stands after a run, and lets those look again who waited for its end. */
export function settle(
  graph: Graph,
  thread: number,
  end: Exclude<RunEnd, 'stopped' | 'failed'>,
): void {
  graph.setStatus(thread, STATUS_OF[end]);
  if (end !== 'ended') return;
  wake(graph, Status.JOINING);
  wakeSleepers(graph);
}

/** Sleepers look again whether they are woken. */
export function wakeSleepers(graph: Graph): void {
  wake(graph, Status.SLEEPING);
  wake(graph, Status.DOZING);
}

/** Whether all threads have come to their end. */
export function endingOf(graph: Graph): Ending {
  for (let thread = 0; thread < graph.threads; thread++) {
    if (graph.status(thread) !== Status.ENDED) return 'blocked';
  }
  return 'complete';
}

/**
 * Whether the place between a write and the next one of its location, or -1, is taken: by a
 * read-modify-write that has read the first of them.
 */
export function isTaken(graph: Graph, behind: number, next: number): boolean {
  return (
    next >= 0 && (graph.flags(next) & Flag.RMW) !== 0 && graph.rf(graph.previous(next)) === behind
  );
}

/** Lets a read that was added last read from a write. */
export function readFrom(
  graph: Graph,
  consistency: Consistency,
  read: number,
  write: number,
): void {
  graph.setRf(read, write);
  if ((graph.flags(read) & Flag.QUEUE) !== 0) {
    // What a sleeper read before it queued up, it read inside: after whoever was inside before.
    const value = graph.previous(read);
    graph.setAfter(value, write);
    graph.close(value);
    consistency.allows(graph, value);
  }
  graph.close(read);
}

const STATUS_OF = {
  ended: Status.ENDED,
  spinning: Status.SPINNING,
  sleeping: Status.SLEEPING,
  dozing: Status.DOZING,
  joining: Status.JOINING,
  unasked: Status.UNASKED,
} as const;

function wake(graph: Graph, status: number): void {
  for (let thread = 0; thread < graph.threads; thread++) {
    if (graph.status(thread) === status) graph.setStatus(thread, Status.READY);
  }
}
