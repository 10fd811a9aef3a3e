import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import {
  array,
  bool,
  bytes,
  f64,
  type Fields,
  flags,
  i64,
  oneOf,
  optional,
  safe,
  slab,
  struct,
  text,
  typeText,
  u32,
  u64,
  u8,
  Views,
} from './index.ts';

const Trade = struct('md.Trade', {
  id: u64,
  price: f64,
  quantity: u32,
  side: oneOf('u8', ['buy', 'sell']),
  symbol: text(8),
  note: slab(),
});

/** As a caller without types would write it. */
function declare(fields: unknown, name: unknown = 'a.B'): () => unknown {
  return () => struct(name as string, fields as Fields);
}

function many(count: number): Fields {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, u8]));
}

const refused = (message: RegExp) => ({ name: 'TypeError', code: 'ERR_STRUCT_SCHEMA', message });

describe('struct', () => {
  test('struct gives the layout, text and fingerprint that the specification shows', () => {
    assert.equal(
      Trade.layout,
      'rondo-struct 1\n' +
        'name md.Trade\n' +
        'field id u64 0\n' +
        'field price f64 8\n' +
        'field quantity u32 16\n' +
        'field side enum:u8(buy,sell) 20\n' +
        'field symbol text[8] 21\n' +
        'field note slab:text 32\n' +
        'size 40 align 8\n',
    );
    const digest = createHash('sha256').update(Trade.layout).digest();
    assert.equal(Trade.fingerprint, digest.readBigUInt64LE(0));
    assert.deepEqual(
      [Trade.name, Trade.size, Trade.alignment, Trade.hasSlab, Trade.presenceOffset],
      ['md.Trade', 40, 8, true, -1],
    );
    assert.deepEqual(Trade.fields[3], {
      name: 'side',
      type: { kind: 'enum', base: 'u8', names: ['buy', 'sell'] },
      offset: 20,
      size: 1,
      presence: -1,
    });
  });

  test('struct writes every kind of type into the text', () => {
    const Point = struct('geo.Point', { x: f64, y: f64, label: optional(u8) });
    const { layout, fields } = struct('all', {
      sequence: safe(u64),
      delta: safe(i64),
      ok: bool,
      key: bytes(3),
      marks: flags('u16', ['a', 'b']),
      points: array(Point, 2),
      maybe: optional(u32),
      late: optional(slab('bytes')),
    });
    const point =
      'struct(geo.Point{x f64 0;y f64 8;_present presence 16;label optional:0(u8) 20}24/8)';
    assert.equal(
      layout,
      'rondo-struct 1\nname all\n' +
        'field sequence safe:u64 0\nfield delta safe:i64 8\nfield ok bool 16\n' +
        'field key bytes[3] 17\nfield marks flags:u16(a,b) 20\n' +
        `field points array[2](${point}) 24\n` +
        'field _present presence 72\n' +
        'field maybe optional:0(u32) 76\nfield late optional:1(slab:bytes) 80\n' +
        'size 88 align 8\n',
    );
    assert.equal(typeText(fields[5]!.type), `array[2](${point})`);
  });

  test('struct freezes what it gives, and types can be used again', () => {
    assert.ok(Object.isFrozen(Trade) && Object.isFrozen(Trade.descriptor));
    assert.ok(Object.isFrozen(Trade.fields) && Object.isFrozen(Trade.fields[3]!.type));
    const names = ['a', 'b'];
    const choice = oneOf('u8', names);
    names.push('c');
    const One = struct('a.One', { choice, other: choice });
    assert.match(One.layout, /other enum:u8\(a,b\) 1/);
  });

  test('struct refuses names that are no identifiers, reserved, or there twice', () => {
    for (const name of ['', 'a-b', '1a', 'ä', 'a b', 'x'.repeat(65), '$get']) {
      assert.throws(declare({ [name]: u8 }), refused(/names are 1 to 64 letters/));
    }
    for (const name of ['constructor', 'toJSON', '_present', '_pad0', 'prototype', 'toString']) {
      assert.throws(declare({ [name]: u8 }), refused(/reserved/));
    }
    assert.throws(declare(JSON.parse('{ "__proto__": 1 }')), refused(/as a type/));
    for (const name of ['', 'a.', '.a', 'a b', 'x'.repeat(129), 7, undefined]) {
      assert.throws(declare({ a: u8 }, name === undefined ? null : name), refused(/by dots/));
    }
    assert.throws(() => oneOf('u8', ['a', 'b', 'a']), refused(/"a" twice/));
    assert.throws(() => flags('u8', ['a', 'toJSON']), refused(/reserved/));
    assert.throws(() => oneOf('u8', ['a,b']), refused(/letters/));
  });

  test('struct refuses what is no type, and types where they cannot be', () => {
    for (const type of [undefined, null, 'u8', {}, u8.descriptor, () => u8]) {
      assert.throws(declare({ a: type }), refused(/as a type/));
    }
    assert.throws(declare(null), refused(/must be an object/));
    assert.throws(declare({ a: Trade }), refused(/md\.Trade, which has slab fields/));
    const call = (make: (type: never) => unknown, type: unknown) => () => make(type as never);
    const elements = (type: never) => array(type, 2);
    assert.throws(call(elements, array(u8, 2)), refused(/type array/));
    assert.throws(call(elements, slab()), refused(/type slab/));
    assert.throws(call(elements, optional(u8)), refused(/type optional/));
    assert.throws(declare({ a: array(Trade as never, 2) }), refused(/slab fields/));
    assert.throws(call(optional, optional(u8)), refused(/optional already/));
    assert.throws(call(safe, u32), refused(/safe\(u64\)/));
    assert.throws(call(slab, 'blob'), refused(/'text' or 'bytes'/));
    assert.throws(() => oneOf('i8' as never, ['a']), refused(/'u8', 'u16' or 'u32'/));
  });

  test('struct holds its limits', () => {
    assert.throws(declare({}), refused(/no fields/));
    assert.equal(struct('a.B', many(256)).size, 256);
    assert.throws(declare(many(257)), refused(/256 fields/));
    assert.equal(struct('a.B', { a: text(65_536) }).size, 65_536);
    assert.throws(declare({ a: text(65_536), b: u8 }), refused(/65536 bytes, and has 65537/));
    for (const length of [0, -1, 1.5, 65_537, NaN, '3']) {
      assert.throws(() => text(length as number), refused(/from 1 to 65536/));
      assert.throws(() => array(u8, length as number), refused(/from 1 to 65536/));
    }
    const optionals = Object.entries(many(33)).map(([name]) => [name, optional(u8)]);
    assert.equal(struct('a.B', Object.fromEntries(optionals.slice(1)) as Fields).size, 36);
    assert.throws(declare(Object.fromEntries(optionals)), refused(/32 optional fields/));
    const names = Array.from({ length: 257 }, (_, i) => `n${i}`);
    assert.throws(() => oneOf('u8', names), refused(/from 1 to 256 names/));
    assert.throws(() => oneOf('u8', []), refused(/from 1 to 256 names/));
    assert.throws(() => flags('u8', names.slice(0, 9)), refused(/from 1 to 8 names/));
    const long = Array.from({ length: 2000 }, (_, i) => `${'x'.repeat(40)}${i}`);
    assert.throws(declare({ a: oneOf('u16', long) }), refused(/description may have 65536/));
    let nested = struct('n.S', { a: u8 }) as never;
    for (let depth = 2; depth <= 8; depth++) nested = struct('n.S', { nested }) as never;
    assert.throws(declare({ nested }), refused(/8 deep/));
  });
});

describe('Views', () => {
  test('Views.of gives one set for each buffer', () => {
    const buffer = new SharedArrayBuffer(19);
    const views = Views.of(buffer);
    assert.equal(Views.of(buffer), views);
    assert.equal(views.size, 19);
    assert.deepEqual([views.u16.length, views.u32.length, views.f64.length], [9, 4, 2]);
    assert.notEqual(Views.of(new ArrayBuffer(8)), views);
    const wrong = { code: 'ERR_OPTION_TYPE' };
    assert.throws(() => Views.of(new Uint8Array(8) as never), wrong);
  });
});
