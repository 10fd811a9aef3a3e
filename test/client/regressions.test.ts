/** What a review of the client as an attacker found, each with the server that shows it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { createServer as createSecure } from 'node:tls';
import { systemRandom } from '../../src/base/index.ts';
import { CloseEvent, ReconnectingWebSocket, WebSocket } from '../../src/websocket/index.ts';
import { localhost } from '../fixtures/tls/index.ts';
import { ending, hasCode, listening, Peer, until } from './fixture.ts';

describe('regressions of the client', () => {
  const servers: Server[] = [];
  after(() => {
    for (const server of servers) server.close();
  });

  test('a server that ends behind a proxy is not asked for another handshake', async () => {
    const requests: string[] = [];
    let over = false;
    const serve = async (socket: Socket): Promise<void> => {
      const peer = new Peer(socket);
      socket.on('close', () => (over = true));
      await peer.request();
      socket.on('data', (chunk: Buffer) => requests.push(chunk.toString('latin1').slice(0, 3)));
      peer.write('HTTP/1.1 200 Connection established\r\n\r\n');
      await peer.accept();
      socket.end();
    };
    const server = createServer({ allowHalfOpen: true }, (socket) => void serve(socket));
    servers.push(server);
    const proxy = `http://127.0.0.1:${await listening(server)}`;
    const socket = new WebSocket('ws://127.0.0.1:9/', [], { proxy });
    const { close, events } = await ending(socket);
    assert.deepEqual([close.code, events], [1006, ['open', 'close']]);
    await until(() => over, 'the connection is over');
    assert.deepEqual(requests, ['GET']);
    assert.equal(socket.readyState, WebSocket.CLOSED);
  });

  test('a numeric host behind a Unix socket is looked for in the certificate', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'rondo-client-'));
    const server = createSecure(localhost, (socket) => {
      socket.on('error', () => undefined);
      new Peer(socket).accept().catch(() => undefined);
    });
    server.on('tlsClientError', () => undefined);
    servers.push(server);
    const socketPath = join(directory, 'socket');
    await new Promise<void>((resolve) => server.listen(socketPath, resolve));
    const options = { socketPath, tls: { ca: localhost.cert } };
    try {
      // The certificate is for localhost and 127.0.0.1.
      const { error } = await ending(new WebSocket('wss://10.0.0.1/', [], options));
      hasCode(error, 'ERR_WEBSOCKET_CONNECT');
      assert.match(error!.message, /10\.0\.0\.1/);
      const good = new WebSocket('wss://127.0.0.1/', [], options);
      await good.opened();
      good.terminate();
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test('a shouldReconnect that throws ends it', async () => {
    const listeners = new Map<string, (event: Event) => void>();
    const inner = {
      unsent: [],
      addEventListener: (type: string, listener: (event: Event) => void) =>
        listeners.set(type, listener),
    };
    const socket = new ReconnectingWebSocket(
      'ws://127.0.0.1:9/',
      [],
      {
        shouldReconnect: () => {
          throw new Error('mine');
        },
      },
      {
        timers: { start: () => assert.fail('nothing is waited for'), stop: () => undefined },
        random: systemRandom,
        connect: () => inner as unknown as WebSocket,
      },
    );
    const events: string[] = [];
    for (const type of ['error', 'close'] as const) {
      socket.addEventListener(type, () => events.push(type));
    }
    assert.throws(() => listeners.get('close')!(lost()), /mine/);
    assert.deepEqual([socket.readyState, events], [WebSocket.CLOSED, ['error', 'close']]);
  });
});

function lost(): CloseEvent {
  return new CloseEvent('close', { code: 1006, reason: '', wasClean: false, error: undefined });
}
