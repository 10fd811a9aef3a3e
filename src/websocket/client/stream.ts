/** Opens Node's sockets: through a proxy, with TLS, or both. */
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectSecure, type ConnectionOptions } from 'node:tls';
import { RondoError } from '../../base/index.ts';
import type { Target } from './address.ts';
import { HandshakeError } from './errors.ts';
import { broken, connectRequest } from './handshake.ts';
import type { ResolvedWebSocketOptions } from './options.ts';
import { ResponseReader } from './response-reader.ts';

/**
 * Opens a socket on which the server is spoken to, and hands it over paused. Returns what gives up;
 * `done` is called once, unless that was called, from the beginning of a stack.
 */
export function openStream(
  target: Target,
  options: ResolvedWebSocketOptions,
  done: (socket: Socket | undefined, error: Error | undefined) => void,
): () => void {
  const opening = new StreamOpening(target, options, done);
  return () => opening.cancel();
}

class StreamOpening {
  readonly #target: Target;
  readonly #options: ResolvedWebSocketOptions;
  readonly #done: (socket: Socket | undefined, error: Error | undefined) => void;
  #socket: Socket;
  #over = false;

  constructor(
    target: Target,
    options: ResolvedWebSocketOptions,
    done: (socket: Socket | undefined, error: Error | undefined) => void,
  ) {
    this.#target = target;
    this.#options = options;
    this.#done = done;
    const { proxy, socketPath } = options;
    const { host, port } = proxy ?? target;
    const to =
      socketPath === undefined
        ? { host, port, noDelay: true, autoSelectFamily: true }
        : { path: socketPath };
    if (proxy === undefined) {
      this.#socket = this.#watch(connectSecure({ ...to, ...this.#tls() }), 'secureConnect', () =>
        this.#ready(),
      );
    } else if (proxy.secure) {
      const secure = connectSecure({ ...to, ...namedTls(proxy.host, {}) });
      this.#socket = this.#watch(secure, 'secureConnect', () => this.#askProxy());
    } else {
      this.#socket = this.#watch(connectPlain(to), 'connect', () => this.#askProxy());
    }
  }

  cancel(): void {
    this.#over = true;
    this.#socket.destroy();
  }

  #tls(): ConnectionOptions {
    const { host } = this.#target;
    // Over a proxy or a Unix socket too it is what the certificate is checked against.
    return { ...namedTls(host, this.#options.tls), host, ALPNProtocols: ['http/1.1'] };
  }

  #watch(socket: Socket, event: 'connect' | 'secureConnect', then: () => void): Socket {
    socket.once(event, () => {
      if (!this.#over) then();
    });
    let cause: unknown;
    socket.on('error', (error) => (cause ??= error));
    socket.once('close', () => {
      const why = cause instanceof Error ? cause.message : 'the connection ended';
      this.#fail(
        new RondoError('ERR_WEBSOCKET_CONNECT', `Cannot open the WebSocket: ${why}`, { cause }),
      );
    });
    return socket;
  }

  #askProxy(): void {
    const socket = this.#socket;
    const reader = new ResponseReader((status) => status >= 200 && status < 300);
    const check = (state: string) => {
      if (state === 'more') return;
      socket.pause();
      socket.removeListener('data', onData);
      socket.removeListener('end', onEnd);
      if (state === 'failed') {
        this.#fail(broken(`the proxy's answer is not valid: ${reader.problem}`));
        return;
      }
      const response = reader.response();
      if (response.status < 200 || response.status >= 300) {
        this.#fail(new HandshakeError('proxy', response));
        return;
      }
      if (response.rest.length > 0) socket.unshift(response.rest);
      this.#throughProxy();
    };
    const onData = (chunk: Buffer) => check(reader.push(chunk));
    socket.on('data', onData);
    const onEnd = () => check(reader.end());
    socket.on('end', onEnd);
    socket.write(connectRequest(this.#target, this.#options), 'latin1');
  }

  #throughProxy(): void {
    if (!this.#target.secure) {
      this.#ready();
      return;
    }
    const socket = connectSecure({ ...this.#tls(), socket: this.#socket });
    this.#socket = this.#watch(socket, 'secureConnect', () => this.#ready());
  }

  #ready(): void {
    this.#over = true;
    this.#socket.pause();
    this.#done(this.#socket, undefined);
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.cancel();
    this.#done(undefined, error);
  }
}

/** SNI takes names only; a numeric host is checked against the certificate's addresses. */
function namedTls(host: string, tls: ConnectionOptions): ConnectionOptions {
  return isIP(host) === 0 ? { servername: host, ...tls } : tls;
}
