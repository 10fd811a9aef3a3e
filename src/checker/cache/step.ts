/** What a step of the simulator says of itself. */
import type { Access } from './access.ts';
import type { CacheEvent, Message } from './events.ts';
import type { Miss } from './misses.ts';
import type { State } from './protocol.ts';

/** What happened to one line in a step. */
export interface LineStep {
  /** Its address divided by the bytes of a line. */
  readonly line: number;
  /** Whether it is the other line of a pair, fetched besides. */
  readonly isPrefetch: boolean;
  /** State in each core's cache afterwards, one letter each. */
  readonly states: string;
  readonly events: readonly CacheEvent[];
  /** Messages of a directory; none on a bus. */
  readonly messages: readonly Message[];
  /** Messages one after the other until the core could go on; 0 on a bus. */
  readonly hops: number;
  /** Cycles until the core could go on. */
  readonly cycles: number;
  /** The miss, if it was one. Its cause is final when the simulation is over. */
  readonly miss: Miss | undefined;
}

/** An access, and what it did. */
export interface Step extends Access {
  /** From 0. */
  readonly index: number;
  /** The lines that it touched, each followed by the one that was fetched besides. */
  readonly lines: readonly LineStep[];
  readonly cycles: number;
}

/** States of a copy before and after an access. */
export interface Change {
  readonly before: State;
  readonly after: State;
  readonly wasPrefetched: boolean;
}
