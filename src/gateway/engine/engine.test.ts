/** The engine on the simulated driver: faults and races by seed, as no network gives on demand. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import {
  CompletionFlag,
  simulate,
  type CreateDriverOptions,
  type Handle,
  type SimulatedDriver,
} from '../../driver/index.ts';
import { Arena } from '../../memory/index.ts';
import { headSize, Opcode, writeHead, writeMaskedHead } from '../../websocket/index.ts';
import type { DrainReport } from './drain.ts';
import type { Engine } from './engine.ts';
import { HttpRoutes } from '../http/routes.ts';
import { Station } from '../station.ts';
import type { Route } from '../sockets/handlers.ts';
import { resolveGatewayOptions } from '../options.ts';
import { PathTable } from '../routing/paths.ts';
import { indexOf, kindOf, tokenOf } from './tokens.ts';

const MIB = 1 << 20;
/** Tokens of clients: a kind that the engine does not use, then what it is, then which client. */
const CLIENT = 7;
const Client = { CONNECT: 0, RECEIVE: 1, SEND: 2, CLOSE: 3 } as const;
const HANDSHAKE =
  'GET /echo HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

/** Messages that a client sends, and what it does then. */
interface Script {
  readonly sizes: readonly number[];
  readonly end: 'close' | 'fin' | 'reset' | 'stay' | 'nonsense';
}

const script: fc.Arbitrary<Script> = fc.record({
  sizes: fc.array(fc.oneof(fc.nat(130), fc.nat(20_000)), { maxLength: 12 }),
  end: fc.constantFrom('close', 'fin', 'reset', 'stay', 'nonsense'),
});

const payloadOf = (size: number): Uint8Array => new Uint8Array(size).map((_, i) => (i * 5) & 0xff);

function clientFrame(payload: Uint8Array, opcode: number): Uint8Array {
  const bytes = new Uint8Array(14 + payload.length);
  // A key of zeros is a key, and spares the masking here.
  const head = writeMaskedHead(bytes, 0, opcode, true, payload.length, 0);
  bytes.set(payload, head);
  return bytes.subarray(0, head + payload.length);
}

function serverFrame(payload: Uint8Array, opcode: number): Uint8Array {
  const bytes = new Uint8Array(headSize(payload.length) + payload.length);
  bytes.set(payload, writeHead(bytes, 0, opcode, true, payload.length));
  return bytes;
}

/** A client that plays its script as fast as it can. */
class Player {
  readonly script: Script;
  readonly index: number;
  readonly #world: World;
  #received: number[] = [];
  #handle: Handle = 0;

  constructor(world: World, script: Script, index: number) {
    this.#world = world;
    this.script = script;
    this.index = index;
  }

  token(kind: number): number {
    return tokenOf(CLIENT, (this.index << 2) | kind);
  }

  completed(kind: number, result: number, flags: number, buffer: number): void {
    const { driver } = this.#world;
    if (kind === Client.CONNECT && result > 0) this.#play(result);
    if (kind !== Client.RECEIVE) return;
    if ((flags & CompletionFlag.BUFFER) !== 0) {
      this.#received.push(...driver.arena.bytes.subarray(buffer, buffer + result));
      driver.release(buffer);
    } else if ((flags & CompletionFlag.MORE) === 0) {
      driver.close(this.#handle, this.token(Client.CLOSE));
    }
  }

  #play(handle: Handle): void {
    const { driver } = this.#world;
    this.#handle = handle;
    driver.receive(handle, this.token(Client.RECEIVE));
    const { sizes, end } = this.script;
    const parts: Uint8Array[] = [Buffer.from(HANDSHAKE)];
    for (const size of sizes) parts.push(clientFrame(payloadOf(size), Opcode.BINARY));
    if (end === 'close') parts.push(clientFrame(new Uint8Array([3, 232]), Opcode.CLOSE));
    if (end === 'nonsense') parts.push(new Uint8Array([0xff, 0xff]));
    const bytes = Buffer.concat(parts);
    const region = driver.arena.allocate('script', bytes.length, { owner: 'test' });
    driver.arena.bytes.set(bytes, region.offset);
    driver.send(handle, this.token(Client.SEND), region.offset, bytes.length);
    if (end === 'fin') driver.shutdown(handle, this.token(Client.SEND));
    if (end === 'reset') this.#world.later(() => this.reset());
  }

  reset(): void {
    this.#world.driver.close(this.#handle, this.token(Client.CLOSE), 'reset');
  }

