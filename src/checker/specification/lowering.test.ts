import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { evaluateV8, type LoweredModel } from './lowering.ts';
import { parseEcmaTest } from './ecma-test.ts';

function outcomes(
  threads: readonly (readonly string[])[],
  model: LoweredModel,
  initial: Record<string, unknown> = {},
): string[] {
  const test = parseEcmaTest({ name: 'a test', threads, initial });
  return evaluateV8(test, model).outcomes.map(({ text }) => text);
}

const BUFFERING = [
  ['Atomics.store(x, 0, 1)', 'const a = y[0]'],
  ['Atomics.store(y, 0, 1)', 'const b = x[0]'],
];

describe('evaluateV8', () => {
  it('has a locked XCHG for Atomics.store on x64, and STLR alone on arm64', () => {
    assert.equal(outcomes(BUFFERING, 'v8-x64').includes('a=0; b=0'), false);
    assert.equal(outcomes(BUFFERING, 'v8-arm64').includes('a=0; b=0'), true);
  });

  it('orders by dependencies on arm64, and not without them', () => {
    const publish = ['x[0] = 1', 'Atomics.store(f, 0, 1)'];
    const plain = outcomes([publish, ['const a = f[0]', 'const b = x[0]']], 'v8-arm64');
    assert.equal(plain.includes('a=1; b=0'), true);
    const dependent = outcomes([publish, ['const a = f[0]', 'const b = x[a - a]']], 'v8-arm64');
    assert.equal(dependent.includes('a=1; b=0'), false);
  });

  it('keeps every kind of value: bigints, floats, negative numbers, other ends first', () => {
    const threads = [
      [
        'const a = b64_x[0]',
        'const b = f64_y[0]',
        'const c = i8_z[3]',
        'const d = dv_z.getInt16(2)',
      ],
    ];
    const initial = { 'b64_x[0]': '-5n', 'f64_y[0]': 0.25, 'z[0]': '-2 << 16' };
    const expected = ['a=-5; b=0.25; c=-1; d=-257'];
    assert.deepEqual(outcomes(threads, 'v8-x64', initial), expected);
    assert.deepEqual(outcomes(threads, 'v8-arm64', initial), expected);
  });

  it('exchanges and compares in one step', () => {
    const threads = [
      ['const a = Atomics.compareExchange(x, 0, 0, 1)'],
      ['const b = Atomics.compareExchange(x, 0, 0, 2)'],
      ['const c = Atomics.add(y, 0, 1)'],
      ['const d = Atomics.exchange(y, 0, 5)'],
    ];
    for (const model of ['v8-x64', 'v8-arm64'] as const) {
      assert.deepEqual(outcomes(threads, model), [
        'a=0; b=1; c=0; d=1',
        'a=0; b=1; c=5; d=0',
        'a=2; b=0; c=0; d=1',
        'a=2; b=0; c=5; d=0',
      ]);
    }
  });

  it('gives messages their order, and bounds loops', () => {
    const threads = [
      ['x[0] = 1', 'post(0)'],
      ['receive(0)', 'const a = x[0]'],
    ];
    assert.deepEqual(outcomes(threads, 'v8-arm64'), ['a=1']);
    const spinning = [
      ['Atomics.store(x, 0, 1)'],
      ['while (Atomics.load(x, 0) === 0);', 'const a = 1'],
    ];
    const test = parseEcmaTest({ name: 'spinning', threads: spinning, ask: 'a=1' });
    const { allowed, bounded } = evaluateV8(test, 'v8-x64');
    assert.deepEqual([allowed, bounded], [true, true]);
  });

  it('refuses wait and notify, which are no instructions', () => {
    const threads = [['Atomics.wait(x, 0, 0)']];
    assert.throws(() => outcomes(threads, 'v8-x64'), { code: 'ERR_LITMUS_UNSUPPORTED' });
  });
});
