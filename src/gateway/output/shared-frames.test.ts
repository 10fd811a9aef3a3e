import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { CompletionFlag, simulate, type Handle } from '../../driver/index.ts';
import { Arena } from '../../memory/index.ts';
import { headSize, Opcode, writeHead } from '../../websocket/index.ts';
import { indexOf, kindOf, Token, tokenOf } from '../engine/tokens.ts';
import { Output, SENDS_MAX, Shutdown, type Outlet } from './output.ts';

const MIB = 1 << 20;
/** Enough that what is published may wait for more. */
const MEMBERS = 18;
/** Tokens of the clients: what follows the gateway's own kinds. */
const CLIENT = 7;
const { BINARY } = Opcode;
const COMPRESSED = BINARY | 0x40;

/** Outlets over a simulated network, and what each of them is to receive and has received. */
class Fleet {
  readonly arena: Arena = Arena.create({ size: 16 * MIB });
  readonly outlets: Outlet[] = [];
  readonly expected: number[][] = [];
  readonly arrived: number[][] = [];
  readonly ended: boolean[] = [];
  readonly driver: ReturnType<typeof simulate>;
  readonly output: Output;
  readonly source: number;
  /** Sends that have completed. */
  sends = 0;

  constructor(seed: number, limit: number = MIB, dropsOldest: boolean = false) {
    const accepted: Handle[] = [];
    const connected: Handle[] = [];
    this.driver = simulate({
      arena: this.arena,
      seed,
      connections: 2 * MEMBERS + 2,
      buffers: 16,
      bufferSize: 4096,
      faults: { shortWrites: 0.2, shortReads: 0.2, reordering: 0.2 },
      handler: (token, result, flags, buffer) => {
        const index = indexOf(token);
        if (kindOf(token) === Token.ACCEPT) accepted.push(result);
        else if (kindOf(token) === Token.SEND) this.#sent(index, result);
        else if (token === CLIENT) connected.push(result);
        else if (kindOf(token) === CLIENT) this.#receive(index - 1, result, flags, buffer);
      },
    });
    const settings = { owner: 'test', memoryBytes: 4 * MIB, limit, dropsOldest };
    const none = (): boolean => false;
    const events = { failed: none, drained: none, exhausted: none };
    this.output = new Output(this.driver, settings, this.outlets, events);
    this.source = this.arena.allocate('payload', 65_536).offset;
    const listener = this.driver.listen({ host: '127.0.0.1', port: 0 });
    this.driver.accept(listener, tokenOf(Token.ACCEPT, 0));
    const address = this.driver.address(listener);
    for (let index = 0; index < MEMBERS; index++) {
      this.driver.connect(address, CLIENT);
      while (accepted.length <= index || connected.length <= index) this.driver.turn();
      const handle = accepted[index]!;
      this.outlets.push({
        ...{ index, handle, queued: 0, sends: 0, backlog: null, shutdown: 0, ends: 0 },
      });
      this.expected.push([]);
      this.arrived.push([]);
      this.ended.push(false);
      this.driver.receive(connected[index]!, tokenOf(CLIENT, index + 1));
    }
  }

  #sent(send: number, result: number): void {
    this.sends += 1;
    this.output.completed(send, result);
  }

  #receive(index: number, result: number, flags: number, buffer: number): void {
    if ((flags & CompletionFlag.BUFFER) === 0) {
      this.ended[index] = true;
      return;
    }
    this.arrived[index]!.push(...this.arena.bytes.subarray(buffer, buffer + result));
    this.driver.release(buffer);
  }

  /** Whether something may still be written to it. */
  isOpen({ shutdown }: Outlet): boolean {
    return shutdown === Shutdown.NONE;
  }

  /** Sends to all of `members` that are open, as `shared-message.ts` does it. */
  publish(members: readonly Outlet[], payload: Uint8Array, opcode: number = BINARY): void {
    const frame = this.output.beginShared(opcode, payload, payload.length);
    assert.ok(frame);
    for (const outlet of members) {
      if (!this.isOpen(outlet)) continue;
      assert.ok(this.output.sendShared(frame, outlet));
      this.expected[outlet.index]!.push(...frameBytes(payload, opcode));
    }
    this.output.endShared(frame);
  }

  /** Sends to one, by one of three ways. */
  send(outlet: Outlet, payload: Uint8Array, way: number): void {
    if (!this.isOpen(outlet)) return;
    const { output, source, arena } = this;
    arena.bytes.set(payload, source);
    if (way === 0) assert.ok(output.frame(outlet, BINARY, source, payload.length));
    else if (way === 1) assert.ok(output.frameOf(outlet, BINARY, payload, payload.length));
    else assert.ok(output.raw(outlet, frameBytes(payload)));
    this.expected[outlet.index]!.push(...frameBytes(payload));
  }

  /** Turns, and lets the event loop go round, until it is so. */
  async until(condition: () => boolean): Promise<void> {
    for (let turns = 0; !condition(); turns++) {
      assert.ok(turns < 100_000, 'it comes to an end');
      this.driver.turn();
      for (const { sends } of this.outlets) assert.ok(sends <= SENDS_MAX);
      if (turns % 8 === 0) await goesRound();
    }
  }

  async untilSent(): Promise<void> {
    await this.until(() =>
      this.outlets.every(({ sends, backlog }) => sends === 0 && backlog === null),
    );
  }
}

