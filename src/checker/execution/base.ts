/**
 * What every execution has, under the names that cat models use (herd's prelude). Initial writes
 * belong to no thread: they are external to every event and outside program order, and first in
 * coherence.
 */

import type { EventSet, Relation } from '../relation/index.ts';
import {
  baseRelation,
  baseSet,
  inter,
  inverse,
  minus,
  named,
  seq,
  union,
} from '../relation/index.ts';

/** Every event. */
export const EVENTS: EventSet = baseSet('events');
/** Reads. */
export const R: EventSet = baseSet('R');
/** Writes, initial ones too. */
export const W: EventSet = baseSet('W');
/** Fences. */
export const F: EventSet = baseSet('F');
/** Initial writes. */
export const IW: EventSet = baseSet('IW');
/** Reads and writes, initial ones too. */
export const M: EventSet = union(R, W);
/** Accesses (never initial writes) that have all the given bits of `Tag`. */
export function tagged(tag: number): EventSet {
  return baseSet(`tag:${tag}`);
}

/** Fences of one of these names. */
export function fence(...names: readonly string[]): EventSet {
  return union(...names.map((name) => baseSet(`fence:${name}`)));
}

/** Program order, transitive, without initial writes. */
export const po: Relation = baseRelation('po', 0);
/** Accesses whose bytes overlap. */
export const loc: Relation = baseRelation('loc', 0);
/** Events of one thread; an initial write is with itself only. */
export const int: Relation = baseRelation('int', 0);
/** Each event with itself. */
export const id: Relation = baseRelation('id', 0);
/** Every pair. */
export const ALL: Relation = baseRelation('all', 0);
/** Events of different threads; initial writes are external to all others. */
export const ext: Relation = named('ext', minus(ALL, int));
/** Program order between accesses of the same location. */
export const poLoc: Relation = named('po-loc', inter(po, loc));
/** From an access to those whose address was computed from it. */
export const addr: Relation = baseRelation('addr', 0);
/** From an access to the writes whose value was computed from it. */
export const data: Relation = baseRelation('data', 0);
/** From an access that a branch was computed from to all (fences too) behind the branch. */
export const ctrl: Relation = baseRelation('ctrl', 0);
/** As addr, data and ctrl, of what only picked a value (`addressPick` and so on). */
export const pickAddr: Relation = baseRelation('pick-addr', 0);
/** See `pickAddr`. */
export const pickData: Relation = baseRelation('pick-data', 0);
/** See `pickAddr`. */
export const pickCtrl: Relation = baseRelation('pick-ctrl', 0);
/** From the read to the write of one read-modify-write instruction. */
export const amo: Relation = baseRelation('amo', 0);
/** From a load-exclusive to the store-exclusive that succeeded with it. */
export const lxsx: Relation = baseRelation('lxsx', 0);
/**
 * Parts of one access. An access is one event, except in a test of mixed sizes, where it is one for
 * each of the pieces that are written or read apart; equal to `id` otherwise.
 */
export const si: Relation = baseRelation('si', 0);
/** Accesses of one thread whose order the program leaves open (operands of an expression in C). */
export const unsequenced: Relation = baseRelation('unsequenced', 0);
/** Both kinds of read-modify-write. */
export const rmw: Relation = named('rmw', union(amo, lxsx));
/** From a write to the reads of it. */
export const rf: Relation = baseRelation('rf', 1);
/** Coherence: a total order over the writes of a location, the initial one first. */
export const co: Relation = baseRelation('co', 2);
/** From a read to the writes behind the one it reads. */
export const fr: Relation = named('fr', seq(inverse(rf), co));
/** Reads-from inside a thread. */
export const rfi: Relation = named('rfi', inter(rf, int));
/** Reads-from between threads, and from initial writes. */
export const rfe: Relation = named('rfe', minus(rf, int));
/** Coherence between threads, and from initial writes. */
export const coe: Relation = named('coe', minus(co, int));
/** From-read inside a thread. */
export const fri: Relation = named('fri', inter(fr, int));
/** From-read between threads. */
export const fre: Relation = named('fre', minus(fr, int));
/** The total order that a model asks for by `Model.order`. */
export const total: Relation = baseRelation('total', 3);
