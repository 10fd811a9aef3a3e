/** SIMD against the loops in TypeScript and against naive ones, at every alignment and length. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Arena } from '../../memory/index.ts';
import { createKernels, type Kernels } from './kernels.ts';
import { SIMD_MIN } from './simd.ts';
import { UTF8_BOUNDARY, UTF8_INVALID } from './utf8.ts';

const MIB = 1024 * 1024;
const GUARD = 0xa5;
/** What lies on either side of a range and must not change. */
const MARGIN = 32;
/** All short lengths, and those around whole blocks. */
const LENGTHS = [...Array(100).keys(), 127, 128, 129, 159, 191, 192, 193, 255, 256, 257, 299, 300];

const { bytes, memory } = Arena.create({ size: MIB });
const simd = createKernels(bytes, memory);
const scalar = createKernels(bytes);

function xorAt(byte: number, index: number, key: number, phase: number): number {
  return byte ^ ((key >>> (((index + phase) & 3) * 8)) & 0xff);
}

/** Bytes that differ from their neighbours; every other call gives ASCII. */
function pattern(length: number, seed: number): Uint8Array {
  const limit = seed % 2 === 0 ? 0x7f : 0xff;
  return Uint8Array.from({ length }, (_, index) => (index * 89 + seed * 31) & limit);
}

/** Compares private copies: a whole array at a time, and a message only when they differ. */
function same(actual: Uint8Array, expected: Uint8Array, what: string): void {
  if (Buffer.compare(actual, expected) !== 0) assert.deepEqual([...actual], [...expected], what);
}

function checkUnmask(kernels: Kernels, offset: number, length: number, phase: number): void {
  const key = length % 2 === 0 ? 0x01234567 : (0x89abcdef ^ (offset << 8)) | 0;
  const data = pattern(length, offset + phase);
  const expected = new Uint8Array(length + 2 * MARGIN).fill(GUARD);
  let high = 0;
  for (let i = 0; i < length; i++) {
    expected[MARGIN + i] = xorAt(data[i]!, i, key, phase);
    high |= expected[MARGIN + i]! & 0x80;
  }
  const from = offset - MARGIN;
  bytes.fill(GUARD, from, offset + length + MARGIN);
  bytes.set(data, offset);
  const seen = kernels.unmask(offset, length, key, phase);
  const what = `unmask of ${length} at ${offset}, phase ${phase}`;
  same(bytes.slice(from, offset + length + MARGIN), expected, what);
  assert.equal(seen === 0, high === 0, what);
}

function checkCopy(kernels: Kernels, source: number, target: number, length: number): void {
  const phase = (source + length) & 3;
  const key = length % 3 === 0 ? 0 : 0x0a7b1c6d * (length + 1);
  const data = pattern(length, source + target);
  const expected = new Uint8Array(length + 2 * MARGIN).fill(GUARD);
  let high = 0;
  for (let i = 0; i < length; i++) {
    expected[MARGIN + i] = xorAt(data[i]!, i, key, phase);
    high |= expected[MARGIN + i]! & 0x80;
  }
  const from = target - MARGIN;
  bytes.fill(GUARD, from, target + length + MARGIN);
  bytes.set(data, source);
  const seen = kernels.unmaskCopy(source, target, length, key, phase);
  const what = `copy of ${length} from ${source} to ${target}`;
  same(bytes.slice(from, target + length + MARGIN), expected, what);
  same(bytes.slice(source, source + length), data, `${what}: source`);
  assert.equal(seen === 0, high === 0, what);
}

test('createKernels uses SIMD for an arena, and for nothing else', () => {
  assert.equal(simd.usesSimd, true);
  assert.equal(createKernels(bytes, memory), simd);
  assert.equal(scalar.usesSimd, false);
  const small = new SharedArrayBuffer(65_536);
  // No WebAssembly.Memory, and too small for one that could be imported.
  assert.equal(createKernels(new Uint8Array(small), { buffer: small }).usesSimd, false);
});

