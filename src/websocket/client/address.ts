/** URLs of WebSockets, and the addresses behind them. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { RondoError } from '../../base/index.ts';

/** Where a WebSocket is, taken from its URL. */
export interface Target {
  /** Serialized, scheme ws or wss. */
  readonly url: string;
  readonly origin: string;
  readonly secure: boolean;
  /** A name, or a numeric address without brackets. */
  readonly host: string;
  readonly port: number;
  /** For the Host header: with the port when it is not the scheme's own. */
  readonly authority: string;
  /** Path and query. */
  readonly path: string;
  /** `user:password`, decoded; undefined without one. */
  readonly credentials: string | undefined;
}

/**
 * Takes a WebSocket's URL apart, as the WebSockets standard has it: http and https stand for ws and
 * wss, and there is no fragment.
 * @throws {DOMException} SyntaxError
 */
export function parseTarget(text: string | URL): Target {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    const got = JSON.stringify(String(text));
    throw new DOMException(`Cannot open a WebSocket: ${got} is not a URL`, 'SyntaxError');
  }
  if (url.protocol === 'http:') url.protocol = 'ws:';
  else if (url.protocol === 'https:') url.protocol = 'wss:';
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') {
    const got = JSON.stringify(url.protocol);
    throw new DOMException(
      `Cannot open a WebSocket: the scheme must be ws or wss, got ${got}`,
      'SyntaxError',
    );
  }
  if (url.hash !== '' || url.href.endsWith('#')) {
    throw new DOMException('Cannot open a WebSocket: its URL must have no fragment', 'SyntaxError');
  }
  const secure = url.protocol === 'wss:';
  return {
    url: url.href,
    origin: url.origin,
    secure,
    host: hostOf(url),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    authority: url.host,
    path: url.pathname + url.search,
    credentials: credentialsOf(url),
  };
}

/** The host of a URL, without the brackets of an IPv6 address. */
export function hostOf(url: URL): string {
  return url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
}

/** `user:password` of a URL, decoded. */
export function credentialsOf(url: URL): string | undefined {
  if (url.username === '' && url.password === '') return undefined;
  return `${decode(url.username)}:${decode(url.password)}`;
}

/** The value of an Authorization header. */
export function basic(credentials: string): string {
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}

/** A percent sign that begins no sequence stands for itself. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * All addresses of a host, the families by turns (RFC 8305 §4), so that the second attempt is
 * another way and not only another address.
 * @throws {RondoError} ERR_WEBSOCKET_CONNECT when the name is not known
 */
export async function resolve(host: string): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  try {
    const found = await lookup(host, { all: true, verbatim: true });
    const first = found.filter(({ family }) => family === found[0]!.family);
    const second = found.filter(({ family }) => family !== found[0]!.family);
    return found
      .flatMap((_, index) => [first[index], second[index]])
      .flatMap((entry) => (entry === undefined ? [] : [entry.address]));
  } catch (cause) {
    const message = `Cannot open the WebSocket: the host ${JSON.stringify(host)} is not known`;
    throw new RondoError('ERR_WEBSOCKET_CONNECT', message, { cause });
  }
}
