import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Plane } from './bits.ts';
import { findCycle } from './bits.ts';
import { Evaluator } from './evaluator.ts';
import type { Source } from './evaluator.ts';
import type { EventSet, Relation } from './expression.ts';
import {
  baseRelation,
  baseSet,
  cross,
  domain,
  EMPTY,
  inter,
  inverse,
  minus,
  named,
  NONE,
  on,
  optional,
  plus,
  range,
  seq,
  star,
  union,
} from './expression.ts';
import { Simplifier } from './simplify.ts';

type Pairs = ReadonlySet<number>;

/** Relations as sets of `row * 128 + column`, sets of events as sets of `event * 129`. */
class Naive implements Source {
  readonly count: number;
  readonly bases = new Map<string, Pairs>();

  constructor(count: number) {
    this.count = count;
    const all = Array.from({ length: count }, (_, event) => event * 129);
    this.bases.set('relation id', new Set(all));
    this.bases.set('set events', new Set(all));
    this.bases.set('relation none', new Set());
    this.bases.set('set none', new Set());
  }

  fill(name: string, sort: 'set' | 'relation', plane: Plane, at: number): void {
    const rows = sort === 'set' ? 1 : this.count;
    plane.words.fill(0, at, at + rows * plane.width);
    for (const pair of this.bases.get(`${sort} ${name}`)!) {
      const row = sort === 'set' ? 0 : Math.floor(pair / 128);
      const column = pair % 128;
      plane.words[at + row * plane.width + (column >> 5)]! |= 1 << (column & 31);
    }
  }

  evaluate(of: Relation | EventSet): Pairs {
    const [left, right] = of.operands.map((one) => this.evaluate(one)) as [Pairs, Pairs];
    const compose = (a: Pairs, b: Pairs): Pairs => {
      const follow = (x: number): number[] => [...b].filter((y) => x % 128 === y >> 7);
      return new Set([...a].flatMap((x) => follow(x).map((y) => (x & ~127) | (y % 128))));
    };
    switch (of.operator) {
      case 'base':
        return this.bases.get(`${of.sort} ${of.name}`)!;
      case 'named':
      case 'on':
        return left;
      case 'union':
        return new Set([...left, ...right]);
      case 'inter':
        return new Set([...left].filter((one) => right.has(one)));
      case 'minus':
        return new Set([...left].filter((one) => !right.has(one)));
      case 'seq':
      case 'from':
      case 'into':
        return compose(left, right);
      case 'inverse':
        return new Set([...left].map((one) => ((one % 128) << 7) | (one >> 7)));
      case 'optional':
        return new Set([...left, ...this.bases.get('relation id')!]);
      case 'plus': {
        let closed = left;
        for (;;) {
          const more = new Set([...closed, ...compose(closed, left)]);
          if (more.size === closed.size) return closed;
          closed = more;
        }
      }
      case 'cross':
        return new Set([...left].flatMap((a) => [...right].map((b) => (a & ~127) | (b % 128))));
      case 'domain':
        return new Set([...left].map((one) => (one >> 7) * 129));
      case 'range':
        return new Set([...left].map((one) => (one % 128) * 129));
      default:
        return of.operator satisfies never;
    }
  }
}

const RELATIONS = ['a', 'b', 'c'].map((name, index) => baseRelation(name, index as 0 | 1 | 2));
const SETS = ['p', 'q'].map((name) => baseSet(name));

const { relation } = fc.letrec<{ set: EventSet; relation: Relation }>((tie) => ({
  set: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.constantFrom(...SETS, NONE, baseSet('events')),
    fc.tuple(tie('set'), tie('set')).map(([a, b]) => union(a, b)),
    fc.tuple(tie('set'), tie('set')).map(([a, b]) => inter(a, b)),
    fc.tuple(tie('set'), tie('set')).map(([a, b]) => minus(a, b)),
    tie('relation').map((a) => domain(a)),
    tie('relation').map((a) => range(a)),
  ),
  relation: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom(...RELATIONS, EMPTY, baseRelation('id', 0)),
    fc.tuple(tie('relation'), tie('relation')).map(([a, b]) => union(a, b)),
    fc.tuple(tie('relation'), tie('relation')).map(([a, b]) => inter(a, b)),
    fc.tuple(tie('relation'), tie('relation')).map(([a, b]) => minus(a, b)),
    fc.tuple(tie('relation'), tie('relation')).map(([a, b]) => seq(a, b)),
    fc.tuple(tie('set'), tie('relation'), tie('set')).map(([s, a, t]) => seq(on(s), a, on(t))),
    fc.tuple(tie('set'), tie('set')).map(([s, t]) => cross(s, t)),
    tie('relation').map((a) => inverse(a)),
    tie('relation').map((a) => plus(a)),
    tie('relation').map((a) => optional(a)),
    tie('relation').map((a) => star(a)),
    tie('relation').map((a) => named('named', a)),
    tie('set').map((s) => on(s)),
  ),
}));

