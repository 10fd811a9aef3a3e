/** TLS, proxies and Unix sockets: the ways to a server that are not plain TCP. */
/* oxlint-disable unicorn/prefer-add-event-listener -- the attributes are tested by use */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectPlain, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createServer as createSecure, type TlsOptions } from 'node:tls';
import { HandshakeError, WebSocket, type WebSocketOptions } from '../../src/websocket/index.ts';
import { exact, localhost } from '../fixtures/tls/index.ts';
import {
  ending,
  hasCode,
  listening,
  drivers,
  fixture,
  Peer,
  serverFrame,
  until,
} from './fixture.ts';

/** Echoes messages, and repeats its end of the close. */
async function echo(peer: Peer): Promise<void> {
  await peer.accept();
  for (;;) {
    const { opcode, payload } = await peer.frame();
    peer.write(serverFrame(opcode, payload));
    if (opcode === 8) {
      peer.socket.end();
      return;
    }
  }
}

/** Servers of a group of tests, and the sockets that they hold. */
class Servers {
  readonly #servers: Server[] = [];
  readonly #sockets: Socket[] = [];

  async start(server: Server): Promise<number> {
    this.#servers.push(server);
    server.on('connection', (socket: Socket) => this.#sockets.push(socket));
    return listening(server);
  }

  secure(identity: { key: string; cert: string }, extra: TlsOptions = {}): Promise<number> {
    const server = createSecure({ ...identity, ...extra }, (socket) => {
      echo(new Peer(socket)).catch(() => undefined);
    });
    server.on('tlsClientError', () => undefined);
    return this.start(server);
  }

  plain(): Promise<number> {
    return this.start(
      createServer({ allowHalfOpen: true }, (socket) => {
        echo(new Peer(socket)).catch(() => undefined);
      }),
    );
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of this.#servers) server.close();
  }
}

/** Opens, echoes something small and something large, closes. */
async function roundTrip(url: string, options: WebSocketOptions): Promise<void> {
  const socket = new WebSocket(url, [], { binaryType: 'uint8array', ...options });
  await socket.opened();
  const messages = socket[Symbol.asyncIterator]();
  const large = Buffer.alloc(1_000_000, 'large ');
  socket.send('hello');
  socket.send(large);
  assert.equal((await messages.next()).value, 'hello');
  assert.ok(large.equals((await messages.next()).value as Uint8Array));
  const over = ending(socket);
  socket.close(3000, 'bye');
  const { close } = await over;
  assert.deepEqual([close.code, close.reason, close.wasClean], [3000, 'bye', true]);
  assert.equal(socket.bufferedAmount, 0);
}

describe('WebSocket, wss', () => {
  const servers = new Servers();
  let port = 0;
  before(async () => (port = await servers.secure(localhost)));
  after(() => servers.stop());
  const trusted = { tls: { ca: localhost.cert } };

  test('messages go there and back, and the close is clean', async () => {
    await roundTrip(`wss://127.0.0.1:${port}/`, trusted);
    await roundTrip(`wss://localhost:${port}/`, trusted);
  });

  test('an https URL is the same', async () => {
    await roundTrip(`https://localhost:${port}/`, trusted);
  });

  test('a certificate that nobody vouches for is refused', async () => {
    const { error, close } = await ending(new WebSocket(`wss://127.0.0.1:${port}/`));
    hasCode(error, 'ERR_WEBSOCKET_CONNECT');
    assert.match(String(error), /self-signed/);
    assert.equal(close.code, 1006);
  });

  test('a certificate for another name is refused, unless that name is asked for', async () => {
    const other = await servers.secure(exact);
    const ca = exact.cert;
    const { error } = await ending(new WebSocket(`wss://127.0.0.1:${other}/`, [], { tls: { ca } }));
    hasCode(error, 'ERR_WEBSOCKET_CONNECT');
    await roundTrip(`wss://127.0.0.1:${other}/`, { tls: { ca, servername: 'chat.example.com' } });
  });

  test('a server that speaks no TLS', async () => {
    const server = createServer((socket) => socket.on('error', () => undefined).end('SSH-2.0-x'));
    const url = `wss://127.0.0.1:${await servers.start(server)}/`;
    const { error } = await ending(new WebSocket(url, [], trusted));
    hasCode(error, 'ERR_WEBSOCKET_CONNECT');
  });

  test('a server that says nothing during the TLS handshake', async () => {
    const mute = await servers.start(createServer());
    const options = { ...trusted, handshakeTimeoutMs: 50 };
    const { error } = await ending(new WebSocket(`wss://127.0.0.1:${mute}/`, [], options));
    hasCode(error, 'ERR_WEBSOCKET_TIMEOUT');
  });

  test('close during the TLS handshake', async () => {
    const mute = await servers.start(createServer());
    const socket = new WebSocket(`wss://127.0.0.1:${mute}/`, [], trusted);
    const over = ending(socket);
    socket.close();
    hasCode((await over).error, 'ERR_WEBSOCKET_CLOSED');
  });

  test('reading pauses, and terminate ends it', async () => {
    let taken = 0;
    const flooding = createSecure({ ...localhost }, (socket) => {
      const peer = new Peer(socket);
      const run = async () => {
        await peer.accept();
        for (;;) {
          await new Promise((resolve, reject) => {
            socket.write(serverFrame(2, Buffer.alloc(100_000)), (error) => {
              if (error) reject(error);
              else resolve(undefined);
            });
          });
          taken += 1;
        }
      };
      run().catch(() => undefined);
    });
    const socket = new WebSocket(`wss://127.0.0.1:${await servers.start(flooding)}/`, [], trusted);
    let messages = 0;
    socket.onmessage = () => {
      messages += 1;
      if (messages === 5) socket.pause();
    };
    let last = -1;
    await until(() => {
      const stuck = messages === 5 && last === taken;
      last = taken;
      return stuck;
    }, 'the server waits');
    assert.equal(messages, 5);
    socket.resume();
    await until(() => messages > 50, 'more comes');
    const over = ending(socket);
    socket.terminate();
    assert.equal((await over).close.code, 1006);
  });
});

describe('WebSocket, proxies', () => {
  const servers = new Servers();
  const requests: string[] = [];
  let plain = 0;
  let secure = 0;
  before(async () => {
    plain = await servers.plain();
    secure = await servers.secure(localhost);
  });
  after(() => servers.stop());

  /** Does what CONNECT asks for, in one segment with what comes behind its answer. */
  const forward = (socket: Socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (chunk) => {
      const text = chunk.toString('latin1');
      requests.push(text);
      const [, host, port] = /^CONNECT (.*):(\d+) HTTP\/1\.1\r\n/.exec(text)!;
      const to = connectPlain({ host: host!, port: Number(port) }, () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        socket.pipe(to).pipe(socket);
      });
      to.on('error', () => socket.destroy());
    });
  };
  const answering = (answer: string) =>
    servers.start(
      createServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => socket.write(answer));
      }),
    );

  test('ws and wss through an HTTP proxy, with its credentials and headers', async () => {
    const proxy = `http://us%40er:pass@127.0.0.1:${await servers.start(createServer(forward))}`;
    const options = { proxy, proxyHeaders: { 'X-Trace': '1' }, headers: { 'X-Server': '2' } };
    await roundTrip(`ws://127.0.0.1:${plain}/`, options);
    await roundTrip(`wss://127.0.0.1:${secure}/`, { ...options, tls: { ca: localhost.cert } });
    for (const request of requests) {
      const basic = Buffer.from('us@er:pass').toString('base64');
      assert.ok(request.includes(`\r\nProxy-Authorization: Basic ${basic}\r\n`));
      assert.match(request, /\r\nX-Trace: 1\r\n/);
      assert.doesNotMatch(request, /X-Server/);
    }
    assert.equal(requests.length, 2);
  });

  test('a proxy that refuses is a HandshakeError', async () => {
    const port = await answering(
      'HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic\r\nContent-Length: 3\r\n\r\nno!',
    );
    const options = { proxy: `http://127.0.0.1:${port}` };
    const { error } = await ending(new WebSocket(`ws://127.0.0.1:${plain}/`, [], options));
    assert.ok(error instanceof HandshakeError);
    assert.deepEqual([error.status, error.text()], [407, 'no!']);
    assert.match(error.message, /proxy/);
  });

  for (const answer of ['garbage', 'HTTP/1.1 200 OK\r\nbad header\r\n\r\n']) {
    test(`a proxy that answers ${JSON.stringify(answer)}`, async () => {
      const options = { proxy: `http://127.0.0.1:${await answering(answer)}` };
      const { error } = await ending(new WebSocket(`ws://127.0.0.1:${plain}/`, [], options));
      hasCode(error, 'ERR_WEBSOCKET_HANDSHAKE');
    });
  }

  test('a proxy that cannot be reached', async () => {
    const options = { proxy: 'http://127.0.0.1:1' };
    const { error } = await ending(new WebSocket(`ws://127.0.0.1:${plain}/`, [], options));
    hasCode(error, 'ERR_WEBSOCKET_CONNECT');
  });
});

for (const driver of drivers) {
  describe(`WebSocket, ways to a server (${driver})`, () => {
    const { connect, gateway, server } = fixture(driver);
    test('a Unix socket', async () => {
      const directory = mkdtempSync(join(tmpdir(), 'rondo-client-'));
      try {
        const path = join(directory, 'socket');
        await gateway({ path });
        const socket = connect('ws://any.host/echo', [], { socketPath: path });
        await socket.opened();
        socket.send('by path');
        for await (const message of socket) {
          assert.equal(message, 'by path');
          break;
        }
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    });

    test('a name with several addresses, of which the server has one', async () => {
      const { port } = await server(echo);
      // On most machines ::1 first, where nobody listens.
      const socket = connect(`ws://localhost:${port}/`);
      await socket.opened();
      assert.equal(socket.readyState, socket.OPEN);
    });
  });
}
