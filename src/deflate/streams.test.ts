/** One suite for every implementation of the contract. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { deflateRawSync, constants } from 'node:zlib';
import fc from 'fast-check';
import { Arena } from '../memory/index.ts';
import {
  compressedBound,
  OUTPUT_BYTES_MIN,
  StreamStatus,
  type Deflater,
  type Inflater,
  type Streams,
} from './contract.ts';
import { openStreams, reasonAgainstNative } from './open.ts';
import { referenceInflate } from './reference.test.helper.ts';

const arena = Arena.create({ size: 16 << 20 });
const SOURCE = 1 << 20;
const TARGET = 4 << 20;
const GUARD = 0xa5;
const ROOM = 4 << 20;

const { DONE, INPUT, OUTPUT, BAD_DATA, NO_MEMORY, TOO_BIG } = StreamStatus;

function text(size: number): Buffer {
  let all = '';
  for (let i = 0; all.length < size; i++) {
    all += JSON.stringify({
      id: i,
      user: `user${(i * 7919) % 1000}`,
      at: i * 137,
      tags: ['a', 'b'],
    });
  }
  return Buffer.from(all.slice(0, size));
}

/** What a run of calls left behind. */
interface Run {
  readonly status: number;
  readonly output: Buffer;
}

type Step = (source: number, length: number, last: boolean, target: number, room: number) => number;

/** Gives `input` in parts of at most `part` bytes, with `room` for the output of each call. */
function run(stream: Deflater | Inflater, input: Uint8Array, part = ROOM, room = ROOM): Run {
  const step: Step =
    'compress' in stream
      ? (...call) => stream.compress(...call)
      : (...call) => stream.inflate(...call);
  const outputs: Buffer[] = [];
  let at = 0;
  for (let calls = 0; ; calls++) {
    assert.ok(calls < 100_000, 'every call gets on');
    const length = Math.min(part, input.length - at);
    const last = at + length === input.length;
    arena.bytes.set(input.subarray(at, at + length), SOURCE);
    arena.bytes[TARGET + room] = GUARD;
    const status = step(SOURCE, length, last, TARGET, room);
    assert.equal(arena.bytes[TARGET + room], GUARD, 'nothing is written behind the room');
    assert.ok(stream.consumed <= length && stream.produced <= room);
    outputs.push(Buffer.from(arena.bytes.slice(TARGET, TARGET + stream.produced)));
    at += stream.consumed;
    if (status === INPUT && !last) assert.equal(stream.consumed, length);
    if (status !== INPUT && status !== OUTPUT) return { status, output: Buffer.concat(outputs) };
  }
}

function done(stream: Deflater | Inflater, input: Uint8Array, part = ROOM, room = ROOM): Buffer {
  const { status, output } = run(stream, input, part, room);
  assert.equal(status, DONE);
  return output;
}

const hex = (bytes: string): Buffer => Buffer.from(bytes.replaceAll(' ', ''), 'hex');

function suite(kind: 'native' | 'node'): void {
  const reason = kind === 'native' ? reasonAgainstNative(arena) : undefined;
  const skip = reason ?? false;
  describe(`Streams, ${kind}`, { skip }, () => {
    const streams: Streams = skip === false ? openStreams(arena, { kind }) : (undefined as never);
    after(() => streams.close());
    roundTrips(streams);
    resets(streams);
    examples(streams);
    badData(streams);
    windows(streams);
    memory(streams, kind);
  });
}

function roundTrips(streams: Streams): void {
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.nat(20_000).map((size) => new Uint8Array(text(size))),
    fc.tuple(fc.nat(255), fc.nat(70_000)).map(([byte, size]) => new Uint8Array(size).fill(byte)),
  );
  test('a deflater and an inflater keep messages, in parts of any size', () => {
    const options = fc.record({
      level: fc.integer({ min: 1, max: 9 }),
      windowBits: fc.integer({ min: 8, max: 15 }),
      memoryLevel: fc.integer({ min: 1, max: 9 }),
      takeover: fc.boolean(),
    });
    const parts = fc.integer({ min: 200, max: 50_000 });
    const rooms = fc.integer({ min: OUTPUT_BYTES_MIN, max: 5000 });
    fc.assert(
      fc.property(
        options,
        fc.array(payload, { minLength: 1, maxLength: 4 }),
        parts,
        rooms,
        (settings, messages, part, room) => {
          const { windowBits, takeover } = settings;
          const deflater = streams.deflater(settings);
          const inflater = streams.inflater({ windowBits, takeover });
          for (const message of messages) {
            const small = done(deflater, message, part, room);
            assert.deepEqual(done(inflater, small, part, room), Buffer.from(message));
          }
          deflater.free();
          inflater.free();
        },
      ),
      { numRuns: streams.kind === 'native' ? 150 : 25 },
    );
  });

  test('a whole message fits in compressedBound, in one call', () => {
    for (const memoryLevel of [1, 5, 8, 9]) {
      for (const windowBits of [8, 10, 15]) {
        const deflater = streams.deflater({ memoryLevel, windowBits });
        for (const size of [0, 1, 20, 125, 127, 1000, 20_000, 70_000]) {
          const noise = Uint8Array.from(
            { length: size },
            (_, i) => (i * i * 31 + (i >> 3)) ^ (i >> 7),
          );
          arena.bytes.set(noise, SOURCE);
          const status = deflater.compress(SOURCE, size, true, TARGET, compressedBound(size));
          assert.equal(status, DONE, `${size} bytes, memory level ${memoryLevel}`);
        }
        deflater.free();
      }
    }
  });
}

