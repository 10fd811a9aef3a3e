import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Arena } from '../../memory/index.ts';
import { Histogram, type HistogramScale } from './histogram.ts';

const arena: Arena = Arena.create({ size: 4 << 20 });
const scale: HistogramScale = { lowest: 2, highest: 6, partBits: 1 };

/** The upper bound of the bucket that a value falls into, by looking at each. */
function boundOf(bounds: readonly number[], value: number): number {
  return bounds.find((bound) => value <= bound)!;
}

test('Histogram has equal parts in each octave, and bounds that belong to their bucket', () => {
  const histogram = Histogram.create(arena, 'sizes', 'test', scale);
  const { bounds } = histogram.snapshot();
  assert.deepEqual(bounds, [4, 6, 8, 12, 16, 24, 32, 48, 64, Infinity]);
  for (const value of [0, -0, 1, 4, 4.000001, 6, 7, 8, 64, 64.5, 1e300]) histogram.record(value);
  const { count, sum, counts, parts } = histogram.snapshot();
  assert.deepEqual(counts, [4, 2, 2, 0, 0, 0, 0, 0, 1, 2]);
  assert.deepEqual([count, parts], [11, 2]);
  assert.equal(sum, 1e300);
  histogram.release();
});

test('Histogram leaves out what is no amount', () => {
  const histogram = Histogram.create(arena, 'sizes', 'test', scale);
  for (const value of [-1, -1e-300, NaN, Infinity, -Infinity]) histogram.record(value);
  assert.deepEqual([histogram.snapshot().count, histogram.snapshot().sum], [0, 0]);
  histogram.release();
});

test('Histogram puts every value into the bucket that a search finds', () => {
  const amounts = fc.oneof(
    fc.double({ min: 0, max: 1e12, noNaN: true }),
    fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
    fc.nat(),
    // Powers of two and their neighbours.
    fc
      .tuple(fc.integer({ min: -60, max: 60 }), fc.integer({ min: -1, max: 1 }))
      .map(([power, step]) => 2 ** power * (1 + step * Number.EPSILON)),
  );
  const scales = fc.record({
    lowest: fc.integer({ min: -30, max: 10 }),
    highest: fc.integer({ min: 11, max: 40 }),
    partBits: fc.integer({ min: 0, max: 6 }),
  });
  fc.assert(
    fc.property(scales, fc.array(amounts, { maxLength: 50 }), (wanted, values) => {
      const histogram = Histogram.create(arena, 'any', 'test', wanted);
      const expected = new Map<number, number>();
      const { bounds } = histogram.snapshot();
      assert.deepEqual(
        bounds,
        [...bounds].sort((x, y) => x - y),
      );
      assert.deepEqual([bounds[0], bounds.at(-2)], [2 ** wanted.lowest, 2 ** wanted.highest]);
      for (const value of values) {
        histogram.record(value);
        const bound = boundOf(bounds, value);
        expected.set(bound, (expected.get(bound) ?? 0) + 1);
      }
      const { count, counts } = histogram.snapshot();
      const wantedCounts = bounds.map((bound) => expected.get(bound) ?? 0);
      assert.deepEqual(counts, wantedCounts);
      assert.equal(count, values.length);
      histogram.release();
    }),
  );
});

test('Histogram is read elsewhere, and after its release as it was', () => {
  const histogram = Histogram.create(arena, 'sizes', 'test', { ...scale, lowest: -3 });
  const seen = Histogram.attach(Arena.attach(arena.memory), histogram.offset);
  histogram.record(0.25);
  histogram.record(10);
  const snapshot = histogram.snapshot();
  assert.deepEqual(seen.snapshot(), snapshot);
  assert.deepEqual([snapshot.count, snapshot.sum, snapshot.bounds[0]], [2, 10.25, 0.125]);
  assert.equal(arena.regionAt(histogram.offset).kind, 'histogram');
  histogram.release();
  histogram.release();
  assert.deepEqual(histogram.snapshot(), snapshot);
  const plain = arena.allocate('plain', 1024);
  assert.throws(() => Histogram.attach(arena, plain.offset), { code: 'ERR_REGION_KIND' });
  plain.release();
  assert.throws(() => Histogram.create(arena, 'x', '', { ...scale, highest: 2 }), {
    code: 'ERR_ASSERTION',
  });
});
