/** The receiver against the reference decoder, with compressed messages, right and wrong. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { constants, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import {
  dedicatedInflater,
  openStreams,
  reasonAgainstNative,
  sharedInflaters,
} from '../../src/deflate/index.ts';
import { Arena } from '../../src/memory/index.ts';
import { ReceiverProbe, type ProbePlace } from './receiver-probe.ts';
import { referenceEvents, type Rules } from './reference-decoder.ts';

const arena = Arena.create({ size: 8 << 20 });
const reason = reasonAgainstNative(arena);
const skip = reason ?? false;
const streams = openStreams(arena);
const region = arena.allocate('probe', 4 << 20);
after(() => streams.close());

type Takeover = NonNullable<Rules['deflate']>;

/** Runs `body` with a probe whose inflater ends with it. */
function withProbe(rules: Rules, body: (probe: ReceiverProbe) => void): void {
  const inflaters =
    rules.deflate === 'takeover' ? dedicatedInflater(streams) : sharedInflaters(streams);
  const place: ProbePlace = {
    bytes: arena.bytes,
    start: region.offset,
    end: region.offset + region.size,
    inflaters,
  };
  const probe = new ReceiverProbe(rules, place);
  try {
    body(probe);
    probe.receiver.stop();
    assert.equal(probe.blocks.held.size, 0, 'a stopped receiver holds nothing');
  } finally {
    inflaters.free();
  }
  assert.equal(streams.bytes, 0, 'and no stream');
}

interface MessageSpec {
  readonly text: boolean;
  readonly compressed: boolean;
  readonly payload: readonly number[];
  /** Sizes of the fragments, over and over. */
  readonly fragments: readonly number[];
  /** A ping before the second fragment. */
  readonly ping: boolean;
  /** Bits of the first byte to flip; mostly none. */
  readonly flip: number;
}

const plain = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'grapheme', maxLength: 60 }) },
  { weight: 2, arbitrary: fc.nat(3000).map((size) => 'abcde fgh'.repeat(size / 9)) },
);
const content = fc.oneof(
  { weight: 12, arbitrary: plain.map((text) => [...Buffer.from(text)]) },
  { weight: 3, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => [...bytes]) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(0x61, 0xff), fc.integer({ min: 30_000, max: 70_001 }))
      .map(([byte, size]) => new Array<number>(size).fill(byte)),
  },
);

/** Compressed bytes: mostly right, some with bytes changed or cut off, some arbitrary. */
const compressed = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(content, fc.constantFrom(1, 6, 9), fc.boolean()).map(pack) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        content.map((bytes) => pack([bytes, 6, false])),
        fc.nat(300),
        fc.nat(255),
      )
      .map(([bytes, at, value]) =>
        bytes.map((byte, i) => (i === at % bytes.length ? value : byte)),
      ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        content.map((bytes) => pack([bytes, 6, false])),
        fc.nat(300),
      )
      .map(([bytes, size]) => bytes.slice(0, size)),
  },
  { weight: 1, arbitrary: fc.array(fc.nat(255), { maxLength: 30 }) },
);

function pack([bytes, level, final]: [readonly number[], number, boolean]): number[] {
  const finishFlush = final ? constants.Z_FINISH : constants.Z_SYNC_FLUSH;
  const packed = [...deflateRawSync(Uint8Array.from(bytes), { level, finishFlush })];
  return final ? [...packed, 0] : packed.slice(0, -4);
}

const rarely = (value: fc.Arbitrary<number>): fc.Arbitrary<number> =>
  fc.oneof({ weight: 24, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: value });

const message: fc.Arbitrary<MessageSpec> = fc.boolean().chain((isCompressed) =>
  fc.record({
    text: fc.boolean(),
    compressed: fc.constant(isCompressed),
    payload: isCompressed ? compressed : content,
    fragments: fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 3 }),
    ping: fc.boolean(),
    flip: rarely(fc.constantFrom(0x10, 0x20, 0x40, 0x60)),
  }),
);

function frames(spec: MessageSpec, role: Rules['role']): number[] {
  const parts: (readonly number[])[] = [];
  let at = 0;
  for (const size of spec.fragments) {
    parts.push(spec.payload.slice(at, at + size));
    at += size;
  }
  parts.push(spec.payload.slice(at));
  const first = (spec.text ? 1 : 2) + (spec.compressed ? 0x40 : 0);
  return parts.flatMap((part, i) => {
    const head = (i === 0 ? first ^ spec.flip : 0) + (i === parts.length - 1 ? 0x80 : 0);
    const ping = spec.ping && i === 1 ? frame(0x89, [1, 2, 3], role) : [];
    return [...ping, ...frame(head, part, role)];
  });
}

