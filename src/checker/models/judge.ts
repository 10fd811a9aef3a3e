/**
 * Judges executions by a model. What a test does not use (kinds of fences, read-modify-writes,
 * mixed sizes) is taken out of the model beforehand, and the reduced model is kept for the next
 * such test.
 */

import type { Execution, ExecutionEvent } from '../execution/index.ts';
import { Evaluator, seq, Simplifier, on, EMPTY } from '../relation/index.ts';
import type { EventSet, Relation, Requirement } from '../relation/index.ts';
import type { Axiom, Model } from './contract.ts';
import { countOrders, isOrderable, tooMany } from './orders.ts';

/** What the events of a test use; anything else is known to be empty. */
export class Features {
  readonly #names = new Set<string>();
  readonly #tags = new Set<number>();

  /** Takes in events. `pieces`: an access may be more than one event. */
  add(events: readonly ExecutionEvent[], pieces: boolean): void {
    if (pieces) this.#names.add('si');
    for (const event of events) {
      if (event.kind === 'F') this.#names.add(`fence:${event.fence}`).add('F');
      else this.#tags.add(event.tag);
      if (event.addr !== 0) this.#names.add('addr');
      if (event.data !== 0) this.#names.add('data');
      if (event.ctrl !== 0) this.#names.add('ctrl');
      if (event.pickAddr !== 0) this.#names.add('pick-addr');
      if (event.pickData !== 0) this.#names.add('pick-data');
      if (event.pickCtrl !== 0) this.#names.add('pick-ctrl');
      if (event.unsequenced !== 0) this.#names.add('unsequenced');
      if (event.reads >= 0) this.#names.add('rmw');
    }
  }

