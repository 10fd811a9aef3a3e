/**
 * Sequential consistency and x86-TSO. Both ask whether the events can be carried out one after the
 * other so that every read finds what it reads and every write what it follows; with reads-from and
 * coherence given there is never a choice, so carrying out whatever can be is enough.
 *
 * TSO (Owens, Sarkar and Sewell, TPHOLs 2009): a thread's writes pass through its buffer, in order;
 * its reads need not wait for them. Locked instructions and fences wait until the buffer is empty.
 */
import type { Consistency } from './consistency.ts';
import { Flag, type Graph, Kind, Order } from './graph.ts';
import { Bytes, Words } from '../program/real.ts';

/** Carries events out; scratch memory is used again for every graph. */
export class Machine {
  readonly #isBuffered: boolean;
  /** By event: the next one of its thread. */
  #next = new Words(64);
  /** By event: reads of this write that were not carried out. */
  #readers = new Words(64);
  #isDone = new Bytes(64);
  /** By location: the write that memory holds, and the reads of the initial value that are left. */
  #memory: number[] = [];
  #initialReaders: number[] = [];
  /** By thread: the next event to issue, and the oldest write of its buffer; -1 is none. */
  #issue: number[] = [];
  #buffer: number[] = [];

  constructor(isBuffered: boolean) {
    this.#isBuffered = isBuffered;
  }

  /** Whether every event of the graph can be carried out. */
  canRun(graph: Graph): boolean {
    this.#start(graph);
    let left = graph.count - 1;
    for (let before = -1; left !== before;) {
      before = left;
      for (let thread = 0; thread < graph.threads; thread++) left -= this.#advance(graph, thread);
    }
    return left === 0;
  }

  #start(graph: Graph): void {
    const { count } = graph;
    if (this.#next.length < count) {
      this.#next = new Words(2 * count);
      this.#readers = new Words(2 * count);
      this.#isDone = new Bytes(2 * count);
    }
    this.#readers.fill(0, 0, count);
    this.#isDone.fill(0, 0, count);
    this.#isDone[0] = 1;
    this.#memory.length = 0;
    this.#initialReaders.length = 0;
    for (let thread = 0; thread < graph.threads; thread++) {
      this.#buffer[thread] = -1;
      let next = -1;
      for (let event = graph.head(thread); event >= 0; event = graph.previous(event)) {
        this.#next[event] = next;
        next = event;
        if (graph.kind(event) !== Kind.READ) continue;
        const write = graph.rf(event);
        if (write > 0) this.#readers[write]! += 1;
        else {
          const location = graph.location(event);
          this.#initialReaders[location] = (this.#initialReaders[location] ?? 0) + 1;
        }
      }
      this.#issue[thread] = next;
    }
  }

  /** Carries out what the thread can do now; returns how many events. */
  #advance(graph: Graph, thread: number): number {
    let count = 0;
    for (;;) {
      count += this.#drain(graph, thread);
      const event = this.#issue[thread]!;
      if (event < 0 || !this.#tryIssue(graph, thread, event)) break;
      this.#issue[thread] = this.#next[event]!;
      if (this.#isDone[event] === 1) count += 1;
    }
    return count;
  }

  #tryIssue(graph: Graph, thread: number, event: number): boolean {
    const after = graph.after(event);
    if (after >= 0 && this.#isDone[after] === 0) return false;
    switch (graph.kind(event)) {
      case Kind.READ:
        if (!this.#tryRead(graph, thread, event)) return false;
        break;
      case Kind.WRITE:
        if (this.#isDirect(graph, event)) {
          if (this.#buffer[thread]! >= 0 || !this.#tryWrite(graph, event)) return false;
          break;
        }
        if (this.#buffer[thread]! < 0) this.#buffer[thread] = event;
        return true;
      case Kind.FENCE:
        if (graph.order(event) === Order.SEQ_CST && this.#buffer[thread]! >= 0) return false;
        break;
      case Kind.JOIN:
        if (this.#isDone[graph.rf(event)] === 0) return false;
        break;
      case Kind.END:
        // Who joins sees all that the thread did.
        if (this.#buffer[thread]! >= 0) return false;
        break;
      default:
        break;
    }
    this.#isDone[event] = 1;
    return true;
  }

  #isDirect(graph: Graph, write: number): boolean {
    if (!this.#isBuffered) return true;
    return graph.order(write) === Order.SEQ_CST || (graph.flags(write) & Flag.RMW) !== 0;
  }

  #tryRead(graph: Graph, thread: number, read: number): boolean {
    const location = graph.location(read);
    const write = graph.rf(read);
    if ((graph.flags(read) & Flag.RMW) !== 0 && this.#buffer[thread]! >= 0) return false;
    const isOwn = this.#isBuffered && write > 0 && graph.thread(write) === thread;
    // Its own last write may still be in the buffer, which is looked at first.
    if (isOwn ? write !== ownWrite(graph, read) : (this.#memory[location] ?? 0) !== write)
      return false;
    if (!isOwn && this.#isBuffered && !this.#isWritten(ownWrite(graph, read))) return false;
    if (write > 0) this.#readers[write]! -= 1;
    else this.#initialReaders[location]! -= 1;
    return true;
  }

  #isWritten(write: number): boolean {
    return write < 0 || this.#isDone[write] === 1;
  }

  #tryWrite(graph: Graph, write: number): boolean {
    const location = graph.location(write);
    const current = this.#memory[location] ?? 0;
    if (graph.coPrevious(write) !== current) return false;
    const readers = current > 0 ? this.#readers[current]! : (this.#initialReaders[location] ?? 0);
    if (readers > 0) return false;
    this.#memory[location] = write;
    return true;
  }

  /** Writes what stands first in the buffer, as long as that can be. */
  #drain(graph: Graph, thread: number): number {
    let count = 0;
    for (let write = this.#buffer[thread]!; write >= 0;) {
      if (!this.#tryWrite(graph, write)) return count;
      this.#isDone[write] = 1;
      count += 1;
      do write = this.#next[write]!;
      while (write >= 0 && write !== this.#issue[thread] && graph.kind(write) !== Kind.WRITE);
      if (write === this.#issue[thread]) write = -1;
      this.#buffer[thread] = write;
    }
    return count;
  }
}

/** The last write of the read's own thread to its location before it, or -1. */
function ownWrite(graph: Graph, read: number): number {
  const location = graph.location(read);
  for (let event = graph.previous(read); event >= 0; event = graph.previous(event)) {
    if (graph.kind(event) === Kind.WRITE && graph.location(event) === location) return event;
  }
  return -1;
}

function machineOf(name: string, isBuffered: boolean): Consistency {
  const machine = new Machine(isBuffered);
  return { name, allows: (graph) => machine.canRun(graph) };
}

/** Sequential consistency: one interleaving, in which every read finds the last write. */
export function sequential(): Consistency {
  return machineOf('sc', false);
}

/** x86-TSO: as `sequential`, with a store buffer for each thread. */
export function storeBuffers(): Consistency {
  return machineOf('x86-tso', true);
}
