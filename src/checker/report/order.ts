/**
 * An order in which an execution can be followed: each thread's steps one after the other, and each
 * read after what it reads from, as far as there is one. As long as that can be, every read finds
 * the last write; where it cannot, memory is not what an interleaving would make it, and the read
 * (`stale`) or the write that does not show yet needs a word of explanation.
 *
 * Under x86-TSO the rows are what the machine does: a store that others do not see yet waits in its
 * thread's buffer, and gets a second row where it reaches memory.
 */
import type { ExecutionTrace, TraceEvent } from '../check/trace.ts';
import { Facts } from './facts.ts';
import { type Step, stepsOf } from './steps.ts';

/** One row. */
export type Row =
  | { readonly kind: 'step'; readonly step: Step }
  /** A store that waited in its thread's buffer becomes visible. */
  | { readonly kind: 'commit'; readonly write: TraceEvent };

/** See the head of this file. */
export interface Story {
  readonly facts: Facts;
  readonly rows: readonly Row[];
  /** By event: its row, from 0. */
  readonly rowOf: ReadonlyMap<number, number>;
  /** By store that waited in a buffer: the row in which it reaches memory. */
  readonly commitOf: ReadonlyMap<number, number>;
  /** Reads that do not find what an interleaving would give them. */
  readonly stale: ReadonlySet<number>;
  /** Writes of which a later one of their location stands above them. */
  readonly late: ReadonlySet<number>;
  /** Whether no step needs more than that threads take turns. */
  readonly isInterleaving: boolean;
}

/** How far a step may be carried out. */
const Fit = {
  /** Something must come before. */
  BLOCKED: 0,
  /** There is no order in which it could come later: it sees what comes after it. */
  AHEAD: 1,
  /** It can, but not as in an interleaving. */
  LOOSE: 2,
  /** Into the buffer of its thread. */
  BUFFERED: 3,
  EXACT: 4,
} as const;

/** Carries out the steps of an execution. */
class Machine {
  readonly #facts: Facts;
  readonly #isBuffered: boolean;
  readonly #steps: readonly (readonly Step[])[];
  readonly #next: number[];
  readonly #isDone = new Set<number>();
  /** By location: the last write that memory holds; 0 is the initial value. */
  readonly #memory = new Map<string, number>();
  readonly #buffers: TraceEvent[][];
  readonly #rows: Row[] = [];
  readonly #rowOf = new Map<number, number>();
  readonly #commitOf = new Map<number, number>();
  readonly #stale = new Set<number>();
  readonly #late = new Set<number>();
  #isInterleaving = true;
  #last = 0;

  constructor(trace: ExecutionTrace, isBuffered: boolean) {
    this.#facts = new Facts(trace);
    this.#isBuffered = isBuffered;
    this.#steps = stepsOf(trace);
    this.#next = this.#steps.map(() => 0);
    this.#buffers = this.#steps.map(() => []);
  }

  run(): Story {
    for (;;) {
      const thread = this.#choose();
      if (thread < 0) break;
      this.#carryOut(thread);
      this.#drain();
    }
    return {
      facts: this.#facts,
      rows: this.#rows,
      rowOf: this.#rowOf,
      commitOf: this.#commitOf,
      stale: this.#stale,
      late: this.#late,
      isInterleaving: this.#isInterleaving,
    };
  }

