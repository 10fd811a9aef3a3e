/** Wrong use is refused with a code that names the rule, and changes nothing. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import {
  broadcast,
  createGateway,
  refuse,
  type Connection,
  type Gateway,
  type GatewayOptions,
} from '../../src/gateway/index.ts';
import { Client, Opcode } from './client.ts';
import { onEveryDriver, untilNothingIsHeld } from './fixture.ts';

/** A use that no type allows. */
const any = (value: unknown): never => value as never;

const TYPE = { name: 'TypeError', code: 'ERR_OPTION_TYPE' };
const RANGE = { name: 'RangeError', code: 'ERR_OPTION_RANGE' };
const UNKNOWN = { name: 'TypeError', code: 'ERR_OPTION_UNKNOWN' };
const STATE = { name: 'TypeError', code: 'ERR_GATEWAY_STATE' };
const TOPIC = { name: 'TypeError', code: 'ERR_TOPIC' };
const CODE = { name: 'RangeError', code: 'ERR_CLOSE_CODE' };
const REASON = { name: 'RangeError', code: 'ERR_CLOSE_REASON' };
const ROUTE = { name: 'TypeError', code: 'ERR_ROUTE' };

const OPTIONS: readonly [options: unknown, error: object][] = [
  [{ prot: 1 }, UNKNOWN],
  [{ port: '80' }, TYPE],
  [{ port: 70_000 }, RANGE],
  [{ path: '' }, TYPE],
  [{ arena: {} }, TYPE],
  [{ driver: 'kqueue' }, TYPE],
  [{ sendQueuePolicy: 'drop' }, TYPE],
  [{ concurrency: 0 }, RANGE],
  [{ maxPendingHandlers: 0 }, RANGE],
  [{ idleTimeoutMs: 99 }, RANGE],
  [{ maxLifetimeMs: 5 }, RANGE],
  [{ memoryBytes: (1 << 20) + 1 }, TYPE],
  [{ deflate: 'yes' }, TYPE],
  [{ deflate: [] }, TYPE],
  [{ deflate: { level: 10 } }, RANGE],
  [{ deflate: { levle: 1 } }, UNKNOWN],
  [{ deflate: { compressor: 'own' } }, TYPE],
  [{ deflate: { serverMaxWindowBits: 7 } }, RANGE],
  [{ overRate: 'drop' }, TYPE],
  [{ limits: { connection: { messages: 1 } } }, UNKNOWN],
  [{ drainSpreadMs: -1 }, RANGE],
];

it('createGateway refuses wrong options', () => {
  for (const [options, error] of OPTIONS) {
    assert.throws(() => createGateway(options as GatewayOptions), error, JSON.stringify(options));
  }
});

it('Gateway.websocket refuses what are no handlers', () => {
  const gateway = createGateway({ port: 0 });
  const wrong: [unknown, object][] = [
    [null, TYPE],
    ['echo', TYPE],
    [{ mesage: () => undefined }, UNKNOWN],
    [{ message: 'echo' }, TYPE],
    [{ open: null }, TYPE],
    [{ upgrade: {} }, TYPE],
    [{ protocols: 'v1' }, TYPE],
    [{ protocols: ['v1', 'two words'] }, TYPE],
    [{ protocols: [1] }, TYPE],
  ];
  for (const [handlers, error] of wrong) {
    assert.throws(() => gateway.websocket('/a', any(handlers)), error, JSON.stringify(handlers));
  }
  gateway.websocket('/a', {});
  assert.throws(() => gateway.websocket('/a', {}), ROUTE);
  assert.throws(() => gateway.websocket('a', {}), ROUTE);
});

it('Gateway before listen: what needs connections is refused', async () => {
  const gateway = createGateway({ port: 0, host: '127.0.0.1' });
  assert.equal(gateway.publish('a', 'b'), 0);
  assert.throws(() => gateway.publish('a/', 'b'), TOPIC);
  assert.throws(() => gateway.metrics(), STATE);
  assert.equal(gateway.forget('a'), false);
  assert.throws(() => gateway.setCertificates(any({})), STATE);
  assert.equal(gateway.subscribers('a'), 0);
  assert.equal(gateway.topics().size, 0);
  assert.equal(gateway.ready, false);
  assert.throws(() => gateway.close(any({ deadline: 1 })), UNKNOWN);
  assert.throws(() => gateway.close({ code: 1005 }), CODE);
  assert.throws(() => gateway.close({ reason: 'x'.repeat(124) }), REASON);
  assert.throws(() => gateway.close({ reason: any(5) }), REASON);
  assert.throws(() => gateway.close({ spreadMs: -1 }), RANGE);
  assert.deepEqual(await gateway.close(), { closed: 0, reset: 0, remaining: [] });
  assert.throws(() => gateway.listen(), STATE);
});

it('refuse refuses statuses that are no refusals', () => {
  for (const status of [101, 200, 299, 600, 401.5, any('401')]) {
    assert.throws(() => refuse(status), { name: 'RangeError', code: 'ERR_HTTP_STATUS' });
  }
});

