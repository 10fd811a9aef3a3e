/**
 * Armv8: Will Deacon's axiomatic model (Pulte, Flur, Deacon, French, Sarkar, Sewell, "Simplifying
 * ARM Concurrency", POPL 2018, https://doi.org/10.1145/3158107), as the Arm Architecture Reference
 * Manual for A-profile (DDI 0487, section B2.3) continued it and Alglave, Deacon, Grisenthwaite,
 * Hacquard and Maranget describe it ("Armed Cats", TOPLAS 2021, https://doi.org/10.1145/3458926);
 * herd7 has it as aarch64.cat. Here is what concerns accesses to normal memory: no page tables, no
 * tags, no instruction fetches.
 *
 * Two things are younger than the paper. Dependencies are carried through memory: a read that is
 * next behind a write of its location depends on what the write depends on, whatever it reads.
 * And what only picks a value (the condition of a CSEL, the comparison of a CAS) orders less than
 * what it is computed from: later writes, not later reads.
 *
 * `internal` follows from the manual's requirements on pairs of accesses of one thread; it stands
 * as in the paper, since enumeration needs coherence early.
 */
import {
  addr,
  amo,
  co,
  ctrl,
  data,
  fence,
  fr,
  id,
  M,
  pickAddr,
  pickCtrl,
  pickData,
  po as sequenced,
  loc,
  R,
  rf,
  rfe,
  rmw,
  si,
  tagged,
  unsequenced,
  W,
  coe,
  fre,
} from '../execution/index.ts';
import { Tag } from '../litmus/contract.ts';
import type { EventSet, Relation } from '../relation/index.ts';
import { inter, minus, named, on, plus, range, seq, star, union } from '../relation/index.ts';
import { acyclic, empty } from './contract.ts';
import type { Model } from './contract.ts';

const A = tagged(Tag.ACQUIRE);
const Q = tagged(Tag.ACQUIRE_PC);
const L = tagged(Tag.RELEASE);
/** Reads that a load barrier orders: not those whose value goes nowhere. */
const returning = minus(R, tagged(Tag.NO_RETURN));

const isb = fence('isb');

/** The two accesses of a pair instruction are in no program order. */
const po = minus(sequenced, unsequenced);
const poLoc = inter(po, loc);

/** From a write to the reads of its location before the next write of it (lmrs). */
const readsNext = named('lmrs', minus(seq(on(W), poLoc, on(R)), seq(poLoc, on(W), poLoc)));

/** One access is computed from another through registers or through memory, in one step. */
const carriesStep = union(addr, data, readsNext);
/** A read-modify-write instruction does not depend on itself. */
const dataFromBefore = minus(data, amo);
const carried = star(carriesStep);
const address = named('addr', seq(on(R), carried, addr));
const value = named('data', seq(on(R), carried, dataFromBefore));
const control = named('ctrl', seq(on(R), carried, ctrl));

/** The same when some step only picks. */
const picksStep = union(carriesStep, pickAddr, pickData);
const picked = star(picksStep);
const pickAddress = named('pick-addr', seq(on(R), picked, union(addr, pickAddr)));
const pickValue = named('pick-data', seq(on(R), picked, minus(union(data, pickData), amo)));
const pickControl = named('pick-ctrl', seq(on(R), picked, union(ctrl, pickCtrl)));
const pick = named('pick', minus(union(seq(on(R), plus(picksStep)), pickControl), amo));

/** Dependency-ordered-before. */
const dob = named(
  'dob',
  union(
    address,
    value,
    seq(control, on(W)),
    seq(address, po, on(W)),
    seq(union(address, value), readsNext),
  ),
);

/** Pick-ordered-before. */
const pob = named(
  'pob',
  union(seq(union(pickAddress, pickControl), on(W)), pickValue, seq(pickAddress, po, on(W))),
);

/** Atomic-ordered-before. */
const aob = named('aob', union(rmw, seq(rmw, readsNext, on(union(A, Q)))));

function barrier(before: EventSet, by: EventSet, after: EventSet): Relation {
  return seq(on(before), po, on(by), po, on(after));
}

/** Barrier-ordered-before. */
const bob = named(
  'bob',
  union(
    barrier(M, fence('dmb.sy'), M),
    barrier(returning, fence('dmb.ld'), M),
    barrier(W, fence('dmb.st'), W),
    seq(on(range(seq(on(A), amo, on(L)))), po, on(M)),
    seq(on(L), po, on(A)),
    seq(on(union(A, Q)), po, on(M)),
    seq(on(M), po, on(L)),
  ),
);

/** A DSB is waited for by whatever comes behind it. */
const dsb = named(
  'dsb',
  union(
    seq(on(M), po, on(fence('dsb.sy')), po),
    seq(on(returning), po, on(fence('dsb.ld')), po),
    seq(on(W), po, on(fence('dsb.st')), po),
  ),
);

/** What is certain before an ISB is ordered before all that comes behind the ISB. */
const ifb = named(
  'isb',
  seq(union(control, pickControl, seq(union(address, pickAddress), po), dsb), on(isb), po),
);

/** Locally-ordered-before, in one thread. */
const lob = named('lob', plus(union(seq(poLoc, on(W), si), dob, pob, aob, bob, dsb, ifb)));

/** What was picked is not written, as far as others see, before it is known. */
const pickLob = named('pick-lob', seq(pick, lob, on(W)));

/**
 * Reads of one location by one thread: what a later one is ahead of, so is the earlier one. Between
 * accesses of one size `internal` says so already, hence only other parts of the later read here.
 */
const hazard = named('haz-ob', seq(on(R), poLoc, on(R), minus(si, id), fre, si));

/** Observed-by, between threads. */
const obs = named('obs', seq(union(rfe, fre, coe), si));

const ob = named('ob', union(lob, pickLob, hazard, obs));

export const armv8: Model = {
  name: 'armv8',
  aliases: ['aarch64'],
  source:
    'Arm Architecture Reference Manual for A-profile, DDI 0487, B2.3; Pulte et al., POPL 2018, ' +
    'https://doi.org/10.1145/3158107',
  architectures: ['aarch64'],
  axioms: [
    acyclic('internal', union(poLoc, fr, co, rf)),
    empty('atomic', inter(rmw, seq(fre, coe))),
    acyclic('external', ob),
  ],
  porfAcyclic: false,
};