  #stepOf(thread: number): Step | undefined {
    return this.#steps[thread]?.[this.#next[thread]!];
  }

  /** The thread whose step fits best; the one that is at it goes on when it can. */
  #choose(): number {
    let best = -1;
    let fit: number = Fit.BLOCKED - 1;
    const count = this.#steps.length;
    for (let turn = 0; turn < count; turn++) {
      const thread = (this.#last + turn) % count;
      const step = this.#stepOf(thread);
      if (step === undefined) continue;
      const found = this.#fitOf(step);
      if (found > fit) {
        fit = found;
        best = thread;
      }
    }
    return best;
  }

  #fitOf(step: Step): number {
    const own = new Map<string, number>();
    let fit: number = Fit.EXACT;
    for (const event of step.events) {
      let found: number = Fit.EXACT;
      if (event.kind === 'read') found = this.#fitOfRead(event, own);
      else if (event.kind === 'write') {
        found = this.#fitOfWrite(event, own);
        own.set(event.location, event.id);
      } else if (event.kind === 'join') {
        found = this.#stepOf(event.value as number) === undefined ? Fit.EXACT : Fit.BLOCKED;
      }
      if (this.#isLocked(event) && this.#buffers[event.thread]!.length > 0) found = Fit.BLOCKED;
      fit = Math.min(fit, found);
    }
    return fit;
  }

  /** Whether the buffer must be empty for it. */
  #isLocked({ kind, isRmw, order }: TraceEvent): boolean {
    return isRmw || ((kind === 'fence' || kind === 'write') && order === 'seq_cst');
  }

  #fitOfRead(read: TraceEvent, own: ReadonlyMap<string, number>): number {
    const from = read.from ?? 0;
    const { location } = read;
    const buffered = this.#buffers[read.thread]!.findLast((write) => write.location === location);
    if (buffered !== undefined) return buffered.id === from ? Fit.EXACT : Fit.BLOCKED;
    const now = own.get(location) ?? this.#memory.get(location) ?? 0;
    if (now === from) return Fit.EXACT;
    if (this.#isBuffered) return Fit.BLOCKED;
    return from === 0 || this.#isDone.has(from) ? Fit.LOOSE : Fit.AHEAD;
  }

  #fitOfWrite(write: TraceEvent, own: ReadonlyMap<string, number>): number {
    const isDirect = !this.#isBuffered || this.#isLocked(write);
    const isFirst = this.#buffers[write.thread]!.length === 0;
    if (isFirst && this.#canCommit(write, own)) return Fit.EXACT;
    if (!isDirect) return Fit.BUFFERED;
    return this.#isBuffered ? Fit.BLOCKED : Fit.LOOSE;
  }

  /** Whether memory holds what comes before it, and everybody has read that who does. */
  #canCommit(write: TraceEvent, own: ReadonlyMap<string, number>): boolean {
    const { location } = write;
    const now = own.get(location) ?? this.#memory.get(location) ?? 0;
    const before = this.#facts.coPrevious(write);
    if (before !== undefined && before !== now) return false;
    return this.#facts.readers(now, location).every((read) => {
      if (this.#isDone.has(read.id) || read.id === write.id) return true;
      // The other half of the same step.
      return read.thread === write.thread && this.#isOfNextStep(read);
    });
  }

  #isOfNextStep(event: TraceEvent): boolean {
    return this.#stepOf(event.thread)?.events.includes(event) === true;
  }

  #carryOut(thread: number): void {
    const step = this.#stepOf(thread)!;
    const fit = this.#fitOf(step);
    if (fit !== Fit.EXACT) this.#isInterleaving = false;
    for (const event of step.events) {
      this.#rowOf.set(event.id, this.#rows.length);
      if (event.kind === 'read') this.#noteRead(event);
      if (event.kind !== 'write') this.#isDone.add(event.id);
      else if (fit === Fit.BUFFERED) this.#buffers[thread]!.push(event);
      else this.#commit(event);
    }
    this.#rows.push({ kind: 'step', step });
    this.#next[thread]! += 1;
    this.#last = thread;
  }

  #noteRead(read: TraceEvent): void {
    const from = read.from ?? 0;
    const isAhead = from !== 0 && !this.#rowOf.has(from);
    const isBehind = this.#facts.missed(read).some(({ id }) => id !== from && this.#rowOf.has(id));
    if (isAhead || (isBehind && (this.#memory.get(read.location) ?? 0) !== from)) {
      this.#stale.add(read.id);
    } else if (isBehind && this.#isBuffered) this.#stale.add(read.id);
  }

  #commit(write: TraceEvent): void {
    this.#isDone.add(write.id);
    const now = this.#memory.get(write.location) ?? 0;
    const place = this.#facts.place(write.id) ?? Infinity;
    if (place >= (this.#facts.place(now) ?? 0)) this.#memory.set(write.location, write.id);
    else this.#late.add(write.id);
  }

  #drain(): void {
    const none = new Map<string, number>();
    for (let isMoving = true; isMoving;) {
      isMoving = false;
      for (const buffer of this.#buffers) {
        const write = buffer[0];
        if (write === undefined || !this.#canCommit(write, none)) continue;
        buffer.shift();
        this.#commitOf.set(write.id, this.#rows.length);
        this.#rows.push({ kind: 'commit', write });
        this.#commit(write);
        isMoving = true;
      }
    }
  }
}

/** The order of an execution's steps; `isBuffered` for x86-TSO. */
export function storyOf(trace: ExecutionTrace, isBuffered: boolean): Story {
  return new Machine(trace, isBuffered).run();
}
