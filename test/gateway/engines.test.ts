/** A gateway of several rings: what its connections share, and what each has for itself. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createDriver, driverStatuses, type SocketAddress } from '../../src/driver/index.ts';
import { broadcast, type Connection, type GatewayOptions } from '../../src/gateway/index.ts';
import { HttpRoutes } from '../../src/gateway/http/routes.ts';
import { resolveGatewayOptions } from '../../src/gateway/options.ts';
import { PathTable } from '../../src/gateway/routing/paths.ts';
import type { Route, WebSocketHandlers } from '../../src/gateway/sockets/handlers.ts';
import { Station } from '../../src/gateway/station.ts';
import { storeValue } from '../../src/gateway/topics/hub.ts';
import { processArena } from '../../src/memory/index.ts';
import { Client, Opcode } from './client.ts';
import { until } from './fixture.ts';

const { TEXT } = Opcode;
/** As if the process had so few descriptors. */
const RING_CONNECTIONS = 40;

const skip =
  process.env['RONDO_DRIVER'] !== undefined && process.env['RONDO_DRIVER'] !== 'uring'
    ? 'another driver was asked for'
    : driverStatuses().every(({ kind, available }) => kind !== 'uring' || !available)
      ? 'io_uring cannot be used here'
      : false;

/** A station of three rings with one route at `/`. */
async function open(
  options: GatewayOptions,
  handlers: WebSocketHandlers,
): Promise<{ station: Station; address: SocketAddress }> {
  const routes = new PathTable<Route>();
  routes.add('/', { path: '/', handlers });
  const station = await Station.open({
    name: 'several',
    options: resolveGatewayOptions({
      ...{ driver: 'uring', maxConnections: 100, receiveBuffers: 64 },
      ...options,
    }),
    routes,
    httpRoutes: new HttpRoutes(),
    makeDriver: ({ connections = RING_CONNECTIONS, ...rest }) =>
      createDriver({ ...rest, connections: Math.min(connections, RING_CONNECTIONS) }),
  });
  assert.equal(station.engines.length, 3);
  return { station, address: station.listen({ host: '127.0.0.1', port: 0 }) };
}

async function end(station: Station): Promise<void> {
  const ending = { code: 1001, reason: '', spreadMs: 0, deadlineMs: 0 };
  const { closed, reset } = await station.drain(ending);
  assert.ok(closed + reset >= 0);
  await station.destroy();
}

/** Opens clients until each engine has at least two. */
async function everywhere(
  address: SocketAddress,
  sides: readonly Connection[],
): Promise<{ clients: Client[]; engines: Set<unknown> }> {
  const clients: Client[] = [];
  const countOf = (of: unknown): number => sides.filter(({ sockets }) => sockets === of).length;
  const isDone = (): boolean => {
    const engines = new Set(sides.map(({ sockets }) => sockets));
    return engines.size === 3 && [...engines].every((each) => countOf(each) >= 2);
  };
  while (!isDone()) {
    assert.ok(clients.length < 90, 'the kernel spreads them');
    clients.push(await Client.open(address, '/'));
    await until(() => sides.length === clients.length, 'it is open');
  }
  return { clients, engines: new Set(sides.map(({ sockets }) => sockets)) };
}

it(
  'Station: topics, broadcasts and messages reach the connections of all rings',
  { skip },
  async () => {
    const sides: Connection[] = [];
    const { station, address } = await open(
      {},
      {
        open(connection) {
          sides.push(connection);
          connection.subscribe('all');
        },
        message(connection, message) {
          connection.publish('all', message);
          broadcast(sides, message);
        },
      },
    );
    const { clients } = await everywhere(address, sides);
    assert.equal(new Set(sides.map(({ id }) => id)).size, sides.length);
    for (const text of ['short', 'x'.repeat(5000), 'y'.repeat(50_000)]) {
      clients[0]!.send(TEXT, text);
      for (const [i, client] of clients.entries()) {
        if (i > 0) assert.equal(await client.text(), text);
        assert.equal(await client.text(), text);
      }
      const second = station.engines[1]!;
      storeValue(second.context.retaining, second.driver.arena, 'all', text);
      const reached = second.sockets.topics.publish('all', text, sides[1]);
      assert.equal(reached, clients.length - 1);
      for (const [i, client] of clients.entries())
        if (i !== 1) assert.equal(await client.text(), text);
      assert.equal(broadcast(sides, text), clients.length);
      for (const client of clients) assert.equal(await client.text(), text);
    }
    const later = await Client.open(address, '/');
    assert.equal((await later.text()).length, 50_000);
    await end(station);
    for (const client of [...clients, later]) await client.over();
  },
);

it(
  'Station: what one connection owes is not the debt of one on another ring',
  { skip },
  async () => {
    const sides: Connection[] = [];
    const limits = { connection: { messagesPerSecond: 20 } };
    const { station, address } = await open(
      { limits, overRate: 'close' },
      {
        open: (connection) => void sides.push(connection),
        message: (connection, message) => void connection.send(message),
      },
    );
    const { clients } = await everywhere(address, sides);
    for (let i = 0; i < 20; i++) {
      for (const client of clients) client.send(TEXT, String(i));
      for (const client of clients) assert.equal(await client.text(), String(i));
    }
    await end(station);
    for (const client of clients) await client.over();
  },
);

it('Station: nothing is left of a gateway that was several', { skip }, async () => {
  const before = processArena().regions().length;
  const { station } = await open({}, {});
  await end(station);
  assert.equal(processArena().regions().length, before);
});
