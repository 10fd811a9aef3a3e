/** HTTP on the simulated driver: every split and order, and resets, by seed. */
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
import { indexOf, kindOf, tokenOf } from '../engine/tokens.ts';
import { resolveGatewayOptions } from '../options.ts';
import { PathTable } from '../routing/paths.ts';
import type { Route } from '../sockets/handlers.ts';
import { Station } from '../station.ts';
import { HttpRoutes } from './routes.ts';

const MIB = 1 << 20;
const HOUR_MS = 3_600_000;
/** Tokens of clients: a kind that the engine does not use, then what it is, then which client. */
const CLIENT = 7;
const Client = { CONNECT: 0, RECEIVE: 1, SEND: 2, CLOSE: 3 } as const;

/** A request that a client makes. */
interface Ask {
  readonly path: 'now' | 'later' | 'stream' | 'read' | 'back' | 'ignore' | 'leave' | 'nothing';
  readonly size: number;
  readonly chunk: number;
}

/** What a client does: it asks all at once, in pieces of some size. */
interface Script {
  readonly asks: readonly Ask[];
  readonly piece: number;
  readonly end: 'stay' | 'fin' | 'reset';
}

const ask: fc.Arbitrary<Ask> = fc.record({
  path: fc.constantFrom('now', 'later', 'stream', 'read', 'back', 'ignore', 'leave', 'nothing'),
  size: fc.oneof(fc.nat(50), fc.nat(20_000), fc.nat(90_000)),
  chunk: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 9000 })),
});
const script: fc.Arbitrary<Script> = fc.record({
  asks: fc.array(ask, { maxLength: 6 }),
  piece: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1000, max: 100_000 })),
  end: fc.constantFrom('stay', 'fin', 'reset'),
});

const bodyOf = (size: number): Buffer => Buffer.alloc(size, `${size}:`);

