/** Events, as the specification has them, and the traces of threads that they come from. */
import type { Scalar } from './script/index.ts';

/** A ReadSharedMemory, WriteSharedMemory or ReadModifyWriteSharedMemory event. */
export interface MemoryEvent {
  readonly kind: 'memory';
  readonly statement: string;
  /** Order is seq-cst; otherwise it is unordered. */
  readonly seqCst: boolean;
  readonly noTear: boolean;
  /** First byte, in a numbering of all blocks. */
  readonly address: number;
  /** Bytes. */
  readonly size: number;
  /** The chosen value of a read. */
  readonly reads: readonly number[] | undefined;
  /** The payload of a write. */
  readonly writes: readonly number[] | undefined;
}

/**
 * A host event or a Synchronize event: one end of a message, or entering or leaving the critical
 * section of a list of waiters.
 */
export interface SynchronizeEvent {
  readonly kind: 'signal' | 'await' | 'enter' | 'leave';
  readonly statement: string;
  /** Number of the message, or address of the list. */
  readonly of: number;
}

/** An event of a thread. */
export type Event = MemoryEvent | SynchronizeEvent;

/** What a thread does within the critical section of a list of waiters. */
export interface Section {
  /** Address of the list. */
  readonly list: number;
  /** Positions of its ends among the events of the thread. */
  readonly enter: number;
  readonly leave: number;
  /**
   * `look`: finds another value and goes. `sleep`: joins the list. `woken` and `timed-out`: comes
   * back. `notify`: wakes `count`, at most `most`.
   */
  readonly step: 'look' | 'sleep' | 'woken' | 'timed-out' | 'notify';
  readonly count: number;
  readonly most: number;
}

/** One way for a thread to run, if memory answers so. */
export interface Trace {
  readonly thread: number;
  readonly events: readonly Event[];
  readonly sections: readonly Section[];
  readonly locals: ReadonlyMap<string, Scalar>;
  /** It waits at the end for ever: for a message with this number. */
  readonly blockedOn: number | undefined;
  /** It sleeps at the end for ever, in the list of waiters of its last section. */
  readonly asleep: boolean;
}

/** The initial value of a byte, where the number of a write is asked for. */
export const INIT = -1;

/** Whether two accesses have the same bytes. */
export function equalRanges(one: MemoryEvent, other: MemoryEvent): boolean {
  return one.address === other.address && one.size === other.size;
}

/** Whether two accesses have a byte in common. */
export function intersect(one: MemoryEvent, other: MemoryEvent): boolean {
  return one.address < other.address + other.size && other.address < one.address + one.size;
}

/** Whether an access has a byte. */
export function covers({ address, size }: MemoryEvent, byte: number): boolean {
  return byte >= address && byte < address + size;
}
