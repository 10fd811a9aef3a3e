/**
 * A listening socket of Node's. Node accepts whatever comes, and closing is its only way to stop;
 * so connections that nobody may take yet (no accept in flight, or the limit is reached) are held
 * here, unread: the queue that the kernel keeps for the other drivers, with the same bound, the
 * caller's `backlog`. What comes beyond it is reset and counted as a backoff.
 *
 * At the process's limit of descriptors libuv accepts and closes what waits, which nothing here can
 * prevent: use the epoll driver where that matters.
 */
import net from 'node:net';
import { getSystemErrorName } from 'node:util';
import { Errno, SystemError } from '../../base/index.ts';
import { checkAddress, Family } from '../core/address.ts';
import { errnoOf } from '../core/node-errors.ts';
import type { ResolvedListenOptions } from '../core/limits.ts';
import type { SocketAddress } from '../driver.ts';
import { Connection, type ConnectionHost } from './connection.ts';
import { nodeOptions } from './socket-options.ts';
import { TlsDoor, type TlsHost } from './tls-door.ts';
import type { TlsSettings } from './tls-settings.ts';

/** UV_TCP_REUSEPORT in uv.h, since libuv 1.49. */
const REUSE_PORT_FLAG = 2;
const REUSE_PORT_SINCE: readonly [number, number] = [1, 49];

/** What Node's own handle of a listening socket offers. */
interface ServerHandle {
  listen(backlog: number): number;
  close(): void;
}

/**
 * Exported by Node for its cluster module. `Server.listen` itself resolves a host in a later tick,
 * numeric or not, and tells errors by event; the contract wants both at once.
 */
type CreateServerHandle = (
  address: string,
  port: number,
  addressType: number,
  fd: number,
  flags: number,
) => ServerHandle | number;

/** Told of what a listener brings, never from inside a call into it. */
export interface ListenerHost extends ConnectionHost {
  /** A connection more is held; or, when not `taken`, one was turned away. */
  incoming(listener: Listener, taken: boolean): void;
  handshakeFailed(): void;
}

export class Listener implements TlsHost {
  readonly slot: number;
  /** Accepted by Node, not yet handed over; oldest first. */
  readonly held: Connection[] = [];
  /** It waits for room. */
  backedOff = false;
  readonly #host: ListenerHost;
  readonly #backlog: number;
  readonly #server: net.Server;
  readonly #door: TlsDoor | undefined;

  /** @throws {SystemError} ERR_SYSTEM */
  constructor(
    slot: number,
    address: SocketAddress,
    options: ResolvedListenOptions,
    tls: TlsSettings | undefined,
    host: ListenerHost,
  ) {
    this.slot = slot;
    this.#host = host;
    this.#backlog = options.backlog;
    const handle = listeningHandle(address, options.reusePort, options.backlog);
    const server = net.createServer({
      allowHalfOpen: true,
      pauseOnConnect: true,
      ...nodeOptions(options),
    });
    const door = tls && new TlsDoor(tls, this);
    server.on('connection', (socket: net.Socket) => {
      if (door) door.open(socket);
      else this.#take(socket, socket);
    });
    server.on('error', () => host.incoming(this, false));
    // TCP: Node listens a second time, which changes nothing. A path: Node takes no handle of one,
    // so ours has only shown that it can be bound.
    if ('path' in address) {
      handle.close();
      server.listen({ path: address.path, backlog: options.backlog });
    } else {
      server.listen(handle, options.backlog);
    }
    if (!server.listening) throw new SystemError('listen', Errno.EADDRINUSE, describe(address));
    server.unref();
    this.#server = server;
    this.#door = door;
  }

  /** @throws {SystemError} ERR_SYSTEM (EBADF) for a listener without TLS */
  setTls(settings: TlsSettings): void {
    if (!this.#door)
      throw new SystemError('setCertificates', Errno.EBADF, 'a listener without TLS');
    this.#door.replace(settings);
  }

  secured(socket: net.Socket, raw: net.Socket): void {
    this.#take(socket, raw);
  }

  handshakeFailed(): void {
    this.#host.handshakeFailed();
  }

  #take(socket: net.Socket, raw: net.Socket): void {
    const peer = peerOf(raw, typeof this.#server.address() === 'string');
    // It was reset before anybody could ask who it is: accept(2) has ECONNABORTED for that.
    if (!peer) {
      socket.destroy();
      return;
    }
    const connection = new Connection(socket, raw, peer, this.#host);
    const taken = this.held.length < this.#backlog;
    if (taken) this.held.push(connection);
    else connection.destroy(true);
    this.#host.incoming(this, taken);
  }

  address(): SocketAddress {
    const address = this.#server.address();
    if (typeof address === 'string') return { path: address };
    return { host: address!.address, port: address!.port };
  }

  /** Stops listening and resets what was held. A Unix socket's path is removed. */
  close(): void {
    this.#server.close();
    this.#door?.close();
    for (const connection of this.held.splice(0)) connection.destroy(true);
  }
}

/** Undefined when the kernel does not know any more. */
function peerOf(socket: net.Socket, isUnix: boolean): SocketAddress | undefined {
  if (isUnix) return { path: '' };
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  // A link-local address comes with the name of the network interface.
  return { host: remoteAddress.replace(/%.*/, ''), port: remotePort };
}

/** Binds and listens at once, which tells every error that there can be. */
function listeningHandle(
  address: SocketAddress,
  reusePort: boolean,
  backlog: number,
): ServerHandle {
  const create = (net as unknown as { _createServerHandle: CreateServerHandle })
    ._createServerHandle;
  const family = checkAddress(address);
  let handle: ServerHandle | number;
  if ('path' in address) {
    handle = create(address.path, -1, -1, -1, 0);
  } else {
    if (reusePort && !knowsReusePort()) {
      throw new SystemError('bind', Errno.EOPNOTSUPP, 'reusePort needs libuv 1.49');
    }
    const flags = reusePort ? REUSE_PORT_FLAG : 0;
    handle = create(address.host, address.port, family === Family.IPV6 ? 6 : 4, -1, flags);
  }
  if (typeof handle === 'number') throw systemError('bind', handle, address);
  const error = handle.listen(backlog);
  if (error === 0) return handle;
  handle.close();
  throw systemError('listen', error, address);
}

function knowsReusePort(): boolean {
  const [major = 0, minor = 0] = process.versions.uv.split('.').map(Number);
  const [sinceMajor, sinceMinor] = REUSE_PORT_SINCE;
  return major > sinceMajor || (major === sinceMajor && minor >= sinceMinor);
}

function systemError(syscall: string, error: number, address: SocketAddress): SystemError {
  return new SystemError(syscall, -errnoOf({ code: getSystemErrorName(error) }), describe(address));
}

function describe(address: SocketAddress): string {
  return 'path' in address ? address.path : `${address.host} port ${address.port}`;
}
