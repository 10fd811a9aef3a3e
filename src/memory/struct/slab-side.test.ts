import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { optional, slab, SLAB_FULL, type SlabSide, struct, u32, Views } from './index.ts';

const BASE = 4096;
const GUARD = 0xa5;
const views = Views.of(new SharedArrayBuffer(BASE + 2048));
const Note = struct('test.Note', {
  text: slab(),
  data: slab('bytes'),
  extra: optional(slab()),
  end: u32,
});

/** A slab side that gives out its bytes once, pieces of 8, never wrapping. */
class Side implements SlabSide {
  readonly base = BASE;
  readonly size: number;
  position: number;
  left: number;

  constructor(size: number, position = 0) {
    this.size = size;
    this.position = position;
    this.left = size;
  }

  reserve(length: number): number {
    const room = this.size - (this.position & (this.size - 1));
    const skipped = length > room ? room : 0;
    const needed = skipped + Math.ceil(length / 8) * 8;
    if (needed > this.left) return -1;
    const position = (this.position + skipped) >>> 0;
    this.position = (this.position + needed) >>> 0;
    this.left -= needed;
    return position;
  }
}

function noteOn(side: SlabSide | undefined) {
  views.u8.fill(0);
  return Note.cursor(views, side);
}

describe('slab', () => {
  test('slab fields lie in the slab side, and the struct has references', () => {
    const cursor = noteOn(new Side(256, 0xffffff80));
    const data = Uint8Array.of(1, 2, 3);
    cursor.$set({ text: 'grüße', data, extra: 'later', end: 1 });
    assert.deepEqual(cursor.$get(), { text: 'grüße', data, extra: 'later', end: 1 });
    // Position and length; the position wraps modulo 2^32 after these.
    assert.deepEqual([...views.u32.subarray(0, 4)], [0xffffff80, 7, 0xffffff88, 3]);
    assert.equal(Buffer.from(views.u8.slice(BASE + 128, BASE + 135)).toString(), 'grüße');
    cursor.text = 'x'.repeat(64);
    cursor.data = new Uint8Array(0);
    assert.deepEqual([cursor.text, cursor.data.length], ['x'.repeat(64), 0]);
    // Private copies: what comes later does not change them.
    const copy = cursor.$get();
    views.u8.fill(0, BASE);
    assert.equal(copy.extra, 'later');
  });

  test('nothing takes no room', () => {
    const side = new Side(64);
    side.left = 0;
    const cursor = noteOn(side);
    cursor.text = '';
    cursor.data = new Uint8Array(0);
    assert.equal(cursor.text, '');
    assert.equal(cursor.$locate('text'), BASE);
    assert.equal(cursor.$located, 0);
  });

  test('SLAB_FULL is thrown when there is no room now, always the same', () => {
    const side = new Side(64);
    const cursor = noteOn(side);
    cursor.text = 'x'.repeat(40);
    const before = views.u32.slice(2, 4);
    for (const write of [
      () => (cursor.data = new Uint8Array(33)),
      () => (cursor.extra = 'x'.repeat(33)),
      () => cursor.$set({ text: 'x'.repeat(33), data: new Uint8Array(0), end: 0 }),
    ]) {
      assert.throws(write, (error) => error === SLAB_FULL);
    }
    assert.equal(SLAB_FULL.code, 'ERR_SLAB_EXHAUSTED');
    assert.deepEqual(views.u32.slice(2, 4), before);
    assert.equal(cursor.extra, undefined);
    assert.equal(cursor.$reserve('data', 33), -1);
  });

  test('what never fits, and text that UTF-8 cannot hold, is refused', () => {
    const cursor = noteOn(new Side(64));
    const wrong = { name: 'RangeError', code: 'ERR_STRUCT_RANGE' };
    assert.throws(() => (cursor.text = 'x'.repeat(65)), wrong);
    assert.throws(() => (cursor.data = new Uint8Array(65)), wrong);
    assert.throws(() => cursor.$reserve('data', 65), wrong);
    for (const length of [-1, 0.5, NaN]) {
      assert.throws(() => cursor.$reserve('data', length), wrong);
    }
    for (const text of ['\ud800', `${'x'.repeat(40)}\udc00`]) {
      assert.throws(() => (cursor.text = text), { ...wrong, message: /surrogates/ });
    }
    const type = { name: 'TypeError', code: 'ERR_STRUCT_TYPE' };
    assert.throws(() => (cursor.text = 1 as never), type);
    assert.throws(() => (cursor.data = 'text' as never), type);
    cursor.text = 'a\0b';
    assert.equal(cursor.text, 'a\0b');
  });

  test('without a slab side slab fields cannot be used', () => {
    const cursor = noteOn(undefined);
    const wrong = { name: 'TypeError', code: 'ERR_STRUCT_SLABLESS' };
    assert.throws(() => cursor.text, wrong);
    assert.throws(() => (cursor.text = 'a'), wrong);
    assert.throws(() => cursor.$locate('data'), wrong);
    assert.throws(() => cursor.$reserve('data', 1), wrong);
    cursor.end = 3;
    assert.equal(cursor.end, 3);
  });

  test('$reserve gives bytes to fill, $locate those that are there', () => {
    const cursor = noteOn(new Side(64));
    const start = cursor.$reserve('extra', 5);
    views.text.write('hello', start);
    assert.equal(cursor.extra, 'hello');
    assert.equal(cursor.$locate('extra'), start);
    assert.equal(cursor.$located, 5);
    cursor.extra = undefined;
    assert.equal(cursor.$locate('extra'), -1);
    assert.equal(cursor.$located, 0);
  });

  test('whatever the reference, nothing outside the slab side is read', () => {
    const size = 64;
    const word = fc.oneof(fc.nat(80), fc.integer({ min: 0, max: 0xffffffff }));
    const cursor = noteOn(new Side(size));
    views.u8.fill(GUARD);
    views.u8.fill(0x61, BASE, BASE + size);
    fc.assert(
      fc.property(word, word, (position, length) => {
        for (const at of [0, 2]) views.u32.set([position, length], at);
        const isInside = length === 0 || (position % size) + length <= size;
        if (isInside) {
          assert.equal(cursor.text, 'a'.repeat(length));
          assert.ok(cursor.data.every((byte) => byte === 0x61));
          assert.ok(cursor.$locate('data') >= BASE);
          assert.ok(cursor.$locate('data') + cursor.$located <= BASE + size);
        } else {
          const lie = { name: 'RondoError', code: 'ERR_STRUCT_SLAB' };
          assert.throws(() => cursor.text, lie);
          assert.throws(() => cursor.data, lie);
          assert.throws(() => cursor.$locate('data'), lie);
          assert.equal(cursor.$located, 0);
          assert.throws(() => cursor.$get(), lie);
        }
      }),
      { numRuns: 500 },
    );
  });
});
