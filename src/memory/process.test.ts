import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { Arena } from './arena.ts';
import { adoptArena, processArena } from './process.ts';

test('adoptArena decides what processArena gives, once', () => {
  const arena = Arena.create({ size: 1 << 20 });
  assert.equal(adoptArena(arena), arena);
  assert.equal(processArena(), arena);
  assert.equal(adoptArena(arena.memory), arena);
  assert.equal(adoptArena(Arena.attach(arena.memory)), arena);
  // As another thread sends it: each message brings an object of its own for the same memory.
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(arena.memory);
  const { message } = receiveMessageOnPort(port2) as { message: typeof arena.memory };
  assert.notEqual(message, arena.memory);
  assert.equal(adoptArena(message), arena);
  assert.throws(() => adoptArena(Arena.create({ size: 1 << 20 })), {
    name: 'TypeError',
    code: 'ERR_ARENA_ADOPTED',
  });
  assert.equal(processArena(), arena);
});
