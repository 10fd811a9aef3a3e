/**
 * RVWMO, the weak memory model of RISC-V: the RISC-V Instruction Set Manual, volume I, chapter
 * "RVWMO Memory Consistency Model, Version 2.0"
 * (https://docs.riscv.org/reference/isa/unpriv/rvwmo.html), with the thirteen rules of preserved
 * program order under their numbers there.
 *
 * The manual orders all memory operations globally; its load value axiom is, as in its appendix on
 * axiomatic models, coherence together with the absence of cycles in what is ordered between
 * threads. An AMO is one memory operation: its read and its write have one place in the global
 * memory order. The progress axiom says nothing about finite executions.
 *
 * The manual has no loads and stores with `.aq` and `.rl` yet; where a test has them they are RCpc,
 * which leaves them out of rule 7.
 */
import {
  addr,
  amo,
  co,
  coe,
  ctrl,
  data,
  fence,
  fr,
  fre,
  ALL,
  id,
  lxsx,
  M,
  po,
  poLoc,
  R,
  rf,
  rfe,
  rfi,
  rmw,
  tagged,
  W,
} from '../execution/index.ts';
import { Tag } from '../litmus/contract.ts';
import { inter, inverse, minus, named, on, seq, union } from '../relation/index.ts';
import type { EventSet, Relation } from '../relation/index.ts';
import { acyclic, empty } from './contract.ts';
import type { Model } from './contract.ts';

const AMO = tagged(Tag.ATOMIC_RMW);
const LR_SC = tagged(Tag.EXCLUSIVE);
const acquire = tagged(Tag.ACQUIRE);
const release = tagged(Tag.RELEASE);
const RCsc = inter(union(acquire, release), union(AMO, LR_SC));

/** What a fence by this name orders. */
function fenced(name: string, before: EventSet, after: EventSet): Relation {
  return seq(on(before), po, on(fence(name)), po, on(after));
}

const fences = union(
  fenced('fence.r.r', R, R),
  fenced('fence.r.w', R, W),
  fenced('fence.r.rw', R, M),
  fenced('fence.w.r', W, R),
  fenced('fence.w.w', W, W),
  fenced('fence.w.rw', W, M),
  fenced('fence.rw.r', M, R),
  fenced('fence.rw.w', M, W),
  fenced('fence.rw.rw', M, M),
  fenced('fence.tso', R, M),
  fenced('fence.tso', W, W),
);

/** No store to the location in between. */
const withoutStore = minus(poLoc, seq(poLoc, on(W), poLoc));
/** Reads of different writes. */
const fromDifferent = seq(inverse(rf), minus(ALL, id), rf);

/** Rules 1 to 3: overlapping addresses. */
const r1 = named('ppo 1', seq(poLoc, on(W)));
const r2 = named('ppo 2', inter(seq(on(R), withoutStore, on(R)), fromDifferent));
const r3 = named('ppo 3', seq(on(union(AMO, LR_SC)), rfi));
/** Rules 4 to 8: explicit synchronisation. */
const r4 = named('ppo 4', fences);
const r5 = named('ppo 5', seq(on(acquire), po, on(M)));
const r6 = named('ppo 6', seq(on(M), po, on(release)));
const r7 = named('ppo 7', seq(on(RCsc), po, on(RCsc)));
const r8 = named('ppo 8', lxsx);
/** Rules 9 to 11: syntactic dependencies. */
const r9 = named('ppo 9', addr);
const r10 = named('ppo 10', data);
const r11 = named('ppo 11', seq(ctrl, on(W)));
/** Rules 12 and 13: pipeline dependencies. */
const r12 = named('ppo 12', seq(union(addr, data), on(W), rfi));
const r13 = named('ppo 13', seq(addr, po, on(W)));

const ppo = named('ppo', union(r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11, r12, r13));

const sameOperation = union(id, amo, inverse(amo));
const ordered = minus(union(co, rfe, fr, ppo), amo);

/** RVWMO. */
export const riscv: Model = {
  name: 'riscv',
  aliases: ['rvwmo'],
  source:
    'The RISC-V Instruction Set Manual, volume I, chapter RVWMO, ' +
    'https://docs.riscv.org/reference/isa/unpriv/rvwmo.html',
  architectures: ['riscv'],
  axioms: [
    acyclic('coherence', union(poLoc, rf, co, fr)),
    empty('atomicity', inter(rmw, seq(fre, coe))),
    acyclic('global memory order', seq(ordered, sameOperation)),
  ],
  porfAcyclic: false,
};