function frame(first: number, payload: readonly number[], role: Rules['role']): number[] {
  const size = payload.length;
  const length =
    size < 126
      ? [size]
      : size < 65_536
        ? [126, size >> 8, size & 255]
        : [127, 0, 0, 0, 0, 0, size >> 16, (size >> 8) & 255, size & 255];
  const key = [size & 255, 0x5a, 0, 0xff];
  if (role === 'client') return [first, ...length, ...payload];
  length[0]! += 0x80;
  return [first, ...length, ...key, ...payload.map((byte, i) => byte ^ key[i % 4]!)];
}

const rules: fc.Arbitrary<Rules> = fc.record({
  role: fc.constantFrom<Rules['role']>('server', 'client'),
  deflate: fc.constantFrom<Takeover>('takeover', 'no takeover'),
  maxMessageSize: fc.constantFrom(0, 60, 1500, 3000, 70_000),
  maxFrameSize: fc.constantFrom(100, 1500, 70_000),
});

const cuts = fc.oneof(
  fc.constant([100_000]),
  fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 }),
  fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 8 }),
);

test('MessageReceiver gives the events of the reference for compressed messages', { skip }, () => {
  let blocked = 0;
  fc.assert(
    fc.property(fc.array(message, { maxLength: 6 }), rules, cuts, (messages, settings, sizes) => {
      const input = messages.flatMap((spec) => frames(spec, settings.role));
      withProbe(settings, (probe) => {
        let at = 0;
        for (let turn = 0; at < input.length; turn++) {
          const piece = input.slice(at, at + sizes[turn % sizes.length]!);
          assert.equal(probe.feed(piece, turn & 3), piece.length);
          at += piece.length;
        }
        assert.deepEqual(probe.events, referenceEvents(input, settings));
        blocked += probe.blockedTimes;
      });
    }),
    { numRuns: 800 },
  );
  assert.ok(blocked > 0, 'some messages took several turns');
});

test('MessageReceiver gives the reference’s events after every byte, compressed', { skip }, () => {
  const few = fc.array(message, { maxLength: 3 });
  fc.assert(
    fc.property(few, rules, (messages, settings) => {
      const input = messages.flatMap((spec) => frames(spec, settings.role)).slice(0, 250);
      withProbe(settings, (probe) => {
        for (let count = 1; count <= input.length; count++) {
          probe.feed(input.slice(count - 1, count), count & 3);
          assert.deepEqual(probe.events, referenceEvents(input.slice(0, count), settings));
        }
      });
    }),
    { numRuns: 120 },
  );
});

test('MessageReceiver may be stopped in the middle of any compressed message', { skip }, () => {
  fc.assert(
    fc.property(message, rules, fc.nat(400), (spec, settings, at) => {
      withProbe(settings, (probe) => {
        const input = frames(spec, settings.role);
        probe.feed(input.slice(0, at));
        probe.receiver.stop();
        assert.equal(probe.blocks.held.size, 0);
      });
    }),
    { numRuns: 300 },
  );
});

test('a bomb is refused early, with little memory', { skip }, () => {
  const bomb = deflateRawSync(Buffer.alloc(16 << 20), { finishFlush: constants.Z_SYNC_FLUSH });
  const packed = [...bomb.subarray(0, bomb.length - 4)];
  assert.ok(packed.length > 16_000 && packed.length < 17_000);
  for (const deflate of ['takeover', 'no takeover'] as const) {
    for (const part of [100_000, 1000]) {
      const settings: Rules = {
        role: 'server',
        deflate,
        maxMessageSize: 65_536,
        maxFrameSize: 65_536,
      };
      withProbe(settings, (probe) => {
        const input = frame(0xc2, packed, 'server');
        for (let at = 0; at < input.length; at += part) probe.feed(input.slice(at, at + part));
        assert.deepEqual(probe.events, [{ kind: 'fail', code: 1009, payload: [] }]);
        // The compressed bytes, and two blocks of the result while it grows.
        assert.ok(probe.blocks.peak <= 2 * packed.length + 65_536 * 2, `${probe.blocks.peak}`);
      });
    }
  }
});
