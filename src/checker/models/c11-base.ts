/**
 * What the readings of the 2011 text of C and C++ share: everything but the order of seq_cst
 * operations.
 *
 * Batty, Owens, Sarkar, Sewell, Weber: Mathematizing C++ Concurrency, POPL 2011, in the shape that
 * Batty, Donaldson, Wickerson gave it: Overhauling SC Atomics in C11 and OpenCL, POPL 2016. Mutexes
 * are left out. Here a read-modify-write is a read and a write that follows it, where the papers
 * have one event; the axioms are written so that both come to the same.
 */
import {
  addr,
  co,
  data,
  EVENTS,
  ext,
  F,
  fence,
  id,
  int,
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
import type { EventSet, Relation } from '../relation/index.ts';
import {
  cross,
  domain,
  inter,
  inverse,
  minus,
  named,
  on,
  optional,
  plus,
  range,
  seq,
  union,
} from '../relation/index.ts';
import { acyclic, empty, irreflexive } from './contract.ts';
import type { Axiom } from './contract.ts';

const plain = tagged(Tag.NON_ATOMIC);
const atomic = minus(M, union(IW, plain));
const releasing = union(inter(W, tagged(Tag.RELEASE)), fence('release', 'acq_rel', 'seq_cst'));
const acquiring = union(
  inter(R, tagged(Tag.ACQUIRE)),
  fence('acquire', 'acq_rel', 'seq_cst', 'consume'),
);
const consuming = inter(R, tagged(Tag.CONSUME));

/** Operations and fences that are seq_cst. */
export const seqCst: EventSet = union(tagged(Tag.SEQ_CST), fence('seq_cst'));

/** Operands of one expression are evaluated in no order. */
const sb: Relation = named('sb', minus(po, unsequenced));
/** Modification order: atomic writes only; two plain writes have none. */
const ordered = minus(W, plain);
export const mo: Relation = named('mo', inter(co, cross(ordered, ordered)));
const fr = named('fr', seq(inverse(rf), mo));
const fenceFirst = named('F;sb', seq(on(F), sb));
const fenceLast = named('sb;F', seq(sb, on(F)));

const inSequence = union(int, cross(EVENTS, range(rmw)));
const rs = named('rs', minus(inter(mo, inSequence), seq(minus(mo, inSequence), mo)));
const heads = seq(on(inter(atomic, W)), optional(rs), rf);
/** Initial values are written before the threads start. */
const asw = cross(IW, minus(M, IW));
const sw = named(
  'sw',
  union(
    minus(asw, seq(asw, sb)),
    inter(
      ext,
      seq(
        on(releasing),
        optional(fenceFirst),
        heads,
        on(inter(R, atomic)),
        optional(fenceLast),
        on(acquiring),
      ),
    ),
  ),
);
const dd = plus(union(data, addr));
const cad = named('cad', plus(union(inter(rf, sb), dd)));
const dob = named(
  'dob',
  seq(inter(ext, seq(on(inter(W, releasing)), heads, on(consuming))), optional(cad)),
);
const ithbStep = union(sw, dob, seq(sw, sb));
const ithb = named('ithb', plus(union(ithbStep, seq(sb, ithbStep))));
const hb: Relation = named('hb', union(sb, ithb));
const hbLoc = named('hb-loc', inter(hb, loc));
const visible = named('vis', minus(inter(hbLoc, cross(W, R)), seq(hbLoc, on(W), hbLoc)));
/** The last write of each location, whose value is the final one. */
const last = minus(W, domain(co));

/** The axioms that do not speak of seq_cst. */
export const axioms: readonly Axiom[] = [
  acyclic('happens-before', hb),
  irreflexive('Rf', seq(rf, hb)),
  empty('NaRf', minus(seq(rf, on(inter(R, plain))), visible)),
  irreflexive('Coh', seq(optional(inverse(rf)), mo, optional(rf), hb)),
  empty('Rmw', inter(rmw, seq(fr, mo))),
  empty('NaRf-final', seq(on(minus(last, atomic)), hbLoc, on(W))),
];

const conflict = inter(loc, union(cross(W, M), cross(M, W)));
const race = named(
  'race',
  minus(inter(conflict, ext), union(hb, inverse(hb), cross(atomic, atomic))),
);

const unsequencedRace = named(
  'unsequenced-race',
  minus(inter(conflict, int), union(id, sb, inverse(sb))),
);

/** What makes a test undefined when it is not empty. */
export const undefinedUnless: readonly Axiom[] = [
  empty('race', race),
  empty('unsequenced-race', unsequencedRace),
];

/**
 * What S, the order of seq_cst operations, must respect, by the number of the condition in the POPL
 * 2016 paper. The fourth is not a mere edge: `hiddenFrom` goes from a read to the writes that
 * happen after the one it read; S4 wants none of them to be the last seq_cst write before the read
 * in S.
 */
export const S: Readonly<Record<'1' | '2' | '3' | '5' | '6' | '7', Relation>> = {
  1: named('S1', hb),
  2: named('S2', seq(optional(fenceFirst), mo, optional(fenceLast))),
  3: named('S3', seq(inverse(rf), on(seqCst), mo)),
  5: named('S5', seq(fenceFirst, fr)),
  6: named('S6', seq(fr, fenceLast)),
  7: named('S7', seq(fenceFirst, fr, fenceLast)),
};

/** From a read to the writes of the location that happen after the write it read from. */
export const hiddenFrom: Relation = named('S4', seq(inverse(rf), hbLoc, on(W)));
/** From a read to the seq_cst writes of the location that it may follow in S. */
const shown = minus(inter(loc, cross(R, inter(W, seqCst))), hiddenFrom);
/**
 * Those writes of `hiddenFrom` that S must have behind the read, since no later write of the
 * location can stand between: all but where an unhidden one follows in modification order.
 */
export const hiddenForGood: Relation = named(
  'S4-forced',
  minus(hiddenFrom, seq(shown, inverse(mo))),
);
