// Every function of the addon against wrong types, missing arguments and ranges outside the arena.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arena } from '../../src/memory/index.ts';
import { loadNative, type Native } from '../../src/native/index.ts';

const native = loadNative();

/** Functions that take nothing. */
const NULLARY = new Set(['loopDescriptor', 'threadId', 'epollCreate', 'zlibVersion', 'zlibBytes']);

/**
 * For each function with a range: arguments that are right except that the range at position
 * `range` is to be filled in. `length` is what the function will touch from there.
 */
const RANGES: readonly {
  name: keyof Native;
  args: readonly unknown[];
  range: number;
  length: number;
}[] = [
  { name: 'mapAnonymous', args: [0, 4096], range: 0, length: 4096 },
  { name: 'mapFile', args: [0, 4096, -1, 0, false], range: 0, length: 4096 },
  { name: 'releasePages', args: [0, 4096], range: 0, length: 4096 },
  { name: 'futexWaitBlocking', args: [0, 1, 0], range: 0, length: 4 },
  { name: 'futexWake', args: [0, 1], range: 0, length: 4 },
  { name: 'wakePipe', args: [0], range: 0, length: 8 },
  { name: 'wakeSignal', args: [0, -1], range: 0, length: 4 },
  { name: 'futexWatchAttach', args: [2, 0, 4096, () => undefined], range: 1, length: 1024 },
  { name: 'futexWatchAttach', args: [2, 4096, 0, () => undefined], range: 2, length: 4 },
  { name: 'futexWatchArm', args: [0, 0, 1], range: 1, length: 4 },
  { name: 'socketBind', args: [-1, 0, 16], range: 1, length: 16 },
  { name: 'socketConnect', args: [-1, 0, 16], range: 1, length: 16 },
  { name: 'socketAddress', args: [-1, 0, 128], range: 1, length: 128 },
  { name: 'socketPeer', args: [-1, 0, 128], range: 1, length: 128 },
  { name: 'socketBatch', args: [0, 4], range: 0, length: 128 },
  { name: 'epollPoll', args: [-1, 0, 8], range: 1, length: 64 },
  { name: 'epollAttach', args: [-1, 0, 8, 4096, () => undefined], range: 1, length: 64 },
  { name: 'epollAttach', args: [-1, 4096, 8, 0, () => undefined], range: 3, length: 4 },
  { name: 'uringSetup', args: [8, 0, 4096, 4096, 8192, 4096], range: 1, length: 120 },
  { name: 'uringSetup', args: [8, 0, 0, 4096, 8192, 4096], range: 2, length: 4096 },
  { name: 'uringSetup', args: [8, 0, 4096, 4096, 0, 4096], range: 4, length: 4096 },
  { name: 'zlibDeflate', args: [0], range: 0, length: 32 },
  { name: 'zlibInflate', args: [0], range: 0, length: 32 },
];

function call(name: keyof Native, args: readonly unknown[]): unknown {
  return (native[name] as (...args: unknown[]) => unknown)(...args);
}

test('a range before attachArena is outside the arena', () => {
  assert.throws(() => native.futexWake(0, 1), { code: 'ERR_NATIVE_BOUNDS' });
});

test('attachArena takes a page-aligned Uint8Array, once', () => {
  assert.throws(() => call('attachArena', [new Float64Array(8)]), { code: 'ERR_NATIVE_ARGUMENT' });
  assert.throws(() => call('attachArena', [{}]), { code: 'ERR_NATIVE_ARGUMENT' });
  const arena = Arena.create({ size: 1 << 20 });
  assert.throws(() => native.attachArena(arena.bytes.subarray(64)), {
    code: 'ERR_NATIVE_ARGUMENT',
  });
  native.attachArena(arena.bytes);
  native.attachArena(arena.bytes);
  const other = Arena.create({ size: 1 << 20 });
  assert.throws(() => native.attachArena(other.bytes), { code: 'ERR_NATIVE_ARGUMENT' });
});

test('every function refuses missing arguments and wrong types', () => {
  for (const name of Object.keys(native) as (keyof Native)[]) {
    if (NULLARY.has(name)) continue;
    assert.throws(() => call(name, []), { code: 'ERR_NATIVE_ARGUMENT' }, `${name}()`);
    for (const wrong of [undefined, null, 'text', {}, [], Number.NaN, Infinity, 1.5, -(2 ** 60)]) {
      const args = [wrong, wrong, wrong, wrong, wrong, wrong];
      if (name === 'memfdCreate' && wrong === 'text') continue;
      assert.throws(
        () => call(name, args),
        { code: 'ERR_NATIVE_ARGUMENT' },
        `${name}(${JSON.stringify(wrong)})`,
      );
    }
  }
});

test('every range is checked against the end of the arena', () => {
  const size = 1 << 20;
  for (const { name, args, range, length } of RANGES) {
    for (const offset of [size, size - length + (length >= 4096 ? 4096 : 8), 2 ** 32 - 4096]) {
      const wrong = args.map((value, index) => (index === range ? offset : value));
      assert.throws(() => call(name, wrong), { code: 'ERR_NATIVE_BOUNDS' }, `${name} ${offset}`);
    }
    const negative = args.map((value, index) => (index === range ? -8 : value));
    assert.throws(() => call(name, negative), { code: 'ERR_NATIVE_ARGUMENT' }, `${name} -8`);
  }
});

test('alignment is checked where the kernel or the processor needs it', () => {
  assert.throws(() => native.futexWake(6, 1), { code: 'ERR_NATIVE_BOUNDS' });
  assert.throws(() => native.mapAnonymous(128, 4096), { code: 'ERR_NATIVE_BOUNDS' });
  assert.throws(() => native.mapAnonymous(4096, 100), { code: 'ERR_NATIVE_BOUNDS' });
});

test('a ring or loop that does not exist is refused', () => {
  assert.throws(() => native.uringFlush(15), { code: 'ERR_NATIVE_ARGUMENT' });
  assert.throws(() => native.loopReference(31, true), { code: 'ERR_NATIVE_ARGUMENT' });
  assert.equal(native.uringClose(15), -9);
});

test('failed system calls are negative errno values', () => {
  assert.equal(native.closeDescriptor(-1), -9);
  assert.equal(native.socketListen(-1, 1), -9);
  assert.equal(native.socketCreate(12345), -97);
  assert.equal(native.fileSeals(-1), -9);
});
