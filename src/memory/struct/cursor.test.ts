import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import {
  array,
  bool,
  bytes,
  type Fields,
  f32,
  f64,
  flags,
  i16,
  i32,
  i64,
  i8,
  oneOf,
  optional,
  safe,
  struct,
  u16,
  u32,
  u64,
  u8,
  Views,
} from './index.ts';

const views = Views.of(new SharedArrayBuffer(4096));
const Point = struct('geo.Point', { x: f64, y: f64 });
const marks = flags('u8', ['hidden', 'firm']);
const All = struct('test.All', {
  id: u64,
  price: f64,
  sequence: safe(u64),
  delta: safe(i64),
  side: oneOf('u8', ['buy', 'sell']),
  ok: bool,
  marks,
  point: Point,
  levels: array(u32, 3),
  route: array(Point, 2),
  key: bytes(3),
  limit: optional(u32),
  origin: optional(Point),
});

const value = {
  id: 2n ** 64n - 1n,
  price: -0.5,
  sequence: Number.MAX_SAFE_INTEGER,
  delta: Number.MIN_SAFE_INTEGER,
  side: 'sell' as const,
  ok: true,
  marks: { hidden: false, firm: true },
  point: { x: 1, y: 2 },
  levels: [7, 8, 9],
  route: [
    { x: 3, y: 4 },
    { x: 5, y: 6 },
  ],
  key: Uint8Array.of(1, 2, 3),
  limit: undefined,
  origin: undefined,
};

function cursorAt(offset: number) {
  const cursor = All.cursor(views);
  cursor.$offset = offset;
  cursor.$clear();
  return cursor;
}

/** The code that writing a value to a field of this type gives. */
function writing(type: unknown, written: unknown): () => void {
  const cursor = struct('test.One', { a: type } as Fields).cursor(views);
  return () => {
    (cursor as unknown as { a: unknown }).a = written;
  };
}

