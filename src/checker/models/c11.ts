/**
 * The text of C and C++ of 2011, literally: a total order S over all seq_cst operations, of which
 * each read and fence then speaks. Stronger than RC11 where plain seq_cst accesses mix with weaker
 * ones, weaker for seq_cst fences, and values may come out of thin air.
 */
import { total } from '../execution/index.ts';
import { Tag } from '../litmus/contract.ts';
import { cross, inter, minus, seq, union } from '../relation/index.ts';
import { axioms, hiddenForGood, hiddenFrom, mo, S, seqCst, undefinedUnless } from './c11-base.ts';
import { irreflexive } from './contract.ts';
import type { Model } from './contract.ts';

/**
 * All conditions but the fourth are edges, so S is a linear extension of them. Of the fourth, what
 * is forced is an edge too; what remains is a choice only when a seq_cst write that the read must
 * not follow at once stands before one that it may, in modification order. So nearly always any
 * extension does, and the axiom on `total` is looked at once.
 */
const edges = inter(
  cross(seqCst, seqCst),
  union(S[1], S[2], S[3], S[5], S[6], S[7], hiddenForGood),
);
/** Pairs for which the fourth condition is such a choice. */
const undecided = inter(cross(seqCst, seqCst), minus(hiddenFrom, hiddenForGood));
const atOnce = minus(total, seq(mo, total));

/** C11 of 2011 with its total order of seq_cst operations. */
export const c11: Model = {
  name: 'c11',
  aliases: ['c11-orig'],
  source:
    'Overhauling SC Atomics in C11 and OpenCL, POPL 2016, https://doi.org/10.1145/2837614.2837637',
  architectures: ['c11'],
  axioms: [...axioms, irreflexive('S4', seq(atOnce, hiddenFrom))],
  undefinedUnless,
  incoherent: Tag.NON_ATOMIC,
  thinAir: true,
  order: { set: seqCst, within: edges, undecided },
  porfAcyclic: false,
};
