import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Arena } from './arena.ts';
import { Blocks } from './blocks.ts';
import { POISON } from './layout.ts';

const arena: Arena = Arena.create({ size: 4 << 20 });

test('Blocks.create checks its options', () => {
  const range = { code: 'ERR_OPTION_RANGE' };
  const create = (size: number, minBlock: number, maxBlock: number): Blocks =>
    Blocks.create(arena, { name: 'b', size, minBlock, maxBlock });
  assert.throws(() => create(65536, 32, 64), range);
  assert.throws(() => create(65536, 96, 4096), range);
  assert.throws(() => create(65536, 4096, 5000), range);
  assert.throws(() => create(65536, 4096, 131072), range);
  assert.throws(() => create(65536 + 64, 4096, 65536), range);
  assert.throws(() => create(65536, 8192, 4096), range);
});

test('Blocks.acquire rounds up to powers of two and says 0 when there is none', () => {
  const blocks = Blocks.create(arena, { name: 'b', owner: 'test', size: 65536 });
  assert.equal(blocks.minBlock, 4096);
  assert.equal(blocks.maxBlock, 65536);
  const cases: [number, number][] = [
    [1, 4096],
    [4096, 4096],
    [4097, 8192],
    [16384, 16384],
  ];
  const taken = cases.map(([size, expected]) => {
    const offset = blocks.acquire(size);
    assert.equal(blocks.sizeOf(offset), expected);
    assert.equal((offset - blocks.region.offset) % expected, 0);
    return offset;
  });
  assert.equal(blocks.held, 32768);
  assert.equal(blocks.region.used, 32768);
  assert.equal(blocks.acquire(32769), 0);
  assert.equal(blocks.acquire(65537), 0);
  const half = blocks.acquire(32768);
  assert.notEqual(half, 0);
  assert.equal(blocks.acquire(1), 0);
  for (const offset of [half, ...taken]) blocks.release(offset);
  assert.equal(blocks.acquire(65536), blocks.region.offset);
});

test('Blocks.release refuses what is not handed out', () => {
  const blocks = Blocks.create(arena, { name: 'b', size: 65536 });
  const defect = { code: 'ERR_ASSERTION' };
  const offset = blocks.acquire(8192);
  assert.throws(() => blocks.release(offset + 4096), defect);
  assert.throws(() => blocks.release(offset + 1), defect);
  assert.throws(() => blocks.release(offset - 4096), defect);
  assert.throws(() => blocks.release(blocks.region.offset + 65536), defect);
  assert.throws(() => blocks.sizeOf(offset + 8192), defect);
  blocks.release(offset);
  assert.throws(() => blocks.release(offset), defect);
  assert.equal(blocks.held, 0);
});

test('Blocks uses all of a region that is no power of two', () => {
  const blocks = Blocks.create(arena, { name: 'b', size: 7 * 4096, maxBlock: 8192 });
  const taken = new Set<number>();
  for (let offset = blocks.acquire(1); offset !== 0; offset = blocks.acquire(1)) taken.add(offset);
  assert.equal(taken.size, 7);
  for (const offset of taken) blocks.release(offset);
  assert.equal([1, 2, 3].filter(() => blocks.acquire(8192) !== 0).length, 3);
  assert.equal(blocks.acquire(8192), 0);
  assert.notEqual(blocks.acquire(4096), 0);
});

test('Blocks.destroy refuses while blocks are held', () => {
  const blocks = Blocks.create(arena, { name: 'b', size: 65536 });
  const offset = blocks.acquire(1);
  assert.throws(() => blocks.destroy(), { code: 'ERR_SLAB_HELD' });
  blocks.release(offset);
  blocks.destroy();
});

test('Blocks.release poisons under debug', () => {
  const debug = Arena.create({ size: 1 << 20, debug: true });
  const blocks = Blocks.create(debug, { name: 'b', size: 65536 });
  const offset = blocks.acquire(8192);
  blocks.release(offset);
  assert.ok(debug.bytes.subarray(offset, offset + 8192).every((byte) => byte === POISON));
});

test('Blocks agrees with a naive model: no overlap, and all memory comes back', () => {
  const step = fc.record({
    size: fc.integer({ min: 1, max: 40_000 }),
    release: fc.boolean(),
    victim: fc.nat(),
  });
  const shape = fc.record({
    units: fc.integer({ min: 4, max: 90 }),
    maxOrder: fc.integer({ min: 0, max: 5 }),
  });
  fc.assert(
    fc.property(shape, fc.array(step, { maxLength: 200 }), ({ units, maxOrder }, steps) => {
      const minBlock = 1024;
      const largest = Math.floor(Math.log2(units));
      const maxBlock = minBlock * 2 ** Math.min(maxOrder, largest);
      const size = units * minBlock;
      const blocks = Blocks.create(arena, { name: 'model', size, minBlock, maxBlock });
      const { offset: base } = blocks.region;
      const used = new Uint8Array(units);
      const held: { unit: number; count: number }[] = [];
      const freeBlockExists = (count: number): boolean => {
        for (let unit = 0; unit + count <= units; unit += count) {
          if (!used.subarray(unit, unit + count).includes(1)) return true;
        }
        return false;
      };
      for (const { size, release, victim } of steps) {
        if (release) {
          const block = held.splice(victim % (held.length || 1), 1)[0];
          if (!block) continue;
          blocks.release(base + block.unit * minBlock);
          used.fill(0, block.unit, block.unit + block.count);
          continue;
        }
        const count = 2 ** Math.max(0, Math.ceil(Math.log2(size / minBlock)));
        const offset = blocks.acquire(size);
        // Buddies are joined at once, so a block is refused only when no aligned place is free.
        assert.equal(offset !== 0, count * minBlock <= maxBlock && freeBlockExists(count));
        if (offset === 0) continue;
        const unit = (offset - base) / minBlock;
        assert.equal(unit % count, 0);
        assert.ok(!used.subarray(unit, unit + count).includes(1), 'no overlap');
        used.fill(1, unit, unit + count);
        held.push({ unit, count });
        assert.equal(blocks.sizeOf(offset), count * minBlock);
        assert.equal(blocks.held, used.reduce((sum, bit) => sum + bit, 0) * minBlock);
      }
      for (const { unit } of held) blocks.release(base + unit * minBlock);
      assert.equal(blocks.held, 0);
      for (let count = maxBlock / minBlock, unit = 0; unit + count <= units; unit += count) {
        assert.notEqual(blocks.acquire(maxBlock), 0);
      }
      blocks.region.release();
    }),
    { numRuns: 80 },
  );
});
