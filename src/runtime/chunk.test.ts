import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arena } from '../memory/index.ts';
import { Chunk } from './chunk.ts';

const arena = Arena.create({ size: 1 << 20 });

function make(text: string): { chunk: Chunk; released: number[] } {
  const released: number[] = [];
  const offset = 600_000;
  arena.bytes.set(Buffer.from(text), offset);
  const source = { release: (block: number) => released.push(block) };
  return { chunk: new Chunk(arena, source, 599_000, offset, Buffer.byteLength(text)), released };
}

test('Chunk gives its bytes in place, as a copy and as text', () => {
  const { chunk, released } = make('grüße');
  assert.equal(chunk.length, 7);
  assert.equal(chunk.view().buffer, arena.bytes.buffer);
  assert.equal(chunk.bytes().toString('latin1').length, 7);
  assert.ok(!(chunk.bytes().buffer instanceof SharedArrayBuffer));
  assert.equal(chunk.text(), 'grüße');
  assert.equal(chunk.text({ fatal: true }), 'grüße');
  chunk.release();
  assert.deepEqual(released, [599_000], 'the block, not where the bytes begin');
});

test('Chunk.text refuses what is no UTF-8 when asked to', () => {
  const { chunk } = make('grüße');
  const half = chunk.slice(0, 3);
  assert.equal(half.text(), 'gr\ufffd');
  assert.throws(() => half.text({ fatal: true }), { code: 'ERR_TEXT_INVALID' });
});

test('Chunk is given back when the last of its slices is released, in any order', () => {
  const { chunk, released } = make('abcdef');
  const middle = chunk.slice(2, 4);
  const inner = middle.slice(1);
  const same = chunk.share();
  assert.equal(middle.text() + inner.text() + same.text(), 'cddabcdef');
  chunk.release();
  same.release();
  inner.release();
  assert.deepEqual(released, []);
  assert.equal(middle.text(), 'cd', 'released by others, held by it');
  middle.release();
  assert.deepEqual(released, [599_000]);
});

test('Chunk refuses every use after its release, and slices outside of it', () => {
  const { chunk, released } = make('abc');
  for (const [start, end] of [
    [-1, 2],
    [0, 4],
    [2, 1],
    [0.5, 2],
  ] as const) {
    assert.throws(() => chunk.slice(start, end), { code: 'ERR_OPTION_RANGE' });
  }
  {
    using held = chunk;
    assert.equal(held.released, false);
  }
  assert.equal(chunk.released, true);
  chunk[Symbol.dispose]();
  assert.deepEqual(released, [599_000], 'once');
  const uses = [
    () => chunk.view(),
    () => chunk.bytes(),
    () => chunk.text(),
    () => chunk.slice(),
    () => chunk.share(),
    () => chunk.release(),
  ];
  for (const use of uses) assert.throws(use, { name: 'TypeError', code: 'ERR_LEASE_RELEASED' });
});
