/** What a gateway tells somebody who watches single messages, such as a tracer. */
import type { Message } from '../sockets/message.ts';

/** A handshake that has become a WebSocket. */
export interface UpgradeInfo {
  /** The connection's `id`. */
  readonly connectionId: number;
  /** The route's path, with the names of its parameters: `/chat/:room`. */
  readonly route: string;
  /** The path that was asked for, percent-encoded. */
  readonly path: string;
  /** Names in lower case; repeated headers joined with ', '. */
  readonly headers: ReadonlyMap<string, string>;
}

/** A message that is about to be handled. */
export interface MessageInfo {
  /** The connection's `id`. */
  readonly connectionId: number;
  /** The route's path, with the names of its parameters. */
  readonly route: string;
  /** What `upgraded` gave for the connection. */
  readonly context: unknown;
  /** Valid as long as it is in the handler: to be read before `run` is called. */
  readonly message: Message;
}

/**
 * Watches the messages that it chooses. Without one, a gateway does nothing for it; with one, a
 * message that is not chosen costs the call of `sampled`.
 */
export interface Instrumentation {
  /**
   * Gives what is to be kept with the connection, undefined for nothing. What it throws is reported
   * as a warning, and the connection goes on.
   */
  upgraded?(upgrade: UpgradeInfo): unknown;
  /** Whether `message` is to be called for the next message: called for each, so it is quick. */
  sampled(): boolean;
  /**
   * Calls `run`, the handler, once, and returns what it returned, or a promise that is settled as
   * the one it returned; what it throws is thrown on.
   */
  message(info: MessageInfo, run: () => unknown): unknown;
  /** The WebSocket is over. What it throws is reported as a warning. */
  closed?(connectionId: number, context: unknown): void;
}
