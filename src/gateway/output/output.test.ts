import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { CompletionFlag, simulate, type Handle } from '../../driver/index.ts';
import { Arena } from '../../memory/index.ts';
import { headSize, Opcode, writeHead } from '../../websocket/index.ts';
import { Output, SENDS_MAX, Shutdown, type Outlet } from './output.ts';
import { kindOf, indexOf, Token, tokenOf } from '../engine/tokens.ts';

const MIB = 1 << 20;
/** Tokens of the clients: what follows the gateway's own kinds. */
const CLIENT = 7;

/** Outlets over a simulated network, and what arrives at their other ends. */
class Station {
  readonly arena: Arena = Arena.create({ size: 16 * MIB });
  readonly outlets: Outlet[] = [];
  readonly arrived: number[][] = [];
  readonly ended: boolean[] = [];
  readonly output: Output;
  readonly driver: ReturnType<typeof simulate>;
  #most = 0;

  constructor(seed: number, limit: number = MIB, dropsOldest: boolean = false) {
    const accepted: Handle[] = [];
    const connected: Handle[] = [];
    this.driver = simulate({
      arena: this.arena,
      seed,
      connections: 16,
      buffers: 16,
      bufferSize: 4096,
      faults: { shortWrites: 0.3, shortReads: 0.3, reordering: 0.3 },
      handler: (token, result, flags, buffer) => {
        const index = indexOf(token);
        if (kindOf(token) === Token.ACCEPT) accepted.push(result);
        else if (kindOf(token) === Token.SEND) this.output.completed(index, result);
        else if (token === CLIENT) connected.push(result);
        else if (kindOf(token) === CLIENT) this.#receive(index - 1, result, flags, buffer);
      },
    });
    const failed = (): never => assert.fail('no send fails');
    const settings = { owner: 'test', memoryBytes: 4 * MIB, limit, dropsOldest };
    this.output = new Output(this.driver, settings, this.outlets, {
      ...{ failed, drained: failed, exhausted: () => false },
    });
    const listener = this.driver.listen({ host: '127.0.0.1', port: 0 });
    this.driver.accept(listener, tokenOf(Token.ACCEPT, 0));
    const address = this.driver.address(listener);
    // One after the other, so that the ends of a pair have one index.
    for (let index = 0; index < 3; index++) {
      this.driver.connect(address, CLIENT);
      this.until(() => accepted.length > index && connected.length > index);
      const handle = accepted[index]!;
      this.outlets.push({
        ...{ index, handle, queued: 0, sends: 0, backlog: null, shutdown: 0, ends: 0 },
      });
      this.arrived.push([]);
      this.ended.push(false);
      this.driver.receive(connected[index]!, tokenOf(CLIENT, index + 1));
    }
  }

  #receive(index: number, result: number, flags: number, buffer: number): void {
    if ((flags & CompletionFlag.BUFFER) === 0) {
      this.ended[index] = true;
      return;
    }
    this.arrived[index]!.push(...this.arena.bytes.subarray(buffer, buffer + result));
    this.driver.release(buffer);
  }

  until(condition: () => boolean): void {
    for (let turns = 0; !condition(); turns++) {
      assert.ok(turns < 200_000, 'it comes to an end');
      this.driver.turn();
      for (const { sends } of this.outlets) this.#most = Math.max(this.#most, sends);
      assert.ok(this.#most <= SENDS_MAX);
    }
  }
}

const step = fc.oneof(
  fc.record({
    do: fc.constantFrom('frame' as const, 'private' as const, 'raw' as const, 'block' as const),
    to: fc.nat(2),
    size: fc.oneof(fc.nat(200), fc.nat(40_000)),
  }),
  fc.record({
    do: fc.constant('shared' as const),
    to: fc.nat(7),
    size: fc.oneof(fc.nat(200), fc.nat(20_000)),
  }),
  fc.record({
    do: fc.constantFrom('flush' as const, 'turn' as const),
    to: fc.nat(2),
    size: fc.nat(2),
  }),
);

/** Bytes of a frame, built another way. */
function frameBytes(payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(headSize(payload.length) + payload.length);
  bytes.set(payload, writeHead(bytes, 0, Opcode.BINARY, true, payload.length));
  return bytes;
}