  /** The same text for tests that use the same. */
  get key(): string {
    return [...[...this.#names].sort(), ...[...this.#tags].sort((a, b) => a - b)].join(' ');
  }

  /** Whether a base expression is empty in every execution. */
  isEmpty(base: EventSet | Relation): boolean {
    const { name } = base;
    if (name.startsWith('tag:')) {
      const bits = Number(name.slice(4));
      for (const tag of this.#tags) if ((tag & bits) === bits) return false;
      return true;
    }
    if (name.startsWith('fence:') || OPTIONAL.has(name)) return !this.#names.has(name);
    if (name === 'amo' || name === 'lxsx') return !this.#names.has('rmw');
    return name === 'none';
  }

  /** Whether an access is one event. */
  get single(): boolean {
    return !this.#names.has('si');
  }
}

const OPTIONAL: ReadonlySet<string> = new Set([
  'F',
  'addr',
  'data',
  'ctrl',
  'pick-addr',
  'pick-data',
  'pick-ctrl',
  'unsequenced',
]);

/** Total orders that are tried one by one. */
const MAX_TRIED = 1_000_000;

/** A model, reduced to what a test uses. */
export class Judge {
  /** The model's axioms that are left, in order. */
  readonly axioms: readonly Axiom[];
  readonly #evaluator: Evaluator;
  /** Which axioms can be broken for good before all choices are made. */
  readonly #early: readonly number[];
  /** How many axioms do not speak of the total order. */
  readonly #plain: number;
  readonly #races: readonly Axiom[];
  /** Number of the requirement that holds what a total order must contain; -1: no order. */
  readonly #within: number;
  readonly #orderSet: number;
  /** Number of the requirement that any total order will do; -1: it must be tried. */
  readonly #undecided: number;
  #tried = 0;
  readonly #requirements: readonly Requirement[];
  #execution: Execution | undefined;

  constructor(model: Model, features: Features) {
    const simplifier = new Simplifier((base) => features.isEmpty(base), features.single);
    const reduce = (axiom: Axiom): Axiom => ({
      ...axiom,
      relation: simplifier.relation(axiom.relation),
    });
    const left = model.axioms.map(reduce).filter((axiom) => axiom.relation !== EMPTY);
    const plain = left.filter((axiom) => axiom.relation.phase < 3);
    this.axioms = [...plain, ...left.filter((axiom) => axiom.relation.phase === 3)];
    this.#plain = plain.length;
    const races = (model.undefinedUnless ?? [])
      .map(reduce)
      .filter((axiom) => axiom.relation !== EMPTY);
    this.#races = races;
    const requirements: Requirement[] = [...this.axioms, ...races];
    this.#within = -1;
    this.#orderSet = -1;
    this.#undecided = -1;
    const order = model.order;
    if (order !== undefined && plain.length < left.length) {
      const members = on(order.set);
      this.#within = requirements.length;
      requirements.push({
        kind: 'empty',
        relation: simplifier.relation(seq(members, order.within, members)),
      });
      this.#orderSet = requirements.length;
      requirements.push({ kind: 'empty', relation: simplifier.relation(members) });
      if (order.undecided !== undefined) {
        this.#undecided = requirements.length;
        requirements.push({ kind: 'empty', relation: simplifier.relation(order.undecided) });
      }
    }
    this.#requirements = requirements;
    this.#evaluator = new Evaluator(requirements);
    this.#early = this.axioms.flatMap((axiom, index) =>
      axiom.relation.monotone && axiom.relation.phase < 3 ? [index] : [],
    );
  }

  /** Whether undefined behaviour is possible at all. */
  get hasRaces(): boolean {
    return this.#races.length > 0;
  }

  /** Takes an execution with new events. */
  bind(execution: Execution): void {
    this.#execution = execution;
    this.#evaluator.bind(execution);
  }

  /** Tells that reads-from and coherence of the execution have changed. */
  changed(): void {
    this.#evaluator.changed(1);
  }

  /** False: whatever choices are added to those made, an axiom does not hold. */
  possible(): boolean {
    for (const index of this.#early) if (!this.#evaluator.holds(index)) return false;
    return true;
  }

  /** Total orders under which all axioms hold, at most `most`; 1 or 0 when none is asked for. */
  allowed(most: number): number {
    if (this.#evaluator.violated(0, this.#plain) >= 0) return 0;
    if (this.#within < 0) return 1;
    return this.#orders(most);
  }

  /** What makes the behaviour of the (allowed) execution undefined, if anything does. */
  undefinedBy(): string | undefined {
    const first = this.axioms.length;
    const index = this.#evaluator.violated(first, first + this.#races.length);
    return index < 0 ? undefined : this.#races[index - first]!.name;
  }

  /** The axioms that do not hold, each with its cycle, event or pair. */
  violations(): { readonly axiom: Axiom; readonly events: readonly number[] }[] {
    const found: { axiom: Axiom; events: readonly number[] }[] = [];
    for (let index = 0; index < this.#plain; index++) {
      const events = this.#evaluator.witness(index);
      if (events !== undefined) found.push({ axiom: this.axioms[index]!, events });
    }
    return found;
  }

  /** Whether two events are related by a part of an axiom's relation. */
  related(of: Relation, row: number, column: number): boolean {
    return this.#evaluator.related(of, row, column);
  }

  #orders(most: number): number {
    const evaluator = this.#evaluator;
    const count = this.#execution!.count;
    evaluator.holds(this.#within);
    evaluator.holds(this.#orderSet);
    const members: number[] = [];
    const set = this.#requirements[this.#orderSet]!.relation;
    for (let index = 0; index < count; index++) {
      if (evaluator.related(set, index, index)) members.push(index);
    }
    const within = this.#requirements[this.#within]!.relation;
    const before = members.map((to) =>
      members.flatMap((from, at) => (evaluator.related(within, from, to) ? [at] : [])),
    );
    if (!isOrderable(before)) return 0;
    if (this.#undecided >= 0 && evaluator.holds(this.#undecided)) {
      return most === 1 ? 1 : Math.min(countOrders(before), most);
    }
    this.#tried = 0;
    return this.#extend(members, before, [], most);
  }

  #extend(
    members: readonly number[],
    before: readonly (readonly number[])[],
    placed: number[],
    most: number,
  ): number {
    if (placed.length === members.length) {
      if (++this.#tried > MAX_TRIED) throw tooMany();
      return this.#judgeOrder(placed.map((at) => members[at]!)) ? 1 : 0;
    }
    let found = 0;
    for (let at = 0; at < members.length && found < most; at++) {
      if (placed.includes(at)) continue;
      if (before[at]!.some((one) => !placed.includes(one))) continue;
      placed.push(at);
      found += this.#extend(members, before, placed, most - found);
      placed.pop();
    }
    return found;
  }

  #judgeOrder(placed: readonly number[]): boolean {
    const execution = this.#execution!;
    const { total, width, count } = execution;
    total.fill(0, 0, count * width);
    for (const [at, from] of placed.entries()) {
      for (const to of placed.slice(at + 1)) {
        total[from * width + (to >> 5)]! |= 1 << (to & 31);
      }
    }
    this.#evaluator.changed(3);
    return this.#evaluator.violated(this.#plain, this.axioms.length) < 0;
  }
}

const known = new WeakMap<Model, Map<string, Judge>>();
/** Reduced models kept for each model. */
const MAX_KNOWN = 1024;

/** The judge of a model for tests with these features. */
export function judgeOf(model: Model, features: Features): Judge {
  let judges = known.get(model);
  if (judges === undefined) {
    judges = new Map();
    known.set(model, judges);
  }
  const key = features.key;
  let judge = judges.get(key);
  if (judge === undefined) {
    if (judges.size >= MAX_KNOWN) judges.clear();
    judge = new Judge(model, features);
    judges.set(key, judge);
  }
  return judge;
}
