/** A client's connection, as handlers see it. Its life is in `engine/engine.ts`. */
import type { RequestReader } from '../../http/index.ts';
import type { MessageReceiver } from '../../websocket/index.ts';
import type { Inbox } from '../engine/reading.ts';
import { Pause } from '../engine/pause.ts';
import type { Exchange } from '../http/exchange.ts';
import { Shutdown, type Outlet } from '../output/output.ts';
import type { AnyParams } from '../routing/paths.ts';
import type { DeflateSession } from './deflate-sessions.ts';
import type { Route } from './handlers.ts';
import type { Message } from './message.ts';
import { rareOf, type Rare } from './rare.ts';
import type { Sockets } from './sockets.ts';

/** Where a connection is in its life. */
export const State = {
  /** Requests, and maybe a handshake. */
  HTTP: 0,
  /** A WebSocket. */
  OPEN: 1,
  /** A close frame was sent, the peer's is awaited. */
  CLOSING: 2,
  /** Everything was said: the sending side is ended, and the peer's end awaited. */
  ENDING: 3,
  /** The driver was told to close it. */
  RELEASED: 4,
} as const;

/** Bits of `Connection.ends`. */
export const Ends = {
  /** The peer has ended its side. */
  RECEIVING: 1,
  /** Our side is ended. */
  SENDING: 2,
} as const;

/** What became of a message that was sent. */
export type SendResult =
  /** On its way, nothing before it. */
  | 'sent'
  /** It waits behind earlier messages that have not left yet. `drain` tells when they have. */
  | 'queued'
  /**
   * Too much waits already, and `sendQueuePolicy` is to drop: this message with `drop-newest`, the
   * oldest that waited with `drop-oldest`. Counted in `dropped`.
   */
  | 'dropped'
  /** Nobody will get it: the connection is closed, or was closed (1013) because too much waits. */
  | 'closed';

/** How a connection takes part in a topic. */
export interface SubscribeOptions {
  /**
   * The topic may have wildcards. Without it they are refused, so that a name that comes from a
   * client cannot become one. @default false
   */
  readonly pattern?: boolean;
  /** Send the retained values of the topics that the pattern matches. @default true */
  readonly retained?: boolean;
}

/**
 * A WebSocket connection. `Params` are the parameters of its route's path, `Data` is what the
 * program keeps in `data`.
 */
export class Connection<Params = AnyParams, Data = unknown> {
  // What every message needs comes first: fields lie in this order, and cache lines are what a
  // thousand connections cost. What few connections need is in `rare`, or in columns by index.
  /** @internal */
  readonly sockets: Sockets;
  /** A small number that no other connection has now, for tables; another's later. */
  readonly index: number;
  /** @internal */
  readonly handle: number;
  /** @internal */
  state: number = State.HTTP;
  /** Why it is not read: bits of `Pause`. @internal */
  paused = 0;
  /** What arrived during a pause. @internal */
  inbox: Inbox | null = null;
  /** Whose `close` is still to be called; null before and after. @internal */
  route: Route | null = null;
  /** @internal */
  receiver: MessageReceiver<Connection> | null = null;
  /** @internal */
  queued = 0;
  /** @internal */
  sends = 0;
  /** @internal */
  backlog: Outlet['backlog'] = null;
  /** @internal */
  shutdown: number = Shutdown.NONE;
  /** @internal */
  ends = 0;
  /** Compression as it was agreed on; the same object for all that agreed on the same. @internal */
  deflate: DeflateSession | null = null;
  /** @internal */
  rare: Rare | null = null;
  /** Unique within the gateway: 1, 2, 3, … */
  readonly id: number;
  /** The program's own: what `upgrade` gave, else undefined at first. */
  data: Data = undefined as Data;
  /** @internal */
  parameters: AnyParams | null = null;
  /** Reads requests; only while one is there in part. @internal */
  reader: RequestReader | null = null;
  /** The request that is being answered. @internal */
  exchange: Exchange | null = null;
  /** @internal */
  constructor(sockets: Sockets, id: number, index: number, handle: number) {
    this.sockets = sockets;
    this.id = id;
    this.index = index;
    this.handle = handle;
  }

  /** The parameters of the route's path, decoded. */
  get params(): Params {
    return this.parameters as Params;
  }

