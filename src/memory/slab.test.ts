import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Arena } from './arena.ts';
import { POISON } from './layout.ts';
import { Slab } from './slab.ts';

const arena: Arena = Arena.create({ size: 4 << 20 });

test('Slab.create checks its options', () => {
  const create = (slotSize: number, slots: number): Slab =>
    Slab.create(arena, { name: 's', slotSize, slots });
  assert.throws(() => create(4, 1), { code: 'ERR_OPTION_RANGE' });
  assert.throws(() => create(12, 1), { code: 'ERR_OPTION_RANGE' });
  assert.throws(() => create(8, 0), { code: 'ERR_OPTION_RANGE' });
  assert.throws(() => create(8, 2 ** 24 + 1), { code: 'ERR_OPTION_RANGE' });
});

test('Slab.create aligns slots of a power of two to their size', () => {
  for (const slotSize of [8, 64, 256, 4096, 16384]) {
    const slab = Slab.create(arena, { name: 's', slotSize, slots: 3 });
    assert.equal(slab.acquire() % Math.min(4096, slotSize), 0);
  }
});

test('Slab.acquire gives every slot once, then 0', () => {
  for (const slots of [1, 31, 32, 33, 64, 100]) {
    const slab = Slab.create(arena, { name: 's', slotSize: 24, slots });
    const taken = new Set<number>();
    for (let i = 0; i < slots; i++) taken.add(slab.acquire());
    assert.equal(taken.size, slots);
    assert.ok(!taken.has(0));
    assert.equal(slab.acquire(), 0);
    assert.equal(slab.held, slots);
    const sorted = [...taken].sort((a, b) => a - b);
    assert.deepEqual(
      sorted,
      sorted.map((_, i) => slab.base + i * 24),
    );
    for (const offset of taken) slab.release(offset);
    assert.equal(slab.held, 0);
    slab.destroy();
  }
});

test('Slab.release refuses what is not held and what is no slot', () => {
  const slab = Slab.create(arena, { name: 's', slotSize: 64, slots: 40 });
  const defect = { code: 'ERR_ASSERTION' };
  const offset = slab.acquire();
  assert.throws(() => slab.release(offset + 8), defect);
  assert.throws(() => slab.release(slab.base - 64), defect);
  assert.throws(() => slab.release(slab.base + 40 * 64), defect);
  assert.throws(() => slab.release(slab.base + 64), defect);
  slab.release(offset);
  assert.throws(() => slab.release(offset), defect);
  assert.throws(() => slab.release(slab.base + 33 * 64), defect);
  assert.equal(slab.held, 0);
});

test('Slab.attach shares the slots and sees through stale guesses', () => {
  const one = Slab.create(arena, { name: 's', slotSize: 8, slots: 40 });
  const two = Slab.attach(arena, one.region.offset);
  const fromOne = Array.from({ length: 20 }, () => one.acquire());
  const fromTwo = Array.from({ length: 20 }, () => two.acquire());
  assert.equal(new Set([...fromOne, ...fromTwo]).size, 40);
  assert.equal(one.acquire() + two.acquire(), 0);
  for (const offset of fromOne) two.release(offset);
  assert.equal(one.held, 20);
  assert.deepEqual(new Set(fromOne.map(() => one.acquire())), new Set(fromOne));
  assert.equal(two.acquire(), 0);
  for (const offset of [...fromOne, ...fromTwo]) one.release(offset);
  assert.notEqual(two.acquire(), 0);
});

test('Slab.attach refuses other regions', () => {
  const plain = arena.allocate('plain', 100);
  assert.throws(() => Slab.attach(arena, plain.offset), { code: 'ERR_REGION_KIND' });
  const posing = arena.allocate('posing', 100, { kind: 'slab' });
  assert.throws(() => Slab.attach(arena, posing.offset), { code: 'ERR_REGION_KIND' });
});

test('Slab.slotOf finds the slot of an inner offset', () => {
  const slab = Slab.create(arena, { name: 's', slotSize: 24, slots: 4 });
  const offset = slab.acquire();
  assert.equal(slab.slotOf(offset), offset);
  assert.equal(slab.slotOf(offset + 23), offset);
  assert.equal(slab.owns(slab.base + 96), false);
  assert.throws(() => slab.slotOf(slab.base - 1), { code: 'ERR_ASSERTION' });
});

test('Slab.destroy refuses while slots are held', () => {
  const slab = Slab.create(arena, { name: 's', slotSize: 8, slots: 4 });
  const offset = slab.acquire();
  assert.throws(() => slab.destroy(), { code: 'ERR_SLAB_HELD', message: /1 of 4 slots/ });
  slab.release(offset);
  slab.destroy();
  assert.throws(() => slab.destroy(), { code: 'ERR_REGION_RELEASED' });
});

test('Slab poisons free slots under debug and notices writes into them', () => {
  const debug = Arena.create({ size: 1 << 20, debug: true });
  const slab = Slab.create(debug, { name: 's', slotSize: 64, slots: 2 });
  const offset = slab.acquire();
  debug.bytes.fill(1, offset, offset + 64);
  slab.release(offset);
  assert.ok(debug.bytes.subarray(offset, offset + 64).every((byte) => byte === POISON));
  assert.equal(slab.acquire(), offset);
  slab.release(offset);
  assert.throws(() => slab.release(offset), { code: 'ERR_ASSERTION' });
  debug.bytes[offset + 63] = 1;
  assert.throws(() => slab.acquire(), { code: 'ERR_ASSERTION', message: /free slot/ });
});

test('Slab agrees with a set of held slots, over two attachments', () => {
  const step = fc.record({ second: fc.boolean(), release: fc.boolean(), victim: fc.nat() });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 70 }),
      fc.array(step, { maxLength: 300 }),
      (slots, steps) => {
        const slab = Slab.create(arena, { name: 'model', slotSize: 16, slots });
        const other = Slab.attach(arena, slab.region.offset);
        const held: number[] = [];
        for (const { second, release, victim } of steps) {
          const side = second ? other : slab;
          if (release) {
            if (held.length > 0) side.release(held.splice(victim % held.length, 1)[0]!);
          } else {
            const offset = side.acquire();
            assert.equal(offset === 0, held.length === slots);
            assert.ok(!held.includes(offset));
            if (offset !== 0) held.push(offset);
          }
          assert.equal(slab.held, held.length);
        }
        for (const offset of held) slab.release(offset);
        other.destroy();
      },
    ),
    { numRuns: 60 },
  );
});
