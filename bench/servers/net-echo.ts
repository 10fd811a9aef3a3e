/** TCP echo on Node's own `net`, the way its documentation writes it. */
import { type AddressInfo, createServer } from 'node:net';
import { announce } from './announce.ts';

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  socket.on('data', (data) => socket.write(data));
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  announce((server.address() as AddressInfo).port);
});
