import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Arena } from '../../memory/index.ts';
import { RingPlan, type RingShape } from '../layout.ts';
import { segmentOf, specOf, TEXT, textOf } from './fixture.test.helper.ts';
import { Header, PARTICIPANTS, RingEntry, SCHEMAS, SEGMENT_UNIT } from './layout.ts';
import { readHeader, RingSegment, segmentBytes } from './segment.ts';

const refusal = { code: 'ERR_RING_SEGMENT' };

function wordAt(segment: RingSegment, offset: number): number {
  return (segment.offset + offset) >>> 2;
}

/** Attaches with one word of the segment changed, and puts it back. */
function attachWith(segment: RingSegment, offset: number, value: number): RingSegment {
  const { unsigned } = segment.arena;
  const index = wordAt(segment, offset);
  const before = unsigned[index]!;
  unsigned[index] = value;
  try {
    return RingSegment.attach(segment.arena, segment.offset, segment.bytes);
  } finally {
    unsigned[index] = before;
  }
}

test('RingSegment.format lays a ring out as the specification says', () => {
  const segment = segmentOf();
  const { arena, offset } = segment;
  const bytes = Buffer.from(arena.bytes.slice(offset, offset + segment.bytes));
  assert.equal(bytes.toString('latin1', 0, 8), 'RONDORNG');
  assert.equal(bytes.readUInt32LE(8), 1);
  assert.equal(bytes.readUInt32LE(12), segment.bytes);
  assert.equal(bytes.toString('hex', 16, 32), segment.info.id);
  assert.equal(bytes.readUInt32LE(32), 1);
  assert.equal(bytes.readUInt32LE(36), 1);
  assert.equal(bytes.readUInt32LE(40), 64);
  assert.equal(Number(bytes.readBigUInt64LE(48)), segment.info.createdAt);
  assert.equal(bytes.toString('latin1', 64, 70), 'test\0\0');
  assert.equal(bytes.readUInt32LE(128), 16_384);
  assert.equal(bytes.readUInt32LE(136), 12_288);
  assert.equal(bytes.readUInt32LE(140), TEXT.length);
  assert.equal(bytes.toString('latin1', 12_288, 12_288 + TEXT.length), TEXT);
  assert.equal(bytes.toString('latin1', 16_384, 16_388), 'RING');
  assert.equal(segment.rings[0]!.base, offset + 16_384);
  assert.equal(segment.bytes % SEGMENT_UNIT, 0);
});

test('RingSegment.attach sees what format made, in a private copy', () => {
  const specs = [
    specOf({ topology: 'mpmc', lanes: 3, places: 5, slots: 4, stride: 24, slabBytes: 256 }),
    specOf(
      { topology: 'broadcast', places: 7, lossy: true, inProcess: true },
      TEXT.replace('id', 'more'),
    ),
  ];
  const made = segmentOf(specs, 'örders');
  const seen = RingSegment.attach(made.arena, made.offset, made.bytes);
  assert.deepEqual(seen.info, made.info);
  assert.equal(seen.info.kind, 'channel');
  assert.equal(seen.info.name, 'örders');
  for (const [index, ring] of seen.rings.entries()) {
    assert.deepEqual(ring.plan.shape, specs[index]!.shape);
    assert.equal(ring.base, made.rings[index]!.base);
    assert.equal(ring.plan.bytes, made.rings[index]!.plan.bytes);
    const { layout, fingerprint } = specs[index]!.schema;
    assert.deepEqual(ring.schema, { layout, fingerprint });
  }
  made.arena.bytes.fill(0xff, made.offset, made.offset + made.bytes);
  assert.deepEqual(seen.info, made.info);
  assert.equal(seen.rings[1]!.schema.layout, TEXT.replace('id', 'more'));
});

test('readHeader reads a file’s first bytes as attach does', () => {
  const { arena, offset, bytes, info } = segmentOf();
  const header = arena.bytes.slice(offset, offset + Header.BYTES_TOTAL);
  assert.deepEqual(readHeader(header, bytes), info);
  assert.throws(() => readHeader(header, bytes + 4096), refusal);
  assert.throws(() => readHeader(new Uint8Array(4096), bytes), refusal);
});

test('segmentBytes refuses what a segment cannot hold', () => {
  const huge = specOf({ slots: 2 ** 24, stride: 65_536 });
  assert.throws(() => segmentBytes([huge]), { code: 'ERR_OPTION_RANGE' });
});

test('RingSegment.attach says what is wrong with a header', () => {
  const segment = segmentOf();
  const cases: [number, number, RegExp][] = [
    [Header.MAGIC, 0, /there is none/],
    [Header.MAGIC + 4, 0, /there is none/],
    [Header.VERSION, 2, /version must be 1, got 2/],
    [Header.BYTES, segment.bytes * 2, /it says \d+ bytes/],
    [Header.RINGS, 2, /a ring with 2 rings, which must be 1/],
    [Header.KIND, 2, /a channel with 1 rings, which must be 2/],
    [Header.KIND, 3, /unknown kind 3/],
    [Header.PARTICIPANTS, 65, /65 participants/],
    [Header.NAME + 60, 0x41000000, /not padded/],
    [Header.NAME, 0xffffffff, /not valid UTF-8/],
  ];
  for (const [offset, value, message] of cases) {
    assert.throws(() => attachWith(segment, offset, value), { ...refusal, message });
  }
});

