/** What the fuzz tests do not reach: sinks that stop or pause, memory that is not there, turns. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { constants, deflateRawSync } from 'node:zlib';
import { SeededRandom, type Clock } from '../../base/index.ts';
import { dedicatedInflater, openStreams, sharedInflaters } from '../../deflate/index.ts';
import { Arena, Blocks } from '../../memory/index.ts';
import { COMPRESSED, Opcode, writeHead } from './frame.ts';
import { FAILURES } from './failures.ts';
import { InflateStatus, type InflaterSource, type MessageInflater } from './inflation.ts';
import { MessageReceiver } from './receiver.ts';
import { ReceiverContext, type BlockSource, type MessageSink } from './receiver-context.ts';

const arena = Arena.create({ size: 16 << 20 });
const streams = openStreams(arena);
const blocks = Blocks.create(arena, { name: 'blocks', size: 8 << 20, minBlock: 1024 });
const region = arena.allocate('pieces', 1 << 20);
const START = region.offset;
const MIB = 1 << 20;
const TEXT = Opcode.TEXT + COMPRESSED;
const BINARY = Opcode.BINARY + COMPRESSED;
after(() => streams.close());

function pack(data: Uint8Array | string): Buffer {
  return deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

const random = new SeededRandom(1);

function randomBytes(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, () => random.below(256));
}

/** Puts frames one after the other at `START`; returns their length. */
function put(...frames: (readonly [opcode: number, payload: Uint8Array | string])[]): number {
  let at = START;
  for (const [opcode, data] of frames) {
    const payload = Buffer.from(data);
    at += writeHead(arena.bytes, at, opcode, true, payload.length);
    arena.bytes.set(payload, at);
    at += payload.length;
  }
  return at - START;
}

class Recorder implements MessageSink<number> {
  readonly log: string[] = [];
  answer: () => boolean = () => true;

  context(options: {
    clock?: Clock;
    blocks?: BlockSource;
    maxMessageSize?: number;
  }): ReceiverContext<number> {
    return new ReceiverContext<number>({
      bytes: arena.bytes,
      memory: arena.memory,
      blocks,
      sink: this,
      role: 'client',
      maxMessageSize: 4 * MIB,
      ...options,
    });
  }
  message(_connection: number, opcode: number, _offset: number, length: number): boolean {
    this.log.push(`message ${opcode} ${length}`);
    return this.answer();
  }
  ping(): boolean {
    this.log.push('ping');
    return this.answer();
  }
  pong(): boolean {
    return true;
  }
  close(): void {
    this.log.push('close');
  }
  fail(_connection: number, failure: { reason: string }): void {
    this.log.push(failure.reason);
  }
}

/** Each look at it is 0.6 ms later, so that a slice ends at the third. */
function fastClock(): Clock {
  let now = 0;
  return { now: () => (now += 0.6) };
}

/** What must hold when nothing is open any more. */
function assertNothingHeld(inflaters: { free(): void }): void {
  inflaters.free();
  assert.equal(blocks.held, 0);
  assert.equal(streams.bytes, 0);
}

test('MessageReceiver inflates a small message in one go, without a look at the clock', () => {
  const recorder = new Recorder();
  const inflaters = sharedInflaters(streams);
  const clock: Clock = { now: () => assert.fail('nobody asked for the time') };
  const receiver = new MessageReceiver(recorder.context({ clock }), 1, inflaters);
  const length = put([TEXT, pack('hello')], [BINARY, pack(Buffer.alloc(8000))]);
  assert.equal(receiver.receive(START, length), length);
  assert.deepEqual(recorder.log, ['message 1 5', 'message 2 8000']);
  assert.equal(receiver.unfinished, false);
  assertNothingHeld(inflaters);
});

test('MessageReceiver is blocked while a message inflates, and takes nothing meanwhile', () => {
  const recorder = new Recorder();
  const inflaters = sharedInflaters(streams);
  const receiver = new MessageReceiver(recorder.context({ clock: fastClock() }), 1, inflaters);
  const first = put([BINARY, pack(Buffer.alloc(3 * MIB))]);
  const length = put([BINARY, pack(Buffer.alloc(3 * MIB))], [Opcode.PING, 'p'], [TEXT, pack('x')]);
  const taken = receiver.receive(START, length);
  assert.equal(taken, first, 'the message itself is taken');
  assert.equal(receiver.blocked, true);
  assert.equal(receiver.unfinished, true);
  const rest = arena.bytes.slice(START + taken, START + length);
  arena.bytes.fill(0xdd, START, START + length);
  let turns = 0;
  while (receiver.blocked) {
    assert.deepEqual(recorder.log, []);
    assert.equal(receiver.receive(START, 10), 0);
    assert.equal(receiver.proceed(), !receiver.blocked);
    turns++;
  }
  assert.ok(turns > 1);
  assert.deepEqual(recorder.log, [`message 2 ${3 * MIB}`]);
  arena.bytes.set(rest, START);
  assert.equal(receiver.receive(START, rest.length), rest.length);
  assert.deepEqual(recorder.log.slice(1), ['ping', 'message 1 1']);
  assert.equal(receiver.proceed(), true, 'with nothing to proceed with');
  assertNothingHeld(inflaters);
});

test('MessageReceiver.proceed says when the sink wants no more', () => {
  const recorder = new Recorder();
  recorder.answer = () => false;
  const inflaters = sharedInflaters(streams);
  const receiver = new MessageReceiver(recorder.context({ clock: fastClock() }), 1, inflaters);
  const length = put([BINARY, pack(Buffer.alloc(3 * MIB))]);
  receiver.receive(START, length);
  let welcome = false;
  while (receiver.blocked) welcome = receiver.proceed();
  assert.equal(welcome, false);
  assert.equal(recorder.log.length, 1);
  assertNothingHeld(inflaters);
});

