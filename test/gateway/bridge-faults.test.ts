/** What goes wrong with engines behind bridges, and must not go wrong any further. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createGateway, type SubmitResult } from '../../src/gateway/index.ts';
import { safe, slab, struct, u64 } from '../../src/memory/index.ts';
import { Channel } from '../../src/ring/index.ts';
import { alone, note } from './bridge-alone.ts';
import { MESSAGES } from './bridge-messages.ts';
import { Client, Opcode } from './client.ts';
import { onEveryDriver, until } from './fixture.ts';

/** Its length is a number that nothing else has in the rings. */
const NEEDLE = 'where is it, then?';

it('bridge: all that an engine said comes before down, also when somebody waits', async () => {
  const options = { channel: { requests: { slots: 2 } }, bridge: { responsesPerTurn: 1 } };
  await alone(options, async ({ bridge, engine, said }) => {
    const results = [1, 2, 3].map((number) => bridge.submit(null, (r) => r.$set(note(number))));
    assert.equal(bridge.waiting, 1);
    for (let number = 0; number < 20; number++) engine.responses.tryPush(note(number));
    engine.responses.detach();
    engine.requests.detach();
    assert.equal(await results[2], 'down');
    assert.deepEqual(said, ['up', ...Array.from({ length: 20 }, (_, number) => number), 'gone']);
  });
});

it('bridge: an engine that goes as soon as it has said something is noticed', async () => {
  const said: string[] = [];
  const channel = Channel.create(MESSAGES);
  const gateway = createGateway({ port: 0 });
  const bridge = gateway.bridge(channel, {
    response: () => {
      said.push('response');
      engine.responses.detach();
      engine.requests.detach();
    },
    up: () => void said.push('up'),
    down: (reason) => void said.push(reason),
  });
  await new Promise((resolve) => setImmediate(resolve));
  const engine = channel.server();
  engine.responses.tryPush(note(1));
  await until(() => said.includes('gone'), 'that it went is noticed');
  assert.deepEqual(said, ['up', 'response', 'gone']);
  assert.equal(bridge.state, 'down');
  await gateway.close();
  channel.close();
});

it('bridge: an engine that takes no requests any more is not there', async () => {
  for (const how of ['detach', 'close'] as const) {
    await alone({}, async ({ bridge, engine, said }) => {
      engine.requests[how]();
      await until(() => bridge.state === 'down', 'it is noticed');
      assert.deepEqual(said, ['up', 'gone']);
      assert.equal(bridge.counters().downs, 1);
      const never = (): never => assert.fail('nobody is there');
      assert.equal(bridge.submit(null, never), 'down');
    });
  }
});

it('bridge: another half of an engine comes back, and the engine is there again', async () => {
  await alone({}, async ({ bridge, engine, channel, said }) => {
    engine.requests.detach();
    await until(() => bridge.state === 'down', 'it is noticed');
    engine.responses.tryPush(note(7));
    const requests = channel.requests.consumer();
    await until(() => bridge.state === 'up' && said.includes(7), 'it is there again');
    assert.equal(
      bridge.submit(null, (request) => request.$set(note(8))),
      'submitted',
    );
    assert.equal((await requests.pop())?.number, 8);
  });
});

const Two = struct('test.Two', { client: safe(u64), first: slab('bytes'), second: slab('bytes') });

it('bridge: two pieces that fit from the beginning of the slab on are filled again', async () => {
  const channel = Channel.create(
    { request: Two, response: MESSAGES.response },
    { requests: { slabBytes: 256 } },
  );
  const engine = channel.server();
  const gateway = createGateway({ port: 0 });
  const bridge = gateway.bridge(channel, { response: () => undefined });
  await until(() => bridge.state === 'up', 'the engine is seen');
  const submit = (first: number, second: number): unknown =>
    bridge.submit(null, (request, client) => {
      request.$set({ client, first: new Uint8Array(first), second: new Uint8Array(second) });
    });
  assert.equal(submit(8, 0), 'submitted');
  assert.equal((await engine.requests.pop())?.first.length, 8);
  assert.equal(submit(100, 150), 'submitted');
  const request = await engine.requests.pop();
  assert.deepEqual([request?.first.length, request?.second.length], [100, 150]);
  await gateway.close();
  channel.close();
});

