import assert from 'node:assert/strict';
import { get, type IncomingMessage } from 'node:http';
import { it } from 'node:test';
import type { SocketAddress } from '../../src/driver/index.ts';
import {
  refuse,
  type EventHandlers,
  type EventOptions,
  type EventStream,
  type Gateway,
} from '../../src/gateway/index.ts';
import { Client } from './client.ts';
import { onEveryDriver, until, untilNothingIsHeld } from './fixture.ts';
import { ask, Gate, requestText as text } from './http-requests.ts';

/** A client that keeps what it gets. */
class Listener {
  readonly response: IncomingMessage;
  received = '';
  over = false;

  private constructor(response: IncomingMessage) {
    this.response = response;
    response.on('data', (data: Buffer) => (this.received += data.toString()));
    response.on('end', () => (this.over = true));
    response.on('error', () => (this.over = true));
  }

  static open(
    address: SocketAddress,
    path: string,
    headers: Record<string, string> = {},
  ): Promise<Listener> {
    const { port } = address as { port: number };
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, path, headers, agent: false };
      get(options, (response) => resolve(new Listener(response))).on('error', reject);
    });
  }
}

/** Keeps the streams that are open. */
class Feed {
  readonly open: EventStream[] = [];
  closed = 0;
  drained = 0;

  add(gateway: Gateway, options?: EventOptions, handlers: Partial<EventHandlers> = {}): void {
    const all: EventHandlers = {
      open: (stream) => void this.open.push(stream),
      close: () => void (this.closed += 1),
      drain: () => void (this.drained += 1),
      ...handlers,
    };
    gateway.events('/feed/:name', all, options);
  }
}

const data = 'x'.repeat(10_000);

/** Sends an event in each turn until the kernel takes nothing more; gives the ids it took. */
async function flood(stream: EventStream): Promise<string[]> {
  const accepted: string[] = [];
  for (let number = 0, refused = 0; refused < 60; number++) {
    const result = stream.send({ id: `${number}`, data });
    if (result === 'closed') break;
    if (result !== 'dropped') accepted.push(`${number}`);
    refused = result === 'dropped' ? refused + 1 : 0;
    await new Promise((resolve) => setTimeout(resolve, refused > 0 ? 2 : 0));
  }
  return accepted;
}

async function paused(address: SocketAddress): Promise<Client> {
  const client = await Client.connect(address);
  client.write(text('GET', '/feed/x'));
  await client.response(true);
  client.socket.pause();
  return client;
}

onEveryDriver('server-sent events', (fixture) => {
  it('arrive as they are sent, until one side ends the stream', async () => {
    const feed = new Feed();
    const { gateway, address } = await fixture.start({}, (gateway) => feed.add(gateway));
    const listener = await Listener.open(address, '/feed/a%20b?x=1', { 'Last-Event-ID': '41' });
    const { headers, statusCode } = listener.response;
    assert.equal(statusCode, 200);
    assert.equal(headers['content-type'], 'text/event-stream');
    assert.equal(headers['cache-control'], 'no-cache');
    const [stream] = feed.open as [EventStream<{ name: string }, string>];
    assert.equal(stream.params.name, 'a b');
    assert.equal(stream.request.query.get('x'), '1');
    assert.equal(stream.lastEventId, '41');
    assert.equal(stream.data, undefined);
    stream.data = 'mine';
    await until(() => stream.bufferedAmount === 0, 'the head has left');
    assert.equal(stream.send({ id: '42', event: 'tick', data: 'one\ntwo' }), 'sent');
    assert.notEqual(stream.send({ data: 'é' }), 'closed');
    const expected = 'event: tick\nid: 42\ndata: one\ndata: two\n\ndata: é\n\n';
    await until(() => listener.received === expected, 'both have come');
    assert.throws(() => stream.send({ event: 'a\nb' }), { code: 'ERR_EVENT' });
    stream.close();
    assert.equal(stream.isOpen, false);
    assert.equal(stream.send({ data: 'late' }), 'closed');
    await until(() => listener.over, 'it has ended');
    assert.equal(listener.received, expected);
    stream.close();
    await untilNothingIsHeld(gateway);
    assert.equal(feed.closed, 1);
  });
});

