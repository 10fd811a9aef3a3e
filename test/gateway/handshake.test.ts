import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Client, frame, handshake, Opcode } from './client.ts';
import { onEveryDriver, until, untilNothingIsHeld } from './fixture.ts';

/** What is wrong with a handshake, what it is, and the status that it gets. */
const BAD: readonly (readonly [what: string, request: string, status: number])[] = [
  ['another method', handshake('/echo', {}, 'POST'), 405],
  ['no upgrade', handshake('/echo', { Upgrade: undefined }), 426],
  ['another upgrade', handshake('/echo', { Upgrade: 'h2c' }), 426],
  ['no connection header', handshake('/echo', { Connection: undefined }), 400],
  ['a connection header without upgrade', handshake('/echo', { Connection: 'close' }), 400],
  ['no key', handshake('/echo', { 'Sec-WebSocket-Key': undefined }), 400],
  ['a key of 15 bytes', handshake('/echo', { 'Sec-WebSocket-Key': 'MDEyMzQ1Njc4OWFiY2Rl' }), 400],
  ['a key that is no base64', handshake('/echo', { 'Sec-WebSocket-Key': '!'.repeat(24) }), 400],
  ['no version', handshake('/echo', { 'Sec-WebSocket-Version': undefined }), 426],
  ['version 8', handshake('/echo', { 'Sec-WebSocket-Version': '8' }), 426],
  ['no host', handshake('/echo', { Host: undefined }), 400],
  ['a body', handshake('/echo', { 'Content-Length': '3' }), 400],
  ['an unknown path', handshake('/nothing'), 404],
  ['a path below a route', handshake('/echo/deeper'), 404],
  ['a topic without a name', handshake('/topics/'), 404],
  ['a topic that is too long', handshake(`/topics/${'x'.repeat(129)}`), 414],
  ['a topic in broken encoding', handshake('/topics/%ff'), 400],
  ['an upgrade where none is', handshake('/healthz'), 404],
  ['HTTP/1.0', handshake('/echo').replace('HTTP/1.1', 'HTTP/1.0'), 400],
  ['HTTP/2.0', handshake('/echo').replace('HTTP/1.1', 'HTTP/2.0'), 505],
  ['no HTTP at all', 'hello\r\n\r\n', 400],
  ['a line without CR', 'GET /echo HTTP/1.1\nHost: test\n\n', 400],
  ['a head that is too long', handshake('/echo', { Long: 'x'.repeat(9000) }), 431],
  ['a target that is too long', handshake(`/${'x'.repeat(5000)}`), 414],
];

const get = (path: string, method = 'GET', more = ''): string =>
  `${method} ${path} HTTP/1.1\r\nHost: test\r\n${more}\r\n`;

onEveryDriver('handshake', (fixture) => {
  it('opens with any case of the upgrade header', async () => {
    const { address } = await fixture.start();
    const client = await Client.connect(address);
    client.write(handshake('/echo', { Upgrade: 'WebSocket', Connection: 'keep-alive, UPGRADE' }));
    assert.equal((await client.response()).status, 101);
    await client.close();
  });

  it('refuses each wrong handshake with its status, and goes on', async () => {
    const { gateway, address } = await fixture.start();
    for (const [what, request, status] of BAD) {
      const client = await Client.connect(address);
      client.write(request);
      const response = await client.response();
      assert.equal(response.status, status, what);
      assert.ok(response.body.length > 1, `${what}: the answer says why`);
      client.socket.end();
      await client.over();
    }
    const client = await Client.open(address);
    await client.close();
    await untilNothingIsHeld(gateway);
    assert.equal(gateway.counters().requestsRefused, BAD.length);
  });

  it('names the version it speaks, and the methods it allows', async () => {
    const { address } = await fixture.start({ page: true });
    const old = await Client.connect(address);
    old.write(handshake('/echo', { 'Sec-WebSocket-Version': '7' }));
    const versions = await old.response();
    assert.equal(versions.status, 426);
    assert.equal(versions.headers.get('sec-websocket-version'), '13');
    const client = await Client.connect(address);
    client.write('PUT / HTTP/1.1\r\nHost: test\r\n\r\n');
    const refused = await client.response();
    assert.equal(refused.status, 405);
    assert.equal(refused.headers.get('allow'), 'GET, HEAD');
    client.reset();
  });

  it('answers nothing after an upgrade that it refused', async () => {
    const { address } = await fixture.start();
    const hidden = 'GET /healthz HTTP/1.1\r\nHost: internal\r\n\r\n';
    for (const head of [
      handshake('/echo', { 'Sec-WebSocket-Version': '7' }),
      handshake('/nowhere'),
      handshake('/echo', { 'Sec-WebSocket-Key': 'short' }),
    ]) {
      const client = await Client.connect(address);
      client.write(head + hidden);
      const refused = await client.response();
      assert.ok(refused.status >= 400);
      assert.match(refused.headers.get('connection') ?? '', /close/);
      assert.equal(await client.over(), 'end');
    }
  });
});

