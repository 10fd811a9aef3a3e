/** Servers that refuse, break the protocol, say half of it, or nothing. */
/* oxlint-disable unicorn/prefer-add-event-listener -- the attributes are tested by use */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CloseError, HandshakeError, type WebSocket } from '../../src/websocket/index.ts';
import {
  acceptance,
  closePayload,
  ending,
  hasCode,
  drivers,
  fixture,
  serverFrame,
  type Peer,
} from './fixture.ts';

/** Answers that are not the one that the handshake asks for. */
const WRONG_ANSWERS: readonly [name: string, answer: (accepted: string) => string][] = [
  ['a wrong accept', (ok) => ok.replace(/(Sec-WebSocket-Accept: )..../, '$1AAAA')],
  ['no accept', (ok) => ok.replace(/Sec-WebSocket-Accept: .*\r\n/, '')],
  ['two accepts', (ok) => ok.replace(/(Sec-WebSocket-Accept: .*\r\n)/, '$1$1')],
  ['no Upgrade', (ok) => ok.replace('Upgrade: websocket\r\n', '')],
  ['another Upgrade', (ok) => ok.replace('Upgrade: websocket', 'Upgrade: h2c')],
  ['no Connection', (ok) => ok.replace('Connection: Upgrade\r\n', '')],
  ['another Connection', (ok) => ok.replace('Connection: Upgrade', 'Connection: close')],
  ['a subprotocol that was not offered', (ok) => ok.replace('\r\n\r\n', protocol('other'))],
  ['two subprotocols', (ok) => ok.replace('\r\n\r\n', protocol('a, b'))],
  ['an extension that was not offered', (ok) => ok.replace('\r\n\r\n', extension('x-other'))],
  ['HTTP/1.0', (ok) => ok.replace('HTTP/1.1', 'HTTP/1.0')],
  ['HTTP/2.0', (ok) => ok.replace('HTTP/1.1', 'HTTP/2.0')],
  ['bare line feeds', (ok) => ok.replaceAll('\r\n', '\n').replace(/\n\n$/, '\n\r\n\r\n')],
  ['a folded header', (ok) => ok.replace('Upgrade: websocket', 'Upgrade:\r\n websocket')],
  ['a space before the colon', (ok) => ok.replace('Upgrade:', 'Upgrade :')],
  ['a control character', (ok) => ok.replace('Upgrade: websocket', 'Upgrade: web\x01socket')],
  ['garbage', () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc'],
  ['another protocol', () => 'SSH-2.0-OpenSSH_9.6\r\n'],
  ['1 MiB of headers', (ok) => ok.replace('\r\n\r\n', `\r\nX: ${'x'.repeat(1 << 20)}\r\n\r\n`)],
  ['1000 headers', (ok) => ok.replace('\r\n\r\n', `\r\n${'X: y\r\n'.repeat(1000)}\r\n`)],
  ['endless informational responses', () => 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(2000)],
];

function protocol(value: string): string {
  return `\r\nSec-WebSocket-Protocol: ${value}\r\n\r\n`;
}

function extension(value: string): string {
  return `\r\nSec-WebSocket-Extensions: ${value}\r\n\r\n`;
}

/** What servers must not send, with the close code that tells them so. */
const WRONG_FRAMES: readonly [name: string, bytes: Buffer, code: number][] = [
  ['a masked frame', serverFrame(1, 'x', { masked: true }), 1002],
  ['a reserved bit', serverFrame(1, 'x', { reserved: 4 }), 1002],
  ['an unknown opcode', serverFrame(5, 'x'), 1002],
  ['a fragmented ping', serverFrame(9, 'x', { fin: false }), 1002],
  ['a continuation of nothing', serverFrame(0, 'x'), 1002],
  ['text that is not UTF-8', serverFrame(1, Buffer.from([0xc0, 0x80])), 1007],
  ['a close code that must not travel', serverFrame(8, closePayload(1006)), 1002],
  ['a close reason that is not UTF-8', serverFrame(8, Buffer.from([3, 232, 255])), 1007],
  ['a message above the limit', serverFrame(2, Buffer.alloc(2000)), 1009],
  ['garbage', Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), 1002],
];

