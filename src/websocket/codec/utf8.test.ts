import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UTF8_BOUNDARY, UTF8_INVALID, validateUtf8 } from './utf8.ts';

/** The state after `data` in pieces of the given sizes, each at another alignment. */
function validate(data: Uint8Array, sizes: readonly number[] = [data.length]): number {
  let state = UTF8_BOUNDARY;
  let turn = 0;
  for (let at = 0; at < data.length; turn++) {
    const piece = data.subarray(at, at + Math.max(1, sizes[turn % sizes.length]!));
    const buffer = new SharedArrayBuffer((piece.length + 11) & ~3);
    const bytes = new Uint8Array(buffer).fill(0xff);
    bytes.set(piece, 1 + (turn & 3));
    const words = new Int32Array(buffer);
    state = validateUtf8(bytes, words, 1 + (turn & 3), piece.length, state);
    at += piece.length;
  }
  return state;
}

function isText(data: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(data);
    return true;
  } catch {
    return false;
  }
}

const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 6 });

test('validateUtf8 agrees with TextDecoder on every sequence of three bytes', () => {
  const edges = [0, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0];
  edges.push(0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff);
  for (let first = 0; first < 256; first++) {
    for (const second of edges) {
      for (const third of edges) {
        const data = new Uint8Array([first, second, third]);
        assert.equal(validate(data) === UTF8_BOUNDARY, isText(data), String(data));
      }
    }
  }
});

test('validateUtf8 accepts any text, however it is cut', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), sizes, (text, cuts) => {
      // A lone surrogate would become U+FFFD, which is valid as well.
      assert.equal(validate(Buffer.from(text), cuts), UTF8_BOUNDARY);
    }),
  );
});

test('validateUtf8 agrees with TextDecoder on text with one byte changed', () => {
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(text, fc.nat(), fc.nat(255), sizes, (value, where, byte, cuts) => {
      const data = new Uint8Array(Buffer.from(value));
      data[where % data.length] = byte;
      assert.equal(validate(data, cuts) === UTF8_BOUNDARY, isText(data));
    }),
    { numRuns: 500 },
  );
});

test('validateUtf8 sees an invalid byte when it arrives, and stays there', () => {
  const state = validate(new Uint8Array([0x61, 0xed, 0xa0]));
  assert.equal(state, UTF8_INVALID);
  const bytes = new Uint8Array(new SharedArrayBuffer(8)).fill(0x61);
  const words = new Int32Array(bytes.buffer);
  assert.equal(validateUtf8(bytes, words, 0, 8, state), UTF8_INVALID);
});

test('validateUtf8 finds one wrong byte anywhere in a long ASCII text', () => {
  for (let where = 0; where < 70; where++) {
    const data = new Uint8Array(70).fill(0x61);
    assert.equal(validate(data), UTF8_BOUNDARY);
    data[where] = 0x80;
    assert.equal(validate(data), UTF8_INVALID, String(where));
  }
});
