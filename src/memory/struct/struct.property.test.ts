import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { structFromLayout, Views } from './index.ts';
import {
  membersOf,
  placeAll,
  putAll,
  structOf,
  valueOfAll,
  type Member,
} from './model.test.helper.ts';

/** What stands around a message: nothing may read or write it. */
const GUARD = 0xa5;
const RUNS = { numRuns: 300 };

const withValue = membersOf(2).chain((members) =>
  fc.tuple(fc.constant(members), valueOfAll(members)),
);

/** A memory of guard bytes with room for a message at the offset. */
function memoryFor(size: number): { views: Views; bytes: Uint8Array; offset: number } {
  const views = Views.of(new SharedArrayBuffer(Math.ceil((size + 128) / 8) * 8));
  views.u8.fill(GUARD);
  return { views, bytes: views.u8, offset: 64 };
}

/** The bytes that the model writes for a value. */
function expectedBytes(members: readonly Member[], value: Record<string, unknown>): Uint8Array {
  const bytes = new Uint8Array(placeAll(members).size);
  putAll(new DataView(bytes.buffer), 0, members, value);
  return bytes;
}

function assertGuarded(bytes: Uint8Array, offset: number, size: number): void {
  const outside = [...bytes.subarray(0, offset), ...bytes.subarray(offset + size)];
  assert.ok(outside.every((byte) => byte === GUARD));
}

describe('StructType, compared with a naive model', () => {
  test('struct lays fields out as C does, and its text gives them back', () => {
    fc.assert(
      fc.property(membersOf(3), (members) => {
        const type = structOf(members);
        const { size, align, offsets, presence } = placeAll(members);
        assert.equal(type.size, size);
        assert.equal(type.alignment, align);
        assert.equal(type.presenceOffset, presence);
        assert.deepEqual(
          type.fields.map(({ name, offset }) => ({ name, offset })),
          members.map(({ name }, i) => ({ name, offset: offsets[i] })),
        );
        const again = structFromLayout(type.layout);
        assert.deepEqual(again.descriptor, type.descriptor);
        assert.equal(again.fingerprint, type.fingerprint);
      }),
      RUNS,
    );
  });

  test('$set writes the bytes of the model, and $get gives the value back', () => {
    fc.assert(
      fc.property(withValue, ([members, value]) => {
        const type = structOf(members);
        const { views, bytes, offset } = memoryFor(type.size);
        const cursor = type.cursor(views);
        cursor.$offset = offset;
        cursor.$clear();
        cursor.$set(value);
        const expected = expectedBytes(members, value);
        assert.deepEqual(bytes.slice(offset, offset + type.size), expected);
        assert.deepStrictEqual(cursor.$get(), value);
        assertGuarded(bytes, offset, type.size);
      }),
      RUNS,
    );
  });

  test('fields one by one give and write the same as whole objects', () => {
    fc.assert(
      fc.property(withValue, ([members, value]) => {
        const type = structOf(members);
        const { views, bytes, offset } = memoryFor(type.size);
        const cursor = type.cursor(views) as unknown as Record<string, unknown> & {
          $offset: number;
          $clear(): void;
          $copyTo(target: number): void;
        };
        cursor.$offset = offset;
        cursor.$clear();
        for (const { name } of members) cursor[name] = value[name];
        assert.deepEqual(bytes.slice(offset, offset + type.size), expectedBytes(members, value));
        for (const { name } of members) {
          const live = cursor[name];
          assert.deepStrictEqual(plain(live), value[name]);
          // What a cursor gives can be assigned to a cursor.
          cursor[name] = live;
        }
        assert.deepEqual(bytes.slice(offset, offset + type.size), expectedBytes(members, value));
        assertGuarded(bytes, offset, type.size);
      }),
      RUNS,
    );
  });

  test('any bytes read as a value or as ERR_STRUCT_VALUE, and nothing is written', () => {
    const withBytes = membersOf(2).chain((members) => {
      const { size } = placeAll(members);
      return fc.tuple(
        fc.constant(members),
        fc.uint8Array({ minLength: size, maxLength: size, size: 'max' }),
      );
    });
    fc.assert(
      fc.property(withBytes, ([members, content]) => {
        const type = structOf(members);
        const { views, bytes, offset } = memoryFor(type.size);
        bytes.set(content, offset);
        const cursor = type.cursor(views);
        cursor.$offset = offset;
        try {
          const value = cursor.$get();
          // What was readable is writable, and then reads the same.
          cursor.$clear();
          cursor.$set(value);
          assert.deepStrictEqual(cursor.$get(), value);
        } catch (error) {
          const { code } = error as { code?: string };
          // U+FFFD takes three bytes in place of one: only such text does not fit any more.
          assert.ok(code === 'ERR_STRUCT_VALUE' || code === 'ERR_STRUCT_RANGE', String(error));
          if (code === 'ERR_STRUCT_RANGE') assert.match(String(error), /text of at most/);
        }
        assertGuarded(bytes, offset, type.size);
      }),
      RUNS,
    );
  });
});

function plain(live: unknown): unknown {
  const view = live as { $get?(): unknown } | undefined;
  return typeof view?.$get === 'function' ? view.$get() : live;
}