onEveryDriver('server-sent events and their clients', (fixture) => {
  it('notice clients that go away', async () => {
    const feed = new Feed();
    const { gateway, address } = await fixture.start({}, (gateway) => feed.add(gateway));
    for (const end of ['reset', 'fin', 'destroy'] as const) {
      const client = await Client.connect(address);
      client.write(text('GET', '/feed/x') + text('GET', '/feed/ignored'));
      await client.response(true);
      const stream = feed.open.at(-1)!;
      if (end === 'reset') client.reset();
      else if (end === 'fin') client.socket.end();
      else client.socket.destroy();
      await until(() => !stream.isOpen, `it is noticed: ${end}`);
      assert.equal(stream.send({ data: 'x' }), 'closed');
      assert.equal(stream.request.signal.aborted, true);
    }
    await untilNothingIsHeld(gateway);
    assert.deepEqual([feed.open.length, feed.closed], [3, 3]);
  });

  it('keep silent streams alive with comments', async () => {
    const feed = new Feed();
    const { address } = await fixture.start({}, (gateway) =>
      feed.add(gateway, { heartbeatMs: 10 }),
    );
    const listener = await Listener.open(address, '/feed/x');
    await until(() => listener.received.startsWith(':\n\n:\n\n'), 'comments have come');
    feed.open[0]!.close();
    await until(() => listener.over, 'it has ended');
  });
});

