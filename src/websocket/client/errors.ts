/** The errors of a client that carry more than a code. */
import { RondoError } from '../../base/index.ts';

/**
 * A server or proxy refused the handshake with an HTTP status (`ERR_WEBSOCKET_REFUSED`). Redirects
 * are not followed: their target is in `headers`.
 */
export class HandshakeError extends RondoError {
  /** The status of the answer, such as 401 or 503. */
  readonly status: number;
  /** Names in lower case; repeated headers joined with ', '. */
  readonly headers: ReadonlyMap<string, string>;
  /** The first 64 KiB of the answer's body, at most. */
  readonly body: Uint8Array;

  constructor(
    who: 'server' | 'proxy',
    answer: { status: number; headers: ReadonlyMap<string, string>; body: Uint8Array },
  ) {
    const { status, headers, body } = answer;
    super('ERR_WEBSOCKET_REFUSED', `Cannot open the WebSocket: the ${who} answers ${status}`);
    this.name = 'HandshakeError';
    this.status = status;
    this.headers = headers;
    this.body = body;
  }

  /** The body as text. */
  text(): string {
    return Buffer.from(this.body).toString('utf8');
  }
}

/** The connection was ended from this side because the peer broke a rule or a limit. */
export class CloseError extends RondoError {
  /** The close code that the peer was told, such as 1002 or 1009. */
  readonly closeCode: number;
  /** The rule. */
  readonly reason: string;

  constructor(closeCode: number, reason: string, options?: { cause?: unknown }) {
    const message = `Cannot go on with the WebSocket (${closeCode}): ${reason}`;
    super('ERR_WEBSOCKET_FAILED', message, options);
    this.name = 'CloseError';
    this.closeCode = closeCode;
    this.reason = reason;
  }
}
