/** What a program gives a route of WebSockets. */
import { misuse, outOfRange, rejectUnknown } from '../../base/index.ts';
import type { Connection } from './connection.ts';
import type { HandshakeRequest } from './handshake-request.ts';
import type { Message } from './message.ts';
import type { AnyParams } from '../routing/paths.ts';

/** How an `upgrade` handler lets a client in; all of it may be left out. */
export interface Acceptance<Data = unknown> {
  /** Becomes `connection.data`. */
  readonly data?: Data;
  /**
   * The subprotocol, one of those that the client offered.
   * @default the first of the route's `protocols` that the client offered
   */
  readonly protocol?: string;
  /** Headers of the 101 response beside those of the protocol, as cookies. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

/** How an `upgrade` handler turns a client away: see `refuse`. */
export class Refusal {
  readonly status: number;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;

  /** @internal */
  constructor(
    status: number,
    reason: string,
    headers: Readonly<Record<string, string | readonly string[]>>,
  ) {
    this.status = status;
    this.reason = reason;
    this.headers = headers;
  }
}

/**
 * What an `upgrade` handler returns to turn a client away: an HTTP status from 300 to 599 (401 for
 * who is not logged in, 403, 404, 429, 503, …), a text for people, and headers.
 * @throws {RangeError} ERR_HTTP_STATUS
 * @example
 * upgrade: (request) => (isMember(request) ? { data: memberOf(request) } : refuse(401))
 */
export function refuse(
  status: number,
  reason: string = 'The connection was refused',
  headers: Readonly<Record<string, string | readonly string[]>> = {},
): Refusal {
  if (!Number.isInteger(status) || status < 300 || status > 599) {
    throw outOfRange(
      'ERR_HTTP_STATUS',
      `Cannot refuse with status ${status}: it must be an integer from 300 to 599`,
    );
  }
  return new Refusal(status, reason, headers);
}

/** What an `upgrade` handler decides; nothing at all lets the client in. */
export type UpgradeDecision<Data = unknown> = Acceptance<Data> | Refusal | undefined | void;

/**
 * What a route does. All handlers may be async. Those of one connection are called in order: `open`
 * and what it awaits is over before the first `message`, and each `message` before the next one
 * (`concurrency` allows more at a time); until then the connection is not read.
 *
 * What a handler throws, or a promise that it returns rejects with, is given to `error`, and the
 * connection is closed with 1011; it never ends the process.
 */
export interface WebSocketHandlers<Params = AnyParams, Data = unknown> {
  /** Subprotocols that the route speaks, best first; the first that the client offers is used. */
  readonly protocols?: readonly string[];
  /**
   * A client wants in: return what its connection's `data` is to be, `refuse(…)`, or nothing. While
   * a promise is pending the time for the handshake runs on; an error refuses with 500, a thrown
   * `refuse(…)` as it says.
   */
  upgrade?(
    request: HandshakeRequest<Params>,
  ): UpgradeDecision<Data> | PromiseLike<UpgradeDecision<Data>>;
  /** The handshake is done; what is sent here is the first thing that the client gets. */
  open?(connection: Connection<Params, Data>): unknown;
  /** A whole message has arrived. It is valid until this returns or resolves: see `Message`. */
  message?(connection: Connection<Params, Data>, message: Message): unknown;
  /** After a `send` was 'queued' or 'dropped': little waits now, more can be sent. */
  drain?(connection: Connection<Params, Data>): unknown;
  /**
   * The connection is over; called once, after the other handlers have ended. `code` and `reason`
   * are the peer's, or those of the rule that it broke; 1005 when it gave no code, 1006 when it
   * went away without a word.
   */
  close?(connection: Connection<Params, Data>, code: number, reason: string): unknown;
  /** A handler failed. Without this, a warning of the process tells. */
  error?(connection: Connection<Params, Data>, error: unknown): unknown;
}

const HANDLER_NAMES: readonly Exclude<keyof WebSocketHandlers, 'protocols'>[] = [
  'upgrade',
  'open',
  'message',
  'drain',
  'close',
  'error',
];

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * Checks what a program gives a route.
 * @throws {TypeError} ERR_OPTION_TYPE, ERR_OPTION_UNKNOWN
 */
export function checkHandlers(path: string, handlers: object): void {
  if (typeof handlers !== 'object' || handlers === null) {
    throw misuse('ERR_OPTION_TYPE', `Cannot add route ${path}: it needs an object of handlers`);
  }
  rejectUnknown(`route ${path}`, handlers, ['protocols', ...HANDLER_NAMES]);
  const given = handlers as Readonly<Record<string, unknown>>;
  for (const name of HANDLER_NAMES) {
    if (given[name] === undefined || typeof given[name] === 'function') continue;
    const what = `${name} must be a function, got ${typeof given[name]}`;
    throw misuse('ERR_OPTION_TYPE', `Cannot add route ${path}: ${what}`);
  }
  const { protocols = [] } = given;
  if (!Array.isArray(protocols)) {
    throw misuse('ERR_OPTION_TYPE', `Cannot add route ${path}: protocols must be a list of names`);
  }
  for (const protocol of protocols as unknown[]) {
    if (typeof protocol === 'string' && TOKEN.test(protocol)) continue;
    throw misuse(
      'ERR_OPTION_TYPE',
      `Cannot add route ${path}: a subprotocol must be a token of HTTP, got ${String(protocol)}`,
    );
  }
}

/** A route of a gateway. */
export interface Route {
  /** As it was given. */
  readonly path: string;
  readonly handlers: WebSocketHandlers;
}
