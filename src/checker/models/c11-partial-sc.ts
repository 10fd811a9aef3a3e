/**
 * The text of C and C++ of 2011 with its total order of seq_cst operations replaced by a partial
 * one, as proposed in Overhauling SC Atomics in C11 and OpenCL (POPL 2016): what S would have to
 * respect must not be cyclic, and that is all.
 */
import { id } from '../execution/index.ts';
import { Tag } from '../litmus/contract.ts';
import { cross, inter, minus, union } from '../relation/index.ts';
import { axioms, hiddenFrom, S, seqCst, undefinedUnless } from './c11-base.ts';
import { acyclic } from './contract.ts';
import type { Model } from './contract.ts';

const edges = union(S[1], S[2], S[3], hiddenFrom, S[5], S[6], S[7]);

/** C11 of 2011 with a partial order of seq_cst operations. */
export const c11PartialSC: Model = {
  name: 'c11-partialSC',
  aliases: [],
  source:
    'Overhauling SC Atomics in C11 and OpenCL, POPL 2016, https://doi.org/10.1145/2837614.2837637',
  architectures: ['c11'],
  axioms: [...axioms, acyclic('S-partial', minus(inter(cross(seqCst, seqCst), edges), id))],
  undefinedUnless,
  incoherent: Tag.NON_ATOMIC,
  thinAir: true,
  porfAcyclic: false,
};