it('bridge: a fill that submits is told, and what it was to fill is not changed', async () => {
  await alone({}, async ({ bridge, engine }) => {
    const inner = (): unknown => bridge.submit(null, () => assert.fail('a slot is claimed'));
    const result = bridge.submit(null, (request) => {
      assert.throws(inner, { code: 'ERR_RING_CLAIM' });
      request.$set(note(3));
    });
    assert.equal(result, 'submitted');
    assert.equal((await engine.requests.pop())?.number, 3);
  });
});

it('bridge: closing it succeeds when a lie was found, with requests not shown yet', async () => {
  await alone({}, async ({ bridge, engine, channel }) => {
    void bridge.submit(null, (request) =>
      request.$set({ ...note(1), payload: Buffer.from(NEEDLE) }),
    );
    await new Promise((resolve) => setImmediate(resolve));
    const { memory, offset, bytes } = channel.share();
    const words = new Uint32Array(memory.buffer, offset, bytes / 4);
    for (let i = 0; i < words.length; i++) if (words[i] === NEEDLE.length) words[i] = 0x7fff_ffff;
    void bridge.submit(null, (request) => request.$set(note(2)));
    assert.throws(() => engine.requests.tryPop(), { code: 'ERR_RING_POISONED' });
    // Leaves a mark, so that the next request that is shown makes its producer look.
    engine.requests.close();
    bridge.close();
    assert.equal(bridge.state, 'down');
    // Its side is another's now, as it is after every end.
    assert.equal(channel.requests.peers.producers.length, 0);
  });
});

it('bridge: two of a gateway are not called the same', async () => {
  await alone({ bridge: { name: 'it' } }, async ({ gateway }) => {
    const other = Channel.create(MESSAGES);
    const handlers = { response: () => undefined };
    const bridge = (name: string): unknown => gateway.bridge(other, handlers, { name });
    assert.throws(() => bridge('it'), { code: 'ERR_OPTION_RANGE' });
    bridge('that');
    await gateway.close();
    other.close();
  });
});

onEveryDriver('bridge: who leaves while an engine stands still', (fixture) => {
  it('is forgotten at once, wherever the request stands', async () => {
    const channel = Channel.create(MESSAGES, { requests: { slots: 2 } });
    const engine = channel.server();
    const results: SubmitResult[] = [];
    let bridge: ReturnType<typeof createBridge>;
    const createBridge = (to: Parameters<Parameters<typeof fixture.start>[1] & object>[0]) =>
      to.bridge(channel, { response: () => undefined });
    const { address, gateway } = await fixture.start({}, (made) => {
      bridge = createBridge(made);
      made.websocket('/ask', {
        async message(connection, message) {
          const ask = (): SubmitResult | Promise<SubmitResult> =>
            bridge.submit(connection, (request, client) => {
              request.$set({ client, number: 1, payload: message.view() });
            });
          // Not awaited before the second: both wait.
          for (const result of [ask(), ask()]) results.push(await result);
        },
      });
    });
    await until(() => bridge.state === 'up', 'the engine is seen');
    const clients = [];
    for (let index = 0; index < 8; index++) {
      const client = await Client.open(address, '/ask');
      clients.push(client);
      client.send(Opcode.TEXT, `${index}`);
      await until(() => results.length + bridge.waiting === 2 * (index + 1), 'it was handled');
    }
    assert.equal(bridge!.waiting, 14);
    for (const client of clients.slice(1, 7)) client.socket.resetAndDestroy();
    await until(() => bridge.waiting === 2, 'those who are gone do not wait');
    await until(() => results.length === 14, 'all handlers have ended');
    assert.equal(results.filter((result) => result === 'closed').length, 12);
    const texts = [];
    for (let i = 0; i < 4; i++) {
      const request = await engine.requests.pop();
      texts.push(Buffer.from(request!.payload).toString());
    }
    assert.deepEqual(texts, ['0', '0', '7', '7']);
    await gateway.close({ deadlineMs: 0 });
    channel.close();
  });
});