const goesRound = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Bytes of a frame, built another way. */
function frameBytes(payload: Uint8Array, opcode: number = BINARY): Uint8Array {
  const bytes = new Uint8Array(headSize(payload.length) + payload.length);
  bytes.set(payload, writeHead(bytes, 0, opcode, true, payload.length));
  return bytes;
}

const size = fc.oneof(
  { weight: 4, arbitrary: fc.nat(60) },
  { weight: 2, arbitrary: fc.nat(2000) },
  { weight: 1, arbitrary: fc.nat(30_000) },
);
/** Mostly the same members, so that ranges become long; sometimes all but one; sometimes any. */
const members = fc.oneof(
  fc.constant(0x3ffff),
  fc.nat(MEMBERS - 1).map((index) => 0x3ffff & ~(1 << index)),
  fc.nat(0x3ffff),
);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('publish' as const, 'compressed' as const, 'both' as const),
      to: members,
      size,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('send' as const), to: fc.nat(MEMBERS - 1), size }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('flush' as const, 'turn' as const, 'pause' as const, 'round' as const),
      to: fc.constant(0),
      size: fc.nat(3),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('finish' as const, 'discard' as const),
      to: fc.nat(MEMBERS - 1),
      size: fc.constant(0),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** One step; `lost` are those that were discarded: what they receive is a beginning. */
async function take(fleet: Fleet, { do: what, to, size }: Step, number: number, lost: Set<number>) {
  const { output, outlets, driver } = fleet;
  const payload = new Uint8Array(size).map((_, i) => (i * 7 + number) & 0xff);
  const some = outlets.filter(({ index }) => (to & (1 << index)) !== 0);
  const one = outlets[to]!;
  if (what === 'publish') fleet.publish(some, payload);
  else if (what === 'compressed') fleet.publish(some, payload, COMPRESSED);
  else if (what === 'both') {
    // As when some agreed on compression: both frames are written, each gets one.
    fleet.publish(some.slice(0, 9), payload);
    fleet.publish(some.slice(9), payload, COMPRESSED);
  } else if (what === 'send') fleet.send(one, payload, number % 3);
  else if (what === 'flush') output.flush();
  else if (what === 'turn') for (let i = 0; i < size; i++) driver.turn();
  else if (what === 'pause') await Promise.resolve();
  else if (what === 'round') for (let i = 0; i < size; i++) await goesRound();
  else if (fleet.isOpen(one)) {
    if (what === 'finish') output.finish(one);
    else {
      output.discard(one);
      lost.add(to);
    }
  }
}

it('Output: each gets what was published and sent, in order, and all memory comes back', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 120, size: 'max' }),
      fc.nat(),
      async (steps, seed) => {
        const fleet = new Fleet(seed);
        const { output, outlets } = fleet;
        const lost = new Set<number>();
        for (const [number, each] of steps.entries()) await take(fleet, each, number, lost);
        for (const outlet of outlets) if (!lost.has(outlet.index)) output.finish(outlet);
        output.flush();
        await fleet.until(() => fleet.ended.every((ended, index) => ended || lost.has(index)));
        await fleet.untilSent();
        await goesRound();
        for (const { index } of outlets) {
          const arrived = fleet.arrived[index]!;
          const expected = fleet.expected[index]!;
          // A discarded one's last send may still be on its way through the network.
          if (lost.has(index)) assert.deepEqual(arrived, expected.slice(0, arrived.length));
          else assert.deepEqual(arrived, expected);
        }
        assert.ok(outlets.every(({ index, queued }) => queued === 0 || lost.has(index)));
        assert.ok(outlets.every(({ ends }) => ends === 0));
        assert.equal(output.heldBytes, 0);
        output.release();
      },
    ),
    { numRuns: 40 },
  );
});