describe('Cursor', () => {
  test('properties read and write in place, wherever the cursor is set to', () => {
    const cursor = cursorAt(0);
    const other = cursorAt(All.size);
    cursor.$set(value);
    assert.deepEqual(cursor.$get(), value);
    assert.equal(other.price, 0);
    other.$offset = 0;
    assert.equal(other.price, -0.5);
    other.price = 4;
    assert.equal(cursor.price, 4);
    assert.equal(views.f64[1], 4);
  });

  test('nested structs and flags are views: their properties write in place', () => {
    const cursor = cursorAt(0);
    cursor.point.x = 10;
    cursor.marks.firm = true;
    assert.deepEqual(cursor.$get().point, { x: 10, y: 0 });
    assert.deepEqual(cursor.$get().marks, { hidden: false, firm: true });
    cursor.point = { x: 1, y: 2 };
    cursor.marks = { hidden: true, firm: false };
    assert.equal(cursor.point.y, 2);
    assert.deepEqual([cursor.marks.hidden, cursor.marks.firm], [true, false]);
    // The same object each time, moved to where the cursor is.
    const { point } = cursor;
    cursor.$offset = All.size;
    assert.equal(cursor.point, point);
    assert.equal(point.x, 0);
    cursor.$view('point').$set({ x: 8, y: 9 });
    assert.deepEqual(cursor.$view('point').$get(), { x: 8, y: 9 });
    cursor.$view('marks').$set({ hidden: true, firm: true });
    assert.equal(JSON.stringify(cursor.point), '{"x":8,"y":9}');
  });

  test('arrays are sequences, and $view writes single elements', () => {
    const cursor = cursorAt(0);
    cursor.levels = [1, 2, 3];
    assert.deepEqual([...cursor.levels], [1, 2, 3]);
    assert.equal(cursor.levels.length, 3);
    const { levels } = cursor;
    assert.deepEqual(
      [levels.at(0), levels.at(-1), levels.at(3), levels.at(-4), levels.at(1.5), levels.at(NaN)],
      [1, 3, undefined, undefined, 2, 1],
    );
    assert.equal(levels.at(2 ** 32), undefined);
    cursor.$view('levels').set(1, 20);
    assert.deepEqual(cursor.$view('levels').$get(), [1, 20, 3]);
    for (const index of [-1, 3, 0.5, NaN]) {
      const wrong = { name: 'RangeError', code: 'ERR_STRUCT_RANGE' };
      assert.throws(() => cursor.$view('levels').set(index, 1), wrong);
    }
  });

  test('elements that are structs are one view each', () => {
    const cursor = cursorAt(0);
    cursor.route = value.route;
    const [first, second] = [...cursor.route];
    assert.deepEqual([first!.x, second!.x], [3, 5]);
    cursor.route.at(1)!.y = 60;
    cursor.$view('route').set(0, { x: 30, y: 40 });
    assert.deepEqual(cursor.$get().route, [
      { x: 30, y: 40 },
      { x: 5, y: 60 },
    ]);
    const { route } = cursor;
    cursor.route = route;
    assert.equal(cursor.route.at(1)!.y, 60);
  });

  test('optional fields are undefined until they are written', () => {
    const cursor = cursorAt(0);
    assert.equal(cursor.limit, undefined);
    assert.equal(cursor.origin, undefined);
    assert.equal(cursor.$view('origin'), undefined);
    cursor.limit = 0;
    cursor.origin = { x: 1, y: 1 };
    assert.equal(cursor.limit, 0);
    assert.equal(cursor.origin.x, 1);
    cursor.limit = undefined;
    assert.equal(cursor.limit, undefined);
    assert.equal(cursor.$get().origin!.x, 1);
    // Bits of fields that were added later are not looked at.
    views.u32[All.presenceOffset / 4] = 0xfffffffc;
    assert.equal(cursor.limit, undefined);
    assert.throws(() => {
      cursor.limit = -1;
    });
    assert.equal(cursor.limit, undefined);
    cursor.$set(value);
    assert.equal(views.u32[All.presenceOffset / 4], 0);
  });

  test('$set takes plain objects, cursors, and objects that leave out optional fields', () => {
    const cursor = cursorAt(0);
    const { limit: _limit, origin: _origin, ...short } = value;
    cursor.$set(short);
    const other = cursorAt(1024);
    other.$set(cursor);
    assert.deepEqual(other.$get(), value);
    cursor.$set({ ...short, limit: 5, origin: { x: 1, y: 1 } });
    assert.equal(cursor.limit, 5);
  });

  test('$set refuses objects with too few or too many keys', () => {
    const cursor = cursorAt(0);
    const set = (wrong: unknown) => () => cursor.$set(wrong as typeof value);
    const key = (message: RegExp) => ({ name: 'TypeError', code: 'ERR_STRUCT_KEY', message });
    const { price: _price, ...short } = value;
    assert.throws(set(short), key(/test\.All: the object has no price/));
    assert.throws(set({ ...value, prise: 1 }), key(/no field "prise"/));
    assert.throws(set({ ...short, prise: 1 }), key(/has no price/));
    assert.throws(set({ ...value, extra: undefined }), key(/no field "extra"/));
    assert.throws(set({ ...value, point: { x: 1 } }), key(/geo\.Point: the object has no y/));
    assert.throws(set({ ...value, marks: { hidden: true } }), key(/has no firm/));
    assert.throws(set({ ...value, marks: { ...value.marks, z: true } }), key(/no field "z"/));
    for (const wrong of [null, undefined, 3, 'text']) {
      assert.throws(set(wrong), { code: 'ERR_STRUCT_TYPE' });
      assert.throws(set({ ...value, route: [wrong, wrong] }), { code: 'ERR_STRUCT_TYPE' });
    }
    assert.throws(set({ ...value, levels: [1, 2] }), { code: 'ERR_STRUCT_RANGE' });
    assert.throws(set({ ...value, levels: new Set([1, 2, 3]) }), { code: 'ERR_STRUCT_TYPE' });
  });

  test('fields beyond the end of memory are undefined, and writing them does nothing', () => {
    const small = Views.of(new SharedArrayBuffer(10));
    const cursor = struct('test.Beyond', { a: u64, b: u16, c: u32, d: f64, e: u8 }).cursor(small);
    cursor.$clear();
    cursor.b = 7;
    for (const name of ['c', 'd', 'e'] as const) cursor[name] = 1;
    assert.deepEqual([cursor.b, cursor.c, cursor.d, cursor.e], [7, ...Array(3).fill(undefined)]);
  });

  test('a cursor shows up as its values, or as the reason why it has none', () => {
    const cursor = cursorAt(0);
    cursor.$set(value);
    assert.equal(inspect(cursor), inspect(value));
    assert.equal(inspect(cursor.point), '{ x: 1, y: 2 }');
    assert.equal(JSON.stringify(cursor.levels), '[7,8,9]');
    views.u8[All.fields[4]!.offset] = 7;
    assert.match(inspect(cursor), /test\.All\.side: it must be below 2/);
  });

  test('$copyTo and $clear work on all bytes, of small and large structs', () => {
    const sizes: [number, Fields][] = [
      [3, { a: array(u8, 3) }],
      [16, { a: f64, b: f64 }],
      [300, { a: array(u8, 300) }],
    ];
    for (const [size, fields] of sizes) {
      const cursor = struct('test.Copied', fields).cursor(views);
      views.u8.fill(0);
      for (let i = 0; i < size; i++) views.u8[1024 + i] = (i % 255) + 1;
      cursor.$offset = 1024;
      cursor.$copyTo(2048);
      assert.deepEqual(views.u8.slice(2048, 2048 + size), views.u8.slice(1024, 1024 + size));
      assert.equal(views.u8[2048 + size], 0);
      cursor.$clear();
      assert.ok(views.u8.subarray(1024, 1024 + size).every((byte) => byte === 0));
    }
  });

  test('$view, $locate and $reserve refuse names of other fields', () => {
    const cursor = cursorAt(0);
    const wrong = { name: 'TypeError', code: 'ERR_STRUCT_KEY' };
    assert.throws(() => cursor.$view('price' as never), wrong);
    assert.throws(() => cursor.$locate('price' as never), wrong);
    assert.throws(() => cursor.$reserve('nothing' as never, 1), wrong);
  });
});