for (const driver of drivers) {
  describe(`WebSocket, handshakes that go wrong (${driver})`, () => {
    const { connect, server } = fixture(driver);
    for (const [name, answer] of WRONG_ANSWERS) {
      test(`${name} is ERR_WEBSOCKET_HANDSHAKE, and the connection is ended`, async () => {
        let left: Promise<void> | undefined;
        const { url } = await server(async (peer) => {
          const { headers } = await peer.request();
          left = peer.over();
          peer.write(Buffer.from(answer(acceptance(headers)), 'latin1'));
        });
        const { close, error, events } = await ending(connect(url));
        assert.deepEqual(events, ['error', 'close']);
        assert.deepEqual([close.code, close.wasClean], [1006, false]);
        hasCode(error, 'ERR_WEBSOCKET_HANDSHAKE');
        assert.equal(close.error, error);
        await left;
      });
    }

    test('no subprotocol where some were offered fails the connection', async () => {
      const { url } = await server((peer) => peer.accept());
      const { error } = await ending(connect(url, ['a', 'b']));
      hasCode(error, 'ERR_WEBSOCKET_HANDSHAKE');
    });

    test('a refusal carries status, headers and body', async () => {
      const { url } = await server(async (peer) => {
        await peer.request();
        peer.write('HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\n');
        peer.write('Content-Length: 9\r\n\r\nno token');
        peer.write('!');
      });
      const { error } = await ending(connect(url));
      assert.ok(error instanceof HandshakeError);
      hasCode(error, 'ERR_WEBSOCKET_REFUSED');
      assert.equal(error.status, 401);
      assert.equal(error.headers.get('www-authenticate'), 'Bearer');
      assert.equal(error.text(), 'no token!');
    });

    test('a redirect is not followed, and says where to', async () => {
      const { url, peers } = await server(async (peer) => {
        await peer.request();
        peer.write(
          'HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n',
        );
      });
      const { error } = await ending(connect(url));
      assert.ok(error instanceof HandshakeError);
      assert.equal(error.headers.get('location'), 'ws://127.0.0.1:1/');
      assert.equal(peers.length, 1);
    });

    const bodies: [name: string, head: string, body: string, end: boolean, text: string][] = [
      [
        'in chunks',
        'Transfer-Encoding: chunked',
        '3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n',
        false,
        'abcde',
      ],
      ['to the end of the stream', 'X: y', 'all of it', true, 'all of it'],
      ['cut off', 'Content-Length: 100', 'a part', true, 'a part'],
      ['without end', 'X: y', 'x'.repeat(200_000), false, 'x'.repeat(65_536)],
    ];
    for (const [name, head, body, end, text] of bodies) {
      test(`the body of a refusal, ${name}`, async () => {
        const { url } = await server(async (peer) => {
          await peer.request();
          peer.write(`HTTP/1.1 503 Busy\r\n${head}\r\n\r\n${body}`);
          if (end) peer.socket.end();
        });
        const { error } = await ending(connect(url));
        assert.ok(error instanceof HandshakeError);
        assert.deepEqual([error.status, error.text()], [503, text]);
      });
    }

    test('a refusal whose body never ends is a refusal when the time is over', async () => {
      const { url } = await server(async (peer) => {
        await peer.request();
        peer.write('HTTP/1.1 500 Oh\r\nContent-Length: 100\r\n\r\npart');
      });
      const { error } = await ending(connect(url, [], { handshakeTimeoutMs: 100 }));
      assert.ok(error instanceof HandshakeError);
      assert.equal(error.text(), 'part');
    });

    const silences: [name: string, script: (peer: Peer) => unknown][] = [
      ['says nothing', () => undefined],
      [
        'says half of the answer',
        async (peer) => {
          const { headers } = await peer.request();
          peer.write(acceptance(headers).slice(0, 50));
        },
      ],
    ];
    for (const [name, script] of silences) {
      test(`a server that ${name} is ERR_WEBSOCKET_TIMEOUT`, async () => {
        const { url } = await server(script);
        const { error, close } = await ending(connect(url, [], { handshakeTimeoutMs: 50 }));
        hasCode(error, 'ERR_WEBSOCKET_TIMEOUT');
        assert.equal(close.code, 1006);
      });
    }

    test('a server that ends before it answers', async () => {
      const { url } = await server(async (peer) => {
        await peer.request();
        peer.socket.end('HTTP/1.1 101 Sw');
      });
      const { error } = await ending(connect(url));
      hasCode(error, 'ERR_WEBSOCKET_HANDSHAKE');
    });

    test('a server that resets before it answers', async () => {
      const { url } = await server(async (peer) => {
        await peer.request();
        peer.socket.resetAndDestroy();
      });
      const { error } = await ending(connect(url));
      hasCode(error, 'ERR_WEBSOCKET_CONNECT');
    });

    test('nobody listens', async () => {
      const { error } = await ending(connect('ws://127.0.0.1:1/'));
      hasCode(error, 'ERR_WEBSOCKET_CONNECT');
      assert.match(String(error), /ECONNREFUSED/);
    });

    test('a name that does not exist', async () => {
      const { error } = await ending(connect('ws://name.invalid/'));
      hasCode(error, 'ERR_WEBSOCKET_CONNECT');
    });

    test('a Unix socket that does not exist, and one whose path is too long', async () => {
      for (const socketPath of ['/nonexistent/socket', `/${'x'.repeat(200)}`]) {
        const { error } = await ending(connect('ws://host/', [], { socketPath }));
        assert.ok(error, 'there is an error');
      }
    });

    test('an answer in single bytes, behind informational ones, is an answer', async () => {
      const { url } = await server(async (peer) => {
        const { headers } = await peer.request();
        const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n';
        const answer = Buffer.from(early + acceptance(headers), 'latin1');
        for (const byte of answer) {
          peer.write(Uint8Array.of(byte));
          await new Promise(setImmediate);
        }
        peer.write(serverFrame(1, 'hello'));
      });
      const socket = connect(url);
      for await (const message of socket) {
        assert.equal(message, 'hello');
        break;
      }
    });

    test('messages in the segment of the answer are not lost to who awaits opened()', async () => {
      const { url } = await server(async (peer) => {
        const { headers } = await peer.request();
        const answer = Buffer.from(acceptance(headers), 'latin1');
        peer.write(Buffer.concat([answer, serverFrame(1, 'first'), serverFrame(1, 'second')]));
      });
      const socket = connect(url);
      await socket.opened();
      const got: unknown[] = [];
      for await (const message of socket) if (got.push(message) === 2) break;
      assert.deepEqual(got, ['first', 'second']);
    });
  });
}

