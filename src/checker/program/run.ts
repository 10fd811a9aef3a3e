/** Runs of threads, and who else takes part in them. */
import type { RunEnd } from '../explore/explorer.ts';
import type { Graph } from '../explore/graph.ts';
import type { Label } from './label.ts';
import type { Session } from './session.ts';

/** One set-up of the test, made anew for each run. */
export interface Instance {
  /** The functions of its threads, in the order of their declaration. */
  readonly threads: readonly (() => unknown)[];
  /** Their names, in the same order. */
  readonly names: readonly string[];
  /** What memory held before the threads started: the value of a location. */
  initial(location: number): unknown;
}

/** What exploration has found out of memory; one that knows it need not begin anew. */
export interface Layout {
  /** Memories and offsets at which accesses begin or end inside of others. */
  readonly cuts: readonly (readonly [memory: number, offset: number])[];
  /** Memories and words that some thread writes. */
  readonly changing: readonly (readonly [memory: number, word: number])[];
  /** Threads whose loops do more than to wait, and what: see `Looping`. */
  readonly looping: readonly (readonly [thread: number, level: number])[];
}

/** Makes an instance; called with the session in `direct` mode. */
export type MakeInstance = () => Instance;

/** One run of one thread. */
export interface Run {
  readonly thread: number;
  readonly instance: Instance;
  /** Events of the log. */
  readonly log: number[];
  length: number;
  cursor: number;
  end: RunEnd | undefined;
  /** What a probe is fed with behind its log, and how it went. */
  readonly probe: Probe | undefined;
  /** Memories that the thread itself has made. */
  made: number;
  /** Reads of what no thread writes since its last event. */
  constants: number;
  /** Times that it has begun to wait. */
  waits: number;
  /** Whether it is between the halves of a read-modify-write. */
  isChanging: boolean;
  /** Who decides instead of exploration. */
  readonly decider: Decider | undefined;
}

/** A run that begins; `length` events of `log` are given to it once more. */
export function makeRun(
  thread: number,
  instance: Instance,
  log: number[],
  length: number,
  probe: Probe | undefined,
  decider?: Decider,
): Run {
  return {
    thread,
    instance,
    log,
    length,
    cursor: 0,
    end: undefined,
    probe,
    made: 0,
    constants: 0,
    waits: 0,
    isChanging: false,
    decider,
  };
}

/** What a read of a run has read. */
export function valueOf(run: Run, graph: Graph, read: number): unknown {
  const write = graph.rf(read);
  return write === 0 ? run.instance.initial(graph.location(read)) : graph.values[write];
}

/**
 * Somebody else than exploration who decides what a thread's events do, one run at a time. What it
 * throws goes through the thread.
 */
export interface Decider {
  read(location: number, order: number, flags: number, initial: unknown): unknown;
  write(location: number, order: number, flags: number, value: unknown): void;
  fence(order: number): void;
  choose(count: number): number;
  /** That another thread has ended; who has no such thing knows no joins. */
  join?(order: number): void;
}

/** A look at what a thread would do if its last reads gave the same again and again. */
export interface Probe {
  readonly period: number;
  /** Events behind the log that must be the same. */
  readonly wanted: number;
  seen: number;
  isSame: boolean;
  /** Where in the source the last round began, and where the next one would. */
  readonly places: string[];
}

/** A probe that begins. */
export function makeProbe(period: number, rounds: number): Probe {
  return { period, wanted: period * rounds, seen: 0, isSame: true, places: [] };
}

/** Changes accesses of a thread, to see what difference that makes. Must do the same each time. */
export interface Trial {
  /**
   * What an access becomes that is about to be carried out; called from inside of it. May ask the
   * session for a fence first.
   */
  change(session: Session, asked: Label): Pick<Label, 'order' | 'flags'>;
}

/** Most events of one thread that may stand behind each other in an execution. */
export interface SessionLimits {
  readonly events: number;
  /** Whether an atomic read of what no thread writes may order what stands around it. */
  readonly hasBarriers: boolean;
  /** Whether accesses that are not aligned to their size are several of a byte each. */
  readonly splitsUnaligned: boolean;
}

/** Thrown when a thread does what only exploration knows. */
export class NotEnumerated extends Error {}
