import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CONDITIONS, binary, shift } from './arithmetic.ts';
import type { Binary, Flags } from './arithmetic.ts';

function cleared(): Flags {
  return { zero: false, sign: false, carry: false, overflow: false, parity: false };
}

function flagsOf(op: Binary, a: number | bigint, b: number | bigint, size: number): string {
  const flags = cleared();
  binary(op, a, b, size, flags);
  return Object.entries(flags)
    .flatMap(([name, set]) => (set ? [name] : []))
    .join(' ');
}

describe('binary', () => {
  test('sets the flags of the manual', () => {
    assert.equal(flagsOf('add', 0xff, 1, 1), 'zero carry parity');
    assert.equal(flagsOf('add', 0x7f, 1, 1), 'sign overflow');
    assert.equal(flagsOf('sub', 0x80, 1, 1), 'overflow');
    assert.equal(flagsOf('sub', 0, 1, 4), 'sign carry parity');
    assert.equal(flagsOf('sub', 2n ** 63n, 1, 8), 'overflow parity');
    assert.equal(flagsOf('and', 0x80, 0x80, 1), 'sign');
    assert.equal(flagsOf('xor', 5, 5, 8), 'zero parity');
  });

  test('carries on with adc and sbb', () => {
    const flags = cleared();
    assert.equal(binary('add', 0xffff_ffff, 1, 4, flags), 0);
    assert.equal(binary('adc', 1, 1, 4, flags), 3);
    assert.equal(binary('sub', 0, 1, 4, flags), 0xffff_ffff);
    assert.equal(binary('sbb', 5, 1, 4, flags), 3);
  });

  test('lets conditions compare as signed and unsigned numbers do', () => {
    const byte = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(byte, byte, (a, b) => {
        const flags = cleared();
        binary('sub', a, b, 1, flags);
        const holds = (suffix: string): boolean | undefined => CONDITIONS.get(suffix)?.(flags);
        const [x, y] = [(a << 24) >> 24, (b << 24) >> 24];
        assert.deepEqual(['e', 'ne', 'b', 'ae', 'be', 'a', 'l', 'ge', 'le', 'g'].map(holds), [
          a === b,
          a !== b,
          a < b,
          a >= b,
          a <= b,
          a > b,
          x < y,
          x >= y,
          x <= y,
          x > y,
        ]);
      }),
    );
  });
});

describe('shift', () => {
  test('takes the count modulo the width, and 0 leaves the flags alone', () => {
    const flags = { ...cleared(), carry: true };
    assert.equal(shift('shl', 3, 32, 4, flags), 3);
    assert.ok(flags.carry);
    assert.equal(shift('shl', 0x8000_0001, 1, 4, flags), 2);
    assert.ok(flags.carry);
    assert.equal(shift('sar', 0x80, 3, 1, flags), 0xf0);
    assert.equal(shift('shr', 2n ** 63n, 63, 8, flags), 1);
    assert.ok(!flags.carry);
  });
});