onEveryDriver('handshake in pieces', (fixture) => {
  it('takes a head byte by byte, and frames that come with it', async () => {
    const { address } = await fixture.start();
    const slow = await Client.connect(address);
    for (const byte of Buffer.from(handshake('/echo'))) {
      slow.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal((await slow.response()).status, 101);
    await slow.close();
    const eager = await Client.connect(address);
    eager.write(
      Buffer.concat([Buffer.from(handshake('/echo')), frame(Opcode.TEXT, 'no time to lose')]),
    );
    assert.equal((await eager.response()).status, 101);
    assert.equal(await eager.text(), 'no time to lose');
    await eager.close();
  });
});

onEveryDriver('time for a handshake', (fixture) => {
  it('ends a head that takes too long with 408, and silence without a word', async () => {
    const { gateway, address } = await fixture.start({ handshakeTimeoutMs: 50 });
    const slow = await Client.connect(address);
    slow.write('GET /echo HTTP/1.1\r\n');
    const response = await slow.response();
    assert.equal(response.status, 408);
    assert.equal(response.headers.get('connection'), 'close');
    assert.equal(await slow.over(), 'end');
    const silent = await Client.connect(address);
    assert.equal(await silent.over(), 'end');
    assert.equal(silent.hasMore, false);
    await untilNothingIsHeld(gateway);
    assert.equal(gateway.counters().timeouts, 2);
  });

  it('does not time out a WebSocket that says nothing', async () => {
    const { gateway, address } = await fixture.start({ handshakeTimeoutMs: 20 });
    const client = await Client.open(address);
    const other = await Client.connect(address);
    await other.over();
    await until(() => gateway.counters().timeouts === 1, 'the other one timed out');
    client.send(Opcode.TEXT, 'still here');
    assert.equal(await client.text(), 'still here');
    await client.close();
  });
});

onEveryDriver('HTTP', (fixture) => {
  it('answers pipelined requests in order, then upgrades', async () => {
    const { address } = await fixture.start({ page: true });
    const client = await Client.connect(address);
    client.write(
      get('/healthz') + get('/nothing') + get('/', 'HEAD') + get('/') + handshake('/echo'),
    );
    const healthy = await client.response();
    assert.deepEqual([healthy.status, healthy.body], [200, 'ok\n']);
    assert.equal((await client.response()).status, 404);
    const head = await client.response(true);
    const page = await client.response();
    assert.equal(page.status, 200);
    assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
    assert.equal(head.headers.get('content-length'), page.headers.get('content-length'));
    assert.equal((await client.response()).status, 101);
    await client.close();
  });

  it('serves the page only when it is asked to', async () => {
    const { address } = await fixture.start();
    const client = await Client.connect(address);
    client.write(get('/'));
    assert.equal((await client.response()).status, 404);
    client.reset();
  });
});

onEveryDriver('the end of HTTP', (fixture) => {
  it('closes after a request that wants it, one with a body, and one it does not understand', async () => {
    const { gateway, address } = await fixture.start();
    const last = [
      get('/healthz', 'GET', 'Connection: close\r\n'),
      get('/healthz', 'GET', 'Content-Length: 5\r\n'),
      get('/healthz', 'GET', 'Transfer-Encoding: chunked\r\n'),
      'GET /healthz HTTP/1.0\r\n\r\n',
      'nonsense\r\n\r\n',
    ];
    for (const request of last) {
      const client = await Client.connect(address);
      client.write(request + get('/healthz'));
      assert.equal((await client.response()).headers.get('connection'), 'close', request);
      assert.equal(await client.over(), 'end');
      assert.equal(client.hasMore, false, 'nothing after it is answered');
    }
    await untilNothingIsHeld(gateway);
  });

  it('answers a client that has ended its side', async () => {
    const { address } = await fixture.start();
    const client = await Client.connect(address);
    client.socket.end(get('/healthz'));
    assert.equal((await client.response()).status, 200);
    assert.equal(await client.over(), 'end');
  });
});
