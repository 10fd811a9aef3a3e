import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { it } from 'node:test';
import type { Gateway, HttpHandler, HttpRequest } from '../../src/gateway/index.ts';
import { Client } from './client.ts';
import { onEveryDriver, until, untilNothingIsHeld } from './fixture.ts';
import { ask, Gate, requestText as text } from './http-requests.ts';

const MIB = 1 << 20;

const chunked = (...parts: string[]): string =>
  `${parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')}0\r\n\r\n`;

/** Answers with what it got, in the way that the path says. */
function addReaders(gateway: Gateway): void {
  gateway.http('POST', '/bytes', async (request) => ({ body: await request.bytes() }));
  gateway.http('POST', '/text', (request) => request.text());
  gateway.http('POST', '/json', async (request) => ({ json: { got: await request.json() } }));
  gateway.http('POST', '/count', async (request) => {
    let count = 0;
    for await (const piece of request.body) count += piece.length;
    return `${count}`;
  });
  gateway.http('POST', '/ignore', () => 'ignored');
}

onEveryDriver('HTTP request bodies', (fixture) => {
  it('are read as bytes, text, JSON, and in pieces', async () => {
    const { gateway, address } = await fixture.start({}, addReaders);
    const post = (path: string, body: string | Uint8Array, headers = {}): ReturnType<typeof ask> =>
      ask(address, path, { method: 'POST', body, headers });
    const big = new Uint8Array(900_000).map((_, index) => (index * 7) & 0xff);
    for (const headers of [{}, { 'Transfer-Encoding': 'chunked' }]) {
      assert.ok((await post('/bytes', big, headers)).body.equals(big));
      assert.equal((await post('/text', 'é'.repeat(9000), headers)).text, 'é'.repeat(9000));
      assert.equal((await post('/json', '{"a":1}', headers)).text, '{"got":{"a":1}}');
      assert.equal((await post('/count', big, headers)).text, '900000');
      assert.equal((await post('/bytes', '', headers)).text, '');
    }
    for (const [path, body] of [
      ['/json', '{"a":'],
      ['/json', ''],
      ['/text', new Uint8Array([0xc3])],
      ['/json', new Uint8Array([0x22, 0xff, 0x22])],
    ] as const) {
      assert.equal((await post(path, body)).status, 400, path);
    }
    assert.equal(gateway.counters().handlerErrors, 0);
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('HTTP request bodies in pieces', (fixture) => {
  it('may come byte by byte, together with the next request', async () => {
    const { gateway, address } = await fixture.start({}, addReaders);
    const client = await Client.connect(address);
    const chunks = chunked('hello', ' ', 'world');
    const all =
      text('POST', '/text', { 'Content-Length': '5' }, 'first') +
      text('POST', '/text', { 'Transfer-Encoding': 'chunked' }, chunks) +
      text('POST', '/text');
    for (const byte of Buffer.from(all)) {
      client.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const body of ['first', 'hello world', '']) {
      assert.equal((await client.response()).body, body);
    }
    client.write(all + all);
    for (const body of ['first', 'hello world', '', 'first', 'hello world', '']) {
      assert.equal((await client.response()).body, body);
    }
    client.reset();
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('HTTP request bodies and their limit', (fixture) => {
  it('are answered 413 above the limit, whether it is announced or found', async () => {
    let called = 0;
    const handler: HttpHandler = async (request) => {
      called += 1;
      return request.text();
    };
    const { gateway, address } = await fixture.start({}, (gateway) => {
      gateway.http('POST', '/ten', handler, { maxBodyBytes: 10 });
      gateway.http('POST', '/none', handler, { maxBodyBytes: 0 });
      gateway.http('POST', '/default', handler);
    });
    const client = async (request: string): Promise<number> => {
      const one = await Client.connect(address);
      one.write(request);
      const { status, headers } = await one.response();
      if (status === 413) {
        assert.equal(headers.get('connection'), 'close');
        assert.equal(await one.over(), 'end');
      } else {
        one.reset();
      }
      return status;
    };
    const chunks = { 'Transfer-Encoding': 'chunked' };
    assert.equal(await client(text('POST', '/ten', { 'Content-Length': '11' })), 413);
    assert.equal(await client(text('POST', '/none', { 'Content-Length': '1' }, 'x')), 413);
    assert.equal(await client(text('POST', '/default', { 'Content-Length': `${MIB + 1}` })), 413);
    assert.equal(called, 0, 'no handler needs to know');
    assert.equal(await client(text('POST', '/ten', chunks, chunked('0123456789'))), 200);
    assert.equal(await client(text('POST', '/ten', chunks, chunked('01234567', '890'))), 413);
    assert.equal(await client(text('POST', '/ten', chunks, 'ffffffffff\r\n01234567890')), 413);
    await untilNothingIsHeld(gateway);
    assert.equal(gateway.counters().handlerErrors, 0);
  });
});

onEveryDriver('HTTP request bodies that are expected', (fixture) => {
  it('are asked for with 100 Continue when they are read, and only then', async () => {
    const gate = new Gate();
    const { gateway, address } = await fixture.start({}, (gateway) => {
      addReaders(gateway);
      gateway.http('POST', '/late', async (request) => {
        await gate.opened;
        return request.text();
      });
    });
    const expecting = { 'Content-Length': '5', Expect: '100-continue' };
    const patient = await Client.connect(address);
    patient.write(text('POST', '/late', expecting));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(patient.hasMore, false);
    gate.open();
    assert.equal((await patient.response()).status, 100);
    patient.write('hello');
    assert.equal((await patient.response()).body, 'hello');
    patient.write(text('POST', '/text', { ...expecting, Expect: '100-Continue' }, 'early'));
    assert.equal((await patient.response()).body, 'early', 'who does not wait is not told');
    patient.write(text('POST', '/ignore', expecting));
    const ignored = await patient.response();
    assert.deepEqual([ignored.body, ignored.headers.get('connection')], ['ignored', 'close']);
    assert.equal(await patient.over(), 'end');
    const other = await ask(address, '/text', { method: 'POST', headers: { Expect: 'magic' } });
    assert.equal(other.status, 417);
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('HTTP request bodies that come too fast', (fixture) => {
  it('wait with the client while nobody reads them', async () => {
    const gate = new Gate();
    let pieces = 0;
    const { gateway, address } = await fixture.start({}, (gateway) => {
      const options = { maxBodyBytes: 64 * MIB, bodyTimeoutMs: 100 };
      const handler: HttpHandler = async (request) => {
        await gate.opened;
        let count = 0;
        for await (const piece of request.body) {
          count += piece.length;
          pieces += 1;
        }
        return `${count}`;
      };
      gateway.http('POST', '/slow', handler, options);
    });
    const client = await Client.connect(address);
    const size = 32 * MIB;
    client.write(text('POST', '/slow', { 'Content-Length': `${size}` }));
    let sent = 0;
    const piece = new Uint8Array(64 * 1024);
    const send = (): void => {
      while (sent < size) {
        sent += piece.length;
        if (!client.socket.write(piece)) return void client.socket.once('drain', send);
      }
    };
    send();
    let before = 0;
    // Several times the timeout of a body: a client that is held back is not late.
    do {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 250));
    } while (sent !== before);
    assert.ok(sent < size, `${sent} bytes were taken`);
    assert.equal(pieces, 0);
    gate.open();
    assert.equal((await client.response()).body, `${size}`);
    assert.equal(gateway.counters().timeouts, 0);
    client.reset();
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('HTTP request bodies that nobody reads', (fixture) => {
  it('are thrown away when nobody reads them, and the connection is used again', async () => {
    const { gateway, address } = await fixture.start({}, addReaders);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (const size of [10, 60_000, 0]) {
      const body = 'x'.repeat(size);
      for (const headers of [{}, { 'Transfer-Encoding': 'chunked' }]) {
        const answer = await ask(address, '/ignore', { method: 'POST', body, headers, agent });
        assert.equal(answer.text, 'ignored');
      }
      assert.equal((await ask(address, '/nothing', { method: 'POST', body, agent })).status, 404);
    }
    assert.equal(gateway.counters().connectionsAccepted, 1);
    agent.destroy();
    const large = await Client.connect(address);
    large.write(text('POST', '/ignore', { 'Content-Length': '100000' }));
    assert.equal((await large.response()).headers.get('connection'), 'close');
    assert.equal(await large.over(), 'end');
    const endless = await Client.connect(address);
    endless.write(text('POST', '/ignore', { 'Transfer-Encoding': 'chunked' }));
    assert.equal((await endless.response()).status, 200);
    endless.write('20000\r\n');
    assert.equal(await endless.over(), 'end');
    await untilNothingIsHeld(gateway);
  });

  it('can be left in the middle, and read once only', async () => {
    const { gateway, address } = await fixture.start({}, (gateway) => {
      gateway.http('POST', '/first', async (request) => {
        for await (const piece of request.body) return `${piece.length > 0}`;
        return 'nothing';
      });
      gateway.http('POST', '/twice', async (request) => {
        await request.bytes();
        const error: unknown = await request.bytes().catch((reason: unknown) => reason);
        return (error as { code: string }).code;
      });
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const body = 'x'.repeat(50_000);
    assert.equal((await ask(address, '/first', { method: 'POST', body, agent })).text, 'true');
    const twice = await ask(address, '/twice', { method: 'POST', body, agent });
    assert.equal(twice.text, 'ERR_HTTP_BODY');
    assert.equal(gateway.counters().connectionsAccepted, 1);
    agent.destroy();
  });
});

onEveryDriver('HTTP request bodies that are sent back', (fixture) => {
  it('go back as they come', async () => {
    const { gateway, address } = await fixture.start({}, (gateway) => {
      const options = { maxBodyBytes: 64 * MIB };
      gateway.http('POST', '/echo', (request) => ({ body: request.body }), options);
    });
    const body = Buffer.alloc(8 * MIB, 'there and back again ');
    const answer = await ask(address, '/echo', { method: 'POST', body });
    assert.ok(answer.body.equals(body));
    const client = await Client.connect(address);
    client.write(text('POST', '/echo', { 'Content-Length': '70000', Expect: '100-continue' }));
    assert.equal((await client.response()).status, 100);
    client.write('x'.repeat(70_000) + text('POST', '/echo'));
    assert.equal((await client.response()).headers.get('connection'), undefined);
    client.reset();
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('HTTP request bodies that go wrong', (fixture) => {
  it('reject when the client goes away, and the process lives', async () => {
    const errors: unknown[] = [];
    let begun = 0;
    let floated = false;
    const { gateway, address } = await fixture.start({}, (gateway) => {
      gateway.http('POST', '/float', (request) => {
        void request.json();
        floated = true;
        return new Promise(() => undefined);
      });
      gateway.http('POST', '/x', async (request) => {
        begun += 1;
        return request.text().catch((error: unknown) => {
          errors.push(error);
          throw error;
        });
      });
    });
    const floating = await Client.connect(address);
    floating.write(text('POST', '/float', { 'Content-Length': '10' }, 'hello'));
    await until(() => floated, 'the handler was called');
    floating.reset();
    for (const end of ['reset', 'fin'] as const) {
      const client = await Client.connect(address);
      client.write(text('POST', '/x', { 'Content-Length': '10' }, 'hello'));
      const count = errors.length;
      await until(() => begun === count + 1, 'the handler was called');
      if (end === 'reset') client.reset();
      else client.socket.end();
      await until(() => errors.length === count + 1, `it is told of ${end}`);
      assert.equal((errors[count] as { code?: unknown }).code, 'ERR_HTTP_ABORTED');
    }
    await untilNothingIsHeld(gateway);
    assert.equal(gateway.counters().handlerErrors, 0);
  });
});

onEveryDriver('HTTP request bodies that come too slowly', (fixture) => {
  it('are answered 408 when they come too slowly', async () => {
    const options = { bodyTimeoutMs: 40 };
    const { gateway, address } = await fixture.start({}, (gateway) => {
      gateway.http('POST', '/read', (request: HttpRequest) => request.text(), options);
      const never: HttpHandler = () => new Promise(() => undefined);
      gateway.http('POST', '/never', never, options);
      gateway.http('POST', '/ignore', () => 'ignored', options);
    });
    for (const path of ['/read', '/never']) {
      const silent = await Client.connect(address);
      silent.write(text('POST', path, { 'Content-Length': '10' }, 'hello'));
      assert.equal((await silent.response()).status, 408, path);
      assert.equal(await silent.over(), 'end');
    }
    const ignored = await Client.connect(address);
    ignored.write(text('POST', '/ignore', { 'Content-Length': '10' }, 'hello'));
    assert.equal((await ignored.response()).body, 'ignored');
    assert.equal(await ignored.over(), 'end');
    // Always something, but too little: every byte comes before the pause is too long.
    const dribbling = await Client.connect(address);
    dribbling.write(text('POST', '/read', { 'Content-Length': '100000' }));
    const dribble = setInterval(() => dribbling.write('x'), 5);
    try {
      assert.equal((await dribbling.response()).status, 408);
    } finally {
      clearInterval(dribble);
    }
    dribbling.reset();
    await untilNothingIsHeld(gateway);
    assert.equal(gateway.counters().timeouts, 4);
  });
});

/** What could be taken for the beginning of another request by somebody in between. */
const HIDDEN = text('GET', '/hidden');
const both = { 'Content-Length': '5', 'Transfer-Encoding': 'chunked' };

/** Requests of which nothing behind the first response may be answered. */
const SMUGGLED: readonly (readonly [what: string, request: string, status: number])[] = [
  ['length and chunks', text('POST', '/x', both, `0\r\n\r\n${HIDDEN}`), 400],
  [
    'two lengths',
    `POST /x HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n`,
    400,
  ],
  ['an obscure encoding', text('POST', '/x', { 'Transfer-Encoding': 'xchunked' }, HIDDEN), 400],
  ['chunked twice', text('POST', '/x', { 'Transfer-Encoding': 'chunked, chunked' }, HIDDEN), 400],
  ['chunked before another', text('POST', '/x', { 'Transfer-Encoding': 'chunked, gzip' }), 400],
  ['gzip in chunks', text('POST', '/x', { 'Transfer-Encoding': 'gzip, chunked' }, HIDDEN), 501],
  ['chunks in HTTP/1.0', `POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a body of GET by length', text('GET', '/x', { 'Content-Length': '4' }, `abcd${HIDDEN}`), 200],
  [
    'a body of GET in chunks',
    text('GET', '/x', { 'Transfer-Encoding': 'chunked' }, `0\r\n\r\n`),
    200,
  ],
  ['a body of HEAD', text('HEAD', '/x', { 'Content-Length': '4' }, `abcd`), 200],
  ['a chunk with a LF', text('POST', '/x', { 'Transfer-Encoding': 'chunked' }, '0\n\r\n'), 400],
  [
    'a chunk with a space',
    text('POST', '/x', { 'Transfer-Encoding': 'chunked' }, '0 \r\n\r\n'),
    400,
  ],
  ['a chunk of 0x0', text('POST', '/x', { 'Transfer-Encoding': 'chunked' }, '0x0\r\n\r\n'), 400],
  [
    'a huge chunk',
    text('POST', '/x', { 'Transfer-Encoding': 'chunked' }, 'fffffffffffffff1\r\n'),
    413,
  ],
  [
    'an expectation',
    text('POST', '/early', { 'Content-Length': '4', Expect: '100-continue' }),
    200,
  ],
];

onEveryDriver('HTTP request smuggling', (fixture) => {
  for (const [what, request, status] of SMUGGLED) {
    it(`fails with ${what}`, async () => {
      let hidden = 0;
      const { gateway, address } = await fixture.start({}, (gateway) => {
        gateway.http('POST', '/x', (request) => request.text());
        gateway.http('GET', '/x', () => '');
        gateway.http('POST', '/early', () => 'early');
        gateway.http('GET', '/hidden', () => `${++hidden}`);
      });
      const client = await Client.connect(address);
      client.write(request + HIDDEN);
      const response = await client.response(request.startsWith('HEAD'));
      assert.equal(response.status, status);
      assert.equal(response.headers.get('connection'), 'close');
      assert.equal(await client.over(), 'end');
      assert.equal(client.hasMore, false, 'nothing behind it is answered');
      assert.equal(hidden, 0);
      await untilNothingIsHeld(gateway);
    });
  }
});
