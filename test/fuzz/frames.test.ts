/** The receiver against the reference decoder: arbitrary frames and bytes, cut anywhere. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ReceiverProbe } from './receiver-probe.ts';
import { isUtf8, isUtf8Prefix, referenceEvents, type Rules } from './reference-decoder.ts';

const LIMITS = { maxMessageSize: 70_000, maxFrameSize: 66_000 } as const;

const role = fc.constantFrom<Rules['role']>('server', 'client');

/** Mostly text that crosses the borders of UTF-8, sometimes with one byte wrong. */
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => [...bytes]),
  fc.string({ unit: 'binary', maxLength: 20 }).map((text) => [...Buffer.from(text)]),
  fc.string({ unit: 'grapheme', maxLength: 60 }).map((text) => [...Buffer.from(text)]),
  fc.constantFrom([0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xc0, 0xaf], [0xf0, 0x9f, 0x98]),
  fc
    .tuple(fc.constantFrom(1000, 1001, 1005, 1011, 2999, 3000, 4999, 5000), fc.string())
    .map(([code, reason]) => [code >> 8, code & 255, ...Buffer.from(reason)]),
  fc.constantFrom(125, 126, 127, 1000, 65_535, 65_536).map((size) => repeated(0x61, size)),
);

interface FrameSpec {
  readonly fin: boolean;
  readonly reserved: number;
  readonly opcode: number;
  readonly payload: readonly number[];
  readonly key: readonly number[];
  readonly flipMask: boolean;
  /** Which of the three length forms: 0 the shortest, else a longer one. */
  readonly lengthForm: number;
}

const mostly = <T>(usual: T, unusual: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 19, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: unusual });

const frame: fc.Arbitrary<FrameSpec> = fc.record({
  fin: fc.boolean(),
  reserved: mostly(0, fc.nat(7)),
  opcode: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(0, 1, 2) },
    { weight: 4, arbitrary: fc.constantFrom(9, 10) },
    { weight: 1, arbitrary: fc.constant(8) },
    { weight: 1, arbitrary: fc.nat(15) },
  ),
  payload,
  key: fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }),
  flipMask: mostly(false, fc.constant(true)),
  lengthForm: mostly(0, fc.nat(2)),
});

/** A stream that keeps most rules: continuation where a message is open, whole control frames. */
const orderly: fc.Arbitrary<FrameSpec[]> = fc.array(frame, { maxLength: 8 }).map((frames) => {
  let open = false;
  return frames.map((spec) => {
    if (spec.opcode >= 8) return { ...spec, fin: true, payload: spec.payload.slice(0, 125) };
    const opcode = open ? 0 : spec.opcode === 2 ? 2 : 1;
    open = !spec.fin;
    return { ...spec, opcode };
  });
});

const stream = fc.oneof(
  { weight: 6, arbitrary: orderly },
  { weight: 2, arbitrary: fc.array(frame, { maxLength: 6 }) },
);

const cuts = fc.oneof(
  fc.constant([] as number[]),
  fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }),
  fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 8 }),
);

test('MessageReceiver gives the events of the reference, however frames are cut', () => {
  fc.assert(
    fc.property(stream, role, cuts, fc.nat(3), (frames, side, sizes, alignment) => {
      const rules: Rules = { role: side, ...LIMITS };
      const input = frames.flatMap((spec) => encode(spec, side));
      assertSameEvents(input, rules, sizes, alignment);
    }),
    { numRuns: 600 },
  );
});

test('MessageReceiver gives the events of the reference after every single byte', () => {
  const small = fc.array(frame, { maxLength: 5 });
  fc.assert(
    fc.property(fc.oneof(orderly, small), role, (frames, side) => {
      const rules: Rules = { role: side, maxMessageSize: 90, maxFrameSize: 60 };
      const input = frames.flatMap((spec) => encode(spec, side)).slice(0, 300);
      const probe = new ReceiverProbe(rules);
      for (let count = 1; count <= input.length; count++) {
        probe.feed(input.slice(count - 1, count), count & 3);
        assert.deepEqual(probe.events, referenceEvents(input.slice(0, count), rules));
      }
      probe.receiver.stop();
      assert.equal(probe.blocks.held.size, 0);
    }),
    { numRuns: 150 },
  );
});

test('MessageReceiver gives the events of the reference for arbitrary bytes', () => {
  const bytes = fc.array(
    fc.oneof(fc.nat(255), fc.constantFrom(0x01, 0x81, 0x82, 0x00, 0x80, 0x88, 0x89, 0x84, 0xfe)),
    { maxLength: 120 },
  );
  fc.assert(
    fc.property(bytes, role, cuts, (input, side, sizes) => {
      assertSameEvents(input, { role: side, ...LIMITS }, sizes, 0);
    }),
    { numRuns: 1000 },
  );
});

test('The reference knows UTF-8 as TextDecoder does', () => {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decodes = (bytes: readonly number[]): boolean => {
    try {
      decoder.decode(new Uint8Array(bytes));
      return true;
    } catch {
      return false;
    }
  };
  fc.assert(
    fc.property(payload, (bytes) => {
      assert.equal(isUtf8(bytes), decodes(bytes));
      if (decodes(bytes)) assert.ok(isUtf8Prefix(bytes.slice(0, -1)));
    }),
    { numRuns: 300 },
  );
});

function assertSameEvents(
  input: readonly number[],
  rules: Rules,
  sizes: readonly number[],
  alignment: number,
): void {
  const probe = new ReceiverProbe(rules);
  let at = 0;
  for (let turn = 0; at < input.length; turn++) {
    const size = sizes.length === 0 ? input.length : sizes[turn % sizes.length]!;
    const piece = input.slice(at, at + size);
    assert.equal(probe.feed(piece, (alignment + turn) & 3), piece.length);
    at += size;
  }
  assert.deepEqual(probe.events, referenceEvents(input, rules));
  probe.receiver.stop();
  assert.equal(probe.blocks.held.size, 0, 'a stopped receiver holds nothing');
}

function encode(spec: FrameSpec, side: Rules['role']): number[] {
  const masked = (side === 'server') !== spec.flipMask;
  const size = spec.payload.length;
  const form = Math.max(spec.lengthForm, size < 126 ? 0 : size < 65_536 ? 1 : 2);
  const length =
    form === 0
      ? [size]
      : form === 1
        ? [126, size >> 8, size & 255]
        : [127, 0, 0, 0, 0, 0, size >> 16, (size >> 8) & 255, size & 255];
  length[0]! += masked ? 128 : 0;
  const body = masked ? spec.payload.map((byte, i) => byte ^ spec.key[i % 4]!) : spec.payload;
  const first = (spec.fin ? 128 : 0) + spec.reserved * 16 + spec.opcode;
  return [first, ...length, ...(masked ? spec.key : []), ...body];
}

function repeated(byte: number, size: number): number[] {
  return new Array<number>(size).fill(byte);
}
