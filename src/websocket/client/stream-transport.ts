/** A socket of Node's: what TLS and proxies go through. */
import type { Socket } from 'node:net';
import type { Hub } from './hub.ts';
import { feed, type Piece, type Transport, type TransportOwner } from './transport.ts';

export class StreamTransport implements Transport {
  owner: TransportOwner;
  readonly #hub: Hub;
  readonly #socket: Socket;
  /** Handed to Node, in order. */
  #pieces: Piece[] = [];
  #error: Error | undefined;
  #over = false;

  /** The socket must be connected; nobody else listens to it. */
  constructor(hub: Hub, socket: Socket, owner: TransportOwner) {
    this.#hub = hub;
    this.#socket = socket;
    this.owner = owner;
    socket.on('data', (chunk: Buffer) => feed(hub, this.owner, chunk));
    socket.on('end', () => this.owner.ended());
    socket.on('error', (error) => (this.#error ??= error));
    socket.on('close', () => this.#closed());
    socket.resume();
  }

  send(piece: Piece): void {
    this.#pieces.push(piece);
    // Node reads it after the call, and from other threads.
    const copy = Buffer.from(this.#hub.bytes.slice(piece.start, piece.end).buffer);
    this.#socket.write(copy, (error) => {
      if (this.#over) return;
      const sent = this.#pieces.shift();
      if (sent !== undefined) this.owner.sent(sent, !error);
    });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(mode: 'finish' | 'reset'): void {
    if (mode === 'finish') this.#socket.destroySoon();
    else this.#socket.destroy();
  }

  #closed(): void {
    this.#over = true;
    const pieces = this.#pieces;
    this.#pieces = [];
    for (const piece of pieces) this.owner.sent(piece, false);
    this.owner.gone(this.#error);
  }
}
