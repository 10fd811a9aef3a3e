/**
 * RC11: the repaired memory model of C and C++, on which the text of C++20 is built. Happens-before
 * comes from release sequences and fences; sequential consistency is a partial order; `po ∪ rf` has
 * no cycle, so nothing comes out of thin air.
 *
 * Lahav, Vafeiadis, Kang, Hur, Dreyer: Repairing Sequential Consistency in C/C++11, PLDI 2017. Two
 * readings are herd's: a release sequence may begin with a plain write of the same thread and
 * location, and a consume read synchronizes with nothing.
 */
import {
  co,
  ext,
  F,
  fence,
  fr,
  IW,
  loc,
  M,
  po,
  R,
  rf,
  rmw,
  tagged,
  unsequenced,
  W,
} from '../execution/index.ts';
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
  star,
  union,
} from '../relation/index.ts';
import { acyclic, empty, irreflexive } from './contract.ts';
import type { Model } from './contract.ts';

const atomic = minus(M, union(IW, tagged(Tag.NON_ATOMIC)));
const releaseFence = fence('release', 'acq_rel', 'seq_cst');
const acquireFence = fence('acquire', 'acq_rel', 'seq_cst');
const seqCstFence = fence('seq_cst');
const releasing = union(inter(W, tagged(Tag.RELEASE)), releaseFence);
const acquiring = union(inter(R, tagged(Tag.ACQUIRE)), acquireFence);
const seqCst = union(tagged(Tag.SEQ_CST), seqCstFence);
/** A consume read is not among the reads that can synchronize. */
const reading = minus(inter(R, atomic), tagged(Tag.CONSUME));

/** Operands of one expression are evaluated in no order. */
const sb = named('sb', minus(po, unsequenced));
const mo = named('mo', co);
const rb = named('rb', fr);
const eco = named('eco', plus(union(rf, mo, rb)));

const rs = named(
  'rs',
  seq(on(W), optional(inter(sb, loc)), on(inter(W, atomic)), star(seq(rf, rmw))),
);
const sw = named(
  'sw',
  seq(
    on(releasing),
    optional(seq(on(F), sb)),
    rs,
    rf,
    on(reading),
    optional(seq(sb, on(F))),
    on(acquiring),
  ),
);
const hb = named('hb', plus(union(sb, sw)));

const sbElsewhere = named('sb|≠loc', minus(sb, loc));
const scb = named('scb', union(sb, seq(sbElsewhere, hb, sbElsewhere), inter(hb, loc), mo, rb));
const pscBase = named(
  'psc-base',
  seq(
    union(on(seqCst), seq(on(seqCstFence), optional(hb))),
    scb,
    union(on(seqCst), seq(optional(hb), on(seqCstFence))),
  ),
);
const pscFence = named('psc-F', seq(on(seqCstFence), union(hb, seq(hb, eco, hb)), on(seqCstFence)));

const written = minus(W, IW);
const conflict = inter(loc, union(cross(written, M), cross(M, written)));
const race = named(
  'race',
  minus(
    inter(conflict, ext),
    union(hb, inverse(hb), cross(atomic, atomic), cross(IW, M), cross(M, IW)),
  ),
);

/** RC11, for litmus tests of C. */
export const rc11: Model = {
  name: 'rc11',
  aliases: [],
  source:
    'Repairing Sequential Consistency in C/C++11, PLDI 2017, ' +
    'https://plv.mpi-sws.org/scfix/paper.pdf',
  architectures: ['c11'],
  axioms: [
    acyclic('no-thin-air', union(sb, rf)),
    irreflexive('happens-before', hb),
    irreflexive('coherence', seq(hb, eco)),
    empty('atomicity', inter(rmw, seq(rb, mo))),
    acyclic('SC', union(pscBase, pscFence)),
  ],
  undefinedUnless: [empty('race', race)],
  porfAcyclic: true,
};
