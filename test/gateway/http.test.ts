import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { it } from 'node:test';
import { refuse, type Gateway, type HttpRequest } from '../../src/gateway/index.ts';
import { Client, handshake } from './client.ts';
import { onEveryDriver, until, untilNothingIsHeld } from './fixture.ts';
import { ask, Gate, requestText as text } from './http-requests.ts';

/** Keeps the warnings of failed handlers from the output, and gives them. */
async function withWarnings(run: () => Promise<void>): Promise<string[]> {
  const warnings: string[] = [];
  const listener = ({ name, message }: Error): void => {
    if (name === 'RondoWarning') warnings.push(message);
  };
  process.on('warning', listener);
  try {
    await run();
    // They are emitted on the next tick.
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.removeListener('warning', listener);
  }
  return warnings;
}

onEveryDriver('HTTP routes', (fixture) => {
  it('answers with what handlers give, in all its forms', async () => {
    const { gateway, address } = await fixture.start({}, (gateway) => {
      gateway.http('GET', '/text', () => 'plain é');
      gateway.http('GET', '/json', () => ({ json: { a: [1, null] }, status: 201 }));
      gateway.http('GET', '/bytes', () => ({ body: new Uint8Array([0, 255]) }));
      gateway.http('DELETE', '/thing', () => ({ status: 204 }));
      gateway.http('GET', '/headers', () => ({
        headers: { 'content-type': 'text/x', 'Set-Cookie': ['a=1', 'b=2'] },
        body: 'x',
      }));
      gateway.http('GET', '/later', () => Promise.resolve('later'));
    });
    const plain = await ask(address, '/text');
    assert.deepEqual([plain.status, plain.text], [200, 'plain é']);
    assert.equal(plain.headers['content-type'], 'text/plain; charset=utf-8');
    const json = await ask(address, '/json');
    assert.deepEqual([json.status, json.text], [201, '{"a":[1,null]}']);
    const { body, headers: bytesHeaders } = await ask(address, '/bytes');
    assert.deepEqual([...body], [0, 255]);
    assert.equal(bytesHeaders['content-type'], 'application/octet-stream');
    const empty = await ask(address, '/thing', { method: 'DELETE' });
    assert.deepEqual([empty.status, empty.text], [204, '']);
    assert.equal(empty.headers['content-length'], undefined);
    const headers = await ask(address, '/headers');
    assert.equal(headers.headers['content-type'], 'text/x');
    assert.deepEqual(headers.headers['set-cookie'], ['a=1', 'b=2']);
    assert.equal((await ask(address, '/later')).text, 'later');
    const head = await ask(address, '/text', { method: 'HEAD' });
    assert.deepEqual([head.status, head.text, head.headers['content-length']], [200, '', '8']);
    await untilNothingIsHeld(gateway);
    assert.equal(gateway.counters().requests, 7);
  });

  it('gives handlers what was asked', async () => {
    const { address } = await fixture.start({}, (gateway) => {
      gateway.http('PUT', '/rooms/:room/seats/:seat', (request) => ({
        json: {
          method: request.method,
          path: request.path,
          params: request.params,
          query: [...request.query],
          host: request.host,
          cookie: request.cookie('b'),
          header: request.headers.get('x-a'),
          address: request.remoteAddress,
          aborted: request.signal.aborted,
        },
      }));
    });
    const headers = { Cookie: 'a=1; b=2', 'X-A': 'yes', Host: 'rondo.test:80' };
    const path = '/rooms/caf%C3%A9/seats/4?x=1&y=%20&x=2';
    const { text } = await ask(address, path, { method: 'PUT', headers });
    assert.deepEqual(JSON.parse(text), {
      method: 'PUT',
      path: '/rooms/caf%C3%A9/seats/4',
      params: { room: 'café', seat: '4' },
      query: [
        ['x', '1'],
        ['y', ' '],
        ['x', '2'],
      ],
      host: 'rondo.test:80',
      cookie: '2',
      header: 'yes',
      address: '127.0.0.1',
      aborted: false,
    });
  });
});

