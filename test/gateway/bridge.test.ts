/** Bridges to engines in this thread, of which the tests make every step. */
import assert from 'node:assert/strict';
import { afterEach, it } from 'node:test';
import {
  createGateway,
  type Bridge,
  type BridgeHandlers,
  type BridgeOptions,
  type Connection,
  type Gateway,
  type SubmitResult,
} from '../../src/gateway/index.ts';
import { Channel, type ChannelOptions } from '../../src/ring/index.ts';
import { MESSAGES, type Note, type TestChannel, type TestServer } from './bridge-messages.ts';
import { Client, Opcode } from './client.ts';
import { onEveryDriver, until, type Fixture, type Started } from './fixture.ts';

type TestBridge = Bridge<Note, Note, 'payload', 'payload'>;

interface Bridged extends Started {
  readonly channel: TestChannel;
  readonly bridge: TestBridge;
  readonly engine: TestServer;
  /** What became of requests, in order. */
  readonly results: SubmitResult[];
  readonly downs: string[];
  readonly errors: unknown[];
  readonly open: () => Promise<Client>;
}

interface Settings {
  readonly channel?: ChannelOptions;
  readonly options?: BridgeOptions;
  readonly handlers?: Partial<BridgeHandlers<Note, 'payload'>>;
}

const channels: TestChannel[] = [];
afterEach(() => {
  for (const channel of channels.splice(0)) channel.close();
});

function newChannel(options: ChannelOptions = {}): TestChannel {
  const channel = Channel.create(MESSAGES, options);
  channels.push(channel);
  return channel;
}

/** Sends answers as text to whom they are for. */
function answering(bridge: () => TestBridge): BridgeHandlers<Note, 'payload'> {
  return {
    response(answer) {
      bridge().connection(answer.client)?.send(bridge().message(answer, 'payload'));
    },
  };
}

/** A gateway with `/ask`, whose messages become requests, and an engine that is there. */
async function bridged(fixture: Fixture, settings: Settings = {}): Promise<Bridged> {
  const channel = newChannel(settings.channel);
  const engine = channel.server();
  const results: SubmitResult[] = [];
  const downs: string[] = [];
  const errors: unknown[] = [];
  let bridge: TestBridge;
  const started = await fixture.start({ metrics: true }, (gateway) => {
    bridge = gateway.bridge(
      channel,
      {
        ...answering(() => bridge),
        up: () => void downs.push('up'),
        down: (reason) => void downs.push(reason),
        error: (error) => void errors.push(error),
        ...settings.handlers,
      },
      settings.options,
    );
    gateway.websocket('/ask', {
      open: (connection) => void connection.subscribe('news'),
      async message(connection, message) {
        const result = bridge.submit(connection, (request, client) => {
          if (message.length === 0) throw new Error('An empty request');
          request.client = client;
          request.number = message.length;
          request.payload = message.view();
        });
        results.push(typeof result === 'string' ? result : await result);
      },
    });
  });
  await until(() => bridge.state === 'up', 'the engine is seen');
  const open = (): Promise<Client> => Client.open(started.address, '/ask');
  return { ...started, channel, bridge: bridge!, engine, results, downs, errors, open };
}

/** The next request, as soon as it is there. */
async function next(engine: TestServer): Promise<Note> {
  const request = await engine.requests.pop();
  assert.ok(request !== null);
  return request;
}

async function echoNext(engine: TestServer): Promise<void> {
  await engine.responses.push(await next(engine));
}

