import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  array,
  compareLayouts,
  type Fields,
  f64,
  flags,
  i64,
  oneOf,
  optional,
  parseLayout,
  safe,
  slab,
  struct,
  structFromLayout,
  text,
  u32,
  u64,
  u8,
  Views,
} from './index.ts';
import { membersOf, structOf } from './model.test.helper.ts';

const Point = struct('geo.Point', { x: f64, y: f64 });
const fields = {
  id: u64,
  sequence: safe(i64),
  quantity: u32,
  side: oneOf('u8', ['buy', 'sell']),
  marks: flags('u8', ['a', 'b']),
  symbol: text(8),
  route: array(Point, 2),
  limit: optional(u32),
  note: slab(),
};
const { layout } = struct('md.Trade', fields);

const invalid = { name: 'RondoError', code: 'ERR_STRUCT_LAYOUT' };

function layoutOf(schema: Fields, name = 'md.Trade'): string {
  return struct(name, schema).layout;
}

describe('structFromLayout', () => {
  test('a struct rebuilt from its text reads messages without the schema', () => {
    const rebuilt = structFromLayout(layout);
    const views = Views.of(new ArrayBuffer(256));
    const side = { base: 192, size: 64, reserve: () => 0 };
    const message = {
      id: 1n,
      sequence: -2,
      quantity: 3,
      side: 'sell' as const,
      marks: { a: true, b: false },
      symbol: 'ABC',
      route: [
        { x: 1, y: 2 },
        { x: 3, y: 4 },
      ],
      limit: 9,
      note: 'hello',
    };
    struct('md.Trade', fields).cursor(views, side).$set(message);
    assert.deepEqual(rebuilt.cursor(views, side).$get(), message);
    assert.equal(rebuilt.hasSlab, true);
    const cursor = rebuilt.cursor(views, side);
    assert.equal(cursor['quantity'], 3);
    assert.equal(cursor.$locate('note'), 192);
  });

  test('fields that overlap, are misaligned or outside the struct are refused', () => {
    const lines = ['field a u32 0', 'field b f64 8', 'size 16 align 8'];
    const build = (...changed: string[]) => `rondo-struct 1\nname a.B\n${changed.join('\n')}\n`;
    assert.equal(structFromLayout(build(...lines)).size, 16);
    const wrong: [string, string][] = [
      ['field b f64 8', 'field b f64 0'],
      ['field b f64 8', 'field b f64 4'],
      ['field b f64 8', 'field b f64 16'],
      ['field b f64 8', 'field b f64 999999'],
      ['field a u32 0', 'field a u32 4'],
      ['size 16 align 8', 'size 8 align 8'],
      ['size 16 align 8', 'size 24 align 8'],
      ['size 16 align 8', 'size 16 align 4'],
      ['field a u32 0', 'field _present presence 0'],
      ['field a u32 0', 'field a optional:0(u32) 0'],
      ['field a u32 0', 'field b u32 0'],
      ['field a u32 0', 'field toJSON u32 0'],
    ];
    for (const [line, other] of wrong) {
      const changed = build(...lines.map((one) => (one === line ? other : one)));
      assert.throws(() => structFromLayout(changed), invalid, other);
    }
    const swapped = layoutOf({ a: optional(u8), b: optional(u8) })
      .replace('optional:0', 'optional:2')
      .replace('optional:1', 'optional:0');
    assert.throws(() => structFromLayout(swapped), { ...invalid, message: /canonical form/ });
  });

  test('types that do not exist or cannot stand there are refused', () => {
    const types = [
      'u128',
      'constructor',
      'safe:u32',
      'text[0]',
      'text[065]',
      'text[65537]',
      'text[1e3]',
      'enum:u8()',
      'enum:u8(a,a)',
      'enum:i8(a)',
      'enum:toString(a)',
      'enum:constructor(a)',
      'flags:u8(a,b,c,d,e,f,g,h,i)',
      'array[2](array[2](u8))',
      'array[2](slab:text)',
      'array[0](u8)',
      'array[2](optional:0(u8))',
      'optional:0(optional:0(u8))',
      'slab:blob',
      'struct(a.B{}0/1)',
      'struct(a.B{x slab:text 0}8/4)',
      'struct(a.B{x u8 0}2/1)',
      'struct(a..B{x u8 0}1/1)',
      'struct(a.B{x u8 0;}1/1)',
    ];
    for (const type of types) {
      const written = `rondo-struct 1\nname a.B\nfield a ${type} 0\nsize 8 align 4\n`;
      assert.throws(() => structFromLayout(written), invalid, type);
    }
    const arrays = `rondo-struct 1\nname a.B\nfield a ${'array[1]('.repeat(6000)}u8 0`;
    assert.throws(() => parseLayout(arrays), invalid);
    const deep = `${'struct(a.B{x '.repeat(5000)}u8 0`;
    const written = `rondo-struct 1\nname a.B\nfield a ${deep} 0\nsize 1 align 1\n`;
    assert.throws(() => parseLayout(written), { ...invalid, message: /8 deep/ });
  });

  test('what is no text, too long, cut off or continued is refused', () => {
    for (const wrong of [undefined, null, 7, {}, '', 'rondo-struct 2\n', `${layout}\n`]) {
      assert.throws(() => parseLayout(wrong as string), invalid);
    }
    assert.throws(() => parseLayout(`${layout}${' '.repeat(70_000)}`), invalid);
    for (let length = 0; length < layout.length; length++) {
      assert.throws(() => parseLayout(layout.slice(0, length)), invalid);
    }
  });

  test('a text with any character changed is refused or another valid text', () => {
    fc.assert(
      fc.property(
        membersOf(2),
        fc.nat(),
        fc.oneof(
          fc.constantFrom('0', '1', '9', ' ', '\n', ';', '(', 'a'),
          fc.string({ maxLength: 3 }),
        ),
        fc.nat(3),
        (members, at, inserted, removed) => {
          const original = structOf(members).layout;
          const from = at % original.length;
          const changed = original.slice(0, from) + inserted + original.slice(from + removed);
          try {
            assert.equal(structFromLayout(changed).layout, changed);
          } catch (error) {
            assert.equal((error as { code?: unknown }).code, 'ERR_STRUCT_LAYOUT', String(error));
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('compareLayouts', () => {
  test('the same text is equal, and one with more fields at its end is extended', () => {
    assert.deepEqual(compareLayouts(layout, layout), { kind: 'equal', diff: '' });
    const longer = layoutOf({ ...fields, venue: text(4), fee: optional(f64) });
    assert.deepEqual(compareLayouts(layout, longer), {
      kind: 'extended',
      diff: 'venue: missing here; fee: missing here',
    });
    assert.deepEqual(compareLayouts(longer, layout), {
      kind: 'different',
      diff: 'venue: missing there; fee: missing there',
    });
  });

  test('appending may use padding and bring the first optional field', () => {
    const mine = layoutOf({ id: u64, quantity: u32 });
    assert.equal(
      compareLayouts(mine, layoutOf({ id: u64, quantity: u32, more: u8 })).kind,
      'extended',
    );
    const optionals = layoutOf({ id: u64, quantity: u32, more: optional(u8) });
    assert.deepEqual(compareLayouts(mine, optionals), {
      kind: 'extended',
      diff: '_present: missing here; more: missing here',
    });
  });

  test('a field between others is no extension, even where padding was', () => {
    const theirs = layoutOf({ a: u8, between: u8, b: u64 });
    assert.deepEqual(compareLayouts(layoutOf({ a: u8, b: u64 }), theirs), {
      kind: 'different',
      diff: 'between: missing here',
    });
  });

  test('the difference tells name, type and place on both sides', () => {
    const mine = layoutOf({ id: u64, quantity: u32, note: slab() });
    const theirs = layoutOf({ id: u64, quantity: u64, venue: u8 }, 'md.Quote');
    assert.deepEqual(compareLayouts(mine, theirs), {
      kind: 'different',
      diff:
        'name: md.Trade here, md.Quote there; quantity: u32 at 8 here, u64 at 8 there; ' +
        'note: missing there; venue: missing here',
    });
  });

  test('long types and many fields are shown in part', () => {
    const names = Array.from({ length: 60 }, (_, i) => `choice${i}`);
    const mine = layoutOf({ a: oneOf('u8', names) });
    const theirs = layoutOf({ a: oneOf('u8', [...names.slice(0, 59), 'other']) });
    const { diff } = compareLayouts(mine, theirs);
    assert.match(diff, /^a: ….*choice59\) at 0 here, ….*,other\) at 0 there$/);
    assert.ok(diff.length < 200);
    const many = (type: typeof u8) =>
      layoutOf(Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${i}`, type])));
    assert.match(compareLayouts(many(u8), many(u32)).diff, /; and 84 more$/);
  });

  test('whatever the other side is, it is different and nothing worse', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.string({ unit: 'binary', maxLength: 50 }).map((rest) => layout + rest),
      fc.nat(layout.length - 1).map((length) => layout.slice(0, length)),
    );
    fc.assert(
      fc.property(hostile, (theirs) => {
        if (theirs === layout) return;
        const { kind, diff } = compareLayouts(layout, theirs);
        assert.equal(kind, 'different');
        assert.match(diff, /^the other side: /);
        assert.ok(diff.length < 500);
      }),
    );
    assert.throws(() => compareLayouts('nonsense', layout), invalid);
  });
});