function resets(streams: Streams): void {
  test('messages with takeover become smaller when they repeat, and others do not', () => {
    for (const takeover of [true, false]) {
      const deflater = streams.deflater({ takeover });
      const first = done(deflater, text(1000));
      const second = done(deflater, text(1000));
      assert.equal(second.length < first.length / 4, takeover);
      assert.equal(second.equals(first), !takeover);
      deflater.free();
    }
  });

  test('Deflater.reset makes the next message stand alone', () => {
    const deflater = streams.deflater({ takeover: true });
    const first = done(deflater, text(1000));
    for (const forget of ['reset', 'free'] as const) {
      deflater[forget]();
      assert.deepEqual(done(deflater, text(1000)), first);
    }
    arena.bytes.set(text(5000), SOURCE);
    assert.equal(deflater.compress(SOURCE, 5000, true, TARGET, OUTPUT_BYTES_MIN), OUTPUT);
    deflater.reset();
    assert.deepEqual(done(deflater, text(1000)), first, 'a message may be given up');
    assert.deepEqual(done(deflater, new Uint8Array(0)), hex('00'));
    deflater.free();
  });

  test('Inflater.reset begins anew in the middle of a message', () => {
    const inflater = streams.inflater();
    const small = done(streams.deflater(), text(1000));
    arena.bytes.set(small, SOURCE);
    assert.equal(inflater.inflate(SOURCE, small.length, true, TARGET, 10), OUTPUT);
    inflater.reset();
    assert.deepEqual(done(inflater, small), text(1000));
    inflater.free();
  });
}

/** RFC 7692 §7.2.3, all of them "Hello" unless they say otherwise. */
function examples(streams: Streams): void {
  const hello = Buffer.from('Hello');
  const inflates = (what: string, bytes: string, expected: Uint8Array = hello): void => {
    test(`Inflater takes ${what}`, () => {
      for (const part of [ROOM, 1, 3]) {
        for (const room of [ROOM, 1, 2]) {
          const inflater = streams.inflater();
          assert.deepEqual(done(inflater, hex(bytes), part, room), expected);
          assert.deepEqual(done(inflater, hex(bytes), part, room), expected, 'and again');
          inflater.free();
        }
      }
      assert.deepEqual(referenceInflate([...hex(bytes)]).output, [...expected]);
    });
  };
  inflates('one compressed block (§7.2.3.1)', 'f2 48 cd c9 c9 07 00');
  inflates('a block without compression (§7.2.3.3)', '00 05 00 fa ff 48 65 6c 6c 6f 00');
  inflates('a block with BFINAL (§7.2.3.4)', 'f3 48 cd c9 c9 07 00 00');
  inflates('two blocks in a message (§7.2.3.5)', 'f2 48 05 00 00 00 ff ff ca c9 c9 07 00');
  inflates('an empty block (§7.2.3.6)', '00', Buffer.alloc(0));
  inflates('nothing at all', '', Buffer.alloc(0));
  inflates('a block with BFINAL and no byte behind it', 'f3 48 cd c9 c9 07 00');
  inflates(
    'several blocks with BFINAL',
    'f3 48 cd c9 c9 07 00 f3 48 cd c9 c9 07 00 f2 48 cd c9 c9 07 00',
    Buffer.from('HelloHelloHello'),
  );
  inflates('an empty block in front', '00 00 00 ff ff f2 48 cd c9 c9 07 00');

  test('Inflater shares the window (§7.2.3.2), over BFINAL too', () => {
    for (const first of ['f2 48 cd c9 c9 07 00', 'f3 48 cd c9 c9 07 00 00']) {
      const inflater = streams.inflater({ takeover: true });
      assert.deepEqual(done(inflater, hex(first)), hello);
      assert.deepEqual(done(inflater, hex('f2 00 11 00 00')), hello);
      inflater.free();
    }
    const alone = streams.inflater();
    done(alone, hex('f2 48 cd c9 c9 07 00'));
    assert.equal(run(alone, hex('f2 00 11 00 00')).status, BAD_DATA, 'without takeover it is gone');
    alone.free();
  });

  test('Deflater writes the RFC’s bytes for its examples', () => {
    const deflater = streams.deflater({ takeover: true, level: 6 });
    assert.deepEqual(done(deflater, hello), hex('f2 48 cd c9 c9 07 00'));
    assert.deepEqual(done(deflater, new Uint8Array(0)), hex('00'));
    const second = done(deflater, hello);
    assert.deepEqual(referenceInflate([...second], [...hello]).output, [...hello]);
    deflater.free();
  });
}

