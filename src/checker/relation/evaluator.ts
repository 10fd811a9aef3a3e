/**
 * Evaluates requirements on expressions. They are compiled once into a list of instructions for
 * each requirement and phase; a requirement computes what no earlier one has computed, and a phase
 * is computed again only after its choice (see `Phase`) has changed. All matrices lie in one
 * Int32Array that grows with the number of events and is never given back.
 */

import type { Plane } from './bits.ts';
import {
  addIdentity,
  close,
  columnsOf,
  compose,
  findCycle,
  isAcyclic,
  isEmpty,
  isIrreflexive,
  keepColumns,
  keepRows,
  product,
  rowsOf,
  transpose,
  widthFor,
} from './bits.ts';
import type { EventSet, Operator, Phase, Relation } from './expression.ts';

/** What is required of a relation. */
export interface Requirement {
  readonly kind: 'acyclic' | 'irreflexive' | 'empty';
  readonly relation: Relation;
}

/** An execution: it knows the relations and sets that expressions name. */
export interface Source {
  /** Number of events. */
  readonly count: number;
  /** Writes a base set (one row) or relation at `at`; the words there hold anything before. */
  fill(name: string, sort: 'set' | 'relation', plane: Plane, at: number): void;
}

type Any = EventSet | Relation;

const CODES: Readonly<Record<Exclude<Operator, 'named'>, number>> = {
  base: 0,
  union: 1,
  inter: 2,
  minus: 3,
  seq: 4,
  inverse: 5,
  plus: 6,
  optional: 7,
  on: 8,
  from: 9,
  into: 10,
  cross: 11,
  domain: 12,
  range: 13,
};

interface Step {
  readonly code: number;
  readonly of: Any;
  readonly to: number;
  readonly left: number;
  readonly right: number;
}

const PHASES: readonly Phase[] = [0, 1, 2, 3];

/** Evaluates a list of requirements on one execution after another. */
export class Evaluator {
  readonly requirements: readonly Requirement[];
  readonly #slots = new Map<Any, number>();
  /** By phase, then by requirement. */
  readonly #steps: readonly Step[][][] = PHASES.map(() => []);
  readonly #targets: number[] = [];
  /** How many requirements' steps are up to date, by phase. */
  readonly #done = [0, 0, 0, 0];
  #used = 1;
  #source: Source | undefined;
  #plane: Plane = { words: new Int32Array(0), count: 0, width: 0 };
  #stride = 0;

  constructor(requirements: readonly Requirement[]) {
    this.requirements = requirements;
    for (const one of requirements) {
      for (const steps of this.#steps) steps.push([]);
      this.#targets.push(this.#compile(one.relation));
    }
  }

  #compile(of: Any): number {
    const known = this.#slots.get(of);
    if (known !== undefined) return known;
    const [first, second] = of.operands;
    const left = first === undefined ? 0 : this.#compile(first);
    const right = second === undefined ? 0 : this.#compile(second);
    if (of.operator === 'named') {
      this.#slots.set(of, left);
      return left;
    }
    const to = this.#used++;
    this.#slots.set(of, to);
    const steps = this.#steps[of.phase]!;
    steps[steps.length - 1]!.push({ code: CODES[of.operator], of, to, left, right });
    return to;
  }

  /** Takes an execution whose events (and all else) are new. */
  bind(source: Source): void {
    const count = source.count;
    const width = widthFor(count);
    this.#source = source;
    if (count !== this.#plane.count) {
      const need = this.#used * count * width;
      const old = this.#plane.words;
      const words = old.length >= need ? old : new Int32Array(need * 2);
      this.#plane = { words, count, width };
      this.#stride = count * width;
    }
    this.changed(0);
  }

  /** Tells that what is chosen in this phase, and so all that is behind it, is not as before. */
  changed(phase: Phase): void {
    for (let each: number = phase; each < 4; each++) this.#done[each] = 0;
  }

