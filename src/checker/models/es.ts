/**
 * ECMAScript's memory model (ECMA-262, §29, after the repair of 2020), for accesses that have the
 * same range or none in common; `src/checker/specification/` has all of it, byte by byte.
 *
 * `Atomics` are sequentially consistent events; other accesses have no order, and no coherence of
 * their own. The specification asks for a total order of all events; what it says of that order
 * says no more than that these relations have no cycle, when coherence is taken from the same
 * order.
 */
import { amo, co, IW, loc, M, po, R, rf, tagged, W } from '../execution/index.ts';
import { Tag } from '../litmus/contract.ts';
import {
  cross,
  inter,
  inverse,
  minus,
  named,
  on,
  optional,
  plus,
  seq,
  union,
} from '../relation/index.ts';
import { acyclic, empty, irreflexive } from './contract.ts';
import type { Model } from './contract.ts';

const seqCst = tagged(Tag.SEQ_CST);
const sc = on(seqCst);
const events = minus(M, IW);

const sw = named('synchronizes-with', seq(sc, rf, sc));
const hb = named('happens-before', plus(union(po, sw, cross(IW, events))));

/** No byte is read that was overwritten before. */
const overwritten = inter(rf, seq(inter(hb, loc), on(inter(W, events)), inter(hb, loc), on(R)));

/** From a read to the sequentially consistent writes behind what it reads. */
const next = seq(inverse(rf), co, on(inter(W, seqCst)));
const fromSynchronized = named('fr-sw', seq(inverse(seq(sc, rf, sc)), co, on(inter(W, seqCst))));
const fromOrdered = named(
  'fr-hb',
  inter(next, seq(sc, inverse(inter(rf, hb)), inter(hb, loc), on(inter(W, seqCst)))),
);

/** Of what happened before the read, the last sequentially consistent write is read. */
const fromSeen = named(
  'fr-seen',
  inter(seq(inverse(inter(seq(sc, rf), hb)), co, on(inter(W, seqCst))), inverse(hb)),
);

/**
 * A read-modify-write is one event: whatever is ordered with one half is ordered with the other.
 */
const order = named('memory-order', union(hb, co, fromSynchronized, fromSeen, fromOrdered));

/** What V8 and every other engine must keep; the text of the standard. */
export const es: Model = {
  name: 'es',
  aliases: ['ecmascript'],
  source: 'ECMA-262, Memory Model, https://tc39.es/ecma262/#sec-memory-model',
  architectures: [],
  axioms: [
    irreflexive('coherent-reads (later)', seq(hb, rf)),
    empty('coherent-reads (overwritten)', overwritten),
    acyclic('memory-order', seq(minus(order, amo), optional(union(amo, inverse(amo))))),
  ],
  // All of them: coherence is what the memory order says, and no more.
  incoherent: Tag.RELAXED,
  porfAcyclic: false,
};
