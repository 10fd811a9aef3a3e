/**
 * The handshakes of a TLS listener: from a raw socket to one that is secured, or to none.
 *
 * A handshake is bounded in time from the connection on, whatever the client sends meanwhile, and
 * in number: one too many resets the oldest, which is the likeliest to be a client that only holds
 * the place. A failure is counted and ends its own connection, nothing else.
 */
import { Socket } from 'node:net';
import { Server, type TLSSocket } from 'node:tls';
import { assert, systemClock } from '../../base/index.ts';
import { resetSocket } from './reset.ts';
import type { TlsSettings } from './tls-settings.ts';

/** Deadlines are looked at no more often than so. */
const GRAIN_MS = 10;

/** Told of what became of a handshake, never from inside a call. */
export interface TlsHost {
  /** `raw` is the socket under `socket`. */
  secured(socket: TLSSocket, raw: Socket): void;
  handshakeFailed(): void;
}

export class TlsDoor {
  readonly #host: TlsHost;
  readonly #server: Server;
  /** Deadlines of the handshakes under way, oldest first. */
  readonly #pending = new Map<Socket, number>();
  #settings: TlsSettings;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer looks. */
  #due = Infinity;

  constructor(settings: TlsSettings, host: TlsHost) {
    this.#host = host;
    this.#settings = settings;
    // It never listens: it is Node's way to make a server's end of TLS out of a socket.
    this.#server = new Server({
      ...settings.context,
      ALPNProtocols: ['http/1.1'],
      pauseOnConnect: true,
      SNICallback: (name, found) => found(null, this.#settings.find(name)),
    });
    this.#server.on('secureConnection', (socket) => this.#secured(socket));
    // The raw socket's close tells the same, and comes in every case.
    this.#server.on('tlsClientError', () => undefined);
  }

  /** Handshakes that begin from now on are by these settings. */
  replace(settings: TlsSettings): void {
    this.#server.setSecureContext(settings.context);
    this.#settings = settings;
  }

  /** Begins the handshake of a socket that Node has accepted. */
  open(raw: Socket): void {
    const { handshakes, handshakeTimeoutMs } = this.#settings;
    if (this.#pending.size >= handshakes) this.#fail(this.#pending.keys().next().value!);
    raw.unref();
    // A client that ends its side during the handshake cannot finish it.
    raw.allowHalfOpen = false;
    raw.on('error', () => undefined);
    raw.on('close', () => this.#fail(raw));
    const deadline = systemClock.now() + handshakeTimeoutMs;
    this.#pending.set(raw, deadline);
    this.#arm(deadline);
    this.#server.emit('connection', raw);
  }

  /** Resets what is under way. */
  close(): void {
    clearTimeout(this.#timer);
    this.#due = Infinity;
    const sockets = [...this.#pending.keys()];
    this.#pending.clear();
    for (const raw of sockets) resetSocket(raw);
  }

  #secured(socket: TLSSocket): void {
    const raw = (socket as unknown as { _parent: unknown })._parent;
    assert(raw instanceof Socket, 'the socket under a TLS socket is known');
    // One that was ended meanwhile is not in the list any more.
    if (!this.#pending.delete(raw)) return;
    raw.allowHalfOpen = true;
    socket.allowHalfOpen = true;
    this.#host.secured(socket, raw);
  }

  #fail(raw: Socket): void {
    if (!this.#pending.delete(raw)) return;
    resetSocket(raw);
    this.#host.handshakeFailed();
  }

  #arm(deadline: number): void {
    if (deadline >= this.#due) return;
    clearTimeout(this.#timer);
    this.#due = deadline;
    const wait = Math.max(GRAIN_MS, Math.ceil(deadline - systemClock.now()));
    this.#timer = setTimeout(() => this.#expire(), wait).unref();
  }

  #expire(): void {
    this.#due = Infinity;
    const now = systemClock.now();
    let next = Infinity;
    for (const [raw, deadline] of this.#pending) {
      if (deadline <= now) this.#fail(raw);
      else next = Math.min(next, deadline);
    }
    this.#arm(next);
  }
}