onEveryDriver('HTTP paths and methods', (fixture) => {
  it('knows the methods of a path', async () => {
    const { address } = await fixture.start({}, (gateway) => {
      gateway.http('GET', '/a/:x', () => 'got');
      gateway.http('POST', '/a/:y', () => 'posted');
      gateway.http('HEAD', '/only', () => ({ headers: { 'X-Own': 'head' } }));
      gateway.http('OPTIONS', '/only', () => 'own');
    });
    assert.equal((await ask(address, '/a/1', { method: 'POST' })).text, 'posted');
    const wrong = await ask(address, '/a/1', { method: 'PUT' });
    assert.deepEqual([wrong.status, wrong.headers['allow']], [405, 'GET, HEAD, POST']);
    const options = await ask(address, '/a/1', { method: 'OPTIONS' });
    assert.deepEqual([options.status, options.headers['allow']], [204, 'GET, HEAD, POST, OPTIONS']);
    assert.equal((await ask(address, '/only', { method: 'HEAD' })).headers['x-own'], 'head');
    assert.equal((await ask(address, '/only', { method: 'OPTIONS' })).text, 'own');
    assert.equal((await ask(address, '/only')).status, 405);
    assert.equal((await ask(address, '/healthz', { method: 'OPTIONS' })).status, 204);
    const star = await Client.connect(address);
    star.write(text('OPTIONS', '*'));
    assert.equal((await star.response()).status, 204);
    star.reset();
    assert.equal((await ask(address, '/b')).status, 404);
    assert.equal((await ask(address, '/a/%ff')).status, 400);
  });

  it('serves a WebSocket and HTTP on one path, and what it has of its own', async () => {
    const { gateway, address } = await fixture.start({ page: true, metrics: true }, (gateway) => {
      gateway.http('GET', '/echo', () => 'HTTP here');
      gateway.http('GET', '/healthz', () => 'mine');
    });
    assert.equal((await ask(address, '/echo')).text, 'HTTP here');
    const socket = await Client.open(address, '/echo');
    assert.equal((await ask(address, '/echo', { method: 'POST' })).status, 405);
    assert.equal((await ask(address, '/healthz')).text, 'mine');
    assert.equal((await ask(address, '/readyz')).text, 'ready\n');
    assert.match((await ask(address, '/')).text, /<html/);
    const metrics = await ask(address, '/metrics');
    assert.match(metrics.text, /^# HELP/m);
    await socket.close();
    assert.equal(gateway.ready, true);
  });

  it('ignores an upgrade to what it does not speak', async () => {
    const { address } = await fixture.start({}, (gateway) => {
      gateway.http('GET', '/x', () => 'still HTTP/1.1');
    });
    const headers = { Upgrade: 'h2c', Connection: 'Upgrade, HTTP2-Settings', 'HTTP2-Settings': '' };
    assert.equal((await ask(address, '/x', { headers })).text, 'still HTTP/1.1');
    const client = await Client.connect(address);
    client.write(handshake('/x'));
    assert.equal((await client.response()).status, 404, 'no WebSocket is here');
    assert.equal(await client.over(), 'end');
  });
});

onEveryDriver('HTTP connections', (fixture) => {
  it('answers in order, one at a time, whatever comes meanwhile', async () => {
    const gates = [new Gate(), new Gate(), new Gate()];
    const started: number[] = [];
    const { gateway, address } = await fixture.start({}, (gateway) => {
      gateway.http('GET', '/:number', async ({ params }) => {
        const number = Number(params.number);
        started.push(number);
        await gates[number]!.opened;
        return `${number}`;
      });
    });
    const client = await Client.connect(address);
    client.write(text('GET', '/0') + text('GET', '/1'));
    await until(() => started.length === 1, 'the first was begun');
    client.write(text('GET', '/2'));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(started, [0]);
    gates[2]!.open();
    gates[1]!.open();
    gates[0]!.open();
    for (const number of [0, 1, 2]) assert.equal((await client.response()).body, `${number}`);
    assert.deepEqual(started, [0, 1, 2]);
    client.reset();
    await untilNothingIsHeld(gateway);
  });

  it('uses a connection again, and closes it when it is asked to', async () => {
    const { gateway, address } = await fixture.start({}, (gateway) => {
      gateway.http('GET', '/x', async () => ({ json: await Promise.resolve(1) }));
      gateway.http('GET', '/stream', () => ({ body: pieces('a', 'b') }));
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 50; i++) {
      const path = i % 2 === 0 ? '/x' : '/stream';
      assert.equal((await ask(address, path, { agent })).text, i % 2 === 0 ? '1' : 'ab');
    }
    assert.equal(gateway.counters().connectionsAccepted, 1);
    agent.destroy();
    const last = await Client.connect(address);
    last.write(text('GET', '/x', { Connection: 'close' }) + text('GET', '/x'));
    assert.equal((await last.response()).headers.get('connection'), 'close');
    assert.equal(await last.over(), 'end');
    assert.equal(last.hasMore, false);
    const old = await Client.connect(address);
    old.write('GET /stream HTTP/1.0\r\n\r\n');
    const head = await old.response();
    assert.equal(head.headers.get('transfer-encoding'), undefined);
    assert.equal((await old.bytes(2)).toString(), 'ab');
    assert.equal(await old.over(), 'end');
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('HTTP clients that go away', (fixture) => {
  it('answers a client that has ended its side, and aborts the signal', async () => {
    const gate = new Gate();
    let signal: AbortSignal | undefined;
    const { address } = await fixture.start({}, (gateway) => {
      gateway.http('GET', '/x', async (request) => {
        signal = request.signal;
        await gate.opened;
        return 'in spite of it';
      });
    });
    const client = await Client.connect(address);
    client.socket.end(text('GET', '/x'));
    await until(() => signal?.aborted === true, 'the signal is aborted');
    assert.equal((signal!.reason as { code?: unknown }).code, 'ERR_HTTP_ABORTED');
    gate.open();
    const response = await client.response();
    assert.deepEqual(
      [response.body, response.headers.get('connection')],
      ['in spite of it', 'close'],
    );
    assert.equal(await client.over(), 'end');
  });

  it('aborts the signal when the client resets, and warns of nothing', async () => {
    const seen: HttpRequest[] = [];
    const { gateway, address } = await fixture.start({}, (gateway) => {
      gateway.http('GET', '/x', async (request) => {
        seen.push(request);
        const { signal } = request;
        await new Promise((_, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason as Error)),
        );
        return 'never';
      });
    });
    const client = await Client.connect(address);
    client.write(text('GET', '/x') + text('GET', '/x'));
    await until(() => seen.length === 1, 'the handler was called');
    client.reset();
    await untilNothingIsHeld(gateway);
    assert.equal(seen.length, 1, 'the second is not begun');
    assert.equal(seen[0]!.signal.aborted, true);
    assert.equal(gateway.counters().handlerErrors, 0);
  });
});

onEveryDriver('HTTP and the end of a gateway', (fixture) => {
  it('waits for handlers when the gateway is closed, and says so on /readyz', async () => {
    const gate = new Gate();
    let begun = false;
    const { gateway, address } = await fixture.start({}, (gateway) => {
      gateway.http('GET', '/x', async () => {
        begun = true;
        await gate.opened;
        return 'done';
      });
    });
    const client = await Client.connect(address);
    client.write(text('GET', '/x') + text('GET', '/readyz'));
    await until(() => begun, 'the handler was called');
    const closing = gateway.close();
    assert.equal(gateway.ready, false);
    gate.open();
    const response = await client.response();
    assert.deepEqual([response.body, response.headers.get('connection')], ['done', 'close']);
    assert.equal(await client.over(), 'end');
    const { closed, reset } = await closing;
    assert.deepEqual([closed, reset], [1, 0]);
  });
});

async function* pieces(...all: (string | Uint8Array)[]): AsyncGenerator<string | Uint8Array> {
  yield* all;
}

onEveryDriver('HTTP handlers that fail', (fixture) => {
  it('are answered with 500, counted and warned of; the connection goes on', async () => {
    const secret = 'password=hunter2';
    const routes: Record<string, () => never> = {
      '/throws': () => {
        throw new Error(secret);
      },
      '/rejects': (async () => Promise.reject(new Error(secret))) as never,
      '/undefined': (() => undefined) as never,
      '/number': (() => 5) as never,
      '/unknown': (() => ({ stauts: 200 })) as never,
      '/status': (() => ({ status: 101 })) as never,
      '/header': (() => ({ headers: { 'X-A': `${secret}\r\nX: y` } })) as never,
      '/both': (() => ({ body: 'a', json: 1 })) as never,
      '/function': (() => ({ json: () => 1 })) as never,
      '/body': (() => ({ body: 5 })) as never,
      '/empty': (() => ({ status: 204, body: 'x' })) as never,
      '/stream': (() => ({ status: 304, body: pieces('x') })) as never,
      '/locked': (() => {
        const body = new ReadableStream();
        body.getReader();
        return { body };
      }) as never,
      '/getter': (() => ({
        get body() {
          throw new Error(secret);
        },
      })) as never,
      '/then': (() => ({
        // oxlint-disable-next-line no-thenable
        get then() {
          throw new Error(secret);
        },
      })) as never,
      '/odd': () => {
        // oxlint-disable-next-line no-throw-literal, only-throw-error
        throw null;
      },
    };
    const paths = Object.keys(routes);
    const { gateway, address } = await fixture.start({}, (gateway) => {
      for (const [path, handler] of Object.entries(routes)) gateway.http('GET', path, handler);
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const warnings = await withWarnings(async () => {
      for (const path of paths) {
        const { status, text: body } = await ask(address, path, { agent });
        assert.deepEqual([status, body], [500, 'The server failed to answer\n'], path);
      }
    });
    assert.equal(gateway.counters().connectionsAccepted, 1);
    assert.equal(gateway.counters().handlerErrors, paths.length);
    assert.equal(warnings.length, paths.length);
    assert.match(warnings[0]!, /route GET \/throws failed: Error: password/);
    agent.destroy();
  });
});

onEveryDriver('HTTP handlers that refuse', (fixture) => {
  it('may answer by throwing', async () => {
    const { gateway, address } = await fixture.start({}, (gateway) => {
      gateway.http('GET', '/returned', () => refuse(403, 'not you', { 'X-Why': 'because' }));
      gateway.http('GET', '/thrown', () => {
        // oxlint-disable-next-line only-throw-error
        throw refuse(401);
      });
    });
    const returned = await ask(address, '/returned');
    assert.deepEqual([returned.status, returned.text], [403, 'not you\n']);
    assert.equal(returned.headers['x-why'], 'because');
    assert.equal((await ask(address, '/thrown')).status, 401);
    assert.equal(gateway.counters().handlerErrors, 0);
  });

  it('cannot be added wrongly', async () => {
    const gateway = (await fixture.start()).gateway;
    const add =
      (...args: unknown[]): (() => void) =>
      () =>
        (gateway.http as (...all: unknown[]) => void).apply(gateway, args);
    const handler = (): string => '';
    gateway.http('GET', '/taken', handler);
    for (const [method, path] of [
      ['GET', '/taken'],
      ['get', '/a'],
      ['CONNECT', '/a'],
      ['A B', '/a'],
      ['GET', 'a'],
    ]) {
      assert.throws(add(method, path, handler), { code: 'ERR_ROUTE' }, `${method} ${path}`);
    }
    assert.throws(add('GET', '/b', {}), { code: 'ERR_OPTION_TYPE' });
    assert.throws(add('GET', '/b', handler, { maxBody: 1 }), { code: 'ERR_OPTION_UNKNOWN' });
    assert.throws(add('GET', '/b', handler, { maxBodyBytes: -1 }), { code: 'ERR_OPTION_RANGE' });
    assert.throws(add('GET', '/b', handler, { bodyTimeoutMs: 0 }), { code: 'ERR_OPTION_RANGE' });
  });
});

/** A gateway whose `/stream` gives numbers without end, and how many it gave. */
class Endless {
  given = 0;
  ended = false;

  add(gateway: Gateway, options = {}): void {
    gateway.http('GET', '/stream', () => ({ body: this.#numbers() }), options);
  }

  async *#numbers(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield new Uint8Array(10_000).fill(this.given++ & 0xff);
    } finally {
      this.ended = true;
    }
  }
}

onEveryDriver('HTTP responses in pieces', (fixture) => {
  it('sends what is iterated, and web streams, in chunks', async () => {
    const big = new Uint8Array(300_000).map((_, index) => index & 0xff);
    const { gateway, address } = await fixture.start({}, (gateway) => {
      gateway.http('GET', '/generator', () => ({ body: pieces('a', '', big, 'é') }));
      gateway.http('GET', '/web', () => ({
        body: new ReadableStream<Uint8Array>({
          start(controller) {
            controller.enqueue(big);
            controller.close();
          },
        }),
      }));
      gateway.http('GET', '/none', () => ({ body: pieces() }));
    });
    const expected = Buffer.concat([Buffer.from('a'), big, Buffer.from('é')]);
    const generated = await ask(address, '/generator');
    assert.equal(generated.headers['transfer-encoding'], 'chunked');
    assert.ok(generated.body.equals(expected));
    assert.ok((await ask(address, '/web')).body.equals(big));
    assert.equal((await ask(address, '/none')).text, '');
    const head = await ask(address, '/generator', { method: 'HEAD' });
    assert.deepEqual([head.status, head.text], [200, '']);
    await untilNothingIsHeld(gateway);
  });

  it('sends large bodies whole, whatever may wait', async () => {
    const big = Buffer.alloc(3_000_000, 'rondo ');
    for (const maxSendQueueBytes of [1024, 1 << 20]) {
      const { gateway, address } = await fixture.start({ maxSendQueueBytes }, (gateway) => {
        gateway.http('GET', '/bytes', () => ({ body: big }));
        gateway.http('GET', '/text', () => big.toString());
      });
      for (const path of ['/bytes', '/text']) {
        assert.ok((await ask(address, path)).body.equals(big), path);
      }
      await untilNothingIsHeld(gateway);
      await gateway.close({ deadlineMs: 0 });
    }
  });
});

onEveryDriver('HTTP responses and slow clients', (fixture) => {
  it('asks a source only for what the client takes, and ends it when the client goes', async () => {
    const endless = new Endless();
    const { gateway, address } = await fixture.start({}, (gateway) => endless.add(gateway));
    const client = await Client.connect(address);
    client.socket.pause();
    client.write(text('GET', '/stream'));
    let before = 0;
    await until(() => endless.given > 0, 'it was asked');
    // The kernel's buffers fill, and then nothing more is asked for.
    while (endless.given !== before) {
      before = endless.given;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(gateway.usage().memoryBytes < 400_000, `${gateway.usage().memoryBytes}`);
    client.socket.resume();
    await until(() => endless.given > before + 100, 'it goes on when the client reads');
    client.reset();
    await until(() => endless.ended, 'the source is told');
    await untilNothingIsHeld(gateway);
    assert.equal(gateway.counters().handlerErrors, 0);
  });
});

onEveryDriver('HTTP responses that cannot be finished', (fixture) => {
  it('cancels a web stream that waits when the client goes', async () => {
    let reason: unknown = 'nothing';
    const { gateway, address } = await fixture.start({}, (gateway) => {
      gateway.http('GET', '/x', () => ({
        body: new ReadableStream<string>({
          start: (controller) => controller.enqueue('first'),
          cancel: (why) => void (reason = why),
        }),
      }));
    });
    const client = await Client.connect(address);
    client.write(text('GET', '/x'));
    await client.response();
    client.reset();
    await until(() => reason === undefined, 'it was cancelled');
    await untilNothingIsHeld(gateway);
  });

  it('resets when a source fails, so that nobody takes a part for the whole', async () => {
    async function* failing(): AsyncGenerator<string> {
      yield 'some';
      await new Promise((resolve) => setImmediate(resolve));
      throw new Error('no more');
    }
    const { gateway, address } = await fixture.start({}, (gateway) => {
      gateway.http('GET', '/x', () => ({ body: failing() }));
      gateway.http('GET', '/y', () => ({ body: pieces(5 as never) }));
    });
    const warnings = await withWarnings(async () => {
      await assert.rejects(ask(address, '/x'), { code: 'ECONNRESET' });
      await assert.rejects(ask(address, '/y'), { code: 'ECONNRESET' });
    });
    assert.match(warnings[0]!, /no more/);
    assert.equal(gateway.counters().handlerErrors, 2);
    await untilNothingIsHeld(gateway);
  });

  it('gives up a client that takes nothing for too long', async () => {
    const endless = new Endless();
    const { gateway, address } = await fixture.start({}, (gateway) => {
      endless.add(gateway, { sendTimeoutMs: 50 });
    });
    const client = await Client.connect(address);
    client.socket.pause();
    client.write(text('GET', '/stream'));
    await until(() => endless.ended, 'it was given up');
    assert.equal(gateway.counters().timeouts, 1);
    client.socket.destroy();
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('HTTP pipelining and slow clients', (fixture) => {
  it('lets a client that asks for more than it reads wait, with bounded memory', async () => {
    const { gateway, address } = await fixture.start({}, (gateway) => {
      gateway.http('GET', '/x', () => 'x'.repeat(10_000));
    });
    const client = await Client.connect(address);
    client.socket.pause();
    const wanted = 2000;
    for (let i = 0; i < wanted; i += 100) client.write(text('GET', '/x').repeat(100));
    let before = 0;
    await until(() => gateway.counters().requests > 0, 'the first is answered');
    while (gateway.counters().requests !== before) {
      before = gateway.counters().requests;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(before < wanted, `${before} were answered`);
    assert.ok(gateway.usage().memoryBytes < 600_000, `${gateway.usage().memoryBytes}`);
    client.socket.resume();
    for (let i = 0; i < wanted; i++) assert.equal((await client.response()).body.length, 10_000);
    assert.equal(gateway.counters().sendQueueOverflows, 0);
    client.reset();
    await untilNothingIsHeld(gateway);
  });
});
