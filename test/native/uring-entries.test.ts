// What the addon does to submission entries: addresses are checked, unknown opcodes never reach
// the kernel, and nothing is lost when rings are tiny.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arena, type Region } from '../../src/memory/index.ts';
import { loadNative } from '../../src/native/index.ts';
import { Opcode, SqeFlag } from '../../src/driver/uring/abi.ts';
import { Ring } from '../../src/driver/uring/ring.ts';
import { uringStatus } from '../../src/driver/uring/index.ts';

const EINVAL = -22;
const EBADF = -9;
const arena = Arena.create({ size: 4 << 20 });
const reason = uringStatus(arena);
const skip = reason === undefined ? false : `io_uring cannot be used: ${reason}`;

function withRing(entries: number, completions: number, use: (ring: Ring) => void): void {
  const ring = Ring.open(arena, loadNative(), 'test', entries, completions);
  if (typeof ring === 'string') throw new Error(ring);
  try {
    use(ring);
  } finally {
    ring.close();
  }
}

/** Submits one entry, given as word → value, and returns its result. */
function run(ring: Ring, words: Record<number, number>): number {
  const at = ring.entry();
  for (const [word, value] of Object.entries(words)) arena.unsigned[at + Number(word)] = value;
  ring.flush();
  assert.equal(ring.ready(), 1);
  ring.next();
  ring.consume();
  return ring.result;
}

function withMemory(use: (region: Region) => void): void {
  const region = arena.allocate('test', 4096, { alignment: 4096 });
  try {
    use(region);
  } finally {
    region.release();
  }
}

test('uringFlush submits a NOP and its user data comes back', { skip }, () => {
  withRing(8, 16, (ring) => {
    assert.equal(run(ring, { 0: Opcode.NOP, 8: 0x12345678, 9: 0x7abcdef0 }), 0);
    assert.equal(ring.id0, 0x12345678);
    assert.equal(ring.id1, 0x7abcdef0);
  });
});

test('uringFlush refuses opcodes that it cannot check', { skip }, () => {
  withRing(8, 16, (ring) => {
    // READV, READ_FIXED, SPLICE, URING_CMD with a bad length, and numbers that do not exist yet.
    for (const opcode of [1, 4, 30, 63, 64, 200, 255]) {
      assert.equal(run(ring, { 0: opcode, 1: 0xffffffff }), EINVAL, `opcode ${opcode}`);
    }
  });
});

test('uringFlush checks every address against the arena', { skip }, () => {
  const end = arena.size;
  const outside: readonly Record<number, number>[] = [
    { 0: Opcode.SEND, 4: end - 8, 6: 16 },
    { 0: Opcode.SEND, 4: 8, 5: 1, 6: 16 },
    { 0: Opcode.RECV, 4: end, 6: 1 },
    { 0: Opcode.RECV | (SqeFlag.BUFFER_SELECT << 8), 4: 8 },
    { 0: Opcode.READ, 4: 0xffffffff, 5: 0xffffffff, 6: 1 },
    { 0: Opcode.WRITE, 4: end - 1, 6: 2 },
    { 0: Opcode.TIMEOUT, 4: end - 8, 6: 1 },
    { 0: Opcode.ACCEPT, 4: 8 },
    { 0: Opcode.CONNECT, 2: 16, 4: end - 8 },
    { 0: Opcode.CONNECT, 2: 16, 3: 1, 4: 8 },
    { 0: Opcode.OPENAT, 4: end },
    { 0: Opcode.STATX, 2: end - 255, 4: 8 },
    { 0: Opcode.SENDMSG, 4: end - 8, 6: 2 },
    { 0: Opcode.SENDMSG, 4: 8, 6: 65 },
    { 0: Opcode.SENDMSG, 4: 8, 6: 0 },
    { 0: Opcode.URING_CMD, 11: 16, 12: end - 8 },
  ];
  withRing(8, 16, (ring) => {
    for (const words of outside) {
      assert.equal(run(ring, { ...words, 1: 0xffffffff }), EINVAL, JSON.stringify(words));
    }
    // Inside, the kernel is asked, and the descriptor -1 is what it refuses.
    assert.equal(run(ring, { 0: Opcode.SEND, 1: 0xffffffff, 4: end - 16, 6: 16 }), EBADF);
  });
});

test('uringFlush checks every buffer of a vector', { skip }, () => {
  withMemory((region) => {
    const pairs = region.offset >>> 2;
    withRing(8, 16, (ring) => {
      const vector = { 0: Opcode.SENDMSG, 1: 0xffffffff, 4: region.offset, 6: 2 };
      arena.unsigned.set([region.offset, 16, arena.size - 1, 2], pairs);
      assert.equal(run(ring, vector), EINVAL);
      arena.unsigned.set([region.offset, 16, arena.size - 2, 2], pairs);
      assert.equal(run(ring, vector), EBADF);
    });
  });
});

test('uringFlush checks that a path ends inside the arena', { skip }, () => {
  const path = arena.size - 8;
  const before = arena.bytes.slice(path, path + 8);
  arena.bytes.fill(0x61, path, path + 8);
  withRing(8, 16, (ring) => {
    assert.equal(run(ring, { 0: Opcode.OPENAT, 1: -100 >>> 0, 4: path }), EINVAL);
  });
  arena.bytes.set(before, path);
});

test('more entries than the ring has are submitted in several steps', { skip }, () => {
  withRing(8, 512, (ring) => {
    for (let i = 0; i < 300; i++) {
      const at = ring.entry();
      arena.words[at] = Opcode.NOP;
      arena.words[at + 8] = i;
    }
    ring.flush();
    for (let i = 0; i < 300; i++) {
      assert.ok(ring.ready() > 0, `completion ${i} is there`);
      ring.next();
      assert.equal(ring.id0, i);
    }
    ring.consume();
  });
});

test('a completion ring that overflows loses nothing', { skip }, () => {
  withRing(16, 16, (ring) => {
    const seen: number[] = [];
    for (let i = 0; i < 100; i++) {
      const at = ring.entry();
      arena.words[at] = Opcode.NOP;
      arena.words[at + 8] = i;
    }
    for (let step = 0; seen.length < 100 && step < 1000; step++) {
      ring.flush();
      while (ring.ready() > 0) {
        ring.next();
        seen.push(ring.id0);
      }
      ring.consume();
    }
    assert.deepEqual(
      seen.toSorted((a, b) => a - b),
      Array.from({ length: 100 }, (_, i) => i),
    );
  });
});

test('uringSetup refuses memory that is too small for the rings', { skip }, () => {
  const native = loadNative();
  const region = arena.allocate('test', 65536, { alignment: 4096 });
  const params = region.offset >>> 2;
  arena.words.fill(0, params, params + 30);
  arena.words[params + 1] = 4096;
  arena.words[params + 2] = 0x4000 | 0x8;
  assert.throws(
    () =>
      native.uringSetup(8, region.offset, region.offset + 4096, 4096, region.offset + 8192, 4096),
    { code: 'ERR_NATIVE_BOUNDS' },
  );
  region.release();
});
