import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  check,
  type CheckResult,
  evaluateEcma,
  litmusText,
  modelNamed,
  parseLitmus,
  readEcmaTests,
  runLitmus,
} from '../../../src/checker/index.ts';
import { CASES } from './cases.ts';
import { MODELS, PROGRAM, resultOf } from './random.ts';

/** Runs the litmus test of a failure under its model. */
function assertAllowed(result: CheckResult): void {
  const litmus = litmusText(result, 'a test');
  // In JavaScript nothing can be asked of what is not read.
  if (litmus === undefined && result.model === 'es') return;
  assert.ok(litmus);
  if (litmus.extension === 'js') {
    const [program] = readEcmaTests(litmus.text, 'test.js');
    assert.equal(evaluateEcma(program!, { model: 'es' }).allowed, true, litmus.text);
    return;
  }
  const found = runLitmus(parseLitmus(litmus.text), modelNamed(litmus.model)!, { mode: 'count' });
  assert.notEqual(found.observation, 'Never', litmus.text);
  // What races has no defined behaviour in C: herd answers Undef then.
  assert.equal(found.holds, !found.undef, litmus.text);
}

describe('litmusText', () => {
  for (const { name, models, body } of CASES) {
    for (const model of models) {
      test(`${name}: the outcome that failed under ${model} is one of the litmus test's`, () => {
        const result = check({ model }, body);
        assert.notEqual(result.failure, undefined);
        assertAllowed(result);
      });
    }
  }

  test('the outcome of any execution is one of the litmus test', () => {
    fc.assert(
      fc.property(PROGRAM, fc.constantFrom(...MODELS), fc.nat(40), (program, model, nth) => {
        const result = resultOf(program, model, nth);
        fc.pre(result.failure !== undefined);
        assertAllowed(result);
      }),
      { numRuns: 150 },
    );
  });

  test('says what variables and numbers stand for', () => {
    const { text } = litmusText(check({ model: 'rc11' }, CASES[4]!.body), 'a cell')!;
    assert.match(text, /^C a-cell\n/);
    assert.match(text, /x is data, y is flag, 1001 is \{ of: 'nobody' \}, 1002 is '<it>', /);
  });

  test('is not there for a test that passes', () => {
    assert.equal(litmusText(check({ model: 'sc' }, CASES[0]!.body), 'fine'), undefined);
  });

  test('refuses more reads than there are registers', () => {
    const result = check({ model: 'x86-tso' }, ({ words, thread, after }) => {
      const box = words(1);
      thread('reader', () => {
        for (let read = 0; read < 20; read++) void box[0];
      });
      thread('writer', () => {
        box[0] = 1;
      });
      after(() => {
        throw new Error('always');
      });
    });
    assert.throws(() => litmusText(result, 'long'), { code: 'ERR_LITMUS_SIZE' });
  });
});
