import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { unmask, unmaskCopy } from './mask.ts';

const SIZE = 512;
const GUARD = 0xa5;

interface Memory {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
}

function memory(): Memory {
  const buffer = new SharedArrayBuffer(SIZE);
  return { bytes: new Uint8Array(buffer).fill(GUARD), words: new Int32Array(buffer) };
}

function xor(payload: Uint8Array, key: number, phase: number): Uint8Array {
  return payload.map((byte, index) => byte ^ ((key >>> (((index + phase) & 3) * 8)) & 0xff));
}

const place = fc.integer({ min: 1, max: 9 });
const key = fc.integer();
const payload = fc.uint8Array({ maxLength: 90 });

test('unmask XORs byte by byte at every alignment and phase, and touches nothing else', () => {
  fc.assert(
    fc.property(payload, place, key, fc.nat(3), (data, offset, mask, phase) => {
      const { bytes, words } = memory();
      bytes.set(data, offset);
      const high = unmask(bytes, words, offset, data.length, mask, phase);
      const expected = xor(data, mask, phase);
      const whole = new Uint8Array(SIZE).fill(GUARD);
      whole.set(expected, offset);
      assert.deepEqual([...bytes], [...whole]);
      assert.equal(
        high === 0,
        expected.every((byte) => byte < 0x80),
      );
    }),
  );
});

test('unmask is undone by itself', () => {
  const { bytes, words } = memory();
  bytes.set(Buffer.from('a text of some length'), 3);
  unmask(bytes, words, 3, 21, 0x12345678, 0);
  assert.equal(unmask(bytes, words, 3, 21, 0x12345678, 0), 0);
  assert.equal(Buffer.from(bytes.slice(3, 24)).toString(), 'a text of some length');
});

test('unmask in two pieces equals one, with the phase carried over', () => {
  fc.assert(
    fc.property(payload, place, key, fc.nat(90), (data, offset, mask, cut) => {
      const { bytes, words } = memory();
      const first = Math.min(cut, data.length);
      bytes.set(data, offset);
      unmask(bytes, words, offset, first, mask, 0);
      unmask(bytes, words, offset + first, data.length - first, mask, first & 3);
      assert.deepEqual([...bytes.slice(offset, offset + data.length)], [...xor(data, mask, 0)]);
    }),
  );
});

test('unmask and unmaskCopy work up to the last byte of the memory', () => {
  const { bytes, words } = memory();
  unmask(bytes, words, SIZE, 0, -1, 0);
  unmask(bytes, words, SIZE - 7, 7, -1, 0);
  assert.deepEqual([...bytes.slice(SIZE - 8)], [GUARD, ...new Array<number>(7).fill(0x5a)]);
  unmaskCopy(bytes, words, SIZE - 7, 0, 7, -1, 0);
  assert.deepEqual([...bytes.slice(0, 8)], new Array<number>(8).fill(GUARD));
});

test('unmaskCopy equals a copy and an unmask at every pair of alignments', () => {
  fc.assert(
    fc.property(payload, place, place, key, fc.nat(3), (data, from, to, mask, phase) => {
      const { bytes, words } = memory();
      const target = 256 + to;
      bytes.set(data, from);
      const high = unmaskCopy(bytes, words, from, target, data.length, mask, phase);
      const expected = xor(data, mask, phase);
      const whole = new Uint8Array(SIZE).fill(GUARD);
      whole.set(data, from);
      whole.set(expected, target);
      assert.deepEqual([...bytes], [...whole]);
      assert.equal(
        high === 0,
        expected.every((byte) => byte < 0x80),
      );
    }),
  );
});
