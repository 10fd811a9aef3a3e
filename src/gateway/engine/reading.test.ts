/** The receiving side: whatever is paused when, everything is taken once and in order. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { CompletionFlag, simulate, type Handle, type SimulatedDriver } from '../../driver/index.ts';
import { Arena, Blocks } from '../../memory/index.ts';
import type { Connection } from '../sockets/connection.ts';
import { Pause } from './pause.ts';
import { Reading } from './reading.ts';
import { indexOf, kindOf, Token, tokenOf } from './tokens.ts';

const CLIENT = 7;
const KIB = 1024;

/** What a test does next. */
type Step =
  | { readonly do: 'send'; readonly value: number }
  | { readonly do: 'pause' | 'resume' | 'turn' | 'goOn'; readonly value: number };

interface Plan {
  readonly steps: readonly Step[];
  /** Of what arrives the server takes this many at a time, and pauses then; 0 takes all. */
  readonly bites: number;
  readonly memory: number;
  readonly end: boolean;
  readonly seed: number;
}

/** One connection over a simulated network. */
class World {
  readonly arena: Arena = Arena.create({ size: 1 << 20 });
  readonly driver: SimulatedDriver;
  readonly blocks: Blocks;
  readonly reading: Reading;
  readonly taken: number[] = [];
  readonly connection: Connection;
  ended = 0;
  endings = 0;
  #sent = 0;
  #server: Handle = 0;
  #client: Handle = 0;
  readonly #bites: number;
  readonly #source: number;
  #inside = false;

  constructor({ bites, memory, seed }: Plan) {
    this.#bites = bites;
    this.driver = simulate({
      ...{ arena: this.arena, seed, connections: 8, buffers: 8, bufferSize: 256 },
      faults: { shortReads: 0.3, reordering: 0.3, delayedCancels: 0.3, cancelRaces: 0.3 },
      handler: (token, result, flags, buffer) => this.#completed(token, result, flags, buffer),
    });
    this.blocks = Blocks.create(this.arena, { name: 'blocks', size: memory, minBlock: 64 });
    this.#source = this.arena.allocate('source', 64 * KIB).offset;
    this.reading = new Reading(this.driver, this.blocks, {
      take: (connection, offset, length) => this.#take(connection, offset, length),
      ended: (connection, result) => {
        assert.equal(result, 0);
        connection.ends |= 1;
        this.ended += 1;
      },
      ending: () => (this.endings += 1),
      soon: () => undefined,
    });
    const listener = this.driver.listen({ host: '127.0.0.1', port: 0 });
    this.driver.accept(listener, tokenOf(Token.ACCEPT, 0));
    this.driver.connect(this.driver.address(listener), tokenOf(CLIENT, 0));
    while (this.#server === 0 || this.#client === 0) this.driver.turn();
    const fields = { index: 0, handle: this.#server, state: 1, paused: 0, inbox: null, ends: 0 };
    this.connection = fields as unknown as Connection;
    this.reading.start(this.connection);
  }

  #completed(token: number, result: number, flags: number, buffer: number): void {
    if (kindOf(token) === Token.ACCEPT && result > 0) this.#server = result;
    else if (kindOf(token) === CLIENT && indexOf(token) === 0) this.#client = result;
    else if (kindOf(token) === Token.RECEIVE) {
      this.reading.completed(this.connection, result, flags, buffer);
      assert.ok((flags & CompletionFlag.MORE) !== 0 || buffer === 0 || result > 0);
    }
  }

  /** Bytes count up, so that what is lost, doubled or out of order is seen at once. */
  #take(connection: Connection, offset: number, length: number): number {
    assert.equal(this.#inside, false, 'it is not entered again');
    assert.equal(connection.paused, 0, 'it is not paused');
    this.#inside = true;
    const count = this.#bites === 0 ? length : Math.min(this.#bites, length);
    this.taken.push(...this.arena.bytes.subarray(offset, offset + count));
    if (count < length) this.reading.pause(connection, Pause.HANDLER);
    this.#inside = false;
    return count;
  }

  send(count: number): void {
    const { bytes } = this.arena;
    for (let i = 0; i < count; i++) bytes[this.#source + this.#sent + i] = this.#sent + i;
    this.driver.send(this.#client, tokenOf(CLIENT, 1), this.#source + this.#sent, count);
    this.#sent += count;
  }

  do({ do: what, value }: Step): void {
    const reason = [Pause.USER, Pause.RATE][value & 1]!;
    if (what === 'send') this.send(value + 1);
    else if (what === 'pause') this.reading.pause(this.connection, reason);
    else if (what === 'resume') this.reading.resume(this.connection, reason | Pause.HANDLER);
    else if (what === 'goOn') this.reading.goOn();
    else for (let i = 0; i <= value; i++) this.driver.turn();
  }

  finish(end: boolean): void {
    if (end) this.driver.shutdown(this.#client, tokenOf(CLIENT, 2));
    const isDone = (): boolean => this.taken.length === this.#sent && (!end || this.ended === 1);
    for (let turns = 0; !isDone(); turns++) {
      assert.ok(turns < 50_000, `${this.taken.length} of ${this.#sent} were taken`);
      this.reading.resume(this.connection, this.connection.paused);
      this.reading.goOn();
      this.driver.turn();
    }
    // Nobody reads behind the end.
    for (let i = 0; i < 50; i++) {
      this.reading.pause(this.connection, Pause.USER);
      this.reading.resume(this.connection, Pause.USER);
      this.reading.goOn();
      this.driver.turn();
    }
    this.taken.forEach((byte, i) => assert.equal(byte, i & 0xff));
    assert.equal(this.ended, end ? 1 : 0);
    assert.ok(this.endings <= 1);
    assert.equal(this.blocks.held, 0);
    assert.equal(this.driver.usage().buffersHeld, 0);
  }
}

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('send' as const), value: fc.nat(600) }),
  fc.record({
    do: fc.constantFrom('pause' as const, 'resume' as const, 'turn' as const, 'goOn' as const),
    value: fc.nat(4),
  }),
);

const plan: fc.Arbitrary<Plan> = fc.record({
  steps: fc.array(step, { maxLength: 60, size: 'max' }),
  bites: fc.constantFrom(0, 0, 7, 100),
  // Enough, and so little that receive buffers have to be kept.
  memory: fc.constantFrom(64 * KIB, 256),
  end: fc.boolean(),
  seed: fc.nat(),
});

it('Reading hands everything on once and in order, and holds nothing then', () => {
  fc.assert(
    fc.property(plan, (each) => {
      const world = new World(each);
      for (const what of each.steps) world.do(what);
      world.finish(each.end);
    }),
    { numRuns: 300 },
  );
});

it('Reading.discard gives back what waits, in blocks or in buffers', () => {
  for (const memory of [64 * KIB, 256]) {
    const world = new World({ steps: [], bites: 0, memory, end: false, seed: 3 });
    world.reading.pause(world.connection, Pause.USER);
    world.send(2000);
    for (let i = 0; i < 200; i++) world.driver.turn();
    assert.ok(world.blocks.held > 0 || world.driver.usage().buffersHeld > 0);
    world.connection.state = 4;
    world.reading.discard(world.connection);
    world.reading.discard(world.connection);
    world.reading.resume(world.connection, Pause.USER);
    world.reading.goOn();
    for (let i = 0; i < 50; i++) world.driver.turn();
    assert.equal(world.blocks.held, 0);
    assert.equal(world.driver.usage().buffersHeld, 0);
    assert.deepEqual(world.taken, []);
  }
});
