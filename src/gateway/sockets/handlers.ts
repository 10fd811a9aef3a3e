import type { Connection } from './connection.ts';
import type { Message } from './message.ts';
import type { AnyParams } from '../routing/paths.ts';

/**
 * What a route does. What a handler throws, or a promise that it returns rejects with, is given to
 * `error`, and the connection is closed with 1011; it never ends the process.
 */
export interface WebSocketHandlers<Params = AnyParams, Data = unknown> {
  /** The handshake is done; what is sent here is the first thing that the client gets. */
  open?(connection: Connection<Params, Data>): unknown;
  /** A whole message has arrived. It is valid until this returns: see `Message`. */
  message?(connection: Connection<Params, Data>, message: Message): unknown;
  /**
   * The connection is over; called once. `code` and `reason` are the peer's, or those of the rule
   * that it broke; 1005 when it gave no code, 1006 when it went away without a word.
   */
  close?(connection: Connection<Params, Data>, code: number, reason: string): unknown;
  /** A handler failed. Without this, a warning of the process tells. */
  error?(connection: Connection<Params, Data>, error: unknown): unknown;
}

/** A route of a gateway. */
export interface Route {
  /** As it was given. */
  readonly path: string;
  readonly handlers: WebSocketHandlers;
}