  /** The subprotocol that was agreed on; '' without one. */
  get protocol(): string {
    return this.rare?.protocol ?? '';
  }

  /**
   * The client's IP address: the peer's, or with `trustProxy` the one that the proxies tell. ''
   * for Unix sockets, and when the connection is gone.
   */
  get remoteAddress(): string {
    return this.rare?.address ?? this.sockets.engine.peerOf(this as Connection);
  }

  /** Whether messages can be sent: from `open` until either side closes. */
  get isOpen(): boolean {
    return this.state === State.OPEN;
  }

  /** Bytes that were sent here and have not left yet, frames' heads included. */
  get bufferedAmount(): number {
    return this.queued;
  }

  /** Messages to this connection that were dropped because too much waited. */
  get dropped(): number {
    return this.rare?.dropped ?? 0;
  }

  /** Whether `pause` holds it. */
  get isPaused(): boolean {
    return (this.paused & Pause.USER) !== 0;
  }

  /**
   * Sends a string as text, bytes as a binary message, and a received message as what it is. Bytes
   * are copied and may be changed afterwards; a received message may be sent from where it lies, so
   * its view must not be. Messages that are sent in one turn leave together.
   * @throws {TypeError} ERR_OPTION_TYPE for anything else, ERR_LEASE_RELEASED
   * @throws {RangeError} ERR_OPTION_RANGE when it is larger than the gateway's memory
   */
  send(data: Message | string | Uint8Array): SendResult {
    return this.sockets.send(this as Connection, data);
  }

  /**
   * Sends a ping with 0 to 125 bytes, a string as UTF-8. @default empty
   * @throws {RangeError} ERR_OPTION_RANGE
   */
  ping(payload: string | Uint8Array = ''): SendResult {
    return this.sockets.sendPing(this as Connection, payload);
  }

  /**
   * Closes: sends a close frame after what was sent before, waits for the peer's, then ends the
   * connection. From here on nothing is received and nothing can be sent. Nothing happens when it
   * is closed already. The reason has at most 123 bytes of UTF-8. @default 1000 without a reason
   * @throws {RangeError} ERR_CLOSE_CODE, ERR_CLOSE_REASON
   */
  close(code: number = 1000, reason: string = ''): void {
    this.sockets.startClose(this as Connection, code, reason);
  }

  /** Ends it now, without a close frame; what waits to be sent is lost. `close` is told 1006. */
  terminate(): void {
    this.sockets.engine.release(this as Connection, 'reset');
  }

  /**
   * Reads nothing more until `resume`: no message, and no answer to a ping or close, so the idle
   * timeout does not count. The peer's sends wait after what the kernel buffers. Ends with `close`.
   */
  pause(): void {
    // Of what was closed only the end is awaited, and that has to be read.
    if (this.isOpen) this.sockets.engine.pause(this as Connection, Pause.USER);
  }

  /** Goes on reading after `pause`: what waited is handled soon, in order. */
  resume(): void {
    this.sockets.engine.resume(this as Connection, Pause.USER);
  }

  /**
   * From now on gets what is published to the topic: a name of segments with `/` between them. With
   * `{ pattern: true }` the segment `*` stands for any one and `**`, at the end, for any number.
   * False when it was subscribed already. Ends with the connection.
   * @throws {TypeError} ERR_TOPIC for a name that cannot be, ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE
   * @throws {RangeError} ERR_TOPIC_LIMIT with too many subscriptions
   */
  subscribe(topic: string, options: SubscribeOptions = {}): boolean {
    return this.sockets.topics.subscribe(this as Connection, topic, options);
  }

  /** Ends a subscription; false when there was none. @throws {TypeError} ERR_TOPIC */
  unsubscribe(topic: string): boolean {
    return this.sockets.topics.unsubscribe(this as Connection, topic);
  }

  /**
   * Sends to all who are subscribed to the topic, but not to this connection; returns how many.
   * @throws {TypeError} ERR_TOPIC, ERR_OPTION_TYPE, ERR_LEASE_RELEASED
   * @throws {RangeError} ERR_OPTION_RANGE
   */
  publish(topic: string, data: Message | string | Uint8Array): number {
    return this.sockets.topics.publish(topic, data, this as Connection);
  }

  /** @internal */
  get rarely(): Rare {
    return rareOf(this as Connection);
  }
}
