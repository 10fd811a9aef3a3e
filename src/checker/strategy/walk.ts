/**
 * One execution at random, of those that the model allows: a schedule says which thread goes on,
 * and chance what it reads and where its writes stand among those of other threads. Nothing is
 * explored behind it.
 *
 * Whoever waits in a loop goes on when somebody has written what it waits for: its last round is
 * taken out then, as exploration has only the round that leaves.
 */
import type { SeededRandom } from '../../base/index.ts';
import type { Consistency } from '../explore/consistency.ts';
import {
  type Builder,
  endingOf,
  isTaken,
  readFrom,
  settle,
  type Visitor,
  wakeSleepers,
} from '../explore/explorer.ts';
import { Flag, Graph, Kind, Status } from '../explore/graph.ts';
import type { Session } from '../program/session.ts';
import type { Schedule } from './schedules.ts';
import { Bytes, Words } from '../program/real.ts';

/** How a walk is made. */
export interface WalkOptions {
  readonly random: SeededRandom;
  readonly schedule: Schedule;
  /**
   * Whether what is read and placed is always the last, so that the schedule alone decides: one
   * thread after the other does one thing after the other.
   */
  readonly isInTurn: boolean;
}

/** See the head of this file. */
export class Walker implements Builder {
  readonly #consistency: Consistency;
  readonly #session: Session;
  readonly #options: WalkOptions;
  #graph: Graph;
  /** Who goes on, and whether it has done something since that was said. */
  #thread = -1;
  #isFresh = true;
  /** The thread stops because another goes on, or to try again. */
  #isHeld = false;
  #isRetry = false;
  /** It reads the last writes until it has so many events: what it waited for. */
  #lastUntil = 0;
  /** By number of event: writes that a read must not read, because nothing came of it. */
  readonly #barred = new Map<number, Set<number>>();

  constructor(consistency: Consistency, session: Session, words: number, options: WalkOptions) {
    this.#consistency = consistency;
    this.#session = session;
    this.#options = options;
    this.#graph = new Graph(session.count, words);
  }

