/**
 * From nothing to an open connection: name lookup, connecting, proxy and TLS, the request and its
 * answer. Ends in exactly one of `opened` and `refused`, unless it was cancelled.
 */
import type { Socket } from 'node:net';
import type { SocketAddress } from '../../driver/index.ts';
import { RondoError } from '../../base/index.ts';
import { resolve, type Target } from './address.ts';
import { Dial } from './dial.ts';
import { DriverTransport } from './driver-transport.ts';
import { broken, checkResponse, makeOffer, upgradeRequest, type Agreement } from './handshake.ts';
import type { Hub } from './hub.ts';
import type { ResolvedWebSocketOptions } from './options.ts';
import { ResponseReader, type ReaderState } from './response-reader.ts';
import { openStream } from './stream.ts';
import { StreamTransport } from './stream-transport.ts';
import type { Timers } from './timers.ts';
import { Piece, type Transport, type TransportOwner } from './transport.ts';

/** What an opening is for. */
export interface OpeningOwner {
  /** From now on the transport is the owner's; `rest` came behind the answer. */
  opened(transport: Transport, agreement: Agreement, rest: Uint8Array): void;
  /** All that was opened is gone. */
  refused(error: Error): void;
}

/** See the head of this file. */
export class Opening implements TransportOwner {
  readonly #hub: Hub;
  readonly #target: Target;
  readonly #options: ResolvedWebSocketOptions;
  readonly #timers: Timers;
  readonly #owner: OpeningOwner;
  readonly #offer: ReturnType<typeof makeOffer>;
  readonly #reader: ResponseReader = new ResponseReader((status) => status === 101);
  readonly #timer: unknown;
  /** Gives up what is under way before there is a transport. */
  #cancel: () => void = () => undefined;
  #transport: Transport | undefined;
  #error: Error | undefined;
  #over = false;

  constructor(
    hub: Hub,
    target: Target,
    protocols: readonly string[],
    options: ResolvedWebSocketOptions,
    timers: Timers,
    owner: OpeningOwner,
  ) {
    this.#hub = hub;
    this.#target = target;
    this.#options = options;
    this.#timers = timers;
    this.#owner = owner;
    this.#offer = makeOffer(protocols, options.deflate);
    const { handshakeTimeoutMs } = options;
    this.#timer = timers.start(() => this.#late(), handshakeTimeoutMs, false);
    if (target.secure || options.proxy !== undefined) {
      this.#cancel = openStream(target, options, (socket, error) => this.#stream(socket, error));
    } else {
      this.#dial().catch((error: unknown) => this.#fail(error as Error));
    }
  }

  /** Gives up: `refused` follows, later. */
  abort(error: Error): void {
    this.#fail(error);
  }

  // ---- connecting

  async #dial(): Promise<void> {
    const { socketPath } = this.#options;
    const { host, port } = this.#target;
    const addresses: SocketAddress[] =
      socketPath === undefined
        ? (await resolve(host)).map((address) => ({ host: address, port }))
        : [{ path: socketPath }];
    if (this.#over) return;
    const dial = new Dial(this.#hub, this.#timers, addresses, (handle, error) => {
      if (error === undefined) this.#begin(new DriverTransport(this.#hub, handle, this));
      else this.#fail(error);
    });
    this.#cancel = () => dial.cancel();
  }

  #stream(socket: Socket | undefined, error: Error | undefined): void {
    if (socket === undefined) this.#fail(error!);
    else this.#begin(new StreamTransport(this.#hub, socket, this));
  }

  #begin(transport: Transport): void {
    this.#transport = transport;
    const request = Buffer.from(upgradeRequest(this.#target, this.#offer, this.#options), 'latin1');
    const start = this.#hub.acquire(request.length);
    if (start === 0) {
      const message = 'Cannot open the WebSocket: there is no memory for the request';
      this.#fail(new RondoError('ERR_WEBSOCKET_CONNECT', message));
      return;
    }
    const piece = new Piece(start, start + this.#hub.sizeOf(start));
    this.#hub.bytes.set(request, start);
    piece.end += request.length;
    transport.send(piece);
  }

  // ---- the answer

  received(offset: number, length: number): void {
    if (this.#over) return;
    this.#check(this.#reader.push(this.#hub.bytes.slice(offset, offset + length)));
  }

  sent(piece: Piece): void {
    this.#hub.release(piece.start);
  }

  ended(): void {
    if (!this.#over) this.#check(this.#reader.end());
  }

  gone(cause: Error | undefined): void {
    this.#transport = undefined;
    if (!this.#over) {
      const message = `Cannot open the WebSocket: ${cause?.message ?? 'the connection ended'}`;
      this.#error = new RondoError('ERR_WEBSOCKET_CONNECT', message, { cause });
      this.#finish();
    }
    this.#owner.refused(this.#error!);
  }

  #check(state: ReaderState): void {
    if (state === 'more') return;
    if (state === 'failed') {
      this.#fail(broken(this.#reader.problem));
      return;
    }
    const response = this.#reader.response();
    let agreement: Agreement;
    try {
      agreement = checkResponse(response, this.#offer);
    } catch (error) {
      this.#fail(error as Error);
      return;
    }
    this.#finish();
    this.#owner.opened(this.#transport!, agreement, response.rest);
  }

  // ---- ending

  #late(): void {
    if (this.#over) return;
    // A refusal whose body does not end is a refusal all the same.
    this.#check(this.#reader.cut());
    const { handshakeTimeoutMs } = this.#options;
    const message = `Cannot open the WebSocket: it took more than ${handshakeTimeoutMs} ms`;
    this.#fail(new RondoError('ERR_WEBSOCKET_TIMEOUT', message));
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#error = error;
    this.#finish();
    this.#cancel();
    if (this.#transport === undefined) setImmediate(() => this.#owner.refused(error));
    else this.#transport.destroy('reset');
  }

  #finish(): void {
    this.#over = true;
    this.#timers.stop(this.#timer);
  }
}
