/** WebSocket echo on Bun's own server, compression off. Run by the `bun` of `bench/peers`. */
import { announce } from './announce.ts';

interface BunSocket {
  send(data: string | Buffer): number;
}

interface BunServer {
  readonly port: number;
  upgrade(request: Request): boolean;
}

declare const Bun: {
  serve(options: {
    hostname: string;
    port: number;
    fetch(request: Request, server: BunServer): Response | undefined;
    websocket: {
      perMessageDeflate: boolean;
      maxPayloadLength: number;
      message(socket: BunSocket, message: string | Buffer): void;
    };
  }): BunServer;
  gc(synchronous: boolean): void;
};

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch(request, serving) {
    return serving.upgrade(request) ? undefined : new Response('', { status: 400 });
  },
  websocket: {
    perMessageDeflate: false,
    maxPayloadLength: 16 * 1024 * 1024,
    message(socket, message) {
      socket.send(message);
    },
  },
});
announce(server.port, () => Bun.gc(true));