  /** Computes what a requirement needs. */
  #prepare(index: number): void {
    for (let phase = 0; phase < 4; phase++) {
      const steps = this.#steps[phase]!;
      let done = this.#done[phase]!;
      if (done > index) continue;
      for (; done <= index; done++) {
        const list = steps[done]!;
        for (let at = 0; at < list.length; at++) this.#execute(list[at]!);
      }
      this.#done[phase] = done;
    }
  }

  /** Whether one of the requirements holds. */
  holds(index: number): boolean {
    this.#prepare(index);
    const at = this.#targets[index]! * this.#stride;
    switch (this.requirements[index]!.kind) {
      case 'acyclic':
        return isAcyclic(this.#plane, at, 0);
      case 'irreflexive':
        return isIrreflexive(this.#plane, at);
      case 'empty':
        return isEmpty(this.#plane, at);
      default:
        throw new RangeError('A requirement is acyclic, irreflexive or empty');
    }
  }

  /** The first requirement from `first` to before `last` that does not hold; -1 when all do. */
  violated(first: number, last: number): number {
    for (let index = first; index < last; index++) if (!this.holds(index)) return index;
    return -1;
  }

  /** Events that show why a requirement does not hold: a cycle, one event, or a pair. */
  witness(index: number): readonly number[] | undefined {
    if (this.holds(index)) return undefined;
    const plane = this.#plane;
    const at = this.#targets[index]! * this.#stride;
    if (this.requirements[index]!.kind !== 'empty') return findCycle(plane, at);
    for (let row = 0; row < plane.count; row++) {
      for (let word = 0; word < plane.width; word++) {
        const bits = plane.words[at + row * plane.width + word]!;
        if (bits !== 0) return [row, (word << 5) + 31 - Math.clz32(bits)];
      }
    }
    return undefined;
  }

  /** Whether two events are related by an expression that the requirements are made of. */
  related(of: Relation, row: number, column: number): boolean {
    const slot = this.#slots.get(of);
    if (slot === undefined) return false;
    const { words, width } = this.#plane;
    const word = words[slot * this.#stride + row * width + (column >> 5)]!;
    return (word & (1 << (column & 31))) !== 0;
  }

  #execute(step: Step): void {
    const plane = this.#plane;
    const stride = this.#stride;
    const to = step.to * stride;
    const left = step.left * stride;
    const right = step.right * stride;
    switch (step.code) {
      case 0:
        this.#source!.fill(step.of.name, step.of.sort, plane, to);
        return;
      case 1:
      case 2:
      case 3:
        this.#combine(step, to, left, right);
        return;
      case 4:
        compose(plane, to, left, right);
        return;
      case 5:
        transpose(plane, to, left);
        return;
      case 6:
        plane.words.copyWithin(to, left, left + stride);
        close(plane, to);
        return;
      case 7:
        plane.words.copyWithin(to, left, left + stride);
        addIdentity(plane, to, -1);
        return;
      case 8:
        plane.words.fill(0, to, to + stride);
        addIdentity(plane, to, left);
        return;
      default:
        this.#executeSets(step, to, left, right);
    }
  }

  #executeSets(step: Step, to: number, left: number, right: number): void {
    const plane = this.#plane;
    switch (step.code) {
      case 9:
        keepRows(plane, to, left, right);
        return;
      case 10:
        keepColumns(plane, to, left, right);
        return;
      case 11:
        product(plane, to, left, right);
        return;
      case 12:
        rowsOf(plane, to, left);
        return;
      default:
        columnsOf(plane, to, left);
    }
  }

  #combine(step: Step, to: number, left: number, right: number): void {
    const { words, width } = this.#plane;
    const length = step.of.sort === 'set' ? width : this.#stride;
    if (step.code === 1) {
      for (let at = 0; at < length; at++) words[to + at] = words[left + at]! | words[right + at]!;
    } else if (step.code === 2) {
      for (let at = 0; at < length; at++) words[to + at] = words[left + at]! & words[right + at]!;
    } else {
      for (let at = 0; at < length; at++) words[to + at] = words[left + at]! & ~words[right + at]!;
    }
  }
}
