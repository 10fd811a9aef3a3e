import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arena } from './arena.ts';
import { Blocks } from './blocks.ts';
import { POISON } from './layout.ts';
import { Lease } from './lease.ts';
import { Slab } from './slab.ts';

function put(arena: Arena, offset: number, text: string | number[]): number {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : Uint8Array.from(text);
  arena.bytes.set(bytes, offset);
  return bytes.length;
}

test('Lease gives the bytes in place, as a private copy and as text', () => {
  const arena = Arena.create({ size: 1 << 20 });
  const slab = Slab.create(arena, { name: 's', slotSize: 64, slots: 1 });
  const offset = slab.acquire();
  const lease = new Lease(arena, slab, offset, put(arena, offset, '\uFEFFmot à mot'));
  assert.equal(lease.text(), '\uFEFFmot à mot');
  const view = lease.view();
  const copy = lease.bytes();
  assert.equal(view.buffer, arena.memory.buffer);
  assert.ok(copy.buffer instanceof ArrayBuffer);
  assert.deepEqual(Buffer.from(copy), Buffer.from(view));
  arena.bytes[offset] = 0;
  assert.equal(view[0], 0);
  assert.equal(copy[0], 0xef);
  lease.release();
  assert.equal(slab.held, 0);
});

test('Lease.text replaces or refuses what is not UTF-8', () => {
  const arena = Arena.create({ size: 1 << 20 });
  const slab = Slab.create(arena, { name: 's', slotSize: 64, slots: 1 });
  const offset = slab.acquire();
  const lease = new Lease(arena, slab, offset, put(arena, offset, [0x61, 0xc0, 0x80]));
  assert.equal(lease.text(), 'a\uFFFD\uFFFD');
  assert.throws(() => lease.text({ fatal: true }), { code: 'ERR_TEXT_INVALID' });
});

test('Lease throws on every use after release', () => {
  for (const debug of [false, true]) {
    const arena = Arena.create({ size: 1 << 20, debug });
    const blocks = Blocks.create(arena, { name: 'b', size: 65536 });
    const block = blocks.acquire(5000);
    const lease = new Lease(arena, blocks, block + 14, 100, block);
    arena.bytes.fill(1, block, block + 200);
    lease.release();
    assert.equal(blocks.held, 0);
    assert.equal(lease.released, true);
    const released = { code: 'ERR_LEASE_RELEASED' };
    assert.throws(() => lease.view(), released);
    assert.throws(() => lease.bytes(), released);
    assert.throws(() => lease.text(), released);
    assert.throws(() => lease.release(), released);
    lease[Symbol.dispose]();
    assert.equal(arena.bytes[block + 14], debug ? POISON : 1);
  }
});

test('Lease is released at the end of its block', () => {
  const released: number[] = [];
  const arena = Arena.create({ size: 1 << 20 });
  {
    using lease = new Lease(arena, { release: (offset) => released.push(offset) }, 8192, 10);
    assert.equal(lease.released, false);
  }
  assert.deepEqual(released, [8192]);
});