it('Output: what is published in a turn leaves in one send, however much it is', async () => {
  for (const opcode of [BINARY, COMPRESSED]) {
    const fleet = new Fleet(1);
    const { outlets } = fleet;
    for (let i = 0; i < 500; i++) {
      fleet.publish(outlets, new Uint8Array(22).fill(i), opcode);
      // Frames of one connection do not come between the shared ones.
      if (i % 2 === 0) fleet.publish([], new Uint8Array(22), opcode ^ 0x40);
    }
    assert.ok(outlets.every(({ sends, queued }) => sends === 0 && queued === 500 * 24));
    await Promise.resolve();
    assert.ok(outlets.every(({ sends, backlog }) => sends === 1 && backlog === null));
    assert.ok(fleet.output.heldBytes <= 128 * 1024, 'the messages are there once');
    await fleet.untilSent();
    assert.equal(fleet.sends, MEMBERS);
    await fleet.until(() => fleet.arrived.every(({ length }) => length === 500 * 24));
    assert.deepEqual(fleet.arrived, fleet.expected);
  }
});

it('Output: an own message takes what was published before with it, at once', async () => {
  const fleet = new Fleet(1);
  const { output, outlets } = fleet;
  fleet.publish(outlets, new Uint8Array(10));
  fleet.send(outlets[3]!, new Uint8Array(5), 1);
  output.flush();
  assert.deepEqual(
    outlets.map(({ sends }) => sends),
    outlets.map(({ index }) => (index === 3 ? 2 : 0)),
  );
  await Promise.resolve();
  await fleet.untilSent();
  await fleet.until(() => fleet.arrived.every(({ length }, i) => length === (i === 3 ? 19 : 12)));
  assert.deepEqual(fleet.arrived, fleet.expected);
});

/** It has all its sends in the driver after this, if nothing turns meanwhile. */
function fillPlaces(fleet: Fleet, outlet: Outlet): void {
  for (let i = 0; i < SENDS_MAX; i++) {
    fleet.send(outlet, new Uint8Array(10), 1);
    fleet.output.flush();
  }
  assert.equal(outlet.sends, SENDS_MAX);
}

it('Output: what was published to one whose sends are under way follows them', async () => {
  const fleet = new Fleet(1);
  const outlet = fleet.outlets[0]!;
  fillPlaces(fleet, outlet);
  for (let i = 0; i < 50; i++) fleet.publish([outlet], new Uint8Array(i * 40));
  assert.equal(outlet.sends, SENDS_MAX);
  await fleet.untilSent();
  await fleet.until(() => fleet.arrived[0]!.length === fleet.expected[0]!.length);
  assert.deepEqual(fleet.arrived, fleet.expected);
});

it('Output: what is gathered does not leave in part when an earlier send completes', async () => {
  const fleet = new Fleet(1);
  const { output, outlets, driver } = fleet;
  const outlet = outlets[0]!;
  fleet.send(outlet, new Uint8Array(10), 1);
  output.flush();
  fleet.publish([outlet], new Uint8Array(20));
  while (outlet.sends > 0) driver.turn();
  fleet.publish([outlet], new Uint8Array(30));
  await Promise.resolve();
  assert.equal(outlet.sends, 1);
  await fleet.untilSent();
  assert.equal(fleet.sends, 2);
});

it('Output: one that does not read holds no segments back', () => {
  const fleet = new Fleet(1);
  const { output, outlets } = fleet;
  const slow = outlets[0]!;
  fillPlaces(fleet, slow);
  let others = 0;
  for (let i = 0; i < 100; i++) {
    fleet.publish([slow], new Uint8Array(20));
    // What others get fills segments meanwhile; nobody is subscribed any more when it leaves.
    for (let j = 0; j < 60; j++, others += 1000) fleet.publish([], new Uint8Array(1000));
  }
  assert.ok(others > 4 * MIB);
  assert.ok(output.heldBytes < 256 * 1024, `${output.heldBytes} bytes are held`);
});

it('Output: what is gathered leaves before it is a quarter of what may wait', () => {
  const fleet = new Fleet(1, 8192);
  const { output, outlets } = fleet;
  const outlet = outlets[0]!;
  while (outlet.sends === 0) {
    assert.ok(output.hasRoom(outlet, 102));
    fleet.publish([outlet], new Uint8Array(100));
  }
  assert.ok(outlet.queued > 2048 && outlet.queued < 2300);
});

it('Output: what many are sent in turn with something else needs no memory for each', async () => {
  const fleet = new Fleet(1);
  const { output, outlets } = fleet;
  const held: number[] = [];
  for (let i = 0; i < 3; i++) {
    fleet.publish(outlets, new Uint8Array(20).fill(i));
    fleet.publish([], new Uint8Array(20));
    // Nothing is left after the first.
    for (let size = 1024 * 1024; size >= 1024; size /= 2) {
      for (let at = output.blocks.acquire(size); at !== 0; at = output.blocks.acquire(size)) {
        held.push(at);
      }
    }
  }
  await fleet.untilSent();
  await fleet.until(() => fleet.arrived.every(({ length }) => length === 66));
  assert.deepEqual(fleet.arrived, fleet.expected);
  for (const at of held) output.blocks.release(at);
  assert.equal(output.heldBytes, 0);
});
