import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OPERATIONS, signExtend, truncate, unsigned } from './integers.ts';

const U64 = (value: bigint): bigint => BigInt.asUintN(64, value);
const S64 = (value: bigint): bigint => BigInt.asIntN(64, value);
const word = (value: bigint): bigint => U64(BigInt.asIntN(32, value));

/** The manual's definitions, on 64-bit integers alone. */
const DEFINITIONS: Readonly<Record<string, (left: bigint, right: bigint) => bigint>> = {
  add: (left, right) => U64(left + right),
  sub: (left, right) => U64(left - right),
  and: (left, right) => left & right,
  or: (left, right) => left | right,
  xor: (left, right) => left ^ right,
  sll: (left, right) => U64(left << (right % 64n)),
  srl: (left, right) => left >> (right % 64n),
  sra: (left, right) => U64(S64(left) >> (right % 64n)),
  slt: (left, right) => (S64(left) < S64(right) ? 1n : 0n),
  sltu: (left, right) => (left < right ? 1n : 0n),
  addw: (left, right) => word(left + right),
  subw: (left, right) => word(left - right),
  sllw: (left, right) => word(left << (right % 32n)),
  srlw: (left, right) => word(BigInt.asUintN(32, left) >> (right % 32n)),
  sraw: (left, right) => word(BigInt.asIntN(32, left) >> (right % 32n)),
};

/** Small ones, those around the limits of 32, 53 and 64 bits, and any. */
const operands = fc.oneof(
  fc.bigInt(0n, 70n),
  fc
    .tuple(fc.constantFrom(31n, 32n, 53n, 63n, 64n), fc.bigInt(-2n, 2n))
    .map(([bits, distance]) => U64((1n << bits) + distance)),
  fc.bigInt(0n, 2n ** 64n - 1n),
);

test('OPERATIONS: numbers and bigints give what the manual defines', () => {
  assert.deepEqual(Object.keys(OPERATIONS).sort(), Object.keys(DEFINITIONS).sort());
  const names = fc.constantFrom(...Object.keys(DEFINITIONS));
  fc.assert(
    fc.property(names, operands, operands, (name, left, right) => {
      const result = OPERATIONS[name]?.(unsigned(left), unsigned(right));
      assert.equal(result, unsigned(DEFINITIONS[name]?.(left, right) ?? -1n));
    }),
    { numRuns: 2000 },
  );
});

test('signExtend, truncate: of every width', () => {
  fc.assert(
    fc.property(fc.constantFrom(1, 2, 4, 8), operands, (size, value) => {
      const bits = size * 8;
      assert.equal(truncate(unsigned(value), size), unsigned(BigInt.asUintN(bits, value)));
      assert.equal(signExtend(unsigned(value), size), unsigned(BigInt.asIntN(bits, value)));
    }),
  );
});

test('unsigned: a number as far as numbers are exact', () => {
  assert.equal(unsigned(2n ** 53n - 1n), Number.MAX_SAFE_INTEGER);
  assert.equal(unsigned(2n ** 53n), 2n ** 53n);
  assert.equal(unsigned(-1n, 16), 0xffff);
});
