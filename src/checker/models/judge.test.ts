import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Execution, fence, M, po, R, rf, tagged, total, W } from '../execution/index.ts';
import type { ExecutionEvent } from '../execution/index.ts';
import { Tag } from '../litmus/contract.ts';
import { cross, inter, minus, on, seq, union } from '../relation/index.ts';
import { acyclic, empty } from './contract.ts';
import type { Model } from './contract.ts';
import { Features, judgeOf } from './judge.ts';

function access(kind: 'R' | 'W', thread: number, number: number, tag: number): ExecutionEvent {
  return {
    kind,
    thread,
    access: number,
    location: 0,
    value: 0,
    tag,
    fence: '',
    addr: 0,
    data: 0,
    ctrl: 0,
    pickAddr: 0,
    pickData: 0,
    pickCtrl: 0,
    unsequenced: 0,
    reads: -1,
  };
}

const EVENTS = [
  [access('W', 0, 0, Tag.SEQ_CST), access('R', 0, 1, Tag.NON_ATOMIC)],
  [access('W', 1, 0, Tag.SEQ_CST)],
];

function judge(model: Pick<Model, 'axioms'> & Partial<Model>) {
  const features = new Features();
  for (const thread of EVENTS) features.add(thread, false);
  const execution = new Execution();
  execution.load([], EVENTS);
  const made = judgeOf(
    { name: 'made', aliases: [], source: '', architectures: [], porfAcyclic: true, ...model },
    features,
  );
  made.bind(execution);
  return made;
}

describe('Judge', () => {
  it('leaves out what the test does not use', () => {
    const fenced = seq(po, on(fence('mfence')), po);
    const { axioms } = judge({
      axioms: [
        empty('fences', fenced),
        empty('acquires', cross(tagged(Tag.ACQUIRE), M)),
        acyclic('order', union(fenced, rf)),
      ],
    });
    assert.deepEqual(
      axioms.map((axiom) => axiom.name),
      ['order'],
    );
    assert.equal(axioms[0]!.relation, rf);
  });

  it('names the axiom that does not hold and the events that show it', () => {
    const made = judge({ axioms: [acyclic('fine', po), empty('pairs', inter(po, cross(W, R)))] });
    assert.equal(made.allowed(1), 0);
    assert.deepEqual(
      made.violations().map(({ axiom, events }) => [axiom.name, events]),
      [['pairs', [0, 1]]],
    );
  });

  it('says what makes behaviour undefined', () => {
    const race = empty('race', cross(tagged(Tag.NON_ATOMIC), W));
    assert.equal(judge({ axioms: [], undefinedUnless: [race] }).undefinedBy(), 'race');
    assert.equal(judge({ axioms: [] }).undefinedBy(), undefined);
  });

  it('looks for a total order that the axioms allow, and counts them', () => {
    const order = { set: tagged(Tag.SEQ_CST), within: minus(po, po) };
    const any = empty('any', minus(total, total));
    const backwards = empty('backwards', inter(total, cross(M, minus(M, M))));
    const never = empty('never', total);
    assert.equal(judge({ axioms: [backwards, any], order }).allowed(Infinity), 1);
    assert.equal(judge({ axioms: [never], order }).allowed(Infinity), 0);
    const free = acyclic('free', total);
    assert.equal(judge({ axioms: [free], order }).allowed(Infinity), 2);
    assert.equal(judge({ axioms: [free], order }).allowed(1), 1);
    assert.equal(judge({ axioms: [free], order: { ...order, within: cross(W, W) } }).allowed(1), 0);
  });
});