function badData(streams: Streams): void {
  test('Inflater refuses what is no deflate data, or ends too early', () => {
    const whole = done(streams.deflater(), text(300));
    const bad = {
      'type 3': hex('07'),
      'rubbish behind BFINAL': hex('f3 48 cd c9 c9 07 00 ff'),
      'lengths that do not agree': hex('00 05 00 fa fe 48 65 6c 6c 6f 00'),
      'too far back': hex('f2 00 11 00 00'),
      'the end of a block is missing': whole.subarray(0, whole.length - 10),
      'half a head': hex('f2'),
      'a block without compression that is cut': hex('00 0a 00 f5 ff 48 65'),
      'a tail of its own, cut': hex('f2 48 cd c9 c9 07 00 00 00'),
    };
    for (const [what, bytes] of Object.entries(bad)) {
      for (const part of [ROOM, 1]) {
        const inflater = streams.inflater();
        assert.equal(run(inflater, bytes, part).status, BAD_DATA, what);
        inflater.reset();
        assert.deepEqual(done(inflater, whole), text(300), 'a reset makes it good again');
        inflater.free();
      }
      assert.equal(referenceInflate([...bytes]).end, 'bad', what);
    }
  });

  test('Inflater agrees with the reference on corrupted and arbitrary bytes', () => {
    const levels = fc.constantFrom(1, 6, 9);
    const real = fc
      .tuple(
        fc.string({ maxLength: 200 }),
        levels,
        fc.boolean(),
        fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 2 }),
      )
      .map(([message, level, final, wrong]) => {
        const finishFlush = final ? constants.Z_FINISH : constants.Z_SYNC_FLUSH;
        const bytes = [...deflateRawSync(message, { level, finishFlush })];
        for (const [at, value] of wrong) if (at < bytes.length) bytes[at] = value;
        return final ? bytes : bytes.slice(0, -4);
      });
    const arbitrary = fc.array(fc.nat(255), { maxLength: 40 });
    const several = fc.array(real, { maxLength: 3 }).map((blocks) => blocks.flat());
    const inflater = streams.inflater({ maxMessageSize: 1 << 20 });
    fc.assert(
      fc.property(
        fc.oneof(real, arbitrary, several),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 300 }),
        (message, part, room) => {
          const expected = referenceInflate(message);
          const { status, output } = run(inflater, Uint8Array.from(message), part, room);
          assert.equal(status, expected.end === 'complete' ? DONE : BAD_DATA);
          if (status === DONE) assert.deepEqual([...output], expected.output);
          inflater.reset();
        },
      ),
      { numRuns: streams.kind === 'native' ? 3000 : 400 },
    );
    inflater.free();
  });
}