test('MessageReceiver shares its inflaters with others while it is blocked', () => {
  const inflaters = sharedInflaters(streams);
  const recorder = new Recorder();
  const context = recorder.context({ clock: fastClock() });
  const receivers = [1, 2, 3, 4].map((id) => new MessageReceiver(context, id, inflaters));
  const length = put([BINARY, pack(Buffer.alloc(MIB))]);
  for (const receiver of receivers) receiver.receive(START, length);
  assert.ok(receivers.every((receiver) => receiver.blocked));
  for (let left = receivers; left.length > 0; left = left.filter((each) => each.blocked)) {
    for (const receiver of left) receiver.proceed();
  }
  assert.deepEqual(recorder.log, new Array(4).fill(`message 2 ${MIB}`));
  assertNothingHeld(inflaters);
});

test('MessageReceiver.stop ends an inflation that has begun', () => {
  for (const inflaters of [sharedInflaters(streams), dedicatedInflater(streams)]) {
    const recorder = new Recorder();
    const receiver = new MessageReceiver(recorder.context({ clock: fastClock() }), 1, inflaters);
    receiver.receive(START, put([BINARY, pack(Buffer.alloc(3 * MIB))]));
    assert.ok(receiver.blocked && blocks.held > 0);
    receiver.stop();
    assert.equal(receiver.blocked, false);
    assert.equal(receiver.proceed(), true);
    assert.equal(receiver.receive(START, 10), 10);
    assert.deepEqual(recorder.log, []);
    assertNothingHeld(inflaters);
  }
});

test('MessageReceiver can be stopped by its sink, or by what it throws, after inflating', () => {
  for (const thrown of [false, true]) {
    const recorder = new Recorder();
    const inflaters = dedicatedInflater(streams);
    const receiver = new MessageReceiver(recorder.context({ clock: fastClock() }), 1, inflaters);
    recorder.answer = () => {
      if (thrown) throw new Error('boom');
      receiver.stop();
      return true;
    };
    receiver.receive(START, put([BINARY, pack(Buffer.alloc(3 * MIB))]));
    const finish = (): void => {
      while (receiver.blocked) receiver.proceed();
    };
    if (thrown) assert.throws(finish, /boom/);
    else finish();
    assert.equal(receiver.stopped, true);
    assert.deepEqual(recorder.log, [`message 2 ${3 * MIB}`]);
    assertNothingHeld(inflaters);
  }
});

test('MessageReceiver fails with 1013 wherever there is no block', () => {
  const packed = pack(Buffer.alloc(3 * MIB));
  const noise = pack(randomBytes(100_000));
  for (const payload of [packed, noise]) {
    for (let left = 0; left < 4; left++) {
      const recorder = new Recorder();
      const inflaters = sharedInflaters(streams);
      let more = left;
      const scarce: BlockSource = {
        acquire: (size) => (more-- > 0 ? blocks.acquire(size) : 0),
        release: (offset) => blocks.release(offset),
        sizeOf: (offset) => blocks.sizeOf(offset),
      };
      const context = recorder.context({ clock: fastClock(), blocks: scarce });
      const receiver = new MessageReceiver(context, 1, inflaters);
      receiver.receive(START, put([BINARY, payload]));
      while (receiver.blocked) receiver.proceed();
      if (more < 0) assert.deepEqual(recorder.log, [FAILURES.NO_MEMORY.reason]);
      assertNothingHeld(inflaters);
    }
  }
});

test('MessageReceiver says what its inflater says', () => {
  const statuses = [
    [InflateStatus.BAD_DATA, FAILURES.COMPRESSED_DATA],
    [InflateStatus.NO_MEMORY, FAILURES.NO_MEMORY],
    [InflateStatus.TOO_BIG, FAILURES.MESSAGE_TOO_BIG],
  ] as const;
  for (const [status, failure] of statuses) {
    const recorder = new Recorder();
    const inflater: MessageInflater = { consumed: 0, produced: 0, inflate: () => status };
    const releases: boolean[] = [];
    const source: InflaterSource = {
      acquire: () => inflater,
      release: (_inflater, complete) => void releases.push(complete),
    };
    const receiver = new MessageReceiver(recorder.context({}), 1, source);
    receiver.receive(START, put([TEXT, 'abc']));
    assert.deepEqual(recorder.log, [failure.reason]);
    assert.deepEqual(releases, [false]);
    assert.equal(blocks.held, 0);
  }
});

test('MessageReceiver without inflaters takes RSV1 for a mistake', () => {
  const recorder = new Recorder();
  const receiver = new MessageReceiver(recorder.context({}), 1);
  receiver.receive(START, put([TEXT, pack('hello')]));
  assert.deepEqual(recorder.log, [FAILURES.RESERVED_BITS.reason]);
});

test('MessageReceiver takes a message of the largest size that could not be compressed', () => {
  const noise = randomBytes(3000);
  const packed = deflateRawSync(noise, {
    memLevel: 1,
    windowBits: 9,
    finishFlush: constants.Z_SYNC_FLUSH,
  }).subarray(0, -4);
  assert.ok(packed.length > noise.length);
  for (const [maxMessageSize, expected] of [
    [3000, 'message 2 3000'],
    [2999, FAILURES.MESSAGE_TOO_BIG.reason],
  ] as const) {
    const recorder = new Recorder();
    const inflaters = sharedInflaters(streams);
    const receiver = new MessageReceiver(recorder.context({ maxMessageSize }), 1, inflaters);
    receiver.receive(START, put([BINARY, packed]));
    assert.deepEqual(recorder.log, [expected]);
    assertNothingHeld(inflaters);
  }
});