onEveryDriver('bridge: messages', (fixture) => {
  it('hands messages to the engine and its responses to those whom they are for', async () => {
    const { engine, open, bridge } = await bridged(fixture);
    const [anne, bob] = [await open(), await open()];
    anne.send(Opcode.TEXT, 'from anne');
    bob.send(Opcode.BINARY, 'from bob');
    const first = await next(engine);
    const second = await next(engine);
    assert.notEqual(first.client, second.client);
    const texts = [first, second].map(({ payload }) => Buffer.from(payload).toString()).sort();
    assert.deepEqual(texts, ['from anne', 'from bob']);
    // The other way round: what counts is whose it is.
    engine.responses.tryPushAll([second, first]);
    assert.equal(await anne.text(), 'from anne');
    assert.equal(await bob.text(), 'from bob');
    const { requests, responses, strays } = bridge.counters();
    assert.deepEqual([requests, responses, strays], [2, 2, 0]);
  });

  it('keeps bytes as they are, small and large, in one frame or several', async () => {
    const { engine, open } = await bridged(fixture, {
      channel: { requests: { slabBytes: 1 << 19 }, responses: { slabBytes: 1 << 19 } },
    });
    const client = await open();
    for (const size of [1, 7, 125, 126, 1000, 16_384, 70_000, 200_000]) {
      const text = Array.from({ length: size }, (_, i) => String.fromCharCode(97 + (i % 26)));
      const half = size >> 1;
      client.send(Opcode.TEXT, text.slice(0, half).join(''), { fin: false });
      client.send(Opcode.CONTINUATION, text.slice(half).join(''));
      await echoNext(engine);
      assert.equal(await client.text(), text.join(''));
    }
  });

  it('loses a response whose client is gone, and gives it to nobody else', async () => {
    const { engine, open, bridge, gateway } = await bridged(fixture);
    const anne = await open();
    anne.send(Opcode.TEXT, 'and gone');
    const request = await next(engine);
    await anne.close();
    await until(() => gateway.usage().connections === 0, 'the connection is gone');
    const bob = await open();
    engine.responses.tryPushAll([request, { ...request, client: 0 }, { ...request, client: 77 }]);
    await until(() => bridge.counters().responses === 3, 'the responses are taken');
    assert.equal(bridge.counters().strays, 2);
    bob.send(Opcode.TEXT, 'still here');
    await echoNext(engine);
    assert.equal(await bob.text(), 'still here');
  });
});

onEveryDriver('bridge: what is nobody’s request', (fixture) => {
  it('publishes from where a response lies', async () => {
    const { engine, open, bridge, gateway } = await bridged(fixture, {
      handlers: {
        response: (answer) => {
          const message = bridge.message(answer, 'payload', 'binary');
          assert.equal(message.isText, false);
          assert.equal(message.bytes().length, 5);
          gateway.publish('news', message);
        },
      },
    });
    const client = await open();
    await until(() => gateway.subscribers('news') === 1, 'somebody listens');
    engine.responses.tryPush({ client: 0, number: 0, payload: Buffer.from('hello') });
    const { opcode, payload } = await client.frame();
    assert.deepEqual([opcode, payload.toString()], [Opcode.BINARY, 'hello']);
  });

  it('lets programs ask too, without a connection', async () => {
    const { engine, bridge } = await bridged(fixture);
    const result = bridge.submit(null, (request, client) => {
      request.client = client;
      request.number = 5;
      request.payload = new Uint8Array(0);
    });
    assert.equal(result, 'submitted');
    assert.deepEqual(await next(engine), { client: 0, number: 5, payload: new Uint8Array(0) });
  });
});

const TINY: ChannelOptions = { requests: { slots: 2, slabBytes: 256 } };

