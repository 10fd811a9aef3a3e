/** A client's handshake as an `upgrade` handler sees it. */
import { cookieOf, type RequestHead } from '../../http/index.ts';
import type { AnyParams } from '../routing/paths.ts';

/** A request to become a WebSocket. Private memory: it may be kept. */
export class HandshakeRequest<Params = AnyParams> {
  /** Still percent-encoded, without the query. */
  readonly path: string;
  /** The parameters of the route's path, decoded. */
  readonly params: Params;
  /** Names in lower case; repeated headers joined with ', ' (cookies with '; '). */
  readonly headers: ReadonlyMap<string, string>;
  /** With the port if given. */
  readonly host: string;
  /** The client's IP address, as `connection.remoteAddress`. */
  readonly remoteAddress: string;
  /** The subprotocols that the client offers, its favourite first. */
  readonly protocols: readonly string[];
  readonly #query: string;
  readonly #abort: AbortController = new AbortController();

  /** @internal */
  constructor(
    request: RequestHead,
    params: AnyParams,
    protocols: readonly string[],
    remoteAddress: string,
  ) {
    this.path = request.path;
    this.params = params as Params;
    this.headers = request.headers;
    this.host = request.host;
    this.remoteAddress = remoteAddress;
    this.protocols = protocols;
    this.#query = request.query;
  }

  /** The query, decoded. */
  get query(): URLSearchParams {
    return new URLSearchParams(this.#query);
  }

  /** The page that the client is of; undefined for clients that are no browsers. */
  get origin(): string | undefined {
    return this.headers.get('origin');
  }

  /** A cookie's value as it was sent, or undefined. */
  cookie(name: string): string | undefined {
    return cookieOf(this.headers, name);
  }

  /** Aborted when the client goes away, or its time is over, before the handler has decided. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** @internal */
  abort(): void {
    this.#abort.abort();
  }
}
