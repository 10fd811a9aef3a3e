/**
 * The fewest preemptions with which an execution can be had under sequential consistency: switches
 * away from a thread that could have gone on, over all orders that its graph allows (Marmanis,
 * Kokologiannakis and Vafeiadis, TACAS 2023, bound exploration of graphs by it). Leaving a thread
 * that has ended, or waits to be woken or to join another, is none.
 *
 * To let a thread go on as long as it can is never worse than to leave it earlier: whoever may come
 * before its next step may come behind it too. So the only choice is who is next.
 */
import { Flag, type Graph, Kind } from '../explore/graph.ts';
import { Bytes } from '../program/real.ts';

/** See the head of this file. Scratch memory is used again for every graph. */
export class Preemptions {
  #graph!: Graph;
  /** By thread: its events in program order, and how many are carried out. */
  #events: number[][] = [];
  #done: number[] = [];
  #isDone = new Bytes(64);
  /** By event: what must be carried out before it, besides what comes before it in its thread. */
  #needs: number[][] = [];
  #left = 0;
  readonly #failed = new Set<string>();

  /** The fewest preemptions of a graph, or `bound + 1` when they are more than `bound`. */
  fewest(graph: Graph, bound: number): number {
    this.#start(graph);
    if (this.#left === 0) return 0;
    for (let budget = 0; budget <= bound; budget++) {
      this.#failed.clear();
      for (let thread = 0; thread < graph.threads; thread++) {
        if (this.#search(thread, budget)) return budget;
      }
    }
    return bound + 1;
  }

  #start(graph: Graph): void {
    const { count } = graph;
    this.#graph = graph;
    this.#left = count - 1;
    if (this.#isDone.length < count) this.#isDone = new Bytes(2 * count);
    this.#isDone.fill(0, 0, count);
    this.#events = [];
    for (let thread = 0; thread < graph.threads; thread++) {
      const log: number[] = [];
      graph.log(thread, log);
      this.#events.push(log);
    }
    this.#done = this.#events.map(() => 0);
    this.#needs = Array.from({ length: count }, () => []);
    for (let event = 1; event < count; event++) {
      const kind = graph.kind(event);
      if (graph.after(event) > 0) this.#needs[event]!.push(graph.after(event));
      if (kind === Kind.READ || kind === Kind.JOIN) this.#read(event);
      if (kind === Kind.WRITE && graph.coPrevious(event) > 0) {
        this.#needs[event]!.push(graph.coPrevious(event));
      }
    }
  }

  /** What a read reads comes before it, and what overwrites that behind it. */
  #read(read: number): void {
    const graph = this.#graph;
    const source = graph.rf(read);
    if (source > 0) this.#needs[read]!.push(source);
    if (graph.kind(read) === Kind.JOIN) return;
    let next = source > 0 ? graph.coNext(source) : graph.lastWrite(graph.location(read));
    if (source === 0)
      while (next > 0 && graph.coPrevious(next) !== 0) next = graph.coPrevious(next);
    if (next > 0 && graph.previous(next) !== read) this.#needs[next]!.push(read);
  }

  #canDo(event: number): boolean {
    for (const other of this.#needs[event]!) if (this.#isDone[other] === 0) return false;
    return true;
  }

  /** Whether everything that is left can be carried out so, when a thread goes on now. */
  #search(thread: number, budget: number): boolean {
    const events = this.#events[thread]!;
    const before = this.#done[thread]!;
    let at = before;
    while (at < events.length && this.#canDo(events[at]!)) this.#isDone[events[at++]!] = 1;
    this.#done[thread] = at;
    const passed = at - before;
    this.#left -= passed;
    if (at > before && (this.#left === 0 || this.#goOn(thread, budget))) return true;
    while (at > before) this.#isDone[events[--at]!] = 0;
    this.#left += passed;
    this.#done[thread] = before;
    return false;
  }

  #goOn(thread: number, budget: number): boolean {
    const rest = budget - this.#price(thread);
    if (rest < 0) return false;
    const key = `${rest} ${this.#done.join()}`;
    if (this.#failed.has(key)) return false;
    for (let next = 0; next < this.#events.length; next++) {
      if (next !== thread && this.#search(next, rest)) return true;
    }
    this.#failed.add(key);
    return false;
  }

  /**
   * Preemptions that leaving a thread costs: it cannot go on in this order, but may have others.
   */
  #price(thread: number): number {
    const next = this.#events[thread]![this.#done[thread]!];
    if (next === undefined) return 0;
    const graph = this.#graph;
    return graph.kind(next) === Kind.JOIN || (graph.flags(next) & Flag.AWAIT) !== 0 ? 0 : 1;
  }
}
