import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  fill,
  fingerprint,
  firstChange,
  firstUnwritten,
  GIVEN_BACK,
  isExactlyUnwritten,
  UNWRITTEN,
  type Bytes,
} from './patterns.ts';

const SIZE = 256;

function memory(): Bytes {
  const u8 = new Uint8Array(SIZE).fill(1);
  return { u8, u32: new Uint32Array(u8.buffer) };
}

const range = fc
  .tuple(fc.nat(SIZE), fc.nat(SIZE))
  .map(([a, b]) => ({ offset: Math.min(a, b), length: Math.abs(a - b) }));

describe('fill', () => {
  it('fills the range and nothing else, wherever it begins and ends', () => {
    fc.assert(
      fc.property(range, fc.constantFrom(UNWRITTEN, GIVEN_BACK), ({ offset, length }, pattern) => {
        const bytes = memory();
        fill(bytes, offset, length, pattern);
        assert.equal(firstChange(bytes, offset, length, pattern), -1);
        for (const [at, byte] of bytes.u8.entries()) {
          const isInside = at >= offset && at < offset + length;
          assert.equal(byte === 1, !isInside);
        }
      }),
    );
  });
});

describe('firstChange', () => {
  it('finds the first byte that is another', () => {
    fc.assert(
      fc.property(range, fc.nat(), ({ offset, length }, where) => {
        fc.pre(length > 0);
        const bytes = memory();
        fill(bytes, offset, length, GIVEN_BACK);
        const at = offset + (where % length);
        bytes.u8[at]! ^= 1;
        assert.equal(firstChange(bytes, offset, length, GIVEN_BACK), at);
      }),
    );
  });
});

describe('firstUnwritten', () => {
  it('finds eight aligned bytes inside of the range, and no fewer', () => {
    const bytes = memory();
    fill(bytes, 64, 32, UNWRITTEN);
    assert.equal(firstUnwritten(bytes, 0, SIZE), 64);
    assert.equal(firstUnwritten(bytes, 65, 100), 72);
    assert.equal(firstUnwritten(bytes, 0, 71), -1, 'an end may look like it by chance');
    assert.equal(firstUnwritten(bytes, 0, 64), -1);
    assert.equal(firstUnwritten(bytes, 90, 14), -1);
    for (let at = 64; at < 96; at += 8) bytes.u8[at + 3] = 0;
    assert.equal(firstUnwritten(bytes, 0, SIZE), -1);
    assert.ok(isExactlyUnwritten(bytes, 64, 3));
    assert.ok(!isExactlyUnwritten(bytes, 64, 4));
  });
});

describe('fingerprint', () => {
  it('changes with any byte of the range and with no other', () => {
    fc.assert(
      fc.property(range, fc.nat(SIZE - 1), ({ offset, length }, at) => {
        const bytes = memory();
        const before = fingerprint(bytes, offset, length);
        bytes.u8[at]! ^= 0x10;
        const isInside = at >= offset && at < offset + length;
        assert.equal(fingerprint(bytes, offset, length) !== before, isInside);
      }),
    );
  });
});
