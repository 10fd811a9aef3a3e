// Where the kernel may write the address of a peer that is accepted: inside the arena, or nowhere.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Errno } from '../../src/base/index.ts';
import { Opcode } from '../../src/driver/uring/abi.ts';
import { uringStatus } from '../../src/driver/uring/index.ts';
import { Ring } from '../../src/driver/uring/ring.ts';
import { Arena } from '../../src/memory/index.ts';
import { loadNative, nativeStatus } from '../../src/native/index.ts';

const arena = Arena.create({ size: 4 << 20 });
const noNative: string | false = nativeStatus().available ? false : 'the native addon is missing';
const noRing: string | false = uringStatus(arena) ?? false;

/** Words of a record of `socketBatch`: op, descriptor, offset, length, result. */
const ACCEPT = 4;

test(
  'socketBatch: an accept whose address is not in the arena is refused',
  { skip: noNative },
  () => {
    const native = loadNative();
    native.attachArena(arena.bytes);
    const records = arena.allocate('records', 32);
    const at = records.offset / 4;
    const accept = (offset: number, length: number): number => {
      arena.unsigned.set([ACCEPT, 0xffffffff, offset, length, 0], at);
      native.socketBatch(records.offset, 1);
      return arena.words[at + 4]!;
    };
    for (const [offset, length] of [
      [arena.size - 16, 28],
      [arena.size, 1],
      [0xffffffff, 128],
      [8, 0xffffffff],
    ] as const) {
      assert.equal(accept(offset, length), -Errno.EFAULT, `${offset}, ${length}`);
    }
    // Inside, or without one, the kernel is asked, and the descriptor -1 is what it refuses.
    assert.equal(accept(records.offset, 28), -Errno.EBADF);
    assert.equal(accept(0xffffffff, 0), -Errno.EBADF);
    records.release();
  },
);

test('uringFlush: an accept whose address is not in the arena is refused', { skip: noRing }, () => {
  const ring = Ring.open(arena, loadNative(), 'test', 8, 16);
  if (typeof ring === 'string') throw new Error(ring);
  const accept = (address: number, length: number, ioprio = 0): number => {
    const at = ring.entry();
    arena.unsigned.set([Opcode.ACCEPT | (ioprio << 16), 0xffffffff, length, 0, address], at);
    ring.flush();
    assert.equal(ring.ready(), 1);
    ring.next();
    ring.consume();
    return ring.result;
  };
  const end = arena.size;
  for (const [address, length] of [
    [end - 127, 8],
    [8, end - 3],
    [8, 10],
    [8, 0],
    [0, 8],
    [0xffffffff, 0xfffffffc],
  ] as const) {
    assert.equal(accept(address, length), -Errno.EINVAL, `${address}, ${length}`);
  }
  assert.equal(accept(8, 200, 1), -Errno.EINVAL, 'a multishot would write while we read');
  assert.equal(accept(end - 128, end - 4), -Errno.EBADF, 'the kernel is asked');
  assert.equal(accept(0, 0), -Errno.EBADF);
  ring.close();
});
