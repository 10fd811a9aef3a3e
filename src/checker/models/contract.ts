/**
 * What a memory model is: axioms over the relations of an execution. A model file holds its
 * relations as expressions of `relation/` over the names of `execution/`, in the order and under
 * the names of the paper, and nothing that runs.
 */

import type { EventSet, Relation } from '../relation/index.ts';

/** A requirement on a relation. */
export interface Axiom {
  /** As the source calls it. */
  readonly name: string;
  readonly kind: 'acyclic' | 'irreflexive' | 'empty';
  readonly relation: Relation;
}

/** A memory model: an execution is allowed when every axiom holds. */
export interface Model {
  readonly name: string;
  /** Other names under which it can be asked for. */
  readonly aliases: readonly string[];
  /** Title and address of the text it follows. */
  readonly source: string;
  /** Architectures of the litmus tests that it is for. */
  readonly architectures: readonly ('x86' | 'aarch64' | 'riscv' | 'c11')[];
  /** Cheap and often violated ones first: evaluation ends with the first that does not hold. */
  readonly axioms: readonly Axiom[];
  /**
   * When one of these does not hold in an allowed execution, the behaviour of the whole test is
   * undefined (data races of C11).
   */
  readonly undefinedUnless?: readonly Axiom[];
  /**
   * A total order over `set` that contains `within` (restricted to the set) and may be chosen so
   * that the axioms hold; they name it `total`. Where `undecided` is empty, any such order does.
   */
  readonly order?: {
    readonly set: EventSet;
    readonly within: Relation;
    readonly undecided?: Relation;
  };
  /**
   * Bits of `Tag`: accesses with one of them need not be coherent by themselves, so that the
   * enumeration must not take for granted that they are (plain accesses of C11). @default 0
   */
  readonly incoherent?: number;
  /**
   * The two halves of a read-modify-write instruction have no order between them, so that it may
   * read what is written behind its own write. @default false
   */
  readonly unorderedHalves?: boolean;
  /**
   * Reads and writes may justify each other in a circle, so that values that no run from the
   * initial state gives must be tried too. @default false
   */
  readonly thinAir?: boolean;
  /** `po ∪ rf` has no cycle in an allowed execution, so that an execution can be built in order. */
  readonly porfAcyclic: boolean;
}

/** The relation has no cycle. */
export function acyclic(name: string, relation: Relation): Axiom {
  return { name, kind: 'acyclic', relation };
}

/** No event is related to itself. */
export function irreflexive(name: string, relation: Relation): Axiom {
  return { name, kind: 'irreflexive', relation };
}

/** No two events are related. */
export function empty(name: string, relation: Relation): Axiom {
  return { name, kind: 'empty', relation };
}
