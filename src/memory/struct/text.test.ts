import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { slab, struct, text, Views } from './index.ts';

const views = Views.of(new SharedArrayBuffer(1 << 20));
const GUARD = 0xa5;

/** A struct of one text field of that length. */
const fields = new Map<number, ReturnType<typeof cursorOf>>();
function cursorOf(length: number) {
  const cursor = struct('test.Text', { a: text(length) }).cursor(views);
  cursor.$offset = 64;
  return cursor;
}
function field(length: number): ReturnType<typeof cursorOf> {
  const known = fields.get(length) ?? cursorOf(length);
  fields.set(length, known);
  return known;
}

const lenient = new TextDecoder('utf-8', { ignoreBOM: true });

// Around each length at which another way is taken.
const LENGTHS = [1, 3, 4, 7, 8, 12, 13, 16, 31, 32, 33, 63, 64, 65, 66, 200, 65_536];

describe('text', () => {
  test('text of every length and script comes back, padded with zeros', () => {
    for (const length of LENGTHS) {
      for (const unit of ['a', 'é', '€', '😀', '\u{10FFFF}', '\uFEFF', '\x7f']) {
        const bytes = Buffer.byteLength(unit);
        for (const count of [0, 1, Math.floor(length / bytes) - 1, Math.floor(length / bytes)]) {
          if (count < 0 || count * bytes > length) continue;
          views.u8.fill(GUARD, 0, 64 + length + 64);
          const written = unit.repeat(count);
          field(length).a = written;
          assert.equal(field(length).a, written);
          const all = views.u8.slice(64, 64 + length);
          assert.deepEqual(all.subarray(0, count * bytes), new TextEncoder().encode(written));
          assert.ok(all.subarray(count * bytes).every((byte) => byte === 0));
          assert.equal(views.u8[63], GUARD);
          assert.equal(views.u8[64 + length], GUARD);
        }
      }
    }
  });

  test('text that does not fit is refused, not cut', () => {
    for (const length of LENGTHS.slice(0, -1)) {
      const wrong = { name: 'RangeError', code: 'ERR_STRUCT_RANGE', message: /of at most/ };
      assert.throws(() => (field(length).a = 'x'.repeat(length + 1)), wrong);
      const wide = 'é'.repeat(Math.floor(length / 2) + 1);
      assert.throws(() => (field(length).a = wide), wrong);
    }
  });

  test('text with zeros and lone surrogates is refused', () => {
    for (const length of [8, 64, 200]) {
      for (const filler of ['', 'abc', 'x'.repeat(40), 'é'.repeat(20)]) {
        if (Buffer.byteLength(filler) + 3 > length) continue;
        const code = 'ERR_STRUCT_RANGE';
        for (const wrong of [`${filler}\0`, `\0${filler}`]) {
          assert.throws(() => (field(length).a = wrong), { code, message: /zeros/ });
        }
        for (const wrong of [`${filler}\ud800`, `\udc00${filler}`]) {
          assert.throws(() => (field(length).a = wrong), { code, message: /surrogate/ });
        }
      }
    }
    const type = { name: 'TypeError', code: 'ERR_STRUCT_TYPE' };
    for (const wrong of [1, null, undefined, {}, ['a']]) {
      assert.throws(() => (field(8).a = wrong as string), type);
    }
  });

  test('any bytes read as a lenient decoder reads them, up to the first zero', () => {
    const content = fc.constantFrom(...LENGTHS.slice(0, -1)).chain((length) =>
      fc.oneof(
        fc.uint8Array({ minLength: length, maxLength: length, size: 'max' }),
        // Mostly ASCII without zeros, so that the end is reached.
        fc
          .array(
            fc.oneof({ weight: 40, arbitrary: fc.integer({ min: 1, max: 127 }) }, fc.nat(255)),
            {
              minLength: length,
              maxLength: length,
              size: 'max',
            },
          )
          .map((bytes) => Uint8Array.from(bytes)),
      ),
    );
    fc.assert(
      fc.property(content, (bytes) => {
        views.u8.set(bytes, 64);
        const zero = bytes.indexOf(0);
        const expected = lenient.decode(zero < 0 ? bytes : bytes.subarray(0, zero));
        assert.equal(field(bytes.length).a, expected);
      }),
      { numRuns: 500 },
    );
  });

  test('slab text of any bytes reads as a lenient decoder reads it, zeros included', () => {
    const side = { base: 1024, size: 1 << 19, reserve: () => 0 };
    const cursor = struct('test.Slab', { a: slab() }).cursor(views, side);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300, size: 'max' }), (bytes) => {
        views.u8.set(bytes, 1024);
        views.u32[0] = 0;
        views.u32[1] = bytes.length;
        assert.equal(cursor.a, lenient.decode(bytes));
      }),
    );
    const long = 'é'.repeat(100_000);
    cursor.a = long;
    assert.equal(cursor.a, long);
  });
});