  /** Walks, and shows the execution; false when the visitor stops it. */
  walk(visitor: Visitor): boolean {
    const { schedule } = this.#options;
    schedule.start(this.#session.count);
    this.#turn();
    while (this.#thread >= 0) {
      const thread = this.#thread;
      this.#isFresh = true;
      this.#isHeld = false;
      this.#isRetry = false;
      this.#session.error = undefined;
      const end = this.#session.run(thread, this.#graph);
      if (end === 'failed') return visitor.failed(this.#graph, thread);
      if (end !== 'stopped') {
        settle(this.#graph, thread, end);
        this.#turn();
      } else if (!this.#isHeld)
        return true; // Too long, or none that is asked about.
      else if (!this.#isRetry) this.#begin();
    }
    return visitor.visit(this.#graph, endingOf(this.#graph));
  }

  /** Says who goes on; -1 when nobody can. */
  #turn(): void {
    const ready = this.#ready();
    this.#thread = ready.length === 0 ? -1 : this.#options.schedule.pick(ready);
    if (this.#thread >= 0) this.#begin();
  }

  #ready(): number[] {
    const graph = this.#graph;
    const ready: number[] = [];
    for (let thread = 0; thread < graph.threads; thread++) {
      const status = graph.status(thread);
      if (status === Status.READY || (status === Status.SPINNING && this.#hasNews(thread))) {
        ready.push(thread);
      }
    }
    return ready;
  }

  /** Whether a thread that waits in a loop might read something else. */
  #hasNews(thread: number): boolean {
    const graph = this.#graph;
    let left = graph.round(thread);
    for (let event = graph.head(thread); left > 0; event = graph.previous(event), left--) {
      const isRead = graph.kind(event) === Kind.READ;
      if (isRead && graph.rf(event) !== graph.lastWrite(graph.location(event))) return true;
    }
    return false;
  }

  /** The thread whose turn it is begins: if it waits in a loop, with that round. */
  #begin(): void {
    const thread = this.#thread;
    this.#barred.clear();
    this.#lastUntil = 0;
    if (this.#graph.status(thread) !== Status.SPINNING) return;
    const before = this.#graph;
    const rounds = before.round(thread);
    const keep = new Bytes(before.count).fill(1);
    for (let event = before.head(thread), left = rounds; left > 0; left--) {
      keep[event] = 0;
      event = before.previous(event);
    }
    this.#graph = before.restrict(keep, new Words(before.count));
    for (let other = 0; other < before.threads; other++) {
      this.#graph.setStatus(other, before.status(other));
      this.#graph.setRound(other, before.round(other));
    }
    before.free();
    this.#graph.setStatus(thread, Status.READY);
    this.#consistency.restore?.(this.#graph);
    if (this.#options.random.chance(1, 2)) this.#lastUntil = this.#graph.count + rounds;
  }

  /** Whether the thread may do something more; `isBound` to what it has just done. */
  #mayGoOn(thread: number, isBound: boolean): boolean {
    if (this.#isFresh || isBound) {
      this.#isFresh = false;
      return true;
    }
    const next = this.#options.schedule.pick(this.#ready());
    if (next === thread) return true;
    this.#thread = next;
    this.#isHeld = true;
    return false;
  }

  /** The thread stops, and tries something else than the last thing. */
  #retry(): void {
    this.#isHeld = true;
    this.#isRetry = true;
  }

  addRead(
    thread: number,
    location: number,
    order: number,
    flags: number,
    wanted?: (value: unknown) => boolean,
  ): number {
    const isQueue = (flags & Flag.QUEUE) !== 0;
    if (!this.#mayGoOn(thread, isQueue)) return -1;
    const graph = this.#graph;
    const read = graph.add(thread, Kind.READ, location, order, flags, undefined);
    const sources: number[] = [];
    for (let write = graph.lastWrite(location); write >= 0; write = graph.coPrevious(write)) {
      const isBarred = this.#barred.get(read)?.has(write) === true;
      if (!isBarred && wanted?.(graph.values[write]) !== false) sources.push(write);
      if (write === 0) break;
    }
    const first = this.#draw(sources, read < this.#lastUntil, (write) => {
      readFrom(graph, this.#consistency, read, write);
      return this.#consistency.allows(graph, read);
    });
    if (first >= 0) return first;
    graph.undo();
    // Nothing to queue up behind goes with what was read before: read something else there.
    if (isQueue) this.#takeBack();
    return -1;
  }

  /** Takes the last read back, and what it read is not read there again. */
  #takeBack(): void {
    const graph = this.#graph;
    const read = graph.count - 1;
    const barred = this.#barred.get(read) ?? new Set();
    barred.add(graph.rf(read));
    this.#barred.set(read, barred);
    this.#barred.delete(read + 1);
    graph.undo();
    this.#retry();
  }

  /** One of the possibilities that holds, at random; the first of all if `inTurn`. -1 is none. */
  #draw(possible: number[], isFirst: boolean, holds: (one: number) => boolean): number {
    const inTurn = isFirst || this.#options.isInTurn;
    while (possible.length > 0) {
      const index = inTurn ? 0 : this.#options.random.below(possible.length);
      const [one] = possible.splice(index, 1);
      if (holds(one!)) return one!;
    }
    return -1;
  }

  addWrite(
    thread: number,
    location: number,
    order: number,
    flags: number,
    value: unknown,
  ): boolean {
    const isPair = (flags & Flag.RMW) !== 0;
    if (!this.#mayGoOn(thread, isPair)) return false;
    const graph = this.#graph;
    const write = graph.add(thread, Kind.WRITE, location, order, flags, value);
    graph.close(write);
    const source = isPair ? graph.rf(graph.previous(write)) : -1;
    const places: number[] = [];
    let next = -1;
    for (let behind = graph.lastWrite(location); behind >= 0; behind = graph.coPrevious(behind)) {
      const isFree = isPair ? behind === source : true;
      if (isFree && !isTaken(graph, behind, next)) places.push(behind);
      if (behind === 0) break;
      next = behind;
    }
    const place = this.#draw(places, false, (behind) => {
      graph.place(write, behind);
      if (this.#consistency.allows(graph, write)) return true;
      graph.displace(write);
      return false;
    });
    if (place >= 0) return true;
    graph.undo();
    // Somebody else has changed what it read: it reads something else.
    if (isPair) this.#takeBack();
    return false;
  }

  addPlain(thread: number, kind: number, order: number, rf: number = -1): boolean {
    if (!this.#mayGoOn(thread, false)) return false;
    const graph = this.#graph;
    const event = graph.add(thread, kind, -1, order, 0, undefined);
    graph.setRf(event, rf);
    graph.close(event);
    return this.#consistency.allows(graph, event);
  }

  choose(thread: number, count: number): number {
    if (!this.#mayGoOn(thread, false)) return -1;
    const graph = this.#graph;
    const choice = this.#options.random.below(count);
    const event = graph.add(thread, Kind.CHOICE, -1, 0, 0, choice);
    graph.close(event);
    this.#consistency.allows(graph, event);
    return choice;
  }

  wakeSleepers(): void {
    wakeSleepers(this.#graph);
  }
}
