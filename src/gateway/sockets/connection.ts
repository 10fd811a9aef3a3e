/** A client's connection, as handlers see it. Its life is in `engine.ts`. */
import type { RequestReader } from '../../http/index.ts';
import type { MessageReceiver } from '../../websocket/index.ts';
import type { Route } from './handlers.ts';
import type { Message } from './message.ts';
import { Shutdown, type Outlet } from '../output/output.ts';
import type { AnyParams } from '../routing/paths.ts';
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

/** What became of a message that was sent. */
export type SendResult =
  /** On its way, nothing before it. */
  | 'sent'
  /** It waits behind earlier messages that have not left yet. */
  | 'queued'
  /** Nobody will get it: the connection is closed, or was closed (1013) because too much waits. */
  | 'closed';

/**
 * A WebSocket connection. `Params` are the parameters of its route's path, `Data` is what the
 * program keeps in `data`.
 */
export class Connection<Params = AnyParams, Data = unknown> {
  // What every message needs comes first: fields lie in this order, and cache lines are what a
  // thousand connections cost.
  /** @internal */
  readonly sockets: Sockets;
  /** @internal */
  readonly index: number;
  /** @internal */
  readonly handle: number;
  /** @internal */
  state: number = State.HTTP;
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
  /** Unique within the gateway: 1, 2, 3, … */
  readonly id: number;
  /** The program's own; undefined at first. */
  data: Data = undefined as Data;
  /** @internal */
  parameters: AnyParams | null = null;
  /** Reads requests; only while one is there in part. @internal */
  reader: RequestReader | null = null;
  /** The peer has ended its side. @internal */
  receiveEnded = false;
  /** Our side is ended. @internal */
  shutdownDone = false;

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

  /** Whether messages can be sent: from `open` until either side closes. */
  get isOpen(): boolean {
    return this.state === State.OPEN;
  }

  /** Bytes that were sent here and have not left yet, frames' heads included. */
  get bufferedBytes(): number {
    return this.queued;
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
}