test('createKernels refuses bytes that are no whole view of the memory', () => {
  const expected = { name: 'TypeError', code: 'ERR_OPTION_TYPE' };
  assert.throws(() => createKernels(new Uint8Array(MIB), memory), expected);
  assert.throws(() => createKernels(bytes.subarray(16), memory), expected);
  assert.throws(() => createKernels(bytes.subarray(0, 65_536), memory), expected);
  assert.throws(() => createKernels(new Uint8Array(64).subarray(3)), expected);
});

test('Kernels.unmask XORs every length at every alignment and phase, and nothing else', () => {
  for (const length of LENGTHS) {
    for (let offset = 4096; offset < 4096 + 16; offset++) {
      for (let phase = 0; phase < 4; phase++) checkUnmask(simd, offset, length, phase);
    }
  }
});

test('Kernels.unmaskCopy copies every length at every pair of alignments, and nothing else', () => {
  for (const length of LENGTHS) {
    for (let source = 0; source < 16; source++) {
      for (let target = 0; target < 16; target++) {
        checkCopy(simd, 4096 + source, 8192 + target, length);
      }
    }
  }
});

test('Kernels without SIMD give the same', () => {
  for (const length of LENGTHS) {
    checkUnmask(scalar, 4096 + (length & 7), length, length & 3);
    checkCopy(scalar, 4096 + (length & 7), 8192 + (length & 3), length);
  }
});

test('Kernels.unmask in pieces equals one, with the phase carried over', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.nat(15), fc.integer(), sizes, (place, key, pieces) => {
      const offset = 4096 + place;
      const total = pieces.reduce((sum, size) => sum + size, 0);
      const data = pattern(total, place);
      bytes.set(data, offset);
      let done = 0;
      for (const size of pieces) {
        simd.unmask(offset + done, size, key, done & 3);
        done += size;
      }
      const expected = data.map((byte, index) => xorAt(byte, index, key, 0));
      same(bytes.slice(offset, offset + total), expected, 'in pieces');
    }),
  );
});

test('Kernels work up to the last byte of the memory', () => {
  for (let length = 0; length <= 200; length++) {
    const at = MIB - length;
    const data = pattern(length, 1);
    bytes.set(data, at);
    simd.unmask(at, length, 0x55aa33cc, 0);
    simd.unmask(at, length, 0x55aa33cc, 0);
    same(bytes.slice(at), data, 'unmask');
    simd.unmaskCopy(at, 4096, length, 0, 0);
    same(bytes.slice(4096, 4096 + length), data, 'copy from the end');
    bytes.fill(0, at);
    simd.unmaskCopy(4096, at, length, 0, 0);
    same(bytes.slice(at), data, 'copy to the end');
    bytes.fill(0x61, at);
    assert.equal(simd.validateUtf8(at, length, UTF8_BOUNDARY), UTF8_BOUNDARY);
    bytes.fill(0x61, 0, 256);
    assert.equal(simd.validateUtf8(0, length, UTF8_BOUNDARY), UTF8_BOUNDARY);
  }
});

test('Kernels work at the end of an arena of 4 GiB', (t) => {
  let large: Arena;
  try {
    large = Arena.create({ size: 4096 * MIB });
  } catch {
    t.skip('the system refuses that much address space');
    return;
  }
  const kernels = createKernels(large.bytes, large.memory);
  assert.equal(kernels.usesSimd, true);
  for (const length of [SIMD_MIN, 31, 32, 63, 64, 65, 127, 128, 1000]) {
    const at = 4096 * MIB - length;
    const text = Buffer.from('ключ '.repeat(length)).subarray(0, length);
    large.bytes.set(text, at);
    kernels.unmask(at, length, 0x12345678, 1);
    kernels.unmaskCopy(at, at - 2048, length, 0x12345678, 1);
    same(large.bytes.slice(at - 2048, at - 2048 + length), text, 'unmask and copy');
    kernels.unmaskCopy(at - 2048, at, length, 0, 0);
    const whole = createKernels(large.bytes).validateUtf8(at, length, UTF8_BOUNDARY);
    assert.notEqual(whole, UTF8_INVALID);
    assert.equal(kernels.validateUtf8(at, length, UTF8_BOUNDARY), whole);
  }
});
