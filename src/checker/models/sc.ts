/**
 * Sequential consistency: there is one order of all accesses that contains the program order of
 * every thread and in which each read gives the latest write (L. Lamport, "How to make a
 * multiprocessor computer that correctly executes multiprocess programs", IEEE Transactions on
 * Computers C-28, 1979, https://doi.org/10.1109/TC.1979.1675439). Such an order exists when
 * program order and what the threads see of each other have no cycle together (D. Shasha, M. Snir,
 * ACM TOPLAS 10(2), 1988, https://doi.org/10.1145/42190.42277); a read-modify-write has nothing
 * between its halves.
 */
import { amo, co, coe, fr, fre, po, rf, rmw, si } from '../execution/index.ts';
import { inter, minus, named, seq, union } from '../relation/index.ts';
import { acyclic, empty } from './contract.ts';
import type { Model } from './contract.ts';

const communication = named('com', union(rf, co, fr));
const atomicity = empty('atomicity', inter(rmw, seq(fre, coe)));

/** Sequential consistency. */
export const sc: Model = {
  name: 'sc',
  aliases: [],
  source:
    'L. Lamport, How to make a multiprocessor computer that correctly executes ' +
    'multiprocess programs, https://doi.org/10.1109/TC.1979.1675439',
  architectures: ['x86', 'aarch64', 'riscv', 'c11'],
  axioms: [
    // The parts of one access (`si`, with accesses of different sizes) are one step.
    acyclic('sequential consistency', seq(union(po, communication), si)),
    atomicity,
  ],
  porfAcyclic: true,
};

/**
 * What herd's sc.cat says, for comparing with its verdicts: it orders instructions only, so that
 * the write of a read-modify-write may be older than the write that it reads. That lets states
 * through which even x86-TSO forbids: it is weaker than sequential consistency, and proves
 * nothing.
 */
export const scOfHerd: Model = {
  name: 'sc-herd',
  aliases: ['sc.cat'],
  source: 'herdtools7, sc.cat, https://github.com/herd/herdtools7/blob/master/herd/libdir/sc.cat',
  architectures: ['x86'],
  axioms: [acyclic('sc', seq(union(minus(po, amo), communication), si)), atomicity],
  unorderedHalves: true,
  porfAcyclic: true,
};
