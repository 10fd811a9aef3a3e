// The end of a ring, and the memory that it leaves.
//
// THE KERNEL ENDS A RING ASYNCHRONOUSLY. After close(2) of its descriptor a kernel worker cancels
// what is left, and stores the tail of the completions into the ring's pages, which it still holds.
//
// What happened, in two steps. The descriptor had been registered with itself (REGISTER_RING_FDS),
// and that reference kept every ring, its connections and memory until the thread ended. Once it
// was given up, the end came at a time of the kernel's choice, when the arena had given the pages
// to the next ring: its tail jumped to that of the old one, so that completions were made up of old
// memory, or lost. Now closing a ring lays fresh pages over its range; the old are the kernel's.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { createDriver } from '../../../src/driver/index.ts';
import { FILE_INDEX_ALLOC, Opcode, SqeFlag } from '../../../src/driver/uring/abi.ts';
import { Ring } from '../../../src/driver/uring/ring.ts';
import { processArena, type Region } from '../../../src/memory/index.ts';
import { loadNative } from '../../../src/native/index.ts';
import { realHarness } from '../../conformance/harness.ts';
import { reasonToSkip } from '../../conformance/real.ts';
import { onStation, Reader, type Station } from '../../conformance/station.ts';

const reason = reasonToSkip('uring');
const options = { timeout: 60_000, skip: reason === '' ? false : reason };

const AF_INET = 2;
const SOCK_STREAM = 1;
const ENTRIES = 64;
const COMPLETIONS = 512;

/** Writes one entry, given as word → value. */
function write(ring: Ring, words: Record<number, number>): void {
  const at = ring.entry();
  for (const [word, value] of Object.entries(words)) {
    processArena().unsigned[at + Number(word)] = value;
  }
}

/** Submits one entry that completes at once, and returns its result. */
function run(ring: Ring, words: Record<number, number>): number {
  write(ring, words);
  ring.flush();
  assert.equal(ring.ready(), 1);
  ring.next();
  ring.consume();
  return ring.result;
}

/** A connection in the ring's own table of files, to a port of this process. */
function connect(ring: Ring, address: Region, port: number): void {
  const { bytes } = processArena();
  bytes.set([AF_INET, 0, port >> 8, port & 0xff, 127, 0, 0, 1], address.offset);
  const slot = run(ring, {
    0: Opcode.SOCKET,
    1: AF_INET,
    2: SOCK_STREAM,
    11: FILE_INDEX_ALLOC,
  });
  assert.ok(slot >= 0);
  const fixed = SqeFlag.FIXED_FILE << 8;
  write(ring, { 0: Opcode.CONNECT | fixed, 1: slot, 2: 16, 4: address.offset });
  ring.flush();
}

/** Takes the memory that was a ring's, and marks it. */
function takeOver(place: { offset: number; size: number }): Region {
  const region = processArena().allocate('successor', place.size, { alignment: 4096 });
  assert.equal(region.offset, place.offset, 'it lies where the ring was');
  processArena().bytes.fill(0x5a, region.offset, region.offset + region.size);
  return region;
}

test('uringClose ends connections and writes nothing afterwards', options, async () => {
  const arena = processArena();
  const native = loadNative();
  native.attachArena(arena.bytes);
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const local = server.address();
  assert.ok(local !== null && typeof local === 'object');
  const address = arena.allocate('address', 4096);
  for (let round = 0; round < 20; round++) {
    const ring = Ring.open(arena, native, 'regression', ENTRIES, COMPLETIONS);
    assert.ok(typeof ring !== 'string');
    const place = arena.regions().find(({ owner }) => owner === 'regression')!;
    assert.ok(native.uringRegisterFiles(ring.id, 8) >= 0);
    const accepted = once(server, 'connection');
    connect(ring, address, local.port);
    const [peer] = (await accepted) as [Socket];
    // A tail that can be told from zero, and something for the kernel to cancel.
    for (let i = 0; i < 100; i++) write(ring, { 0: Opcode.NOP });
    ring.flush();
    const ended = once(peer.resume(), 'end');
    ring.close();
    const successor = takeOver(place);
    // The files of a ring are let go after its requests: then the kernel has done its writing.
    await ended;
    const bytes = arena.bytes.slice(successor.offset, successor.offset + successor.size);
    assert.ok(
      bytes.every((byte) => byte === 0x5a),
      'the kernel does not write there any more',
    );
    successor.release();
    peer.destroy();
  }
  address.release();
  server.close();
});

/**
 * First the event loop goes round, and looks at a ring without completions, while the kernel ends
 * the last one: a tail of that stays in place until the next completion here. Then many of them,
 * for a tail of our own; more in each round than in the last, which tells old tails from new ones.
 */
async function traffic(station: Station, round: number): Promise<void> {
  const { driver } = station;
  const [client, server] = await station.pair(station.listen());
  const reader = new Reader(station, server);
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setTimeout(resolve, 4));
  for (let i = 0; i < 60 + round; i++) {
    const sending = station.send(client, 'traffic');
    const timing = station.submit((token) => driver.timeout(0, token));
    await station.until(() => reader.length === 7 * (i + 1), 'the bytes');
    await station.done(sending, timing);
    assert.equal(sending.result, 7);
    assert.equal(timing.result, 0);
  }
  assert.ok(driver.counters().completed > 100);
  // These are left to destroy.
  for (let i = 0; i < 20; i++) station.submit((token) => driver.timeout(1_000_000, token));
}

test('drivers use the memory of the last ring while the kernel ends it', options, async () => {
  const create: Parameters<typeof realHarness>[1] = (wanted) => {
    const driver = createDriver({ kind: 'uring', ...wanted });
    // The pages of a region stay when it is released, as they do in an arena with `debug`.
    driver.arena.setPageReleaser(() => false);
    return driver;
  };
  const harness = realHarness('uring', create, true);
  after(() => harness.dispose());
  const places = new Set<number>();
  for (let round = 0; round < 30; round++) {
    await onStation(harness, {}, async (station) => {
      const rings = station.arena.regions().find(({ name }) => name === 'io_uring rings');
      places.add(rings!.offset);
      await traffic(station, round);
    });
  }
  assert.ok(places.size < 30, 'rings lay where others had been');
});