  /** What came is the beginning of what should; all of it when nothing went wrong. */
  check(faulty: boolean): void {
    const received = Buffer.from(this.#received);
    const start = received.indexOf('\r\n\r\n') + 4;
    const { sizes, end } = this.script;
    const echoes = Buffer.concat(sizes.map((size) => serverFrame(payloadOf(size), Opcode.BINARY)));
    if (start < 4) {
      assert.ok(faulty || end === 'reset', 'the handshake was answered');
      return;
    }
    const frames = received.subarray(start, start + echoes.length);
    assert.ok(frames.equals(echoes.subarray(0, frames.length)), 'what came is what was sent');
    if (faulty || end === 'reset') return;
    assert.equal(frames.length, echoes.length, `everything came back to ${end}`);
    const code = received.subarray(start + echoes.length);
    const expected = { close: 1000, nonsense: 1002, stay: 1001, fin: undefined }[end];
    assert.equal(code.length === 0 ? undefined : code.readUInt16BE(2), expected, end);
  }
}

class World {
  station!: Station;
  players: Player[] = [];
  opened = 0;
  closed = 0;
  readonly #later: (() => void)[] = [];

  static async create(scripts: readonly Script[], seed: number, resets: number): Promise<World> {
    const world = new World();
    await world.#open(scripts, seed, resets);
    return world;
  }

  async #open(scripts: readonly Script[], seed: number, resets: number): Promise<void> {
    const arena = Arena.create({ size: 32 * MIB });
    const options = resolveGatewayOptions({
      arena,
      memoryBytes: 8 * MIB,
      maxConnections: 64,
      receiveBuffers: 8,
      receiveBufferSize: 1024,
      // The virtual clock runs far ahead of clients that only wait.
      idleTimeoutMs: 0,
    });
    const routes = new PathTable<Route>();
    routes.add('/echo', {
      path: '/echo',
      handlers: {
        open: () => (this.opened += 1),
        message: (connection, message) => connection.send(message),
        close: () => (this.closed += 1),
      },
    });
    const faults = { shortReads: 0.2, shortWrites: 0.2, emptyPool: 0.1, reordering: 0.3 };
    const races = { acceptFailures: 0.1, delayedCancels: 0.3, cancelRaces: 0.3, resets };
    const makeDriver = ({ handler, ...rest }: CreateDriverOptions): SimulatedDriver =>
      simulate({
        ...rest,
        seed,
        faults: { ...faults, ...races },
        handler: (token, result, flags, buffer) => {
          if (kindOf(token) !== CLIENT) handler(token, result, flags, buffer);
          else this.#clientCompleted(indexOf(token), result, flags, buffer);
        },
      });
    const httpRoutes = new HttpRoutes();
    this.station = await Station.open({ name: 'test', options, routes, httpRoutes, makeDriver });
    const listener = this.driver.listen({ host: '127.0.0.1', port: 0 });
    this.engine.accept(listener);
    this.players = scripts.map((each, index) => new Player(this, each, index));
    for (const player of this.players) {
      this.driver.connect(this.driver.address(listener), player.token(Client.CONNECT));
    }
  }

  get engine(): Engine {
    return this.station.engines[0]!;
  }

  get driver(): SimulatedDriver {
    return this.engine.driver as SimulatedDriver;
  }

  #clientCompleted(index: number, result: number, flags: number, buffer: number): void {
    this.players[index >>> 2]!.completed(index & 3, result, flags, buffer);
  }

  /** At some later turn. */
  later(task: () => void): void {
    this.#later.push(task);
  }

  async turn(turns: number): Promise<void> {
    for (let i = 0; i < turns; i++) {
      this.driver.turn();
      if (i % 20 === 19) this.#later.shift()?.();
      await Promise.resolve();
      // The event loop goes round: what had its share of a turn goes on in the next.
      if (i % 4 === 3) await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

async function play(scripts: readonly Script[], seed: number, resets: number): Promise<void> {
  const world = await World.create(scripts, seed, resets);
  const { station, engine, players, driver } = world;
  await world.turn(3000);
  let report: DrainReport | undefined;
  const ending = { code: 1001, reason: '', deadlineMs: 5000, spreadMs: seed % 2 === 0 ? 0 : 500 };
  void station.drain(ending).then((done) => (report = done));
  for (let i = 0; report === undefined; i++) {
    assert.ok(i < 1000, 'the drain comes to an end');
    await world.turn(100);
  }
  await world.turn(500);
  assert.equal(engine.live, 0);
  assert.equal(world.closed, world.opened, 'each that was opened was closed');
  assert.equal(engine.output.heldBytes, 0);
  assert.equal(driver.usage().buffersHeld, 0);
  for (const player of players) player.check(resets > 0);
  if (resets === 0) assert.equal(engine.counts.snapshot().timeouts, 0, 'nobody waits in vain');
  const ended = station.destroy().then(() => true);
  while (!(await Promise.race([ended, Promise.resolve(false)]))) driver.turn();
}

it('Engine echoes, ends and holds nothing, whatever the order of completions', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(script, { maxLength: 8, size: 'max' }), fc.nat(), (scripts, seed) =>
      play(scripts, seed, 0),
    ),
    { numRuns: 40 },
  );
});

it('Engine survives resets at any moment', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(script, { maxLength: 8, size: 'max' }), fc.nat(), (scripts, seed) =>
      play(scripts, seed, 0.05),
    ),
    { numRuns: 40 },
  );
});