function encode({ path, size, chunk }: Ask): Buffer {
  const takes = ['read', 'back', 'ignore', 'leave'].includes(path);
  const head = `${takes ? 'POST' : 'GET'} /${path}/${size} HTTP/1.1\r\nHost: test\r\n`;
  if (!takes) return Buffer.from(`${head}\r\n`);
  const body = bodyOf(size);
  if (chunk === 0) {
    return Buffer.concat([Buffer.from(`${head}Content-Length: ${size}\r\n\r\n`), body]);
  }
  const parts: Uint8Array[] = [Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n`)];
  for (let at = 0; at < size; at += chunk) {
    const data = body.subarray(at, at + chunk);
    parts.push(Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

async function* inPieces(size: number): AsyncGenerator<Uint8Array> {
  const body = bodyOf(size);
  for (let at = 0; at < size; at += 7000) {
    await Promise.resolve();
    yield body.subarray(at, at + 7000);
  }
}

function makeRoutes(): HttpRoutes {
  const routes = new HttpRoutes();
  // The virtual clock runs far ahead of clients that only wait.
  const options = { bodyTimeoutMs: HOUR_MS, sendTimeoutMs: HOUR_MS };
  type Params = { params: { size: string } };
  const size = ({ params }: Params): number => Number(params.size);
  const add = routes.add.bind(routes) as (...all: unknown[]) => void;
  add('GET', '/now/:size', (request: Params) => bodyOf(size(request)).toString(), options);
  add(
    'GET',
    '/later/:size',
    async (request: Params) => {
      for (let i = 0; i < 5; i++) await Promise.resolve();
      return { body: bodyOf(size(request)) };
    },
    options,
  );
  add('GET', '/stream/:size', (request: Params) => ({ body: inPieces(size(request)) }), options);
  routes.add('POST', '/read/:size', async (request) => ({ body: await request.bytes() }), options);
  routes.add('POST', '/back/:size', (request) => ({ body: request.body }), options);
  routes.add('POST', '/ignore/:size', () => 'ignored', options);
  routes.add(
    'POST',
    '/leave/:size',
    async (request) => {
      for await (const piece of request.body) return piece.length > 0 ? 'left' : 'empty';
      return 'left';
    },
    options,
  );
  return routes;
}

/** The status and the body that the answer must have. */
function expectedOf({ path, size }: Ask): [number, string] {
  if (path === 'nothing') return [404, 'Nothing is here\n'];
  if (path === 'ignore') return [200, 'ignored'];
  return [200, path === 'leave' ? 'left' : bodyOf(size).toString()];
}

/** One response at the start of the text, and what follows it; undefined while it is not whole. */
function takeResponse(text: string): { status: number; body: string; rest: string } | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = text.slice(0, end);
  let rest = text.slice(end + 4);
  const status = Number(head.split(' ')[1]);
  const length = /\r\nContent-Length: (\d+)/.exec(head);
  if (length !== null) {
    const size = Number(length[1]);
    if (rest.length < size) return undefined;
    return { status, body: rest.slice(0, size), rest: rest.slice(size) };
  }
  for (let body = ''; ;) {
    const line = /^([0-9a-f]+)\r\n/.exec(rest);
    if (line === null) return undefined;
    const size = Number.parseInt(line[1]!, 16);
    const from = line[0].length;
    if (rest.length < from + size + 2) return undefined;
    body += rest.slice(from, from + size);
    rest = rest.slice(from + size + 2);
    if (size === 0) return { status, body, rest };
  }
}

/** A client that plays its script as fast as it can. */
class Player {
  readonly script: Script;
  readonly index: number;
  readonly #world: World;
  readonly #received: Buffer[] = [];
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
      this.#received.push(Buffer.from(driver.arena.bytes.slice(buffer, buffer + result)));
      driver.release(buffer);
    } else if ((flags & CompletionFlag.MORE) === 0) {
      driver.close(this.#handle, this.token(Client.CLOSE));
    }
  }

  #play(handle: Handle): void {
    const { driver } = this.#world;
    const { asks, end, piece } = this.script;
    this.#handle = handle;
    driver.receive(handle, this.token(Client.RECEIVE));
    const bytes = Buffer.concat(asks.map((each) => encode(each)));
    const region = driver.arena.allocate('script', bytes.length + 1, { owner: 'test' });
    driver.arena.bytes.set(bytes, region.offset);
    const step = Math.max(piece, Math.ceil(bytes.length / 200));
    for (let at = 0; at < bytes.length; at += step) {
      const length = Math.min(step, bytes.length - at);
      driver.send(handle, this.token(Client.SEND), region.offset + at, length);
    }
    if (end === 'fin') driver.shutdown(handle, this.token(Client.SEND));
    if (end === 'reset') {
      this.#world.later(() => driver.close(handle, this.token(Client.CLOSE), 'reset'));
    }
  }

  /** What came are the right answers in the right order; all of them when nothing went wrong. */
  check(faulty: boolean): void {
    const { asks, end } = this.script;
    let text = Buffer.concat(this.#received).toString('latin1');
    let answered = 0;
    for (let next = takeResponse(text); next !== undefined; next = takeResponse(text)) {
      const asked = asks[answered];
      assert.ok(asked !== undefined, 'nothing was answered that was not asked');
      assert.deepEqual([next.status, next.body], expectedOf(asked));
      answered += 1;
      text = next.rest;
    }
    if (faulty || end === 'reset') return;
    // A body that is too long to be thrown away ends the connection; so does the drain.
    const last = asks.findIndex(
      ({ path, size }) => ['ignore', 'leave'].includes(path) && size > 60_000,
    );
    if (last < 0) assert.deepEqual([answered, text], [asks.length, ''], 'everything was answered');
    else assert.ok(answered > last);
  }
}

class World {
  station!: Station;
  players: Player[] = [];
  readonly #later: (() => void)[] = [];

  async open(scripts: readonly Script[], seed: number, resets: number): Promise<void> {
    const arena = Arena.create({ size: 64 * MIB });
    const options = resolveGatewayOptions({
      arena,
      memoryBytes: 8 * MIB,
      maxConnections: 64,
      receiveBuffers: 8,
      receiveBufferSize: 1024,
      handshakeTimeoutMs: HOUR_MS,
    });
    const faults = { shortReads: 0.2, shortWrites: 0.2, emptyPool: 0.1, reordering: 0.3 };
    const races = { delayedCancels: 0.3, cancelRaces: 0.3, resets };
    const makeDriver = ({ handler, ...rest }: CreateDriverOptions): SimulatedDriver =>
      simulate({
        ...rest,
        seed,
        faults: { ...faults, ...races },
        operations: 20_000,
        handler: (token, result, flags, buffer) => {
          if (kindOf(token) !== CLIENT) handler(token, result, flags, buffer);
          else this.#clientCompleted(indexOf(token), result, flags, buffer);
        },
      });
    const routes = new PathTable<Route>();
    const settings = { name: 'test', options, routes, httpRoutes: makeRoutes(), makeDriver };
    this.station = await Station.open(settings);
    const address = this.station.listen({ host: '127.0.0.1', port: 0 });
    this.players = scripts.map((each, index) => new Player(this, each, index));
    for (const player of this.players) {
      this.driver.connect(address, player.token(Client.CONNECT));
    }
  }

  get driver(): SimulatedDriver {
    return this.station.driver as SimulatedDriver;
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
      // Handlers go on in microtasks, and some of them in the next ones.
      for (let tick = 0; tick < 8; tick++) await Promise.resolve();
      // And the event loop goes round: what had its share of a turn goes on in the next.
      if (i % 4 === 3) await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

async function play(scripts: readonly Script[], seed: number, resets: number): Promise<void> {
  const world = new World();
  await world.open(scripts, seed, resets);
  const { station, players, driver } = world;
  const [engine] = station.engines;
  await world.turn(4000);
  let isOver = false;
  const ending = { code: 1001, reason: '', deadlineMs: 60_000, spreadMs: 0 };
  void station.drain(ending).then(() => (isOver = true));
  for (let i = 0; !isOver; i++) {
    assert.ok(i < 1000, 'the drain comes to an end');
    await world.turn(100);
  }
  await world.turn(500);
  assert.equal(engine!.live, 0);
  assert.equal(engine!.output.heldBytes, 0);
  assert.equal(driver.usage().buffersHeld, 0);
  assert.equal(engine!.counts.snapshot().handlerErrors, 0);
  for (const player of players) player.check(resets > 0);
  const ended = station.destroy().then(() => true);
  while (!(await Promise.race([ended, Promise.resolve(false)]))) driver.turn();
}

for (const [what, resets] of [
  ['answers everything in order and holds nothing', 0],
  ['survives resets at any moment', 0.02],
] as const) {
  it(`Requests ${what}, however it comes`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(script, { maxLength: 5, size: 'max' }), fc.nat(), (scripts, seed) =>
        play(scripts, seed, resets),
      ),
      { numRuns: 25 },
    );
  });
}
