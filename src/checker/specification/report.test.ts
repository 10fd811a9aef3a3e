import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readEcmaTests, reportEcma } from './report.ts';

const TEST = JSON.stringify({
  name: 'flag',
  threads: [
    ['x[0] = 1', 'Atomics.store(f, 0, 1)'],
    ['const a = Atomics.load(f, 0)', 'if (a === 1) { const b = x[0] }'],
  ],
  ask: 'a=1; b=0',
});

describe('readEcmaTests', () => {
  it('tells JSON from a program', () => {
    assert.equal(readEcmaTests(TEST, 'a file')[0]?.name, 'flag');
    assert.equal(readEcmaTests('thread(() => { x[0] = 1; });', 'a file')[0]?.name, 'a file');
    assert.throws(() => readEcmaTests('{ "name": }', 'a file'), { code: 'ERR_LITMUS_SYNTAX' });
  });
});

describe('reportEcma', () => {
  const [test] = readEcmaTests(TEST, 'a file');

  it('has the lines of other litmus tests, and says when there is no data race', () => {
    assert.deepEqual(reportEcma(test!).split('\n'), [
      'Test flag (es)',
      'States 2',
      'a=0; b=undefined',
      'a=1; b=1',
      'Forbidden',
      'Condition exists (a=1; b=0)',
      'Observation flag Never 0 2',
      'No data race: the outcomes are those of interleavings',
      '',
    ]);
  });

  it('explains, and runs what V8 makes of it', () => {
    assert.match(reportEcma(test!, { explain: true }), /has overwritten it before/);
    assert.match(reportEcma(test!, { model: 'v8-arm64' }), /^Test flag \(v8-arm64\)\nStates 2\n/);
    assert.match(reportEcma(test!, { model: 'es2019' }), /^Test flag \(es2019\)/);
  });
});
