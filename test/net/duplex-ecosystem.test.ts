/** Unmodified clients and servers on our connections: node:http, ioredis. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { AbstractConnector, Redis } from 'ioredis';
import type { RealDriverKind } from '../../src/driver/index.ts';
import { connect, listen, toDuplex, type Connection } from '../../src/net/index.ts';
import { Runtime } from '../../src/runtime/index.ts';
import { attempt, type Coroutine } from '../../src/task/index.ts';
import { nothingHeld, LOOPBACK, pattern, portOf, REAL } from './harness.ts';
import { serveRedis } from './redis.ts';

function onEach(name: string, body: (runtime: Runtime) => Promise<void>): void {
  for (const kind of REAL) {
    test(`${name} (${kind})`, async () => {
      const runtime = new Runtime({ driver: settings(kind) });
      try {
        await body(runtime);
        await nothingHeld(runtime);
      } finally {
        await runtime.close();
      }
    });
  }
}

const settings = (kind: RealDriverKind) => ({ kind, connections: 64, buffers: 16 }) as const;

/** What an HTTP server of Node's does in these tests. */
function handle(request: http.IncomingMessage, response: http.ServerResponse): void {
  void text(request).then((body) => {
    response.setHeader('x-length', body.length);
    response.end(`${request.method} ${request.url} ${body}`);
  });
}

onEach('the client of node:http over createConnection', async (runtime) => {
  const server = http.createServer(handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const large = pattern(300_000).toString('hex');
  for (const body of ['', 'small', large]) {
    const stream = toDuplex(await runtime.run(() => connect({ port })));
    const request = http.request({
      createConnection: () => stream,
      method: 'POST',
      path: '/path',
    });
    request.end(body);
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    assert.equal(await text(response), `POST /path ${body}`);
    if (!stream.closed) await once(stream, 'close');
  }
  server.close();
});

onEach('an agent of node:http keeps such connections', async (runtime) => {
  const server = http.createServer(handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  let made = 0;
  class OurAgent extends http.Agent {
    override createConnection(
      _options: http.ClientRequestArgs,
      callback?: (error: Error | null, stream: Duplex) => void,
    ): undefined {
      made += 1;
      void this.#make(callback!);
    }

    async #make(callback: (error: Error | null, stream: Duplex) => void): Promise<void> {
      const connection = await runtime.run(() => connect({ port }));
      callback(null, toDuplex(connection));
    }
  }
  const agent = new OurAgent({ keepAlive: true, maxSockets: 1 });
  for (let i = 0; i < 5; i++) {
    const request = http.get({ agent, host: '127.0.0.1', port, path: `/${i}` });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    assert.equal(await text(response), `GET /${i} `);
  }
  assert.equal(made, 1);
  const stream = Object.values(agent.freeSockets)[0]?.[0];
  agent.destroy();
  if (stream !== undefined && !stream.closed) await once(stream, 'close');
  server.closeAllConnections();
  server.close();
});

onEach('a server of node:http on our listener', async (runtime) => {
  const server = http.createServer(handle);
  const listener = runtime.enter(() => listen(LOOPBACK));
  const streams: net.Socket[] = [];
  const accepting = runtime.spawn(function* (): Coroutine<void> {
    for (;;) {
      const connection: Connection = yield* listener.accept();
      const stream = toDuplex(connection, { allowHalfOpen: true }) as unknown as net.Socket;
      streams.push(stream);
      server.emit('connection', stream);
    }
  });
  const base = `http://127.0.0.1:${portOf(listener)}`;
  const large = pattern(500_000).toString('hex');
  const replies = await Promise.all(
    ['a', 'b', large].map(async (body) => {
      const response = await fetch(`${base}/x`, { method: 'POST', body });
      assert.equal(response.headers.get('x-length'), String(body.length));
      return response.text();
    }),
  );
  assert.deepEqual(replies, ['POST /x a', 'POST /x b', `POST /x ${large}`]);
  accepting.abort();
  await runtime.run(() => attempt(accepting));
  // A server that does not listen itself keeps no list of its connections.
  for (const stream of streams) {
    stream.destroy();
    if (!stream.closed) await once(stream, 'close');
  }
  await runtime.run(() => listener.close());
});

/** What ioredis asks for a stream. */
function connectorTo(runtime: Runtime, port: number) {
  return class extends AbstractConnector {
    constructor() {
      super(0);
    }
    async connect(): Promise<net.Socket> {
      this.connecting = true;
      const connection = await runtime.run(() => connect({ port }));
      this.stream = toDuplex(connection) as unknown as net.Socket;
      return this.stream;
    }
  };
}

onEach('ioredis, unmodified', async (runtime) => {
  const redisServer = runtime.enter(() => serveRedis());
  const { port } = redisServer;
  const redis = new Redis({
    Connector: connectorTo(runtime, port),
    lazyConnect: true,
    retryStrategy: null,
  });
  await redis.connect();
  assert.equal(await redis.set('key', 'value'), 'OK');
  assert.equal(await redis.get('key'), 'value');
  assert.equal(await redis.get('nothing'), null);
  const large = pattern(400_000);
  await redis.set('large', large);
  assert.ok((await redis.getBuffer('large'))!.equals(large));
  const counts = await Promise.all(Array.from({ length: 1000 }, () => redis.incr('count')));
  assert.deepEqual(
    counts,
    Array.from({ length: 1000 }, (_, i) => i + 1),
  );
  const replies = await redis.pipeline().set('a', '1').incr('a').get('a').exec();
  assert.deepEqual(replies, [
    [null, 'OK'],
    [null, 2],
    [null, '2'],
  ]);
  await assert.rejects(redis.call('NONSENSE'), /unknown command/);
  const ended = once(redis, 'end');
  await redis.quit();
  await ended;
  await redisServer.close();
});
