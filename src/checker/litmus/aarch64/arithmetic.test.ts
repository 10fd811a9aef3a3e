import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Value } from '../contract.ts';
import type { Binary } from './arithmetic.ts';
import {
  add,
  addWithCarry,
  and,
  C,
  clear,
  countLeadingZeros,
  divide,
  low,
  N,
  or,
  reverse,
  rotate,
  select,
  shiftArithmetic,
  shiftLeft,
  shiftRight,
  signed,
  signExtend,
  subtract,
  V,
  wrap,
  xor,
  Z,
} from './arithmetic.ts';
import type { Width } from './registers.ts';

const widths = fc.constantFrom<Width>(32, 64);

/** Unsigned values of a width, small ones and those around its limits as often as others. */
function values(width: Width): fc.Arbitrary<bigint> {
  const top = 1n << BigInt(width);
  return fc.oneof(
    fc.bigInt(0n, 9n),
    fc.bigInt(top - 9n, top - 1n),
    fc.bigInt(top / 2n - 9n, top / 2n + 9n),
    fc.bigInt(0n, top - 1n),
  );
}

const pairs = widths.chain((width) =>
  fc.record({ width: fc.constant(width), left: values(width), right: values(width) }),
);

const toValue = (value: bigint): Value => wrap(value, 64);

function agrees(operation: Binary, wide: (left: bigint, right: bigint, bits: bigint) => bigint) {
  fc.assert(
    fc.property(pairs, ({ width, left, right }) => {
      const expected = BigInt.asUintN(width, wide(left, right, BigInt(width)));
      const actual = operation(toValue(left), toValue(right), width);
      assert.equal(actual, toValue(expected));
    }),
  );
}

test('add, subtract and logic are those of integers, cut to the width', () => {
  agrees(add, (left, right) => left + right);
  agrees(subtract, (left, right) => left - right);
  agrees(and, (left, right) => left & right);
  agrees(or, (left, right) => left | right);
  agrees(xor, (left, right) => left ^ right);
  agrees(clear, (left, right) => left & ~right);
});

test('shifts take the amount modulo the width', () => {
  agrees(shiftLeft, (left, right, bits) => left << (right % bits));
  agrees(shiftRight, (left, right, bits) => left >> (right % bits));
  agrees(
    shiftArithmetic,
    (left, right, bits) => BigInt.asIntN(Number(bits), left) >> (right % bits),
  );
  agrees(rotate, (left, right, bits) => {
    const by = right % bits;
    return (left >> by) | (left << (bits - by));
  });
});

test('divide by zero gives zero, and of the smallest integer by -1 itself', () => {
  assert.equal(divide(true)(7, 0, 32), 0);
  assert.equal(divide(true)(0x80000000, 0xffffffff, 32), 0x80000000);
  assert.equal(divide(true)(0xfffffff9, 2, 32), 0xfffffffd);
  assert.equal(divide(false)(0xfffffff9, 2, 32), 0x7ffffffc);
});

test('select compares signed or unsigned in the width that is asked for', () => {
  assert.equal(select(true, true)(0xffffffff, 1, 32), 1);
  assert.equal(select(false, true)(0xffffffff, 1, 32), 0xffffffff);
  assert.equal(select(true, false, 8)(0xff, 1, 64), 0xff);
  assert.equal(select(false, false, 8)(0xff, 1, 64), 1);
});

test('low and signExtend keep bits and repeat the highest', () => {
  assert.equal(low(-1, 8), 0xff);
  assert.equal(low(-1, 32), 0xffffffff);
  assert.equal(low(-1, 64), 0xffffffffffffffffn);
  assert.equal(low(2 ** 33 + 5, 32), 5);
  assert.equal(signExtend(0x80, 8, 32), 0xffffff80);
  assert.equal(signExtend(0x7f, 8, 64), 0x7f);
  assert.equal(signExtend(0xffff8000, 16, 64), 0xffffffffffff8000n);
});

test('addWithCarry sets the flags of the sum', () => {
  fc.assert(
    fc.property(pairs, fc.constantFrom(0, 1), ({ width, left, right }, carry) => {
      const { value, flags } = addWithCarry(toValue(left), toValue(right), carry, width);
      const unsigned = left + right + BigInt(carry);
      const exact = signed(toValue(left), width) + signed(toValue(right), width) + BigInt(carry);
      assert.equal(value, toValue(BigInt.asUintN(width, unsigned)));
      assert.equal((flags & N) !== 0, BigInt.asIntN(width, unsigned) < 0n);
      assert.equal((flags & Z) !== 0, value === 0);
      assert.equal((flags & C) !== 0, unsigned >> BigInt(width) !== 0n);
      assert.equal((flags & V) !== 0, BigInt.asIntN(width, exact) !== exact);
    }),
  );
});

test('reverse turns bits and bytes around, and twice is nothing', () => {
  assert.equal(reverse(8, 32)(0x01020304, 32), 0x04030201);
  assert.equal(reverse(8, 16)(0x01020304, 32), 0x02010403);
  assert.equal(reverse(1, 32)(1, 32), 0x80000000);
  fc.assert(
    fc.property(values(64), (value) => {
      const once = reverse(8, 64)(toValue(value), 64);
      assert.equal(reverse(8, 64)(once, 64), toValue(value));
    }),
  );
});

test('countLeadingZeros counts in the width', () => {
  assert.equal(countLeadingZeros(0, 32), 32);
  assert.equal(countLeadingZeros(1, 64), 63);
  assert.equal(countLeadingZeros(0x80000000, 32), 0);
});
