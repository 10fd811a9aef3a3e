import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { arrayView } from './array-views.ts';

type Use = [action: string, from: number, to: number];

function watched(length: number): { real: Uint8Array; view: Uint8Array; uses: () => Use[] } {
  const real = Uint8Array.from({ length }, (_, index) => index);
  let uses: Use[] = [];
  const view = arrayView(real, (...use) => uses.push(use));
  return {
    real,
    view,
    uses: () => {
      const seen = uses;
      uses = [];
      return seen;
    },
  };
}

describe('arrayView', () => {
  it('asks before each element is used, by its own range', () => {
    const { view, uses } = watched(8);
    assert.equal(view[3], 3);
    assert.deepEqual(uses(), [['read', 3, 4]]);
    view[7] = 9;
    assert.deepEqual(uses(), [['write', 7, 8]]);
    assert.equal(view[8], undefined);
    assert.equal(view.length + view.byteLength, 16);
    assert.deepEqual(uses(), [], 'what is outside, and how much there is, is no use');
    assert.deepEqual([...view], [0, 1, 2, 3, 4, 5, 6, 9]);
    assert.equal(uses().length, 8);
  });

  it('asks for the range that a method uses', () => {
    const { view, real, uses } = watched(8);
    const methods: [use: () => unknown, expected: Use[]][] = [
      [() => view.set([1, 2], 3), [['write', 3, 5]]],
      [() => view.fill(0, -2), [['write', 6, 8]]],
      [() => view.slice(1, 3), [['read', 1, 3]]],
      [() => view.at(-1), [['read', 7, 8]]],
      [() => view.indexOf(4), [['read', 0, 8]]],
      [() => view.toString(), [['read', 0, 8]]],
      [() => view.sort(), [['write', 0, 8]]],
      [() => view.copyWithin(0, 4), [['write', 0, 8]]],
      [() => view.subarray(2, 2).slice(), []],
      [() => view.valueOf(), []],
    ];
    for (const [use, expected] of methods) {
      use();
      assert.deepEqual(uses(), expected, String(use));
    }
    assert.equal(view.fill(1), view);
    assert.equal(real[0], 1);
  });

  it('gives parts that ask in the terms of the whole', () => {
    const { view, real, uses } = watched(16);
    const part = view.subarray(4, -4).subarray(2);
    assert.ok(part instanceof Uint8Array);
    assert.deepEqual(uses(), []);
    assert.equal(part[1], 7);
    part.set([90], 5);
    assert.deepEqual(uses(), [
      ['read', 7, 8],
      ['write', 11, 12],
    ]);
    assert.equal(real[11], 90);
    assert.equal(part.length, 6);
  });

  it('does not touch what the guard refuses', () => {
    const real = new Uint8Array(4);
    const view = arrayView(real, () => {
      throw new Error('no');
    });
    for (const use of [() => (view[0] = 1), () => view.fill(1), () => view.set([1])]) {
      assert.throws(use, /no/);
    }
    assert.deepEqual(real, new Uint8Array(4));
  });
});
