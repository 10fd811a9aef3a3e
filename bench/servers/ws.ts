/**
 * WebSockets on the npm package `ws`, the way its README writes them. `bufferutil` is in force where
 * it is installed and WS_NO_BUFFER_UTIL is not set. `utf-8-validate` is installed beside it and not
 * used: `ws` prefers Node's own `buffer.isUtf8`. The packages live in `bench/peers`.
 */
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { announce } from './announce.ts';
import { MAX_MESSAGE, readRole } from './roles.ts';

interface PeerSocket {
  readonly readyState: number;
  on(event: 'error' | 'pong', listener: () => void): void;
  on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): void;
  send(data: Buffer, options: { binary: boolean }): void;
  ping(): void;
  terminate(): void;
}

interface PeerServer {
  readonly clients: Set<PeerSocket>;
  on(event: 'connection', listener: (socket: PeerSocket) => void): void;
  on(event: 'listening', listener: () => void): void;
  address(): AddressInfo;
}

interface DeflateSettings {
  readonly threshold: number;
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
}

interface Peer {
  readonly WebSocketServer: new (options: {
    host: string;
    port: number;
    backlog: number;
    perMessageDeflate: false | DeflateSettings;
    maxPayload: number;
  }) => PeerServer;
  readonly WebSocket: { readonly OPEN: number };
}

const { broadcast, deflate, idle } = readRole();
const peers = new URL('../../../bench/peers/package.json', import.meta.url);
const { WebSocketServer, WebSocket } = createRequire(peers)('ws') as Peer;
const server = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  backlog: 4096,
  // It has no compressor for all: without context takeover it comes as near to that as it can.
  perMessageDeflate: deflate && {
    threshold: 0,
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
  },
  maxPayload: MAX_MESSAGE,
});

/** The README's way to find broken connections: a ping each period, ended without a pong. */
function watchIdle(seconds: number): void {
  const alive = new WeakSet<PeerSocket>();
  server.on('connection', (socket) => {
    alive.add(socket);
    socket.on('pong', () => alive.add(socket));
  });
  setInterval(() => {
    for (const socket of server.clients) {
      if (alive.delete(socket)) socket.ping();
      else socket.terminate();
    }
  }, seconds * 1000);
}

if (idle !== undefined) watchIdle(idle);
server.on('connection', (socket) => {
  // A peer that resets is reported as an error of the socket; `ws` closes it by itself.
  socket.on('error', () => {});
  socket.on('message', (data, isBinary) => {
    if (!broadcast) {
      socket.send(data, { binary: isBinary });
      return;
    }
    for (const client of server.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary });
    }
  });
});
server.on('listening', () => announce(server.address().port));