for (const driver of drivers) {
  describe(`WebSocket, servers that break the protocol (${driver})`, () => {
    const { connect, server } = fixture(driver);
    for (const [name, bytes, code] of WRONG_FRAMES) {
      test(`${name} fails the connection with ${code}`, async () => {
        let told: Promise<Buffer> | undefined;
        const { url } = await server(async (peer) => {
          await peer.accept();
          told = peer.frame().then(({ payload }) => payload);
          peer.write(bytes);
        });
        const { close, error, events } = await ending(connect(url, [], { maxMessageSize: 1000 }));
        assert.deepEqual(events, ['open', 'error', 'close']);
        assert.deepEqual([close.code, close.reason, close.wasClean], [1006, '', false]);
        assert.ok(error instanceof CloseError);
        assert.equal(error.closeCode, code);
        assert.equal((await told!).readUInt16BE(), code);
      });
    }

    test('what comes behind a failure is not looked at', async () => {
      const { url } = await server(async (peer) => {
        await peer.accept();
        peer.write(Buffer.concat([serverFrame(1, 'a'), serverFrame(5), serverFrame(1, 'b')]));
      });
      const socket = connect(url);
      const messages: unknown[] = [];
      socket.onmessage = ({ data }) => messages.push(data);
      await ending(socket);
      assert.deepEqual(messages, ['a']);
    });

    test('every frame of the client is masked, with keys that do not repeat', async () => {
      const keys: number[] = [];
      const { url } = await server(async (peer) => {
        await peer.accept();
        for (let i = 0; i < 500; i++) {
          const { masked, key, payload } = await peer.frame();
          assert.ok(masked);
          assert.equal(payload.toString(), `message ${i}`);
          keys.push(key);
        }
        peer.write(serverFrame(8, closePayload(1000)));
        peer.socket.end();
      });
      const socket = connect(url);
      await socket.opened();
      for (let i = 0; i < 500; i++) socket.send(`message ${i}`);
      assert.equal((await ending(socket)).close.code, 1000);
      // By chance two of 500 would be equal once in 34,000 runs; three never.
      assert.ok(new Set(keys).size >= 498);
    });
  });
}

for (const driver of drivers) {
  describe(`WebSocket, what the request says (${driver})`, () => {
    const { connect, server } = fixture(driver);
    const headersOf = async (
      open: (url: string) => WebSocket,
      path = '/',
    ): Promise<{ line: string; headers: ReadonlyMap<string, string> }> => {
      let request: Promise<{ line: string; headers: ReadonlyMap<string, string> }> | undefined;
      const { url } = await server(async (peer) => {
        request = peer.request();
        await request;
        peer.write('HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n');
      });
      await ending(open(`${url}${path}`));
      return request!;
    };

    test('line, host, key and subprotocols', async () => {
      const { line, headers } = await headersOf((url) => connect(url, ['a', 'b.c']), '/p?q=1');
      assert.equal(line, 'GET /p?q=1 HTTP/1.1');
      assert.match(headers.get('host')!, /^127\.0\.0\.1:\d+$/);
      assert.equal(Buffer.from(headers.get('sec-websocket-key')!, 'base64').length, 16);
      assert.equal(headers.get('sec-websocket-version'), '13');
      assert.equal(headers.get('sec-websocket-protocol'), 'a, b.c');
      assert.equal(headers.get('origin'), undefined);
    });

    test('headers, origin and the credentials of the URL', async () => {
      const options = { headers: { Cookie: 'a=b', Host: 'other' }, origin: 'https://page.example' };
      const { headers } = await headersOf((url) => {
        return connect(url.replace('ws://', 'ws://us%20er:pa%3Ass@'), [], options);
      });
      assert.equal(headers.get('cookie'), 'a=b');
      assert.equal(headers.get('host'), 'other');
      assert.equal(headers.get('origin'), 'https://page.example');
      const basic = Buffer.from('us er:pa:ss').toString('base64');
      assert.equal(headers.get('authorization'), `Basic ${basic}`);
    });

    test('headers as pairs, and an Authorization of one’s own', async () => {
      const pairs = new Headers({ authorization: 'Bearer token', 'x-y': 'z' });
      const { headers } = await headersOf((url) =>
        connect(url.replace('ws://', 'ws://user@'), [], { headers: pairs }),
      );
      assert.equal(headers.get('authorization'), 'Bearer token');
      assert.equal(headers.get('x-y'), 'z');
    });
  });
}