/** As a receiver does it: the message is in a block, which is released when it was handled. */
function sendFromBlock(station: Station, outlet: Outlet, payload: Uint8Array, how: number): void {
  const { output, arena } = station;
  const { source } = output;
  const block = source.acquire(Math.max(payload.length, 1));
  assert.ok(block > 0);
  arena.bytes.set(payload, block);
  assert.ok(output.frame(outlet, Opcode.BINARY, block, payload.length));
  if (how === 1) output.flush();
  if (how === 2) assert.ok(output.frame(outlet, Opcode.BINARY, block, payload.length));
  source.release(block);
}

it('Output.frame sends an empty message that has no block, at offset 0', () => {
  const station = new Station(1);
  const { output, outlets } = station;
  const [outlet] = outlets;
  assert.ok(outlet);
  assert.ok(output.frame(outlet, Opcode.TEXT, 0, 0));
  output.flush();
  const expected = [0x81, 0];
  station.until(() => station.arrived[0]!.length === expected.length && outlet.queued === 0);
  assert.deepEqual(station.arrived[0], expected);
});

it('Output delivers everything in order, in few sends, and gives all memory back', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), fc.nat(), (steps, seed) => {
      const station = new Station(seed);
      const { output, outlets, arena } = station;
      const source = arena.allocate('payload', 65_536).offset;
      const expected: number[][] = [[], [], []];
      const { BINARY } = Opcode;
      for (const [number, { do: what, to, size }] of steps.entries()) {
        const payload = new Uint8Array(size).map((_, i) => (i * 3 + number) & 0xff);
        arena.bytes.set(payload, source);
        if (what === 'flush') output.flush();
        else if (what === 'turn') for (let i = 0; i < size; i++) station.driver.turn();
        else if (what === 'shared') {
          const frame = output.beginShared(BINARY, number % 2 === 0 ? source : payload, size);
          assert.ok(frame);
          for (const outlet of outlets) {
            if ((to & (1 << outlet.index)) === 0) continue;
            assert.ok(output.sendShared(frame, outlet));
            expected[outlet.index]!.push(...frameBytes(payload));
          }
          output.endShared(frame);
        } else {
          const outlet = outlets[to]!;
          if (what === 'block') sendFromBlock(station, outlet, payload, number % 3);
          else if (what === 'frame') assert.ok(output.frame(outlet, BINARY, source, size));
          else if (what === 'private') assert.ok(output.frameOf(outlet, BINARY, payload, size));
          else if (size > 0) assert.ok(output.raw(outlet, payload));
          expected[to]!.push(...(what === 'raw' ? payload : frameBytes(payload)));
          if (what === 'block' && number % 3 === 2) expected[to]!.push(...frameBytes(payload));
        }
      }
      for (const outlet of outlets) output.finish(outlet);
      station.until(() => station.ended.every(Boolean));
      station.until(() => outlets.every(({ queued, sends }) => queued === 0 && sends === 0));
      assert.deepEqual(station.arrived, expected);
      for (const outlet of outlets) {
        assert.equal(outlet.backlog, null);
        assert.equal(outlet.shutdown, Shutdown.SUBMITTED);
      }
      assert.equal(output.heldBytes, 0);
      output.release();
    }),
    { numRuns: 60 },
  );
});

it('Output.discard gives back what was not handed over', () => {
  const station = new Station(1);
  const { output, outlets } = station;
  const [first, second] = outlets as [Outlet, Outlet];
  for (let i = 0; i < 40; i++) {
    assert.ok(output.raw(first, new Uint8Array(30_000)));
    assert.ok(output.raw(second, new Uint8Array(10)));
  }
  assert.ok(first.backlog !== null && second.backlog !== null);
  output.discard(first);
  output.discard(second);
  station.until(() => first.sends === 0 && second.sends === 0);
  assert.equal(output.heldBytes, 0);
});

/** Messages that tell their number, of the sizes that are copied, referred to, or have a block. */
function numbered(number: number, size: number): Uint8Array {
  const payload = new Uint8Array(Math.max(size, 4)).fill(number & 0xff);
  new DataView(payload.buffer).setUint32(0, number);
  return payload;
}