function windows(streams: Streams): void {
  test('Deflater refers back as far as its window, and never further', () => {
    // With 8 bits it is zlib's window of 9, which reaches 512 - 262 bytes back.
    const distances = { 8: 200, 9: 200, 10: 700, 12: 3000 };
    for (const [bits, distance] of Object.entries(distances)) {
      const windowBits = Number(bits);
      const noise = Buffer.from(
        Uint8Array.from({ length: distance }, (_, i) => ((i * i * 40_503) >> 5) ^ (i * 77)),
      );
      const repeated = Buffer.concat([noise, noise, noise, text(1000), noise, text(1000)]);
      for (const level of [1, 4, 6, 9]) {
        const deflater = streams.deflater({ windowBits, level, takeover: true });
        let history: number[] = [];
        let furthest = 0;
        for (const piece of [repeated, text(700), Buffer.alloc(600, 7), repeated]) {
          const small = [...done(deflater, piece)];
          const result = referenceInflate(small, history);
          assert.deepEqual(result.output, [...piece]);
          furthest = Math.max(furthest, result.maxDistance);
          history = [...history, ...piece].slice(-32_768);
        }
        assert.ok(furthest <= 2 ** windowBits, `${furthest} of ${2 ** windowBits}`);
        assert.ok(furthest >= distance, 'the window is used');
        deflater.free();
      }
    }
  });

  test('Inflater reads windows of every size', () => {
    for (let windowBits = 8; windowBits <= 15; windowBits++) {
      const deflater = streams.deflater({ windowBits, takeover: true });
      const inflater = streams.inflater({ windowBits, takeover: true });
      for (const size of [10, 5000, 300, 70_000]) {
        const message = text(size);
        assert.deepEqual(done(inflater, done(deflater, message), 997, 1000), message);
      }
      deflater.free();
      inflater.free();
    }
  });
}

function memory(streams: Streams, kind: 'native' | 'node'): void {
  test('streams hold memory from their first message until free', () => {
    const before = streams.bytes;
    const deflater = streams.deflater({ takeover: true });
    const inflater = streams.inflater({ takeover: true });
    assert.equal(streams.bytes, before);
    const small = done(deflater, text(1000));
    const open = streams.bytes;
    assert.ok(open > before);
    done(inflater, small);
    assert.ok(streams.bytes > open);
    deflater.free();
    inflater.free();
    inflater.free();
    assert.equal(streams.bytes, before);
  });

  test('streams stop at the bytes that they may hold', () => {
    const before = streams.bytes;
    const few = openStreams(arena, { kind, maxBytes: 1000 });
    const deflater = few.deflater({ takeover: true });
    let status: number = DONE;
    for (let i = 0; i < 3 && status === DONE; i++) status = run(deflater, text(3000)).status;
    assert.equal(status, NO_MEMORY);
    deflater.free();
    assert.equal(streams.bytes, before);
    few.close();
    assert.equal(run(deflater, text(10)).status, NO_MEMORY, 'closed');
  });

  test('a bomb is stopped by its reader, or where it cannot be, by maxMessageSize', () => {
    const bomb = deflateRawSync(Buffer.alloc(8 << 20), { finishFlush: constants.Z_SYNC_FLUSH });
    const inflater = streams.inflater({ maxMessageSize: 100_000 });
    arena.bytes.set(bomb, SOURCE);
    const status = inflater.inflate(SOURCE, bomb.length, true, TARGET, 100_000);
    assert.equal(status, kind === 'native' ? OUTPUT : TOO_BIG);
    inflater.reset();
    assert.equal(done(inflater, done(streams.deflater(), Buffer.alloc(100_000))).length, 100_000);
    inflater.free();
  });

  test('Inflater (node) reads 16 blocks with BFINAL in a message: each costs it 16 µs', () => {
    const inflater = streams.inflater({ takeover: true });
    const ends = (count: number): Buffer => hex(`${'03 00 '.repeat(count)}f2 48 cd c9 c9 07 00`);
    assert.equal(done(inflater, ends(16)).toString(), 'Hello');
    const { status } = run(inflater, ends(10_000));
    assert.equal(status, kind === 'native' ? DONE : BAD_DATA);
    inflater.free();
  });

  test('options are checked', () => {
    const wrong: [object, string][] = [
      [{ windowBits: 7 }, 'ERR_OPTION_RANGE'],
      [{ windowBits: 16 }, 'ERR_OPTION_RANGE'],
      [{ windowbits: 15 }, 'ERR_OPTION_UNKNOWN'],
      [{ takeover: 1 }, 'ERR_OPTION_TYPE'],
    ];
    for (const [options, code] of wrong) {
      assert.throws(() => streams.deflater(options), { code });
      assert.throws(() => streams.inflater(options), { code });
    }
    assert.throws(() => streams.deflater({ level: 0 }), { code: 'ERR_OPTION_RANGE' });
    assert.throws(() => streams.deflater({ memoryLevel: 10 }), { code: 'ERR_OPTION_RANGE' });
    assert.throws(() => openStreams(arena, { maxBytes: -1 }), { code: 'ERR_OPTION_RANGE' });
  });
}

suite('native');
suite('node');

test('INPUT, OUTPUT and the others are what the addon returns', () => {
  assert.deepEqual([DONE, INPUT, OUTPUT, BAD_DATA, NO_MEMORY], [0, 1, 2, 3, 4]);
});