onEveryDriver('bridge: a full ring', (fixture) => {
  it('lets the connection wait, loses nothing and keeps the order', async () => {
    const { engine, open, results, bridge, gateway } = await bridged(fixture, { channel: TINY });
    const client = await open();
    const texts = Array.from({ length: 40 }, (_, i) => `${i}${'.'.repeat(i)}`);
    for (const text of texts) client.send(Opcode.TEXT, text);
    await until(() => bridge.waiting === 1, 'a request waits');
    await until(() => gateway.counters().pauses > 0, 'the connection is not read');
    assert.equal(results.length, 2);
    for (const text of texts) {
      const { number, payload } = await next(engine);
      assert.deepEqual([Buffer.from(payload).toString(), number], [text, text.length]);
    }
    await until(() => results.length === texts.length, 'all have ended');
    assert.ok(results.every((result) => result === 'submitted'));
    assert.equal(bridge.waiting, 0);
    assert.ok(bridge.counters().full > 0);
  });

  it('lets a request wait for the slab, while there are slots', async () => {
    const { engine, open, bridge, results } = await bridged(fixture, {
      channel: { requests: { slots: 64, slabBytes: 256 } },
    });
    const client = await open();
    const texts = ['a', 'b', 'c'].map((letter) => letter.repeat(120));
    for (const text of texts) client.send(Opcode.TEXT, text);
    await until(() => bridge.waiting === 1, 'a request waits');
    for (const text of texts) {
      assert.equal(Buffer.from((await next(engine)).payload).toString(), text);
    }
    await until(() => results.length === 3, 'all have ended');
  });

  it('serves connections that wait in their order, and none that has ended', async () => {
    const { engine, open, results, bridge, gateway } = await bridged(fixture, { channel: TINY });
    const clients = [await open(), await open(), await open(), await open()];
    for (const [index, client] of clients.entries()) {
      client.send(Opcode.TEXT, `from ${index}`);
      await until(() => results.length + bridge.waiting === index + 1, 'it was handled');
    }
    clients[2]!.socket.resetAndDestroy();
    await until(() => gateway.usage().connections === 3, 'the connection is gone');
    const texts: string[] = [];
    for (let i = 0; i < 3; i++) texts.push(Buffer.from((await next(engine)).payload).toString());
    assert.deepEqual(texts, ['from 0', 'from 1', 'from 3']);
    await until(() => results.length === 4, 'all have ended');
    assert.deepEqual(results, ['submitted', 'submitted', 'closed', 'submitted']);
  });
});

onEveryDriver('bridge: a ring that stays full', (fixture) => {
  it('refuses when that is wanted', async () => {
    const { open, results, bridge, gateway } = await bridged(fixture, {
      channel: TINY,
      options: { whenFull: 'refuse' },
    });
    const client = await open();
    for (let i = 0; i < 4; i++) client.send(Opcode.TEXT, 'x');
    await until(() => results.length === 4, 'all have ended');
    assert.deepEqual(results, ['submitted', 'submitted', 'full', 'full']);
    assert.equal(bridge.counters().full, 2);
    const metrics = gateway.metrics();
    assert.ok(metrics.includes('rondo_gateway_engine_full_total{engine="engine 1"} 2'));
    assert.ok(metrics.includes('rondo_gateway_engine_up{engine="engine 1"} 1'));
  });

  it('tells those who wait when the engine goes', async () => {
    const { engine, open, results, bridge } = await bridged(fixture, { channel: TINY });
    const client = await open();
    for (let i = 0; i < 4; i++) client.send(Opcode.TEXT, 'x');
    await until(() => bridge.waiting === 1, 'a request waits');
    engine.requests.detach();
    engine.responses.detach();
    await until(() => results.length === 4, 'all have ended');
    assert.deepEqual(results, ['submitted', 'submitted', 'down', 'down']);
  });
});