/** Everything that a connection refuses. */
const WRONG: readonly [what: string, use: (connection: Connection) => unknown, error: object][] = [
  ['send a number', (c) => c.send(any(5)), TYPE],
  ['send nothing', (c) => c.send(any(undefined)), TYPE],
  ['send null', (c) => c.send(any(null)), TYPE],
  ['send an ArrayBuffer', (c) => c.send(any(new ArrayBuffer(4))), TYPE],
  ['send other views', (c) => c.send(any(new Uint16Array(4))), TYPE],
  ['ping with a number', (c) => c.ping(any(5)), TYPE],
  ['ping with null', (c) => c.ping(any(null)), TYPE],
  ['ping with too much', (c) => c.ping('é'.repeat(63)), RANGE],
  ['close with 1005', (c) => c.close(1005), CODE],
  ['close with 1006', (c) => c.close(1006), CODE],
  ['close with 0', (c) => c.close(0), CODE],
  ['close with half a code', (c) => c.close(1000.5), CODE],
  ['close with a text', (c) => c.close(any('1000')), CODE],
  ['close with a long reason', (c) => c.close(1000, 'ü'.repeat(62)), REASON],
  ['subscribe to nothing', (c) => c.subscribe(''), TOPIC],
  ['subscribe to a number', (c) => c.subscribe(any(5)), TOPIC],
  ['subscribe to ** in the middle', (c) => c.subscribe('a/**/b', { pattern: true }), TOPIC],
  ['subscribe with an unknown option', (c) => c.subscribe('a', any({ retain: 1 })), UNKNOWN],
  ['subscribe with a wrong option', (c) => c.subscribe('a', { retained: any(1) }), TYPE],
  ['unsubscribe from nothing', (c) => c.unsubscribe(''), TOPIC],
  ['publish to a pattern', (c) => c.publish('a/*', 'x'), TOPIC],
  ['publish a number', (c) => c.publish('a', any(5)), TYPE],
];

onEveryDriver('misuse', (fixture) => {
  it('of a connection throws with a code, and changes nothing', async () => {
    let connection!: Connection;
    const { gateway, address } = await fixture.start({}, (each) => {
      each.websocket('/use', { open: (opened) => void (connection = opened) });
    });
    const client = await Client.open(address, '/use');
    for (const [what, use, error] of WRONG) {
      assert.throws(() => use(connection), error, what);
      assert.equal(connection.isOpen, true, what);
    }
    connection.send('still here');
    assert.equal(await client.text(), 'still here');
    assert.equal(client.hasMore, false);
    await client.close();
    await untilNothingIsHeld(gateway);
  });

  it('thrown on by a handler closes with 1011', async () => {
    const { gateway, address } = await fixture.start({}, (each) => {
      each.websocket('/use', {
        message: (connection) => connection.close(999),
        error: () => undefined,
      });
    });
    const client = await Client.open(address, '/use');
    client.send(Opcode.TEXT, 'x');
    assert.equal(await client.closeCode(), 1011);
    client.reset();
    await untilNothingIsHeld(gateway);
  });

  it('of a connection that is gone does nothing, also when its gateway is', async () => {
    const connections: Connection[] = [];
    const opened = (connection: Connection): void => void connections.push(connection);
    const prepare = (each: Gateway): void => each.websocket('/use', { open: opened });
    const { gateway, address } = await fixture.start({}, prepare);
    const client = await Client.open(address, '/use');
    const [connection] = connections as [Connection];
    await client.close();
    await untilNothingIsHeld(gateway);
    const check = (): void => {
      assert.equal(connection.isOpen, false);
      assert.equal(connection.send('x'), 'closed');
      assert.equal(connection.ping(), 'closed');
      assert.equal(connection.subscribe('a'), false);
      assert.equal(connection.unsubscribe('a'), false);
      assert.equal(connection.publish('a', 'x'), 0);
      assert.equal(broadcast([connection], 'x'), 0);
      assert.equal(connection.remoteAddress, '');
      connection.pause();
      connection.resume();
      connection.close();
      connection.terminate();
      assert.throws(() => connection.close(1005), CODE);
    };
    check();
    const { publishes } = gateway.counters();
    await gateway.close();
    check();
    assert.equal(gateway.counters().publishes, publishes);
    assert.equal(gateway.publish('a', 'x'), 0);
    assert.throws(() => gateway.metrics(), STATE);
  });
});

onEveryDriver('misuse after the end', (fixture) => {
  it('of broadcast holds nothing, whoever is among the connections', async () => {
    const connections: Connection[] = [];
    const opened = (connection: Connection): void => void connections.push(connection);
    const prepare = (each: Gateway): void => each.websocket('/use', { open: opened });
    const one = await fixture.start({}, prepare);
    const two = await fixture.start({}, prepare);
    const clients = [
      await Client.open(one.address, '/use'),
      await Client.open(two.address, '/use'),
    ];
    for (const others of [[null], [{}], ['x']]) {
      assert.throws(() => broadcast(any([connections[0], ...others]), 'first'), TYPE);
      assert.equal(await clients[0]!.text(), 'first');
    }
    assert.throws(() => broadcast(connections, any(5)), TYPE);
    // Of two gateways each gets its own.
    const large = 'x'.repeat(20_000);
    for (const text of ['both', large]) {
      assert.equal(broadcast([...connections, ...connections], text), 4);
      for (const client of clients) {
        assert.equal(await client.text(), text);
        assert.equal(await client.text(), text);
      }
    }
    assert.equal(broadcast([], 'nobody'), 0);
    for (const client of clients) await client.close();
    for (const { gateway } of [one, two]) await untilNothingIsHeld(gateway);
  });

  it('of memory: a gateway that does not fit leaves nothing behind', async () => {
    const { Arena } = await import('../../src/memory/index.ts');
    for (const deflate of [false, true]) {
      // Too little for the messages, then for what compression needs, then enough.
      for (const pages of [2, 3, 4, 5, 6, 12]) {
        const memoryBytes = 2 << 20;
        const arena = Arena.create({ size: memoryBytes + pages * 65_536 });
        const gateway = createGateway({
          ...{ port: 0, host: '127.0.0.1', driver: 'portable', arena, deflate },
          ...{ memoryBytes, receiveBuffers: 2, maxConnections: 16 },
        });
        try {
          await gateway.listen();
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'ERR_ARENA_EXHAUSTED');
        }
        await gateway.close();
        assert.deepEqual(arena.regions(), []);
      }
    }
  });
});
