/** Misuse of what the arena hands out: each planted here is caught, with every site. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  Arena,
  Blocks,
  BumpRegion,
  Lease,
  type Releaser,
  Slab,
  struct,
  u32,
  u64,
  Views,
} from '../../src/memory/index.ts';
import { catches, listen, matches, takeReports } from './caught.ts';

listen();

const Pair = struct('test.Pair', { first: u32, second: u32, third: u64 });

function makeBlocks(options: { debug?: boolean } = {}): { arena: Arena; blocks: Blocks } {
  const arena = Arena.create({ size: 1 << 20, ...options });
  return { arena, blocks: Blocks.create(arena, { name: 'pool', size: 65_536, minBlock: 64 }) };
}

function takeIt(blocks: Blocks, size: number): number {
  return blocks.acquire(size);
}

function leaseIt(arena: Arena, releaser: Releaser, offset: number, length: number): Lease {
  return new Lease(arena, releaser, offset, length);
}

function releaseIt(what: { release(): void }): void {
  what.release();
}

describe('views', () => {
  it('are over when their lease is released', () => {
    const { arena, blocks } = makeBlocks();
    const lease = leaseIt(arena, blocks, takeIt(blocks, 64), 64);
    const view = lease.view().fill(7);
    const part = view.subarray(8, 16);
    releaseIt(lease);
    const expected = {
      code: 'ERR_VIEW_RELEASED',
      message: /^Cannot read a view of the lease on 64 bytes: the lease was released$/,
      sites: [
        [/the lease on 64 bytes was made/, /leaseIt/],
        [/that ended/, /releaseIt/],
        [/it was used/, /readIt/],
      ],
    } as const;
    catches(function readIt() {
      return view[3];
    }, expected);
    catches(function readIt() {
      return part[0];
    }, expected);
    catches(() => view.set([1]), { ...expected, message: /^Cannot write/, sites: anySites(3) });
    catches(() => [...view], { ...expected, sites: anySites(3) });
    catches(() => part.fill(0), { ...expected, message: /^Cannot write/, sites: anySites(3) });
  });

  it('are over when the memory is given back past the lease', () => {
    const { arena, blocks } = makeBlocks();
    const offset = takeIt(blocks, 64);
    const view = leaseIt(arena, blocks, offset, 64).view().fill(7);
    (function releaseBlock() {
      blocks.release(offset);
    })();
    catches(() => view[0], {
      code: 'ERR_VIEW_RELEASED',
      message: /the block of 64 bytes of "pool" was given back/,
      sites: [
        [/the block of 64 bytes of "pool" was taken/, /takeIt/],
        [/the lease on 64 bytes was made/, /leaseIt/],
        [/it was given back/, /releaseBlock/],
        [/it was used/, /memory\.test/],
      ],
    });
    // Its next holder has no part in it.
    assert.equal(blocks.acquire(64), offset);
    catches(() => view[0], {
      code: 'ERR_VIEW_RELEASED',
      message: /given back/,
      sites: anySites(4),
    });
  });

  it('are the memory itself', () => {
    const { arena, blocks } = makeBlocks();
    const lease = leaseIt(arena, blocks, blocks.acquire(64), 16);
    const view = lease.view();
    assert.ok(view instanceof Uint8Array);
    assert.equal(view.length, 16);
    assert.equal(view.fill(1), view);
    arena.bytes[lease.offset] = 9;
    assert.deepEqual([view[0], view[1], view.at(-1)], [9, 1, 1]);
    view[1] = 8;
    assert.equal(arena.bytes[lease.offset + 1], 8);
    assert.deepEqual([...view.subarray(0, 3)], [9, 8, 1]);
    assert.deepEqual(view.slice(0, 2), Uint8Array.of(9, 8));
    assert.deepEqual([...view.entries()][1], [1, 8]);
    assert.equal(Buffer.from(view).length, 16);
    assert.equal(Reflect.get(view, 16), undefined);
    arena.bytes.set(view, lease.offset + 32);
    assert.equal(arena.bytes[lease.offset + 33], 8);
    lease.release();
  });
});

describe('leases', () => {
  it('are exclusive', () => {
    const { arena, blocks } = makeBlocks();
    const offset = takeIt(blocks, 64);
    const first = leaseIt(arena, blocks, offset, 40);
    const beside = new Lease(arena, { release: () => undefined }, offset + 40, 24, offset);
    catches(
      function leaseTwice() {
        return new Lease(arena, blocks, offset + 8, 8);
      },
      {
        code: 'ERR_VIEW_OVERLAP',
        message:
          /^Cannot make a lease on 8 bytes \(bytes \d+ to \d+\): another one has \d+ to \d+$/,
        sites: [
          [/the first lease on 40 bytes was made/, /leaseIt/],
          [/the second lease on 8 bytes was made/, /leaseTwice/],
        ],
      },
    );
    beside.release();
    first.release();
    assert.ok(
      new Lease(arena, blocks, blocks.acquire(64), 64),
      'one after the other is no overlap',
    );
  });

  it('are not made on memory that was given back', () => {
    const { arena, blocks } = makeBlocks();
    const offset = takeIt(blocks, 64);
    blocks.release(offset);
    catches(() => leaseIt(arena, blocks, offset, 8), {
      code: 'ERR_VIEW_RELEASED',
      message: /^Cannot use the lease on 8 bytes: the block .* was given back$/,
      sites: anySites(4),
    });
  });
});

describe('memory that nobody has written', () => {
  it('is not read through views, copies or text', () => {
    const { arena, blocks } = makeBlocks();
    const lease = leaseIt(arena, blocks, takeIt(blocks, 64), 32);
    const view = lease.view();
    const expected = {
      code: 'ERR_VIEW_UNWRITTEN',
      message: /never written/,
      sites: [
        [/the block of 64 bytes of "pool" was taken/, /takeIt/],
        [/the lease on 32 bytes was made/, /leaseIt/],
        [/it was read/, /memory\.test/],
      ],
    } as const;
    catches(() => view[0], expected);
    catches(() => lease.bytes(), expected);
    catches(() => lease.text(), expected);
    view.subarray(0, 16).fill(1);
    assert.equal(view[15], 1);
    catches(() => lease.bytes(), { ...expected, message: /\(byte 16\)$/ });
    // Whoever writes without being seen has written all the same.
    arena.bytes.fill(2, lease.offset + 16, lease.offset + 32);
    assert.equal(lease.bytes()[31], 2);
  });

  it('is not read through cursors', () => {
    const { arena, blocks } = makeBlocks();
    const pair = Pair.cursor(Views.of(arena.memory.buffer));
    pair.$offset = takeIt(blocks, 64);
    pair.first = 1;
    assert.equal(pair.first, 1);
    const expected = { code: 'ERR_VIEW_UNWRITTEN', message: /never written/, sites: anySites(2) };
    catches(() => pair.second, { ...expected, message: /^Cannot read test\.Pair\.second: it was/ });
    catches(() => pair.$get(), { ...expected, message: /test\.Pair\.second/ });
    pair.second = 2;
    pair.third = 3n;
    assert.deepEqual(pair.$get(), { first: 1, second: 2, third: 3n });
  });
});

describe('memory that was given back', () => {
  it('is not used through cursors', () => {
    const { arena, blocks } = makeBlocks();
    const pair = Pair.cursor(Views.of(arena.memory.buffer));
    const offset = takeIt(blocks, 64);
    pair.$offset = offset;
    pair.$set({ first: 1, second: 2, third: 3n });
    (function releaseBlock() {
      blocks.release(offset);
    })();
    const expected = {
      code: 'ERR_VIEW_RELEASED',
      message: /^Cannot read test\.Pair\.first: the block of 64 bytes of "pool" was given back$/,
      sites: [
        [/the block of 64 bytes of "pool" was taken/, /takeIt/],
        [/the cursor was made/, /memory\.test/],
        [/it was given back/, /releaseBlock/],
        [/it was used/, /readIt/],
      ],
    } as const;
    catches(function readIt() {
      return pair.first;
    }, expected);
    assert.equal(blocks.acquire(64), offset, 'another has it now');
    catches(function readIt() {
      return pair.first;
    }, expected);
    pair.$offset = offset;
    pair.first = 1;
    assert.equal(pair.first, 1, 'it was set to what is there now');
  });

  it('is not written past all views', async () => {
    const { arena, blocks } = makeBlocks();
    const offset = takeIt(blocks, 64);
    (function releaseBlock() {
      blocks.release(offset);
    })();
    arena.bytes[offset + 5] = 1;
    (function findOut() {
      blocks.acquire(64);
    })();
    const [report, ...more] = takeReports();
    assert.equal(more.length, 0);
    matches(report, {
      code: 'ERR_VIEW_RELEASED',
      message: /^The block of 64 bytes of "pool" was written after it was given back: at \d+: 01 /,
      sites: [
        [/was taken/, /takeIt/],
        [/it was given back/, /releaseBlock/],
        [/that was found out/, /findOut/],
      ],
    });
  });

  it('is known of slabs, bump regions and regions as well', () => {
    const { arena } = makeBlocks();
    const pair = Pair.cursor(Views.of(arena.memory.buffer));
    const given = { code: 'ERR_VIEW_RELEASED', message: /given back/, sites: anySites(4) };

    const slab = Slab.create(arena, { name: 'slab', slotSize: 64, slots: 4 });
    pair.$offset = slab.acquire();
    pair.first = 1;
    slab.release(pair.$offset);
    catches(() => pair.first, given);
    assert.equal(slab.isHeld(pair.$offset), false);

    const bump = BumpRegion.create(arena, { name: 'bump', size: 4096 });
    pair.$offset = bump.allocate(64);
    assert.equal(pair.first, 0, 'it is promised to be zero');
    bump.reset();
    catches(() => pair.first, given);

    const region = arena.allocate('region', 4096);
    pair.$offset = region.offset;
    assert.equal(pair.first, 0, 'it is promised to be zero');
    releaseIt(region);
    catches(() => (pair.first = 1), { ...given, message: /region "region" was given back$/ });
  });

  it('is left alone when another thread may have taken it since', () => {
    const { arena } = makeBlocks();
    const slab = Slab.create(arena, { name: 'slab', slotSize: 64, slots: 1 });
    const offset = slab.acquire();
    slab.release(offset);
    // As another thread would, whose object for the slab tells this thread's sanitizer nothing.
    arena.words[slab.region.offset / 4 + 32]! |= 1;
    const lease = new Lease(arena, slab, offset, 8);
    lease.view().fill(1);
    assert.equal(lease.bytes()[0], 1);
  });
});

describe('memory that was not asked for', () => {
  it('is not written', () => {
    const { arena, blocks } = makeBlocks();
    const offset = takeIt(blocks, 100);
    arena.bytes.fill(3, offset, offset + 102);
    catches(
      function giveBack() {
        blocks.release(offset);
      },
      {
        code: 'ERR_VIEW_OUTSIDE',
        message: /^Bytes were written behind the 100 that were asked for .*: at \d+: 03 03 /,
        sites: [
          [/the block of 100 bytes of "pool" was taken/, /takeIt/],
          [/it was given back/, /giveBack/],
        ],
      },
    );
  });

  it('may be written by who asks how much there is', () => {
    const { arena, blocks } = makeBlocks();
    const offset = blocks.acquire(100);
    assert.equal(blocks.sizeOf(offset), 128);
    arena.bytes.fill(3, offset, offset + 128);
    blocks.release(offset);
  });
});

describe('buffers that are detached', () => {
  it('are told by the cursors over them', () => {
    const buffer = new ArrayBuffer(64);
    const pair = Pair.cursor(Views.of(buffer));
    pair.first = 5;
    assert.equal(pair.first, 5);
    (function sendAway() {
      structuredClone(buffer, { transfer: [buffer] });
    })();
    catches(() => pair.first, {
      code: 'ERR_VIEW_DETACHED',
      message: /^Cannot use test\.Pair\.first: the buffer that it is in was detached$/,
      sites: [
        [/the cursor was made/, /memory\.test/],
        [/its buffer was detached/, /sendAway/],
        [/it was used/, /memory\.test/],
      ],
    });
  });
});

describe('an arena in debug mode', () => {
  it('keeps its own poison', () => {
    const { arena, blocks } = makeBlocks({ debug: true });
    const slab = Slab.create(arena, { name: 'slab', slotSize: 64, slots: 1 });
    const slot = slab.acquire();
    slab.release(slot);
    assert.equal(slab.acquire(), slot);
    const block = blocks.acquire(100);
    blocks.release(block);
    assert.equal(arena.bytes[block], 0xde);
    assert.equal(blocks.acquire(100), block);
  });
});

/** So many sites, whatever they are. */
function anySites(count: number): (readonly [RegExp, RegExp])[] {
  return Array.from({ length: count }, () => [/./, /at /] as const);
}
