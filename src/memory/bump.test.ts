import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Arena } from './arena.ts';
import { BumpRegion } from './bump.ts';
import { POISON } from './layout.ts';

test('BumpRegion.allocate hands out front to back, aligned, until nothing is left', () => {
  const arena = Arena.create({ size: 1 << 20 });
  const bump = BumpRegion.create(arena, { name: 'b', owner: 'test', size: 1000 });
  const { offset } = bump.region;
  assert.equal(bump.allocate(3), offset);
  assert.equal(bump.allocate(8), offset + 8);
  assert.equal(bump.allocate(1, 128), offset + 128);
  assert.equal(bump.used, 129);
  assert.equal(arena.regions()[0]!.used, 129);
  assert.throws(() => bump.allocate(872, 1), {
    code: 'ERR_SLAB_EXHAUSTED',
    message: 'Cannot allocate 872 bytes in region "b": 871 of 1000 are left',
  });
  assert.equal(bump.allocate(871, 1), offset + 129);
  bump.reset();
  assert.equal(bump.used, 0);
  assert.equal(bump.allocate(1000, 4096), offset);
  bump.release();
  assert.throws(() => bump.release(), { code: 'ERR_REGION_RELEASED' });
});

test('BumpRegion.allocate checks its arguments', () => {
  const bump = BumpRegion.create(Arena.create({ size: 1 << 20 }), { name: 'b', size: 100 });
  assert.throws(() => bump.allocate(0), { code: 'ERR_OPTION_RANGE' });
  assert.throws(() => bump.allocate(1, 8192), { code: 'ERR_OPTION_RANGE' });
  assert.throws(() => bump.allocate(1, 3), { code: 'ERR_ASSERTION' });
});

test('BumpRegion.reset poisons under debug', () => {
  const arena = Arena.create({ size: 1 << 20, debug: true });
  const bump = BumpRegion.create(arena, { name: 'b', size: 100 });
  const offset = bump.allocate(10);
  bump.reset();
  assert.equal(arena.bytes[offset + 9], POISON);
  assert.equal(arena.bytes[offset + 10], 0);
});

test('BumpRegion.allocate never overlaps', () => {
  const arena = Arena.create({ size: 1 << 20 });
  const bump = BumpRegion.create(arena, { name: 'b', size: 65536 });
  const request = fc.tuple(
    fc.integer({ min: 1, max: 3000 }),
    fc.integer({ min: 0, max: 12 }).map((power) => 2 ** power),
  );
  fc.assert(
    fc.property(fc.array(request), (requests) => {
      bump.reset();
      let end = bump.region.offset;
      for (const [size, alignment] of requests) {
        const space = bump.region.offset + bump.region.size - end;
        if (space < size + alignment) break;
        const offset = bump.allocate(size, alignment);
        assert.ok(offset >= end && offset % alignment === 0);
        end = offset + size;
      }
    }),
  );
});