describe('fields', () => {
  test('integers take what is in their range and nothing else', () => {
    const ranges = [
      [u8, 0, 255],
      [i8, -128, 127],
      [u16, 0, 65_535],
      [i16, -32_768, 32_767],
      [u32, 0, 2 ** 32 - 1],
      [i32, -(2 ** 31), 2 ** 31 - 1],
      [safe(u64), 0, 2 ** 53 - 1],
      [safe(i64), -(2 ** 53) + 1, 2 ** 53 - 1],
    ] as const;
    for (const [type, minimum, maximum] of ranges) {
      for (const right of [minimum, maximum, 0, -0]) writing(type, right)();
      const cursor = struct('test.One', { a: type }).cursor(views);
      writing(type, minimum)();
      assert.equal(cursor.a, minimum);
      for (const wrong of [minimum - 1, maximum + 1, 0.5, NaN, Infinity, -Infinity]) {
        assert.throws(writing(type, wrong), { name: 'RangeError', code: 'ERR_STRUCT_RANGE' });
      }
      for (const wrong of ['1', null, undefined, 1n, true, {}]) {
        assert.throws(writing(type, wrong), { name: 'TypeError', code: 'ERR_STRUCT_TYPE' });
      }
      assert.equal(cursor.a, minimum);
    }
  });

  test('bigints take what is in their range and nothing else', () => {
    for (const wrong of [-1n, 2n ** 64n, 10n ** 100_000n]) {
      assert.throws(writing(u64, wrong), { code: 'ERR_STRUCT_RANGE' });
    }
    for (const wrong of [-(2n ** 63n) - 1n, 2n ** 63n]) {
      assert.throws(writing(i64, wrong), { code: 'ERR_STRUCT_RANGE' });
    }
    for (const type of [u64, i64]) {
      assert.throws(writing(type, 1), { name: 'TypeError', code: 'ERR_STRUCT_TYPE' });
    }
  });

  test('numbers, booleans, choices and bytes take values of their own type', () => {
    const type = { name: 'TypeError', code: 'ERR_STRUCT_TYPE' };
    for (const wrong of ['1', undefined, 1n]) assert.throws(writing(f64, wrong), type);
    for (const wrong of ['1', null, 1n]) assert.throws(writing(f32, wrong), type);
    for (const wrong of [1, 'true', null]) assert.throws(writing(bool, wrong), type);
    const side = oneOf('u16', ['buy', 'sell']);
    assert.throws(writing(side, 1), type);
    assert.throws(writing(side, 'hold'), { code: 'ERR_STRUCT_RANGE', message: /one of buy, sell/ });
    assert.throws(writing(marks, true), type);
    assert.throws(writing(marks, { hidden: 1, firm: false }), type);
    const cursor = struct('test.One', { a: marks }).cursor(views);
    assert.throws(() => {
      cursor.a.firm = 1 as never;
    }, type);
    assert.throws(writing(bytes(2), [1, 2]), type);
    assert.throws(writing(bytes(2), Uint8Array.of(1)), { code: 'ERR_STRUCT_RANGE' });
  });

  test('what a peer wrote and is no value is ERR_STRUCT_VALUE, not a wrong value', () => {
    const Read = struct('test.Read', {
      unsigned: safe(u64),
      signed: safe(i64),
      side: oneOf('u8', ['buy', 'sell']),
      marks,
      ok: bool,
    });
    const cursor = Read.cursor(views);
    const wrong = (message: RegExp) => ({
      name: 'RondoError',
      code: 'ERR_STRUCT_VALUE',
      message,
    });
    views.u64[0] = 2n ** 53n;
    assert.throws(() => cursor.unsigned, wrong(/unsigned: .* got 9007199254740992n/));
    for (const far of [2n ** 53n, -(2n ** 53n), -(2n ** 63n), 2n ** 63n - 1n]) {
      views.i64[1] = far;
      assert.throws(() => cursor.signed, wrong(new RegExp(`got ${far}n`)));
    }
    views.i64[1] = -(2n ** 53n) + 1n;
    assert.equal(cursor.signed, Number.MIN_SAFE_INTEGER);
    views.u8[16] = 2;
    assert.throws(() => cursor.side, wrong(/test\.Read\.side: it must be below 2, got 2/));
    views.u8[17] = 4;
    assert.throws(() => cursor.marks.firm, wrong(/marks/));
    assert.throws(() => cursor.$get(), wrong(/unsigned/));
    views.u8[18] = 255;
    assert.equal(cursor.ok, true);
  });

  test('32 flags and choices fill a word without turning negative', () => {
    const names = Array.from({ length: 32 }, (_, i) => `f${i}`);
    const Wide = struct('test.Wide', { all: flags('u32', names), one: oneOf('u32', names) });
    const cursor = Wide.cursor(views);
    cursor.$clear();
    cursor.all['f31'] = true;
    assert.equal(views.u32[0], 2 ** 31);
    assert.equal(cursor.$get().all['f31'], true);
    cursor.all = cursor.$get().all;
    assert.equal(views.u32[0], 2 ** 31);
    views.u32[1] = 0xffffffff;
    assert.throws(() => cursor.one, { code: 'ERR_STRUCT_VALUE' });
  });
});