onEveryDriver('server-sent events that are refused', (fixture) => {
  it('can be refused by open, now or later', async () => {
    const gate = new Gate();
    const feed = new Feed();
    const { gateway, address } = await fixture.start({}, (gateway) => {
      const close = (): void => void (feed.closed += 1);
      gateway.events('/now', { open: () => refuse(401, 'who are you'), close });
      gateway.events('/done', { open: () => ({ status: 204 }), close });
      gateway.events('/thrown', {
        open: () => {
          // oxlint-disable-next-line only-throw-error
          throw refuse(403);
        },
        close,
      });
      gateway.events('/later', {
        async open() {
          await gate.opened;
          return refuse(503, 'not today', { 'Retry-After': '9' });
        },
        close,
      });
    });
    const now = await ask(address, '/now');
    assert.deepEqual([now.status, now.text], [401, 'who are you\n']);
    assert.equal((await ask(address, '/done')).status, 204);
    assert.equal((await ask(address, '/thrown')).status, 403);
    const later = ask(address, '/later');
    gate.open();
    assert.deepEqual([(await later).status, (await later).headers['retry-after']], [503, '9']);
    assert.equal(feed.closed, 0);
    assert.equal((await ask(address, '/now', { method: 'HEAD' })).status, 200);
    assert.equal((await ask(address, '/now', { method: 'POST' })).status, 405);
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('server-sent events that end', (fixture) => {
  it('end when a handler fails, with 500 before the first event', async () => {
    let warnings = 0;
    const count = ({ name }: Error): void => void (warnings += name === 'RondoWarning' ? 1 : 0);
    process.on('warning', count);
    try {
      const { gateway, address } = await fixture.start({}, (gateway) => {
        gateway.events('/throws', {
          open() {
            throw new Error('no');
          },
        });
        gateway.events('/later', {
          async open(stream) {
            stream.send({ data: 'first' });
            await new Promise((resolve) => setImmediate(resolve));
            throw new Error('no');
          },
          close: () => Promise.reject(new Error('nor here')),
        });
      });
      assert.equal((await ask(address, '/throws')).status, 500);
      const later = await ask(address, '/later');
      assert.deepEqual([later.status, later.text], [200, 'data: first\n\n']);
      await untilNothingIsHeld(gateway);
      await until(() => warnings === 3, 'all were warned of');
      assert.equal(gateway.counters().handlerErrors, 3);
    } finally {
      process.removeListener('warning', count);
    }
  });

  it('end for HTTP/1.0 with the connection', async () => {
    const feed = new Feed();
    const { address } = await fixture.start({}, (gateway) => feed.add(gateway));
    const client = await Client.connect(address);
    client.write('GET /feed/x HTTP/1.0\r\n\r\n');
    assert.equal((await client.response()).headers.get('transfer-encoding'), undefined);
    feed.open[0]!.send({ data: 'a' });
    feed.open[0]!.close();
    assert.equal((await client.bytes(9)).toString(), 'data: a\n\n');
    assert.equal(await client.over(), 'end');
  });

  it('end when the gateway is closed', async () => {
    const feed = new Feed();
    const { gateway, address } = await fixture.start({}, (gateway) => feed.add(gateway));
    const listener = await Listener.open(address, '/feed/x');
    feed.open[0]!.send({ data: 'last' });
    const { closed, reset } = await gateway.close();
    assert.deepEqual([closed, reset], [1, 0]);
    await until(() => listener.over, 'it has ended');
    assert.equal(listener.received, 'data: last\n\n');
    assert.equal(feed.closed, 1);
  });
});

onEveryDriver('server-sent events to clients that do not read', (fixture) => {
  it('end the stream at the limit', async () => {
    const feed = new Feed();
    const { gateway, address } = await fixture.start({}, (gateway) => feed.add(gateway));
    const client = await paused(address);
    const [stream] = feed.open as [EventStream];
    await flood(stream);
    assert.equal(stream.isOpen, false);
    assert.equal(stream.bufferedAmount, 0);
    assert.equal(gateway.counters().sendQueueOverflows, 1);
    client.socket.destroy();
    await untilNothingIsHeld(gateway);
    assert.equal(feed.closed, 1);
  });
});

onEveryDriver('server-sent events that are dropped', (fixture) => {
  for (const queuePolicy of ['drop-newest', 'drop-oldest'] as const) {
    it(`drop events with ${queuePolicy}, whole ones, and count them`, async () => {
      const feed = new Feed();
      const options = { queuePolicy, maxQueueBytes: 100_000 };
      const { gateway, address } = await fixture.start({}, (gateway) => feed.add(gateway, options));
      const client = await paused(address);
      const [stream] = feed.open as [EventStream];
      const accepted = await flood(stream);
      const last = accepted.length + stream.dropped - 1;
      assert.ok(stream.dropped >= 60);
      assert.ok(stream.bufferedAmount < 400_000, `${stream.bufferedAmount}`);
      let received = '';
      client.socket.on('data', (bytes) => (received += bytes.toString('latin1')));
      const drained = feed.drained;
      client.socket.resume();
      await until(() => feed.drained > drained, 'little waits');
      await until(() => stream.bufferedAmount === 0, 'all has left');
      assert.equal(stream.send({ id: 'end', data: 'end' }), 'sent');
      stream.close();
      await until(() => received.endsWith('0\r\n\r\n'), 'the end has come');
      const ids = [...received.matchAll(/id: (.+)\n/g)].map(([, id]) => id!);
      assert.equal(ids.pop(), 'end');
      assert.equal(ids.length, accepted.length, 'one is lost for each that was dropped');
      if (queuePolicy === 'drop-newest') assert.deepEqual(ids, accepted);
      else assert.equal(ids.at(-1), `${last}`);
      client.socket.destroy();
      await untilNothingIsHeld(gateway);
    });
  }

  it('are reset when nothing is taken for too long', async () => {
    const feed = new Feed();
    const options = { sendTimeoutMs: 40, heartbeatMs: 0, queuePolicy: 'drop-newest' } as const;
    const { gateway, address } = await fixture.start({}, (gateway) => feed.add(gateway, options));
    const client = await paused(address);
    const [stream] = feed.open as [EventStream];
    await until(() => stream.send({ data }) === 'closed', 'it was given up');
    assert.equal(feed.closed, 1);
    assert.equal(gateway.counters().timeouts, 1);
    client.socket.destroy();
    await untilNothingIsHeld(gateway);
  });
});
