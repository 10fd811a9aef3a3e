// Blocking waits take any word, and signals do not end them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { Arena } from '../../src/memory/index.ts';
import { loadNative } from '../../src/native/index.ts';

const EAGAIN = -11;
const ETIMEDOUT = -110;
const timeout = 30_000;
const native = loadNative();
const arena = Arena.create({ size: 1 << 20 });
native.attachArena(arena.bytes);
const word = arena.allocate('wait', 128).offset;

test('futexWaitBlocking takes a word as signed or unsigned', () => {
  arena.words[word >>> 2] = -2;
  assert.equal(native.futexWaitBlocking(word, -2, 0), ETIMEDOUT);
  assert.equal(native.futexWaitBlocking(word, 0xfffffffe, 1), ETIMEDOUT);
  assert.equal(native.futexWaitBlocking(word, 2, 1000), EAGAIN);
  const bad = { code: 'ERR_NATIVE_ARGUMENT' };
  assert.throws(() => native.futexWaitBlocking(word, 2 ** 32, 0), bad);
  arena.words[word >>> 2] = 0;
});

test('signals do not end futexWaitBlocking', { timeout }, async () => {
  // Its timer goes on while the wait goes on, from another process.
  const code = `const timer = setInterval(() => process.kill(${process.pid}, 'SIGUSR2'), 1);
    setTimeout(() => clearInterval(timer), 200);`;
  let signals = 0;
  const count = (): void => void (signals += 1);
  process.on('SIGUSR2', count);
  const child = spawn(process.execPath, ['-e', code], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  while (signals === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(native.futexWaitBlocking(word, 0, 50), ETIMEDOUT);
  await exited;
  process.off('SIGUSR2', count);
});
