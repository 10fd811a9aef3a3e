/**
 * Relations and sets of events as expressions, so that a memory model is written once, as its paper
 * writes it, and evaluated on any execution without allocating. Expressions are interned: the same
 * text in two axioms (or two models) is one node and is computed once.
 *
 * Every node knows its phase, the latest choice that it depends on: nothing but the events and
 * their program order (0), reads-from (1), coherence (2), or a total order that a model asks for
 * (3). A phase is evaluated again only when its choice changes.
 */

/** 0: events only; 1: also reads-from; 2: also coherence; 3: also a total order. */
export type Phase = 0 | 1 | 2 | 3;

/** How a node is computed from its operands. */
export type Operator =
  | 'base'
  | 'named'
  | 'union'
  | 'inter'
  | 'minus'
  | 'seq'
  | 'inverse'
  | 'plus'
  | 'optional'
  | 'on'
  | 'from'
  | 'into'
  | 'cross'
  | 'domain'
  | 'range';

interface Expression {
  readonly id: number;
  readonly operator: Operator;
  readonly operands: readonly (EventSet | Relation)[];
  /** Of a base or named expression; '' for others. */
  readonly name: string;
  readonly phase: Phase;
  /** More reads-from and coherence can only make it larger. */
  readonly monotone: boolean;
}

/** A set of events. */
export interface EventSet extends Expression {
  readonly sort: 'set';
}

/** A relation over events. */
export interface Relation extends Expression {
  readonly sort: 'relation';
}

const interned = new Map<string, EventSet | Relation>();

function node<T extends EventSet | Relation>(
  sort: T['sort'],
  operator: Operator,
  operands: readonly (EventSet | Relation)[],
  name = '',
  phase: Phase = 0,
): T {
  const key = `${sort} ${operator} ${name} ${operands.map((one) => one.id).join(' ')}`;
  const known = interned.get(key);
  if (known !== undefined) return known as T;
  let latest = phase;
  for (const one of operands) if (one.phase > latest) latest = one.phase;
  const right = operands[1];
  const made = {
    id: interned.size,
    sort,
    operator,
    operands,
    name,
    phase: latest,
    monotone:
      operands.every((one) => one.monotone) &&
      !(operator === 'minus' && right !== undefined && right.phase > 0),
  } as unknown as T;
  interned.set(key, made);
  return made;
}

/** A relation that an execution has by this name. */
export function baseRelation(name: string, phase: Phase): Relation {
  return node('relation', 'base', [], name, phase);
}

/** A set that an execution has by this name. */
export function baseSet(name: string): EventSet {
  return node('set', 'base', [], name);
}

/** No event. */
export const NONE: EventSet = baseSet('none');
/** No pair. */
export const EMPTY: Relation = baseRelation('none', 0);

/** The same expression under a name of its own, by which an explanation calls it. */
export function named<T extends EventSet | Relation>(name: string, of: T): T {
  return node(of.sort, 'named', [of], name);
}

function fold<T extends EventSet | Relation>(operator: Operator, all: readonly T[]): T {
  const first = all[0];
  if (first === undefined) throw new RangeError(`${operator} of nothing`);
  return all.slice(1).reduce<T>((left, one) => {
    if (left === one) return left;
    return node<T>(first.sort, operator, [left, one]);
  }, first);
}

/** `a | b | …`, of relations or of sets. */
export function union<T extends EventSet | Relation>(...all: readonly T[]): T {
  return fold('union', all);
}

/** `a & b & …`, of relations or of sets. */
export function inter<T extends EventSet | Relation>(...all: readonly T[]): T {
  return fold('inter', all);
}

/** `a \ b`, of relations or of sets. */
export function minus<T extends EventSet | Relation>(left: T, right: T): T {
  return node<T>(left.sort, 'minus', [left, right]);
}

function after(left: Relation, right: Relation): Relation {
  const [set] = left.operands;
  if (left.operator === 'on') return from(set as EventSet, right);
  const [other] = right.operands;
  if (right.operator === 'on') return into(left, other as EventSet);
  return node('relation', 'seq', [left, right]);
}

/** `a ; b ; …`. */
export function seq(...all: readonly Relation[]): Relation {
  const first = all[0];
  if (first === undefined) throw new RangeError('seq of nothing');
  return all.slice(1).reduce((left, one) => after(left, one), first);
}

/** `[set] ; r` and `r ; [set]`, which `seq` makes of `on`. */
export function from(set: EventSet, of: Relation): Relation {
  return node('relation', 'from', [set, of]);
}

/** See `from`. */
export function into(of: Relation, set: EventSet): Relation {
  return node('relation', 'into', [of, set]);
}

/** `r^-1`. */
export function inverse(of: Relation): Relation {
  return node('relation', 'inverse', [of]);
}

/** `r^+`. */
export function plus(of: Relation): Relation {
  return node('relation', 'plus', [of]);
}

/** `r?`. */
export function optional(of: Relation): Relation {
  return node('relation', 'optional', [of]);
}

/** `r^*`. */
export function star(of: Relation): Relation {
  return optional(plus(of));
}

/** `[A]`: each event of the set with itself. */
export function on(set: EventSet): Relation {
  return node('relation', 'on', [set]);
}

/** `A * B`. */
export function cross(left: EventSet, right: EventSet): Relation {
  return node('relation', 'cross', [left, right]);
}

/** `domain(r)`. */
export function domain(of: Relation): EventSet {
  return node('set', 'domain', [of]);
}

/** `range(r)`. */
export function range(of: Relation): EventSet {
  return node('set', 'range', [of]);
}
