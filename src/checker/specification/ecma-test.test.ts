import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { evaluateEcma } from './evaluate.ts';
import type { Scalar } from './script/index.ts';
import { parseAsk, parseEcmaTest, parseEcmaTests, satisfies } from './ecma-test.ts';

function outcomes(json: Record<string, unknown>): string[] {
  return evaluateEcma(parseEcmaTest({ name: 'a test', ...json })).outcomes.map(({ text }) => text);
}

describe('parseEcmaTest', () => {
  it('takes names for views: type, underscore, block', () => {
    const threads = [
      ['i8_x[0] = -1', 'const a = x[0]', 'const b = u8_x[0]', 'const c = u16_x[0]'],
      ['const d = dv_y.getInt16(0)', 'const e = f64_y[0]', 'const f = b64_y[0]'],
    ];
    assert.deepEqual(outcomes({ threads }), ['a=255; b=255; c=255; d=0; e=0; f=0']);
  });

  it('has views and initial values as they are given', () => {
    const views = { bytes: { type: 'Uint8Array', block: 'x', offset: 2 }, y: 'Float32Array' };
    const initial = { 'x[0]': '0x01020304', 'y[1]': 0.5, 'dv_z.setUint16(0, 258)': 0 };
    const threads = [['const a = bytes[1]', 'const b = y[1]', 'const c = u8_z[1]']];
    assert.deepEqual(outcomes({ views, initial, threads }), ['a=1; b=0.5; c=2']);
  });

  it('names variables by their threads when two have the same', () => {
    const threads = [['const a = 1'], ['const a = 2', 'const b = 3']];
    assert.deepEqual(outcomes({ threads }), ['0:a=1; 1:a=2; b=3']);
    const test = parseEcmaTest({ name: 'two', threads, ask: '0:a=1; 1:a=2' });
    assert.equal(evaluateEcma(test).allowed, true);
  });

  it('refuses what is no test', () => {
    const syntax = { code: 'ERR_LITMUS_SYNTAX' };
    assert.throws(() => parseEcmaTest(null), syntax);
    assert.throws(() => parseEcmaTest({ name: 'x' }), syntax);
    assert.throws(() => parseEcmaTest({ name: 'x', threads: [] }), syntax);
    assert.throws(() => parseEcmaTest({ name: 'x', threads: [[1]] }), syntax);
    assert.throws(() => parseEcmaTest({ name: 'x', threads: [['']], ask: 'a=1' }), {
      ...syntax,
      message: /asks about a, which is no variable/,
    });
    const views = { x: { type: 'Int32Array', offset: 2 } };
    assert.throws(() => parseEcmaTest({ name: 'x', threads: [['x[0]']], views }), syntax);
    const threads = Array.from({ length: 17 }, () => ['x[0] = 1']);
    assert.throws(() => parseEcmaTest({ name: 'x', threads }), { code: 'ERR_LITMUS_SIZE' });
    const unknown = { name: 'x', threads: [['']], views: { x: 'Map' } };
    assert.throws(() => parseEcmaTest(unknown), { code: 'ERR_LITMUS_UNSUPPORTED' });
  });
});

describe('parseEcmaTests', () => {
  it('reads one test, an array, or an object of tests', () => {
    const one = { name: 'a', threads: [['x[0] = 1']] };
    for (const json of [one, [one], { tests: [one] }]) {
      assert.deepEqual(
        parseEcmaTests(json).map(({ name }) => name),
        ['a'],
      );
    }
  });
});

describe('parseAsk', () => {
  const values = new Map<string, Scalar>([
    ['a', 1],
    ['b', -2n],
    ['w', 'timed-out'],
    ['u', undefined],
  ]);

  it('understands pairs, however they are put together', () => {
    for (const text of [
      'a=1; b=-2',
      'a=1, b=-2n',
      'a=0x1 /\\ b=-2',
      'a=1 && w=timed-out',
      'u=undefined',
    ]) {
      assert.equal(satisfies(parseAsk(text), values), true, text);
    }
    assert.equal(satisfies(parseAsk('a=1; b=2'), values), false);
  });

  it('understands expressions', () => {
    assert.equal(satisfies(parseAsk('a === 2 || !(b > 0)'), values), true);
    assert.equal(satisfies(parseAsk('a + 1 === 3'), values), false);
    assert.throws(() => parseAsk('a === '), { code: 'ERR_LITMUS_SYNTAX' });
  });
});
