/**
 * WebSocket echo on the npm package `ws`, the way its README writes it, compression off (its
 * default, said here all the same). The package is installed in `bench/peers`, never in the root.
 */
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { announce } from './announce.ts';

interface PeerSocket {
  on(event: 'error', listener: () => void): void;
  on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): void;
  send(data: Buffer, options: { binary: boolean }): void;
}

interface PeerServer {
  on(event: 'connection', listener: (socket: PeerSocket) => void): void;
  on(event: 'listening', listener: () => void): void;
  address(): AddressInfo;
}

interface Peer {
  readonly WebSocketServer: new (options: {
    host: string;
    port: number;
    backlog: number;
    perMessageDeflate: boolean;
    maxPayload: number;
  }) => PeerServer;
}

const peers = new URL('../../../bench/peers/package.json', import.meta.url);
const { WebSocketServer } = createRequire(peers)('ws') as Peer;
const server = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  backlog: 4096,
  perMessageDeflate: false,
  maxPayload: 16 * 1024 * 1024,
});
server.on('connection', (socket) => {
  // A peer that resets is reported as an error of the socket; `ws` closes it by itself.
  socket.on('error', () => {});
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});
server.on('listening', () => announce(server.address().port));
