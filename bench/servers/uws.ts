/**
 * WebSockets on uWebSockets.js, which is not on npm: `--package FOLDER` is where somebody put its
 * `uws.js` and the binary for this Node beside it.
 */
import { createRequire } from 'node:module';
import { announce } from './announce.ts';
import { MAX_MESSAGE, readRole } from './roles.ts';

interface PeerSocket {
  send(data: ArrayBuffer, binary: boolean, compress: boolean): number;
  subscribe(topic: string): boolean;
}

interface PeerApp {
  ws(
    pattern: string,
    behaviour: {
      compression: number;
      maxPayloadLength: number;
      maxBackpressure: number;
      idleTimeout: number;
      open(socket: PeerSocket): void;
      message(socket: PeerSocket, message: ArrayBuffer, isBinary: boolean): void;
    },
  ): PeerApp;
  publish(topic: string, data: ArrayBuffer, binary: boolean, compress: boolean): boolean;
  listen(host: string, port: number, listening: (socket: object | false) => void): PeerApp;
}

interface Peer {
  App(): PeerApp;
  us_socket_local_port(socket: object): number;
  readonly DISABLED: number;
  readonly SHARED_COMPRESSOR: number;
}

const { broadcast, deflate, idle = 120, package: folder } = readRole();
const uws = createRequire(import.meta.url)(folder) as Peer;
const app = uws.App();
app.ws('/*', {
  compression: deflate ? uws.SHARED_COMPRESSOR : uws.DISABLED,
  maxPayloadLength: MAX_MESSAGE,
  // Its default of 64 KiB drops what a round of broadcasts to a slow reader needs.
  maxBackpressure: MAX_MESSAGE,
  idleTimeout: idle,
  open(socket) {
    if (broadcast) socket.subscribe('all');
  },
  message(socket, message, isBinary) {
    if (broadcast) app.publish('all', message, isBinary, deflate);
    else socket.send(message, isBinary, deflate);
  },
});
app.listen('127.0.0.1', 0, (socket) => {
  if (socket === false) throw new Error('uWebSockets.js could not listen');
  announce(uws.us_socket_local_port(socket));
});
