/**
 * What a coherence protocol is: a table with a row for each state of a line in a cache, and in it a
 * cell for each thing that can happen. The core's own accesses are `read`, `write` and `evict`; what
 * others want of the line is `BusRd`, `BusRdX` and `BusUpgr` on a bus, and the same requests
 * forwarded by the home node in a directory protocol. One table serves both.
 */

/** States of a line in a cache, the names of Sweazey and Smith (ISCA 1986) and F of MESIF. */
export type State = 'M' | 'O' | 'E' | 'F' | 'S' | 'I';

/** What a cache asks for: a copy to read, a copy to write, or leave to write the copy it has. */
export type Transaction = 'BusRd' | 'BusRdX' | 'BusUpgr';

/** A state that depends on whether another cache has the line too. */
export interface Fill {
  readonly alone: State;
  readonly shared: State;
}

/** What a core's own access does to its copy. */
export interface OwnCell {
  /** What has to be asked for first; undefined is a hit. */
  readonly request?: Transaction;
  readonly next: State | Fill;
  /** The line goes to memory: it is the only copy of what was written. */
  readonly writesBack?: true;
}

/** What a request of another core does to a copy. */
export interface SnoopCell {
  readonly next: State;
  /** The copy is sent to the one who asks, in place of memory's: `dirty` when memory's is old. */
  readonly supplies?: 'clean' | 'dirty';
  /** What is sent goes to memory as well. */
  readonly writesBack?: true;
}

/** What can happen to a line in one state; undefined is what cannot happen. */
export interface Row {
  readonly read: OwnCell;
  readonly write: OwnCell;
  readonly evict: OwnCell | undefined;
  readonly BusRd: SnoopCell | undefined;
  readonly BusRdX: SnoopCell | undefined;
  readonly BusUpgr: SnoopCell | undefined;
}

/** A protocol. */
export interface Protocol {
  readonly name: string;
  /** Where it comes from. */
  readonly source: string;
  /** Its rows, the strongest state first. */
  readonly rows: Readonly<Partial<Record<State, Row>>>;
}

/** A hit: the copy stays in this state, or goes into it without a word to anybody. */
export function hit(next: State): OwnCell {
  return { next };
}

/** The request goes out, and the copy is in this state afterwards. */
export function ask(request: Transaction, next: State | Fill): OwnCell {
  return { request, next };
}

/** The copy is given up; nobody is told on a bus. */
export const drop: OwnCell = { next: 'I' };

/** The copy is given up and written to memory. */
export const writeBack: OwnCell = { next: 'I', writesBack: true };

/** The copy stays, or goes into this state, and memory or another cache answers. */
export function keep(next: State): SnoopCell {
  return { next };
}

/** The copy is lost; memory or another cache answers, or nobody has to. */
export const invalidate: SnoopCell = { next: 'I' };

/** The copy goes to the one who asks. */
export function supply(supplies: 'clean' | 'dirty', next: State): SnoopCell {
  return { supplies, next };
}

/** The copy goes to the one who asks, and to memory. */
export function flush(next: State): SnoopCell {
  return { supplies: 'dirty', next, writesBack: true };
}

/** States in which this copy is the one that memory or nobody else has to answer for. */
export function isOwner(state: State): boolean {
  return state !== 'S' && state !== 'I';
}

/** States in which memory's copy may be old. */
export function isDirty(state: State): boolean {
  return state === 'M' || state === 'O';
}

/** The state in which a copy comes, given whether another cache has the line. */
export function fillState(next: State | Fill, isShared: boolean): State {
  if (typeof next === 'string') return next;
  return isShared ? next.shared : next.alone;
}
