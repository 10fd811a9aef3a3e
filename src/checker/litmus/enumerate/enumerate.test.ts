import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { modelNamed } from '../../models/index.ts';
import type { Model } from '../../models/index.ts';
import { bruteForce } from './brute-force.test.helper.ts';
import { explainLitmus } from './explain.ts';
import { litmusOf } from './programs.test.helper.ts';
import type { Step } from './programs.test.helper.ts';
import { runLitmus } from './run-litmus.ts';

const read = (at: number, size = 4): Step => ({ kind: 'read', at, size });
const write = (at: number, value: number, size = 4): Step => ({ kind: 'write', at, value, size });
const add = (at: number): Step => ({ kind: 'add', at, value: 1 });
const mfence: Step = { kind: 'fence', name: 'mfence' };
const X = 0;
const Y = 16;

function model(name: string): Model {
  const found = modelNamed(name);
  assert.ok(found !== undefined, name);
  return found;
}

/** Store buffering; each thread's read is its access 1. */
const storeBuffering = (...between: readonly Step[]) =>
  litmusOf(
    [
      [write(X, 1), ...between, read(Y)],
      [write(Y, 1), ...between, read(X)],
    ],
    [],
    (find) => ({
      kind: 'and',
      left: { kind: 'equals', left: find('0:r1'), right: 0 },
      right: { kind: 'equals', left: find('1:r1'), right: 0 },
    }),
  );

describe('runLitmus', () => {
  it('finds the outcomes of store buffering and counts its executions', () => {
    const tso = runLitmus(storeBuffering(), model('tso'), { mode: 'count' });
    assert.deepEqual(tso.outcomes, [
      '0:r1=0; 1:r1=0;',
      '0:r1=0; 1:r1=1;',
      '0:r1=1; 1:r1=0;',
      '0:r1=1; 1:r1=1;',
    ]);
    assert.deepEqual([tso.observation, tso.holds], ['Sometimes', true]);
    assert.deepEqual([tso.positive, tso.negative], [1, 3]);
    const fenced = runLitmus(storeBuffering(mfence), model('tso'), { mode: 'count' });
    assert.deepEqual([fenced.observation, fenced.holds], ['Never', false]);
    assert.deepEqual([fenced.positive, fenced.negative], [0, 3]);
    assert.equal(runLitmus(storeBuffering(), model('sc')).states, 3);
  });

  it('answers forall and not exists', () => {
    const none = litmusOf([[write(X, 1)]], [X], () => ({ kind: 'false' }), 'not exists');
    assert.equal(runLitmus(none, model('sc')).holds, true);
    const all = litmusOf([[write(X, 1)]], [X], () => ({ kind: 'true' }), 'forall');
    assert.deepEqual(runLitmus(all, model('sc')).outcomes, ['[x0]=1;']);
    assert.equal(runLitmus(all, model('sc')).holds, true);
  });

  it('adds as often as there are adders, and no value without end', () => {
    const adders = litmusOf([[add(X)], [add(X)], [add(X)]], [X]);
    const { outcomes } = runLitmus(adders, model('armv8'));
    assert.equal(outcomes.length, 6);
    assert.ok(outcomes.every((one) => one.endsWith('[x0]=3;')));
  });

  it('takes an access apart that overlaps others', () => {
    const halves = litmusOf([[write(X, 0x0001_0001)], [read(X, 2), read(X + 2, 2)]], []);
    assert.deepEqual(runLitmus(halves, model('armv8')).outcomes, [
      '1:r0=0; 1:r1=0;',
      '1:r0=0; 1:r1=1;',
      '1:r0=1; 1:r1=0;',
      '1:r0=1; 1:r1=1;',
    ]);
    const whole = litmusOf([[write(X, 1, 2), write(X + 2, 1, 2)], [read(X)]], [X]);
    assert.deepEqual(runLitmus(whole, model('tso')).outcomes, [
      '1:r0=0; [x0]=65537;',
      '1:r0=1; [x0]=65537;',
      '1:r0=65537; [x0]=65537;',
    ]);
  });

  it('gives up on what is too large', () => {
    const long = litmusOf([Array.from({ length: 40 }, () => write(X, 1))], [X]);
    assert.throws(() => runLitmus(long, model('sc')), { code: 'ERR_LITMUS_SIZE' });
    const wide = litmusOf(
      Array.from({ length: 12 }, (_, at) => [write(X, at)]),
      [X],
    );
    assert.throws(() => runLitmus(wide, model('sc')), { code: 'ERR_LITMUS_SIZE' });
  });
});

describe('explainLitmus', () => {
  it('names the axiom and the cycle', () => {
    const [only, ...others] = explainLitmus(storeBuffering(mfence), model('tso'));
    assert.equal(others.length, 0);
    assert.equal(only?.state, '0:r1=0; 1:r1=0;');
    assert.equal(only.broken.length, 1);
    const steps = only.broken[0]!.steps;
    for (const [at, { to }] of steps.entries()) {
      assert.equal(to, (steps[at + 1] ?? steps[0]!).from);
    }
    const relations = steps.map((step) => step.relation);
    assert.equal(relations.filter((one) => one === 'fr' || one === 'fre').length, 2);
  });

  it('explains what breaks coherence of one location', () => {
    const test = litmusOf([[write(X, 1)], [read(X), read(X)]], [], (find) => ({
      kind: 'and',
      left: { kind: 'equals', left: find('1:r0'), right: 1 },
      right: { kind: 'equals', left: find('1:r1'), right: 0 },
    }));
    const [only] = explainLitmus(test, model('armv8'));
    assert.equal(only?.state, '1:r0=1; 1:r1=0;');
    assert.equal(only.broken.length > 0, true);
  });

  it('has nothing to say of what is allowed', () => {
    assert.deepEqual(explainLitmus(storeBuffering(), model('tso')), []);
  });
});

const at = fc.constantFrom(X, Y);
const steps = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: at.map((where) => read(where)) },
      { weight: 3, arbitrary: fc.tuple(at, fc.integer({ min: 1, max: 2 })) },
      { weight: 1, arbitrary: at.map((where) => add(where)) },
      { weight: 1, arbitrary: fc.constant(mfence) },
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map((list) => {
    // A write adds to what the latest read gave, if there is one.
    let accesses = 0;
    let latest = -1;
    return list.map((one): Step => {
      if (Array.isArray(one)) {
        accesses++;
        const step = write(one[0], one[1]);
        return latest < 0 || step.kind !== 'write' ? step : { ...step, plus: latest };
      }
      if (one.kind === 'read' || one.kind === 'add') latest = accesses;
      accesses += one.kind === 'add' ? 2 : Number(one.kind !== 'fence');
      return one;
    });
  });

describe('the enumeration', () => {
  for (const name of ['sc', 'tso', 'armv8', 'riscv', 'rc11']) {
    it(`finds what judging every candidate by ${name} finds`, () => {
      fc.assert(
        fc.property(fc.array(steps, { minLength: 1, maxLength: 3 }), (threads) => {
          const reading = threads.flat().filter((one) => one.kind === 'read' || one.kind === 'add');
          fc.pre(reading.length <= 5);
          const result = runLitmus(litmusOf(threads, [X, Y]), model(name));
          assert.deepEqual([...result.outcomes], bruteForce(threads, [X, Y], model(name)));
        }),
        { numRuns: 60 },
      );
    });
  }
});