const execution = fc.integer({ min: 1, max: 70 }).chain((count) =>
  fc
    .record({
      pairs: fc.array(
        fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: count }),
        { minLength: 3, maxLength: 3 },
      ),
      members: fc.array(fc.array(fc.nat(count - 1)), { minLength: 2, maxLength: 2 }),
    })
    .map(({ pairs, members }) => {
      const made = new Naive(count);
      for (const [at, one] of RELATIONS.entries()) {
        made.bases.set(
          `relation ${one.name}`,
          new Set(pairs[at]!.map(([row, column]) => row * 128 + column)),
        );
      }
      for (const [at, one] of SETS.entries()) {
        made.bases.set(`set ${one.name}`, new Set(members[at]!.map((event) => event * 129)));
      }
      return made;
    }),
);

function pairsOf(evaluator: Evaluator, of: Relation, count: number): number[] {
  const found: number[] = [];
  for (let row = 0; row < count; row++) {
    for (let column = 0; column < count; column++) {
      if (evaluator.related(of, row, column)) found.push(row * 128 + column);
    }
  }
  return found;
}

const sorted = (pairs: Pairs): number[] => [...pairs].sort((a, b) => a - b);

describe('Evaluator', () => {
  it('computes what sets of pairs do', () => {
    fc.assert(
      fc.property(relation, execution, (of, source) => {
        const evaluator = new Evaluator([{ kind: 'empty', relation: of }]);
        evaluator.bind(source);
        const expected = sorted(source.evaluate(of));
        assert.equal(evaluator.holds(0), expected.length === 0);
        assert.deepEqual(pairsOf(evaluator, of, source.count), expected);
      }),
      { numRuns: 400 },
    );
  });

  it('decides acyclic and irreflexive, and shows a cycle that is there', () => {
    fc.assert(
      fc.property(relation, execution, (of, source) => {
        const evaluator = new Evaluator([
          { kind: 'acyclic', relation: of },
          { kind: 'irreflexive', relation: of },
        ]);
        evaluator.bind(source);
        const closed = source.evaluate(plus(of));
        const onItself = (pairs: Pairs): boolean => [...pairs].some((one) => one % 129 === 0);
        assert.equal(evaluator.holds(0), !onItself(closed));
        assert.equal(evaluator.holds(1), !onItself(source.evaluate(of)));
        const cycle = evaluator.witness(0);
        assert.equal(cycle === undefined, !onItself(closed));
        for (const [at, event] of (cycle ?? []).entries()) {
          assert.ok(evaluator.related(of, event, cycle![at + 1] ?? cycle![0]!));
        }
      }),
      { numRuns: 400 },
    );
  });

  it('computes again only what a changed choice reaches', () => {
    const [fixed, first, second] = RELATIONS as [Relation, Relation, Relation];
    const source = new Naive(2);
    source.bases.set('relation a', new Set([1]));
    source.bases.set('relation b', new Set());
    source.bases.set('relation c', new Set());
    const evaluator = new Evaluator([{ kind: 'empty', relation: union(fixed, first, second) }]);
    evaluator.bind(source);
    assert.equal(evaluator.holds(0), false);
    source.bases.set('relation a', new Set());
    evaluator.changed(1);
    assert.equal(evaluator.holds(0), false);
    evaluator.changed(0);
    assert.equal(evaluator.holds(0), true);
    source.bases.set('relation c', new Set([128]));
    evaluator.changed(2);
    assert.deepEqual(evaluator.witness(0), [1, 0]);
  });
});

describe('Simplifier', () => {
  it('changes nothing in executions where what it leaves out is empty', () => {
    fc.assert(
      fc.property(relation, execution, fc.subarray(['a', 'b', 'c', 'p', 'q']), (of, full, gone) => {
        for (const key of full.bases.keys()) {
          if (gone.includes(key.split(' ')[1]!)) full.bases.set(key, new Set());
        }
        const simple = new Simplifier((base) => gone.includes(base.name), true).relation(of);
        assert.deepEqual(sorted(full.evaluate(simple)), sorted(full.evaluate(of)));
      }),
      { numRuns: 400 },
    );
  });
});

describe('expressions', () => {
  it('are one node for one text', () => {
    const [a, b] = RELATIONS as [Relation, Relation];
    assert.equal(seq(a, union(a, b)), seq(a, union(a, b)));
    assert.equal(union(a, a), a);
    assert.throws(() => union(), RangeError);
    assert.throws(() => seq(), RangeError);
  });

  it('know their phase and whether they only grow', () => {
    const [a, b, c] = RELATIONS as [Relation, Relation, Relation];
    assert.equal(seq(a, inverse(b)).phase, 1);
    assert.equal(named('x', union(a, c)).phase, 2);
    assert.equal(minus(c, a).monotone, true);
    assert.equal(plus(minus(a, c)).monotone, false);
  });
});

describe('findCycle', () => {
  it('gives a shortest one', () => {
    const words = Int32Array.of(0b0010, 0b0100, 0b1001, 0b0100);
    assert.deepEqual(findCycle({ words, count: 4, width: 1 }, 0), [2, 3]);
  });
});
