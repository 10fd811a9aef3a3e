/**
 * Socket.IO on its WebSocket transport. A payload travels as the text `42["m","…"]`: ten bytes more
 * than for the others, and a JSON array to be read and written.
 */
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { announce } from './announce.ts';
import { MAX_MESSAGE, readRole } from './roles.ts';

interface EventSocket {
  on(event: 'm', listener: (data: string) => void): void;
  emit(event: 'm', data: string): void;
}

interface EventServer {
  on(event: 'connection', listener: (socket: EventSocket) => void): void;
  emit(event: 'm', data: string): void;
}

interface Peer {
  readonly Server: new (
    http: unknown,
    options: {
      transports: readonly string[];
      maxHttpBufferSize: number;
      pingInterval: number;
      perMessageDeflate: boolean;
    },
  ) => EventServer;
}

const { broadcast, deflate, idle = 300 } = readRole();
const peers = new URL('../../../bench/peers/package.json', import.meta.url);
const { Server } = createRequire(peers)('socket.io') as Peer;
const http = createServer();
const server = new Server(http, {
  transports: ['websocket'],
  maxHttpBufferSize: MAX_MESSAGE,
  pingInterval: idle * 1000,
  perMessageDeflate: deflate,
});
server.on('connection', (socket) => {
  socket.on('m', (data) => (broadcast ? server : socket).emit('m', data));
});
http.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  announce((http.address() as AddressInfo).port);
});