/** The numbers of the messages in what arrived, each of which must be whole. */
function numbersIn(arrived: readonly number[]): number[] {
  const bytes = Buffer.from(arrived);
  const numbers: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const short = bytes[at + 1]!;
    const length =
      short < 126
        ? short
        : short === 126
          ? bytes.readUInt16BE(at + 2)
          : Number(bytes.readBigUInt64BE(at + 2));
    const payload = bytes.subarray(at + headSize(length), at + headSize(length) + length);
    const number = payload.readUInt32BE();
    assert.ok(payload.equals(numbered(number, length)), `message ${number} is whole`);
    numbers.push(number);
    at += headSize(length) + length;
  }
  return numbers;
}

const drop = fc.record({
  how: fc.constantFrom('frame' as const, 'private' as const, 'shared' as const, 'block' as const),
  to: fc.nat(2),
  size: fc.oneof(fc.nat(100), fc.integer({ min: 1000, max: 3000 }), fc.nat(20_000)),
  turns: fc.nat(2),
});

/** Writes one message to one outlet, as `sending.ts` does; returns how many were dropped for it. */
function writeDropping(
  station: Station,
  source: number,
  { how, to }: { how: string; to: number },
  payload: Uint8Array,
): number {
  const { output, outlets, arena } = station;
  const outlet = outlets[to]!;
  const { length } = payload;
  const size = headSize(length) + length;
  const dropped = output.hasRoom(outlet, size) ? 0 : output.dropOldest(outlet, size);
  if (!output.hasRoom(outlet, size)) return dropped + 1;
  arena.bytes.set(payload, source);
  if (how === 'frame') assert.ok(output.frame(outlet, Opcode.BINARY, source, length));
  else if (how === 'private') assert.ok(output.frameOf(outlet, Opcode.BINARY, payload, length));
  else if (how === 'shared') {
    const frame = output.beginShared(Opcode.BINARY, source, length);
    assert.ok(frame && output.sendShared(frame, outlet));
    output.endShared(frame);
  } else {
    const block = output.source.acquire(length);
    arena.bytes.set(payload, block);
    output.beginMessage(block);
    assert.ok(output.frame(outlet, Opcode.BINARY, block, length));
    output.endMessage();
    output.source.release(block);
  }
  return dropped;
}

it('Output.dropOldest drops whole frames, the oldest, and no more than it says', () => {
  fc.assert(
    fc.property(fc.array(drop, { maxLength: 80, size: 'max' }), fc.nat(), (steps, seed) => {
      const station = new Station(seed, 40_000, true);
      const { output, outlets, arena } = station;
      const source = arena.allocate('payload', 65_536).offset;
      const written = [0, 0, 0];
      const dropped = [0, 0, 0];
      for (const [number, step] of steps.entries()) {
        written[step.to]! += 1;
        dropped[step.to]! += writeDropping(station, source, step, numbered(number, step.size));
        assert.ok(outlets[step.to]!.queued <= 40_000);
        if (step.turns === 2) output.flush();
        if (step.turns === 1) station.driver.turn();
      }
      for (const outlet of outlets) output.finish(outlet);
      station.until(() => station.ended.every(Boolean));
      station.until(() => outlets.every(({ queued, sends }) => queued === 0 && sends === 0));
      for (const [index, arrived] of station.arrived.entries()) {
        const numbers = numbersIn(arrived);
        assert.equal(numbers.length, written[index]! - dropped[index]!);
        for (let i = 1; i < numbers.length; i++) assert.ok(numbers[i]! > numbers[i - 1]!);
      }
      assert.equal(output.heldBytes, 0);
      output.release();
    }),
    { numRuns: 100 },
  );
});

it('Output: messages of one and of many in turn hold about as much memory as they have bytes', () => {
  const station = new Station(1);
  const { output, outlets } = station;
  const outlet = outlets[0]!;
  const own = new Uint8Array(100);
  const many = new Uint8Array(1500);
  for (let i = 0; i < 300; i++) {
    const frame = output.beginShared(Opcode.BINARY, many, many.length);
    assert.ok(frame && output.sendShared(frame, outlet));
    output.endShared(frame);
    assert.ok(output.frameOf(outlet, Opcode.BINARY, own, own.length));
  }
  assert.ok(output.heldBytes < 4 * outlet.queued, `${output.heldBytes} for ${outlet.queued}`);
  output.discard(outlet);
  station.until(() => outlet.sends === 0);
  assert.equal(output.heldBytes, 0);
});
