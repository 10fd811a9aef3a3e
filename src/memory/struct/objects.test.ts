import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  compiledCodec,
  loopingCodec,
  structCodec,
  type Bound,
  type BoundField,
} from './objects.ts';
import { scalarElement } from './scalars.ts';
import { Views } from './views.ts';
import { elementCodec } from './words.ts';

const SIZE = 4096;
const RUNS = { numRuns: 300 };

/** Names that mean something to the language, or to the compiled functions. */
const NAMES = [
  ...['class', 'in', 'await', 'let', 'static', 'value', 'offset', 'slab', 'keys', 'one'],
  ...['present', 'u32', 'View', 'missing', 'check', 'notAnObject', 'r0', 'w1', 'a', '_', 'B9'],
];

/** A struct of `u32` fields; `optional` says of each whether it may be absent. */
function boundOf(optional: readonly boolean[], views: Views): Bound {
  let bit = 0;
  const fields = optional.map((isOptional, index): BoundField => {
    const name = NAMES[index] ?? `f${index}`;
    const codec = elementCodec(scalarElement('u32', `test.S.${name}`), views);
    return { name, offset: index * 4, codec, mask: isOptional ? 1 << bit++ : 0 };
  });
  const presenceOffset = bit === 0 ? -1 : fields.length * 4;
  return { label: 'test.S', fields, presenceOffset, views };
}

interface Side {
  readonly views: Views;
  readonly codec: Bound;
}

function sideOf(optional: readonly boolean[]): Side {
  const views = Views.of(new ArrayBuffer(SIZE));
  return { views, codec: boundOf(optional, views) };
}

/** What a call gave, or the error. */
function outcome(call: () => unknown): unknown {
  try {
    return { value: call() };
  } catch (error) {
    const { name, message, code } = error as Error & { code?: string };
    return { name, message, code };
  }
}

describe('structCodec', () => {
  const optionals = fc.array(fc.boolean(), { minLength: 1, maxLength: NAMES.length });
  const fieldValue = fc.oneof(
    { weight: 8, arbitrary: fc.nat() },
    fc.constantFrom(undefined, null, 'text', -1, 0.5, 1n),
  );
  const values = fc.oneof(
    { weight: 8, arbitrary: fc.dictionary(fc.constantFrom(...NAMES, 'other'), fieldValue) },
    fc.constantFrom<unknown>(undefined, null, 3, 'text', [], new Map()),
  );

  test('compiled, it does what loops do', () => {
    const isFullOr = fc.tuple(optionals, values, fc.boolean(), fc.nat());
    fc.assert(
      fc.property(isFullOr, ([optional, some, isFull, number]) => {
        const [one, other] = [sideOf(optional), sideOf(optional)];
        const full = Object.fromEntries(one.codec.fields.map(({ name }) => [name, number]));
        const value = isFull && typeof some === 'object' ? { ...full, ...some } : some;
        const compiled = compiledCodec(one.codec);
        const looping = loopingCodec(other.codec);
        if (!compiled) return;
        assert.deepEqual(
          outcome(() => compiled.write(64, value, undefined)),
          outcome(() => looping.write(64, value, undefined)),
        );
        assert.deepEqual(one.views.u8, other.views.u8);
        const [read, expected] = [compiled.read(64, undefined), looping.read(64, undefined)];
        assert.deepEqual(read, expected);
        assert.deepEqual(Object.keys(read as object), Object.keys(expected as object));
      }),
      RUNS,
    );
  });

  test('compiled or not, it has 256 fields, 32 of them optional', () => {
    const { views, codec } = sideOf(Array.from({ length: 256 }, (_, index) => index >= 224));
    const value = Object.fromEntries(
      codec.fields.map(({ name }, i) => [name, i % 2 === 0 && i >= 224 ? undefined : i]),
    );
    for (const { read, write } of [structCodec(codec), loopingCodec(codec)]) {
      views.u8.fill(0xff);
      write(0, value, undefined);
      assert.deepEqual(read(0, undefined), value);
      views.u32[256] = 2 ** 31;
      assert.equal((read(0, undefined) as Record<string, unknown>)['f255'], value['f255']);
    }
  });

  test('a name that is no identifier never becomes part of a program', () => {
    const { codec } = sideOf([false]);
    const wrong = { ...codec.fields[0]!, name: 'a: 1, b' };
    assert.throws(() => compiledCodec({ ...codec, fields: [wrong] }), { name: 'AssertionError' });
  });
});
