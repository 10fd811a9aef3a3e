/** A request as a handler sees it. */
import { cookieOf, type RequestHead } from '../../http/index.ts';
import type { AnyParams } from '../routing/paths.ts';
import { clientGone, RequestBodyError } from './failures.ts';
import { RequestBody } from './request-body.ts';

const NOTHING = { contentLength: 0, chunked: false };
const NO_OWNER = { wanted: (): void => undefined, hasRoom: (): void => undefined };

/**
 * An HTTP request. Private memory: it may be kept. `Params` are the parameters of its route's path.
 */
export class HttpRequest<Params = AnyParams> {
  /** As sent; `HEAD` too gets to the handler of `GET`, whose body is left out then. */
  readonly method: string;
  /** Still percent-encoded, without the query. */
  readonly path: string;
  /** The parameters of the route's path, decoded. */
  readonly params: Params;
  /** Names in lower case; repeated headers joined with ', ' (cookies with '; '). */
  readonly headers: ReadonlyMap<string, string>;
  /** With the port if given; '' when an old client did not say. */
  readonly host: string;
  readonly #head: RequestHead;
  readonly #addressOf: () => string;
  #address: string | undefined;
  #body: RequestBody | undefined;
  #abort: AbortController | undefined;
  #isGone = false;

  /** @internal */
  constructor(
    head: RequestHead,
    params: AnyParams,
    addressOf: () => string,
    body: RequestBody | undefined,
  ) {
    this.method = head.method;
    this.path = head.path;
    this.params = params as Params;
    this.headers = head.headers;
    this.host = head.host;
    this.#head = head;
    this.#body = body;
    this.#addressOf = addressOf;
  }

  /**
   * The client's IP address: the peer's, or with `trustProxy` the one that the proxies tell. '' for
   * Unix sockets, and when it is first asked for after the client has gone.
   */
  get remoteAddress(): string {
    return (this.#address ??= this.#addressOf());
  }

  /** The query, decoded. */
  get query(): URLSearchParams {
    return new URLSearchParams(this.#head.query);
  }

  /** A cookie's value as it was sent, or undefined. */
  cookie(name: string): string | undefined {
    return cookieOf(this.headers, name);
  }

  /**
   * Aborted when the client goes away before it was answered: when it ends its side or resets. Its
   * reason has the code ERR_HTTP_ABORTED.
   */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#isGone) this.#abort.abort(clientGone());
    return this.#abort.signal;
  }

  /**
   * The body in pieces as they arrive; to be read once. The client is held back while nobody reads.
   * What is not read is thrown away when the request is answered.
   * Reading fails with ERR_HTTP_BODY (too large, malformed, too slow, read before), whose `status`
   * the request is answered with unless the handler does something else, or ERR_HTTP_ABORTED.
   */
  get body(): AsyncIterable<Uint8Array> {
    return this.#bodyOf();
  }

  /** The whole body, at most the route's `maxBodyBytes`. Rejects as `body` does. */
  bytes(): Promise<Uint8Array> {
    return quietly(this.#bodyOf().bytes());
  }

  /** The whole body as text. Rejects as `body` does, and with status 400 when it is no UTF-8. */
  text(): Promise<string> {
    return quietly(this.#text());
  }

  async #text(): Promise<string> {
    const bytes = await this.bytes();
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw new RequestBodyError(400, 'The body is not UTF-8');
    }
  }

  /**
   * The value that the body means as JSON. `Value` is what the caller expects; nothing checks it.
   * Rejects as `text` does, and with status 400 when it is no JSON.
   */
  json<Value = unknown>(): Promise<Value> {
    return quietly(this.#json<Value>());
  }

  async #json<Value>(): Promise<Value> {
    const text = await this.text();
    try {
      return JSON.parse(text) as Value;
    } catch {
      throw new RequestBodyError(400, 'The body is not JSON');
    }
  }

  /** The client is gone. @internal */
  gone(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#abort?.abort(clientGone());
  }

  #bodyOf(): RequestBody {
    return (this.#body ??= new RequestBody(NOTHING, 0, NO_OWNER));
  }
}

/** A rejection that nobody waits for must not end the process: the client causes it. */
function quietly<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}
