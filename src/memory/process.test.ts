import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arena } from './arena.ts';
import { adoptArena, processArena } from './process.ts';

test('adoptArena decides what processArena gives, once', () => {
  const arena = Arena.create({ size: 1 << 20 });
  assert.equal(adoptArena(arena), arena);
  assert.equal(processArena(), arena);
  assert.equal(adoptArena(arena.memory), arena);
  assert.equal(adoptArena(Arena.attach(arena.memory)), arena);
  assert.throws(() => adoptArena(Arena.create({ size: 1 << 20 })), {
    name: 'TypeError',
    code: 'ERR_ARENA_ADOPTED',
  });
  assert.equal(processArena(), arena);
});
