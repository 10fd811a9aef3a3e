import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { cut, parseInteger, toValue, typeOf } from './values.ts';

describe('cut', () => {
  test('gives the low bits of a type, as a number where it is exact', () => {
    assert.equal(cut(255, { size: 1, signed: true }), -1);
    assert.equal(cut(-1, { size: 4, signed: false }), 0xffff_ffff);
    assert.equal(cut(0xffff_ffff, { size: 4, signed: true }), -1);
    assert.equal(cut(-1, { size: 8, signed: false }), 2n ** 64n - 1n);
    assert.equal(cut(2n ** 64n - 1n, { size: 8, signed: true }), -1);
    assert.equal(cut(300, { size: 1, signed: false }), 44);
  });

  test('is what BigInt gives, in the one representation of a value', () => {
    const size = fc.constantFrom(1, 2, 4, 8, 16);
    const integer = fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n });
    fc.assert(
      fc.property(integer, size, fc.boolean(), (value, bytes, signed) => {
        const wanted = signed ? BigInt.asIntN(bytes * 8, value) : BigInt.asUintN(bytes * 8, value);
        assert.equal(cut(toValue(value), { size: bytes, signed }), toValue(wanted));
      }),
    );
  });
});

describe('parseInteger', () => {
  test('reads decimal, hexadecimal and binary numbers with a sign', () => {
    assert.equal(parseInteger('0x10'), 16);
    assert.equal(parseInteger('-0x1'), -1);
    assert.equal(parseInteger('0b101'), 5);
    assert.equal(parseInteger('9007199254740993'), 9007199254740993n);
  });

  test('gives undefined for anything else', () => {
    for (const text of ['', 'x', '1x', '0x', '--1', '1 2']) {
      assert.equal(parseInteger(text), undefined, text);
    }
  });
});

describe('typeOf', () => {
  test('knows the integer types of C with their qualifiers', () => {
    assert.deepEqual(typeOf(['volatile', 'uint16_t']), { size: 2, signed: false });
    assert.deepEqual(typeOf(['unsigned', 'long']), { size: 8, signed: false });
    assert.deepEqual(typeOf(['unsigned', 'char']), { size: 1, signed: false });
    assert.deepEqual(typeOf(['unsigned']), { size: 4, signed: false });
    assert.deepEqual(typeOf(['long', 'long', 'int']), { size: 8, signed: true });
    assert.deepEqual(typeOf(['atomic_int']), { size: 4, signed: true });
    assert.deepEqual(typeOf(['long', 'int']), { size: 8, signed: true });
  });

  test('takes unknown words for the default', () => {
    assert.deepEqual(typeOf(['unit64_t']), { size: 4, signed: true });
  });

  test('gives undefined for what is no integer', () => {
    assert.equal(typeOf(['double']), undefined);
    assert.equal(typeOf(['some', 'thing']), undefined);
    assert.equal(typeOf([]), undefined);
  });
});
