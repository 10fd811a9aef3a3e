/** WebSockets on Bun's own server. Run by the `bun` of `bench/peers`. */
import { announce } from './announce.ts';
import { MAX_MESSAGE, readRole } from './roles.ts';

interface BunSocket {
  send(data: string | Buffer, compress: boolean): number;
  subscribe(topic: string): void;
}

interface BunServer {
  readonly port: number;
  upgrade(request: Request): boolean;
  publish(topic: string, data: string | Buffer, compress: boolean): number;
}

declare const Bun: {
  serve(options: {
    hostname: string;
    port: number;
    fetch(request: Request, server: BunServer): Response | undefined;
    websocket: {
      perMessageDeflate: boolean | { compress: 'shared'; decompress: 'shared' };
      maxPayloadLength: number;
      idleTimeout: number;
      open(socket: BunSocket): void;
      message(socket: BunSocket, message: string | Buffer): void;
    };
  }): BunServer;
  gc(synchronous: boolean): void;
};

const { broadcast, deflate, idle = 120 } = readRole();

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch(request, serving) {
    return serving.upgrade(request) ? undefined : new Response('', { status: 400 });
  },
  websocket: {
    perMessageDeflate: deflate && { compress: 'shared', decompress: 'shared' },
    maxPayloadLength: MAX_MESSAGE,
    idleTimeout: idle,
    open(socket) {
      if (broadcast) socket.subscribe('all');
    },
    message(socket, message) {
      if (broadcast) server.publish('all', message, deflate);
      else socket.send(message, deflate);
    },
  },
});
announce(server.port, () => Bun.gc(true));
