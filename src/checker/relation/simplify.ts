/**
 * Rewrites an expression for executions in which some base relations and sets are known to be
 * empty: most tests have no fence of most kinds, no read-modify-write and no mixed sizes, and then
 * most of a large model is not computed at all.
 */

import type { EventSet, Relation } from './expression.ts';
import {
  baseRelation,
  baseSet,
  cross,
  domain,
  EMPTY,
  from,
  inter,
  into,
  inverse,
  minus,
  named,
  NONE,
  on,
  optional,
  plus,
  range,
  seq,
  union,
} from './expression.ts';

const identity = baseRelation('id', 0);
const everything = baseSet('events');

type Any = EventSet | Relation;

function nothing(of: Any): boolean {
  return of === EMPTY || of === NONE;
}

function rebuildSet(of: EventSet, operands: readonly Any[]): EventSet {
  const [left, right] = operands as readonly [EventSet, EventSet];
  switch (of.operator) {
    case 'union':
      if (nothing(left)) return right;
      return nothing(right) ? left : union(left, right);
    case 'inter':
      return nothing(left) || nothing(right) ? NONE : inter(left, right);
    case 'minus':
      if (nothing(left) || left === right) return NONE;
      return nothing(right) ? left : minus(left, right);
    case 'domain':
      return nothing(left) ? NONE : domain(operands[0] as Relation);
    case 'range':
      return nothing(left) ? NONE : range(operands[0] as Relation);
    case 'named':
      return nothing(left) ? NONE : named(of.name, left);
    default:
      return of;
  }
}

function rebuildRelation(of: Relation, operands: readonly Any[]): Relation {
  const [left, right] = operands as readonly [Relation, Relation];
  switch (of.operator) {
    case 'union':
      if (nothing(left)) return right;
      return nothing(right) ? left : union(left, right);
    case 'minus':
      if (nothing(left) || left === right) return EMPTY;
      return nothing(right) ? left : minus(left, right);
    case 'optional':
      return nothing(left) ? identity : optional(left);
    case 'base':
      return of;
    default:
      if (operands.some((one) => nothing(one))) return EMPTY;
      return rebuildStrict(of, operands);
  }
}

/** Operators that give nothing when an operand is nothing; here none is. */
function rebuildStrict(of: Relation, operands: readonly Any[]): Relation {
  const [left, right] = operands as readonly [Relation, Relation];
  const [leftSet, rightSet] = operands as readonly [EventSet, EventSet];
  switch (of.operator) {
    case 'inter':
      return inter(left, right);
    case 'seq':
      if (left === identity) return right;
      return right === identity ? left : seq(left, right);
    case 'inverse':
      return left === identity ? identity : inverse(left);
    case 'plus':
      return left === identity ? identity : plus(left);
    case 'on':
      return leftSet === everything ? identity : on(leftSet);
    case 'from':
      if (right === identity) return on(leftSet);
      return leftSet === everything ? right : from(leftSet, right);
    case 'into':
      if (left === identity) return on(rightSet);
      return rightSet === everything ? left : into(left, rightSet);
    case 'cross':
      return cross(leftSet, rightSet);
    default:
      return named(of.name, left);
  }
}

/** Rewrites expressions, keeping what it has rewritten. */
export class Simplifier {
  readonly #known = new Map<Any, Any>();
  readonly #isEmpty: (base: Any) => boolean;
  readonly #single: boolean;

  /** `isEmpty` says so of base expressions; `single` says that `si` is the identity. */
  constructor(isEmpty: (base: Any) => boolean, single: boolean) {
    this.#isEmpty = isEmpty;
    this.#single = single;
  }

  relation(of: Relation): Relation {
    return this.#rewrite(of) as Relation;
  }

  #rewrite(of: Any): Any {
    const known = this.#known.get(of);
    if (known !== undefined) return known;
    const made = this.#make(of);
    this.#known.set(of, made);
    return made;
  }

  #make(of: Any): Any {
    if (of.operator === 'base') {
      if (this.#isEmpty(of)) return of.sort === 'set' ? NONE : EMPTY;
      return this.#single && of.sort === 'relation' && of.name === 'si' ? identity : of;
    }
    const operands = of.operands.map((one) => this.#rewrite(one));
    return of.sort === 'set' ? rebuildSet(of, operands) : rebuildRelation(of, operands);
  }
}
