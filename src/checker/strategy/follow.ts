/**
 * Builds the one execution of a token again. Threads run as far as what they read is there, so
 * events come in another order than they came at first; in the end they get the numbers of the
 * token.
 */
import {
  type Builder,
  endingOf,
  isTaken,
  readFrom,
  settle,
  type Visitor,
  wakeSleepers,
} from '../explore/explorer.ts';
import type { Consistency } from '../explore/consistency.ts';
import { Flag, Graph, Kind, Status } from '../explore/graph.ts';
import { Resplit } from '../program/locations.ts';
import type { Session } from '../program/session.ts';
import { renumber } from './graphs.ts';
import { tokenError, type TokenGraph } from './token.ts';

const OTHER = 'the test does something else now, or it is another test';

/** See the head of this file. */
export class Follower implements Builder {
  readonly #consistency: Consistency;
  readonly #session: Session;
  readonly #token: TokenGraph;
  /** By thread: the numbers of its events, and how many of them are there. */
  readonly #numbers: number[][];
  readonly #done: number[];
  /** By number: the event that it is here; and the other way round. */
  readonly #built: number[] = [0];
  readonly #order: number[] = [0];
  #graph: Graph;
  #wrong: string | undefined;

  constructor(consistency: Consistency, session: Session, token: TokenGraph) {
    this.#consistency = consistency;
    this.#session = session;
    this.#token = token;
    this.#numbers = Array.from({ length: token.threads }, () => []);
    token.events.forEach(({ thread }, index) => this.#numbers[thread]!.push(index + 1));
    this.#done = this.#numbers.map(() => 0);
    this.#graph = new Graph(token.threads, Math.ceil((token.events.length + 8) / 32));
  }

  /**
   * Builds the execution, and shows it; the session must have been prepared, and use this.
   * @throws {RondoError} ERR_CHECKER_TOKEN
   */
  follow(visitor: Visitor): Graph {
    if (this.#session.count !== this.#token.threads) throw tokenError(OTHER);
    this.#build();
    this.#graph = renumber(this.#graph, this.#consistency, this.#order);
    const { failing } = this.#token;
    if (failing >= 0) {
      this.#token.states.forEach(({ status, round }, thread) => {
        this.#graph.setStatus(thread, status);
        this.#graph.setRound(thread, round);
      });
      if (this.#run(failing) === 'failed') visitor.failed(this.#graph, failing);
    } else {
      this.#settle();
      visitor.visit(this.#graph, endingOf(this.#graph));
    }
    return this.#graph;
  }

  #build(): void {
    const { events } = this.#token;
    for (let before = 0; before !== this.#graph.count;) {
      before = this.#graph.count;
      for (let thread = 0; thread < this.#token.threads; thread++) {
        if (this.#done[thread]! < this.#numbers[thread]!.length) this.#run(thread);
      }
    }
    if (this.#graph.count !== events.length + 1) throw tokenError(OTHER);
  }

  /** Runs threads until each has ended or waits, without another event. */
  #settle(): void {
    const graph = this.#graph;
    for (let isDone = false; !isDone;) {
      isDone = true;
      for (let thread = 0; thread < graph.threads; thread++) {
        if (graph.status(thread) !== Status.READY) continue;
        const end = this.#run(thread);
        if (end === 'stopped' || end === 'failed') throw tokenError(OTHER);
        settle(graph, thread, end);
        isDone = false;
      }
    }
  }

  #run(thread: number): ReturnType<Session['run']> {
    this.#session.error = undefined;
    const end = this.#session.run(thread, this.#graph);
    if (this.#session.error instanceof Resplit) throw this.#session.error;
    if (this.#wrong !== undefined) throw tokenError(this.#wrong);
    return end;
  }

  /** Number of the next event of a thread; 0 when it has no more. */
  #next(thread: number): number {
    return this.#numbers[thread]![this.#done[thread]!] ?? 0;
  }

  #refOf(number: number): number {
    return this.#token.events[number - 1]?.ref ?? 0;
  }

  #added(thread: number, event: number): void {
    const number = this.#next(thread);
    this.#built[number] = event;
    this.#order[event] = number;
    this.#done[thread]! += 1;
  }

  addRead(
    thread: number,
    location: number,
    order: number,
    flags: number,
    wanted?: (value: unknown) => boolean,
  ): number {
    const number = this.#next(thread);
    const source = this.#built[this.#refOf(number)];
    if (number === 0 || source === undefined) return -1;
    const graph = this.#graph;
    const isThere =
      source === 0 || (graph.kind(source) === Kind.WRITE && graph.location(source) === location);
    if (!isThere || wanted?.(graph.values[source]) === false) return this.#refuse(OTHER);
    const read = graph.add(thread, Kind.READ, location, order, flags, undefined);
    readFrom(graph, this.#consistency, read, source);
    if (!this.#consistency.allows(graph, read)) return this.#refuse('the model has no such read');
    this.#added(thread, read);
    return source;
  }

  addWrite(
    thread: number,
    location: number,
    order: number,
    flags: number,
    value: unknown,
  ): boolean {
    const number = this.#next(thread);
    if (number === 0) return false;
    const graph = this.#graph;
    const behind = this.#behind(number);
    const isThere =
      behind === 0 || (graph.kind(behind) === Kind.WRITE && graph.location(behind) === location);
    if (!isThere) return this.#refuse(OTHER) >= 0;
    const write = graph.add(thread, Kind.WRITE, location, order, flags, value);
    graph.close(write);
    const isPair = (flags & Flag.RMW) !== 0;
    graph.place(write, behind);
    const next = graph.coNext(write);
    const isFree = isPair
      ? graph.rf(graph.previous(write)) === behind
      : !isTaken(graph, behind, next);
    if (!isFree || !this.#consistency.allows(graph, write)) {
      return this.#refuse('the model has no such write') >= 0;
    }
    this.#added(thread, write);
    return true;
  }

  /** The last write before one in coherence order that is there. */
  #behind(number: number): number {
    let ref = this.#refOf(number);
    for (let left = this.#token.events.length; left > 0 && this.#built[ref] === undefined; left--) {
      ref = this.#refOf(ref);
    }
    return this.#built[ref] ?? 0;
  }

  addPlain(thread: number, kind: number, order: number, rf: number = -1): boolean {
    if (this.#next(thread) === 0) return false;
    const graph = this.#graph;
    const event = graph.add(thread, kind, -1, order, 0, undefined);
    graph.setRf(event, rf);
    graph.close(event);
    if (!this.#consistency.allows(graph, event)) return this.#refuse('the model has none') >= 0;
    this.#added(thread, event);
    return true;
  }

  choose(thread: number, count: number): number {
    const number = this.#next(thread);
    if (number === 0) return -1;
    const choice = this.#refOf(number);
    if (choice >= count) return this.#refuse(OTHER);
    const graph = this.#graph;
    const event = graph.add(thread, Kind.CHOICE, -1, 0, 0, choice);
    graph.close(event);
    this.#consistency.allows(graph, event);
    this.#added(thread, event);
    return choice;
  }

  wakeSleepers(): void {
    wakeSleepers(this.#graph);
  }

  #refuse(why: string): number {
    this.#wrong ??= why;
    return -1;
  }
}
