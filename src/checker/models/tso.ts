/**
 * x86-TSO: each processor has a first-in-first-out store buffer in front of a shared memory, so
 * that a write may come after a later read of the same thread, and a thread sees its own writes
 * early (S. Owens, S. Sarkar, P. Sewell, "A better x86 memory model: x86-TSO", TPHOLs 2009,
 * https://doi.org/10.1007/978-3-642-03359-9_27; P. Sewell and others, CACM 53(7), 2010,
 * https://doi.org/10.1145/1785414.1785443).
 *
 * The axioms are those of J. Alglave, L. Maranget, M. Tautschnig, "Herding cats", ACM TOPLAS
 * 36(2), 2014, https://doi.org/10.1145/2627752, which are equivalent: the order in which accesses
 * reach memory (`ghb`) has no cycle. MFENCE and locked instructions drain the buffer: a locked
 * instruction does so before its read, and its write does not stay in the buffer. LFENCE and
 * SFENCE order nothing more among accesses to ordinary memory, and are not named.
 */
import {
  co,
  coe,
  fence,
  fr,
  fre,
  M,
  po,
  poLoc,
  R,
  rf,
  rfe,
  rmw,
  si,
  tagged,
  W,
} from '../execution/index.ts';
import { Tag } from '../litmus/contract.ts';
import { cross, inter, minus, named, on, seq, union } from '../relation/index.ts';
import { acyclic, empty } from './contract.ts';
import type { Model } from './contract.ts';

const locked = tagged(Tag.ATOMIC_RMW);

/** All of program order but from a write to a later read, which may overtake it. */
const ppo = named('ppo', minus(inter(po, cross(M, M)), cross(W, R)));
const mfence = named('mfence', seq(on(W), po, on(fence('mfence')), po, on(R)));
/** A read of a locked instruction waits for the buffer; its write leaves nothing behind. */
const implied = named(
  'implied fence',
  union(seq(on(W), po, on(inter(R, locked))), seq(on(inter(W, locked)), po, on(R))),
);

/** x86-TSO. */
export const tso: Model = {
  name: 'tso',
  aliases: ['x86-tso', 'x86tso'],
  source:
    'S. Owens, S. Sarkar, P. Sewell, A better x86 memory model: x86-TSO, TPHOLs 2009, https://doi.org/10.1007/978-3-642-03359-9_27',
  architectures: ['x86'],
  axioms: [
    acyclic('coherence', union(poLoc, rf, co, fr)),
    empty('atomicity', inter(rmw, seq(fre, coe))),
    // The parts of one access (`si`, with accesses of different sizes) reach memory together.
    acyclic('ghb', seq(union(ppo, mfence, implied, rfe, co, fr), si)),
  ],
  porfAcyclic: true,
};