onEveryDriver('bridge: engines that come and go', (fixture) => {
  it('refuses while none is there, and goes on with a successor', async () => {
    const { channel, engine, open, results, bridge, downs } = await bridged(fixture);
    const client = await open();
    client.send(Opcode.TEXT, 'in the ring');
    await until(() => results.length === 1, 'it was submitted');
    engine.responses.tryPush({ client: 0, number: 1, payload: new Uint8Array(0) });
    engine.requests.detach();
    engine.responses.detach();
    await until(() => bridge.state === 'down', 'it is noticed');
    assert.equal(bridge.counters().responses, 1);
    client.send(Opcode.TEXT, 'to nobody');
    await until(() => results.length === 2, 'it was refused');
    const successor = channel.server();
    await until(() => bridge.state === 'up', 'the successor is noticed');
    await echoNext(successor);
    assert.equal(await client.text(), 'in the ring');
    client.send(Opcode.TEXT, 'again');
    await echoNext(successor);
    assert.equal(await client.text(), 'again');
    assert.deepEqual(results, ['submitted', 'down', 'submitted']);
    assert.deepEqual(downs, ['up', 'gone', 'up']);
    successor.responses.detach();
    successor.requests.detach();
    await until(() => bridge.state === 'down', 'that one goes too');
    assert.deepEqual([bridge.counters().downs, bridge.counters().refused], [2, 1]);
  });

  it('tells of an engine that ends its responses, and of its successor', async () => {
    const { channel, engine, bridge, downs } = await bridged(fixture);
    engine.responses.close();
    engine.requests.detach();
    await until(() => bridge.state === 'down', 'it is noticed');
    const successor = channel.server();
    await until(() => bridge.state === 'up', 'the successor is noticed');
    assert.deepEqual(downs, ['up', 'ended', 'up']);
    // One that wants no more requests at all has no successors.
    successor.requests.close();
    successor.responses.detach();
    await until(() => bridge.state === 'down', 'it is noticed');
    channel.responses.producer();
    assert.equal(
      bridge.submit(null, () => assert.fail('nobody is there')),
      'down',
    );
  });

  it('says up before the first response of an engine', async () => {
    const said: string[] = [];
    const channel = newChannel();
    const gateway = createGateway({ port: 0 });
    const bridge = gateway.bridge(channel, {
      up: () => void said.push('up'),
      response: ({ number }) => void said.push(String(number)),
    });
    assert.equal(bridge.state, 'down');
    const engine = channel.server();
    engine.responses.tryPush({ client: 0, number: 1, payload: new Uint8Array(0) });
    await until(() => said.length === 2, 'both were said');
    assert.deepEqual(said, ['up', '1']);
    await gateway.close();
    assert.equal(bridge.state, 'down');
  });
});

/** A gateway and a bridge without a client, closed at the end. */
async function alone(
  handlers: BridgeHandlers<Note, 'payload'>,
  test: (bridge: TestBridge, engine: TestServer, gateway: Gateway) => Promise<void>,
  options?: BridgeOptions,
): Promise<void> {
  const channel = newChannel();
  const engine = channel.server();
  const gateway = createGateway({ port: 0 });
  const bridge = gateway.bridge(channel, handlers, options);
  try {
    await until(() => bridge.state === 'up', 'the engine is seen');
    await test(bridge, engine, gateway);
  } finally {
    await gateway.close();
  }
}

const note = (number: number): Note => ({ client: 0, number, payload: new Uint8Array(0) });

it('bridge: a handler that fails is told of, and the next response is taken', async () => {
  const failures: string[] = [];
  const numbers: number[] = [];
  const handlers: BridgeHandlers<Note, 'payload'> = {
    response({ number }) {
      numbers.push(number);
      if (number === 1) throw new Error('thrown');
      return number === 2 ? Promise.reject(new Error('rejected')) : undefined;
    },
    error: (error) => void failures.push((error as Error).message),
  };
  await alone(handlers, async (bridge, engine) => {
    engine.responses.tryPushAll([1, 2, 3].map(note));
    await until(() => failures.length === 2 && numbers.length === 3, 'all were taken');
    assert.deepEqual(failures, ['thrown', 'rejected']);
    assert.equal(bridge.counters().failures, 2);
  });
});

it('bridge: responses leave others their turns', async () => {
  const turns: number[] = [];
  let turn = 0;
  let ticking = true;
  const tick = (): void => {
    turn += 1;
    if (ticking) setImmediate(tick);
  };
  tick();
  const handlers = { response: () => void turns.push(turn) };
  await alone(
    handlers,
    async (_, engine) => {
      engine.responses.tryPushAll(Array.from({ length: 64 }, (_each, index) => note(index)));
      await until(() => turns.length === 64, 'all were taken');
    },
    { responsesPerTurn: 8 },
  );
  ticking = false;
  for (const each of new Set(turns)) {
    assert.ok(turns.filter((other) => other === each).length <= 8, `turn ${each}`);
  }
});

it('bridge: what a fill throws is thrown on, and nothing is written', async () => {
  await alone({ response: () => undefined }, async (bridge, engine) => {
    const failing = (): unknown =>
      bridge.submit(null, (request) => {
        request.number = 1;
        throw new Error('no');
      });
    assert.throws(failing, /^Error: no$/);
    const tooLarge = (): unknown =>
      bridge.submit(null, (request) => void (request.payload = new Uint8Array(1 << 17)));
    assert.throws(tooLarge, { code: 'ERR_STRUCT_RANGE' });
    void bridge.submit(null, (request) => request.$set(note(2)));
    assert.equal((await next(engine)).number, 2);
    assert.equal(bridge.counters().requests, 1);
  });
});

