import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decode, ELEMENTS, encode, modified, type Modification } from './elements.ts';
import type { Scalar } from './syntax.ts';

const TYPED = {
  Int8: Int8Array,
  Uint8: Uint8Array,
  Uint8Clamped: Uint8ClampedArray,
  Int16: Int16Array,
  Uint16: Uint16Array,
  Int32: Int32Array,
  Uint32: Uint32Array,
  Float32: Float32Array,
  Float64: Float64Array,
} as const;

describe('encode and decode', () => {
  it('convert as typed arrays do', () => {
    const numbers = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(-1, 255, 256, -0, NaN));
    fc.assert(
      fc.property(numbers, fc.constantFrom(...Object.keys(TYPED)), (value, name) => {
        const array = new TYPED[name as keyof typeof TYPED](1);
        array[0] = value;
        const element = ELEMENTS.get(name)!;
        const bytes = encode(element, value, true);
        assert.deepEqual(bytes, [...new Uint8Array(array.buffer)]);
        assert.ok(Object.is(decode(element, bytes, true), array[0]));
      }),
    );
  });

  it('keep bigints to 64 bits', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
        fc.boolean(),
        (value, little) => {
          const signed = ELEMENTS.get('BigInt64')!;
          const unsigned = ELEMENTS.get('BigUint64')!;
          const bytes = encode(signed, value, little);
          assert.equal(decode(signed, bytes, little), BigInt.asIntN(64, value));
          assert.equal(decode(unsigned, bytes, little), BigInt.asUintN(64, value));
          assert.deepEqual(encode(signed, value, !little), bytes.toReversed());
        },
      ),
    );
  });
});

describe('modified', () => {
  it('computes as Atomics do, on every integer element', () => {
    const how = fc.constantFrom<Modification>('add', 'sub', 'and', 'or', 'xor', 'exchange');
    const names = fc.constantFrom('Int8', 'Uint8', 'Int16', 'Uint16', 'Int32', 'Uint32');
    fc.assert(
      fc.property(how, names, fc.integer(), fc.integer(), (method, name, start, operand) => {
        const array = new TYPED[name as 'Int32'](new SharedArrayBuffer(8), 0, 1);
        array[0] = start;
        const old: Scalar = array[0];
        Atomics[method](array, 0, operand);
        const element = ELEMENTS.get(name)!;
        const result = modified(method, { value: old, from: 1 }, { value: operand, from: 2 });
        const bytes = encode(element, result.value, true);
        assert.equal(decode(element, bytes, true), array[0]);
        assert.equal(result.from, method === 'exchange' ? 2 : 3);
      }),
    );
  });
});

describe('ELEMENTS', () => {
  it('say what never tears: plain integers below 64 bits, and everything that Atomics touch', () => {
    const plain = [...ELEMENTS.values()].filter(({ noTear }) => noTear.plain);
    const names = ['Int8', 'Uint8', 'Int16', 'Uint16', 'Int32', 'Uint32'];
    assert.deepEqual(
      plain.map(({ name }) => name),
      names,
    );
    const atomic = [...ELEMENTS.values()].filter(({ noTear }) => noTear.atomic);
    assert.deepEqual(
      atomic.map(({ name }) => name),
      [...names, 'BigInt64', 'BigUint64'],
    );
  });
});