test('RingSegment.attach says what is wrong with a ring', () => {
  const segment = segmentOf([specOf({ topology: 'mpsc', lanes: 2, slabBytes: 64 })]);
  const entry = Header.ENTRIES;
  const block = segment.rings[0]!.base - segment.offset;
  const cases: [number, number, RegExp][] = [
    [entry + RingEntry.OFFSET, 0, /does not lie where it must/],
    [entry + RingEntry.BYTES, 4096 * 512, /do not end/],
    [entry + RingEntry.SCHEMA_OFFSET, 0, /does not lie where it must/],
    [entry + RingEntry.SCHEMA_BYTES, 0, /schema text of ring 0 has 0 bytes/],
    [entry + RingEntry.SCHEMA_BYTES, 65_537, /has 65537 bytes/],
    [entry + RingEntry.FINGERPRINT, 0, /another fingerprint/],
    [SCHEMAS, 0x80808080, /not ASCII/],
    [block, 0, /no ring where its header says/],
    [block + 4, 9, /an unknown topology 9/],
    [block + 4, 1, /spsc with 2 lanes/],
    [block + 8, 4, /unknown flags 0x4/],
    [block + 12, 65, /mpsc with 65 lanes/],
    [block + 12, 0, /mpsc with 0 lanes/],
    [block + 16, 2, /2 cursors per lane/],
    [block + 20, 2, /mpsc with 2 places/],
    [block + 24, 15, /15 slots, which must be a power of two/],
    [block + 24, 2 ** 25, /slots, which must be/],
    [block + 24, 0, /0 slots/],
    [block + 28, 12, /a stride of 12/],
    [block + 28, 0, /a stride of 0/],
    [block + 28, 65_544, /a stride of/],
    [block + 28, 16, /which are not for its struct|its geometry needs/],
    [block + 32, 32, /a slab of 32 bytes/],
    [block + 32, 2 ** 30, /a slab of/],
    [block + 32, 256, /its geometry needs/],
  ];
  for (const [offset, value, message] of cases) {
    assert.throws(() => attachWith(segment, offset, value), { ...refusal, message });
  }
});

test('RingSegment.attach refuses sizes that no segment has', () => {
  const { arena, offset, bytes } = segmentOf();
  for (const size of [0, 4096, bytes + 1, bytes - 4096, bytes + 4096, 2 ** 31]) {
    assert.throws(() => RingSegment.attach(arena, offset, size), refusal);
  }
});

test('RingSegment.attach survives every flipped bit of what it reads', () => {
  const segment = segmentOf([specOf(), specOf({ topology: 'mpsc', lanes: 2 })]);
  const { arena, offset, bytes } = segment;
  const blocks = segment.rings.map(({ base }) => base - offset);
  const places = [
    ...Array.from({ length: 256 }, (_, i) => i),
    ...Array.from({ length: 2 * (TEXT.length + 8) }, (_, i) => SCHEMAS + i),
    ...blocks.flatMap((block) => Array.from({ length: 64 }, (_, i) => block + i)),
  ];
  for (const place of places) {
    for (let bit = 0; bit < 8; bit++) {
      arena.bytes[offset + place]! ^= 1 << bit;
      try {
        const seen = RingSegment.attach(arena, offset, bytes);
        // What is accepted is bounded all the same.
        for (const { base, plan } of seen.rings) {
          assert.ok(base >= offset + SCHEMAS && base + plan.bytes <= offset + bytes);
        }
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'ERR_RING_SEGMENT');
      }
      arena.bytes[offset + place]! ^= 1 << bit;
    }
  }
  assert.deepEqual(RingSegment.attach(arena, offset, bytes).info, segment.info);
});

const power = (max: number): fc.Arbitrary<number> => fc.nat({ max }).map((n) => 2 ** n);

const shapes: fc.Arbitrary<RingShape> = fc
  .record({
    topology: fc.constantFrom('spsc', 'mpsc', 'mpmc', 'broadcast'),
    lossy: fc.boolean(),
    inProcess: fc.boolean(),
    lanes: fc.integer({ min: 1, max: 64 }),
    places: fc.integer({ min: 1, max: 64 }),
    slots: power(6),
    stride: fc.integer({ min: 1, max: 8 }).map((n) => n * 8),
    slabBytes: fc.oneof(
      fc.constant(0),
      power(4).map((n) => 64 * n),
    ),
  })
  .map((shape) => ({
    ...shape,
    lanes: shape.topology === 'mpsc' || shape.topology === 'mpmc' ? shape.lanes : 1,
    places: shape.topology === 'mpmc' || shape.topology === 'broadcast' ? shape.places : 1,
  }));

test('RingSegment.attach gives back every shape, and its parts do not overlap', () => {
  const arena = Arena.create({ size: 8 << 20 });
  fc.assert(
    fc.property(shapes, shapes, fc.integer({ min: 0, max: 300 }), (one, two, extra) => {
      const rings = [
        specOf(one, textOf(one.stride).replace('id', `i${'d'.repeat(extra)}`)),
        specOf(two),
      ];
      const bytes = segmentBytes(rings);
      const region = arena.allocate('segment', bytes, { alignment: 4096 });
      RingSegment.format(arena, region.offset, bytes, { name: '', kind: 'channel' }, rings);
      const seen = RingSegment.attach(arena, region.offset, bytes);
      let end = region.offset + SCHEMAS + rings.reduce((sum, r) => sum + r.schema.layout.length, 0);
      for (const [index, { base, plan }] of seen.rings.entries()) {
        assert.deepEqual(plan.shape, rings[index]!.shape);
        assert.equal(base % 128, 0);
        assert.ok(base >= end);
        end = base + new RingPlan(plan.shape).bytes;
      }
      assert.ok(end <= region.offset + bytes);
      assert.equal(PARTICIPANTS, 4096);
      region.release();
    }),
    { numRuns: 100 },
  );
});