it('bridge: closing it leaves the channel to a successor', async () => {
  const channel = newChannel();
  const engine = channel.server();
  const numbers: number[] = [];
  for (let round = 0; round < 2; round++) {
    const gateway = createGateway({ port: 0 });
    const bridge = gateway.bridge(channel, {
      response: ({ number }) => void numbers.push(number),
    });
    await until(() => bridge.state === 'up', 'the engine is seen');
    void bridge.submit(null, (request) => request.$set(note(round)));
    if (round === 0) bridge.close();
    else await gateway.close();
    bridge.close();
    assert.equal(bridge.counters().requests, 1);
    assert.equal((await next(engine)).number, round);
    engine.responses.tryPush(note(round + 10));
    if (round === 0) await gateway.close();
  }
  assert.deepEqual(numbers, [10]);
});

it('bridge: a lie in the channel ends it for good, and the program goes on', async () => {
  const reasons: string[] = [];
  const errors: string[] = [];
  const handlers: BridgeHandlers<Note, 'payload'> = {
    response: () => undefined,
    down: (reason) => void reasons.push(reason),
    error: (error) => void errors.push((error as { code: string }).code),
  };
  const channel = newChannel();
  const engine = channel.server();
  const gateway = createGateway({ port: 0 });
  const bridge = gateway.bridge(channel, handlers);
  await until(() => bridge.state === 'up', 'the engine is seen');
  engine.responses.tryPush({ ...note(1), payload: Buffer.from('where is it?') });
  // Before it is looked at: somebody else writes what no honest peer does.
  const { memory, offset, bytes } = channel.share();
  const words = new Uint32Array(memory.buffer, offset, bytes / 4);
  for (let i = 0; i < words.length; i++) if (words[i] === 12) words[i] = 0x7fff_ffff;
  await until(() => bridge.state === 'down', 'it is noticed');
  assert.deepEqual([reasons, errors], [['broken'], ['ERR_RING_POISONED']]);
  assert.equal(
    bridge.submit(null, () => assert.fail('nobody is there')),
    'down',
  );
  await gateway.close();
});

it('bridge: refuses what cannot be', async () => {
  const gateway = createGateway({ port: 0 });
  const channel = newChannel();
  const handlers = { response: () => undefined };
  const bridge = (...args: unknown[]) => {
    return () => (gateway.bridge as (...all: unknown[]) => unknown)(...args);
  };
  assert.throws(bridge({}, handlers), { code: 'ERR_OPTION_TYPE' });
  assert.throws(bridge(channel, null), { code: 'ERR_OPTION_TYPE' });
  assert.throws(bridge(channel, {}), { code: 'ERR_OPTION_TYPE' });
  assert.throws(bridge(channel, { ...handlers, up: 1 }), { code: 'ERR_OPTION_TYPE' });
  assert.throws(bridge(channel, { ...handlers, message: 1 }), { code: 'ERR_OPTION_UNKNOWN' });
  assert.throws(bridge(channel, handlers, { whenfull: 1 }), { code: 'ERR_OPTION_UNKNOWN' });
  assert.throws(bridge(channel, handlers, { whenFull: 'no' }), TypeError);
  assert.throws(bridge(channel, handlers, { responsesPerTurn: 0 }), RangeError);
  assert.throws(bridge(channel, handlers, { publishEvery: 1025 }), RangeError);
  const first = gateway.bridge(channel, handlers, { name: 'first' });
  assert.equal(first.name, 'first');
  assert.throws(bridge(channel, handlers), { code: 'ERR_RING_ROLE_TAKEN' });
  await gateway.close();
  assert.throws(bridge(channel, handlers), { code: 'ERR_GATEWAY_STATE' });
  const other: Connection | null = null;
  assert.equal(
    first.submit(other, () => undefined),
    'down',
  );
});
